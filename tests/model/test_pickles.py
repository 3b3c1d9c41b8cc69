"""A pickled or copied model is the same model, here and in other processes."""

import copy
import multiprocessing
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fewfire as ff
from model_contract import MAKERS, checkerboard

DATA = checkerboard(24)
ALL = [pytest.param(make, id=make.__name__) for makers in MAKERS.values() for make in makers]
WAYS = {"pickle": lambda model: pickle.loads(pickle.dumps(model)), "deepcopy": copy.deepcopy}


def assert_same(model, twin):
    assert type(twin) is type(model)
    for exact in (False, True):
        for mine, own in zip(
            model.predict_topk(DATA, 5, exact=exact), twin.predict_topk(DATA, 5, exact=exact),
            strict=True,
        ):  # fmt: skip
            assert_array_equal(mine, own)
    (config, arrays), (same, others) = model.state(), twin.state()
    assert config == same
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        assert_array_equal(array, others[name])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("make", ALL)
def test_a_copy_is_the_same_model_with_arrays_of_its_own(make, way):
    model = make(DATA)
    twin = WAYS[way](model)
    assert_same(model, twin)
    assert not any(
        np.shares_memory(array, twin.state()[1][name])
        for name, array in model.state()[1].items()
        if array.size
    )


def test_how_a_tagger_is_used_goes_with_it():
    tagger = ff.Tagger("fast", max_epochs=1, n_jobs=1, memory="1G").fit(DATA)
    twin = pickle.loads(pickle.dumps(tagger))
    assert (twin.n_jobs, twin.memory, list(twin.history_)) == (1, 2**30, list(tagger.history_))
    untrained = pickle.loads(pickle.dumps(ff.Tagger("best", n_trees=5)))
    assert not untrained.is_trained
    assert untrained.settings.n_trees == 5


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_is_trained_by_what_its_tagger_was_asked_for(way):
    """And not by what little memory once left of it."""
    most = ff.Tagger("balanced", max_epochs=1, n_jobs=1)
    least = most.estimate_memory(DATA)
    tagger = ff.Tagger("balanced", max_epochs=1, n_jobs=1, memory=least.total - 1).fit(DATA)
    twin = WAYS[way](tagger)
    assert twin.settings == tagger.settings
    for each in (tagger, twin):
        each.memory = None
        each.fit(DATA)
    assert twin.settings == tagger.settings == most.fit(DATA).settings


def test_a_network_that_is_not_trained_and_its_trainer_are_copied():
    net = ff.Network(ff.Linear(24, 9, "relu", ff.Hashed(density=0.3)), ff.Linear(9, 24))
    trainer = ff.Trainer(net, loss="logistic", max_epochs=1, n_jobs=1)
    twin = pickle.loads(pickle.dumps(trainer))
    trainer.fit(DATA)
    twin.fit(DATA)
    assert_same(net, twin.net)


def test_a_process_that_knows_nothing_answers_alike():
    model = ff.Tagger("fast", max_epochs=1, n_jobs=1).fit(DATA)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(model.predict_topk, (DATA, 3))
    assert_array_equal(found.indices, model.predict_topk(DATA, 3).indices)
