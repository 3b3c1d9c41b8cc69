"""What others see of a tagger that is trained meanwhile, and of a blend that it is part of."""

import copy
import itertools
import pickle
import weakref

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.base.access import Access
from fewfire.tagger.forest import Forest
from tags import N_WORDS, tagged

HOW = {"labels_per_leaf": 5, "max_epochs": 1, "n_jobs": 1}
FEW = tagged(n=60, n_labels=30, n_noise=60 + 30 * N_WORDS)
MANY = tagged(n=60, n_labels=60)
CANDIDATES = [csr_array(np.eye(60, n, dtype=np.float32)) for n in (30, 60)]
QUESTIONS = {
    "predict_topk": lambda model: model.predict_topk(FEW, 30, exact=True),
    "predict_scores of few": lambda model: [model.predict_scores(FEW, CANDIDATES[0]).data],
    "predict_scores of many": lambda model: [model.predict_scores(FEW, CANDIDATES[1]).data],
    "evaluate": lambda model: _figures(model.evaluate(FEW, ["P@1", "PSP@3"], exact=True)),
    "recall_by_group": lambda model: [repr(model.recall_by_group(FEW, 40))],
    "latency": lambda model: _opened(model.latency(FEW[:2], 30)),
    "explain": lambda model: [repr(model.explain(FEW[:4], 30))],
    "leaves": lambda model: [repr(list(model.leaves()))],
    "default_metrics": lambda model: model.default_metrics("labels"),
    "repr": lambda model: [repr(model)],
    "state": lambda model: _state(model),
    "copy": lambda model: _state(copy.deepcopy(model)),
    "pickle": lambda model: _state(pickle.loads(pickle.dumps(model))),
}


def _figures(metrics):
    return [*metrics.values(), metrics.density, metrics.ledger.total]


def _opened(latency):
    return [latency.leaves, latency.candidates]


def _state(model):
    config, arrays = model.state()
    return [repr(config), *arrays.values()]


def answer(ask, model):
    """What a model says, or how it says that the question does not fit."""
    try:
        return ask(model)
    except ValueError as error:
        return [str(error)]


def same(a, b):
    return len(a) == len(b) and all(map(np.array_equal, a, b))


@pytest.fixture(scope="module")
def trained():
    return [ff.Tagger("fast", **HOW).fit(data) for data in (FEW, MANY)]


def restless(old, new, n_looks):
    """A tagger that is trained anew as soon as one has looked at it so often."""
    tagger = ff.Tagger("fast", **HOW)
    trainings = itertools.chain([old.trained] * n_looks, itertools.repeat(new.trained))
    look = tagger.access.reading

    def reading():
        tagger._trained = next(trainings)
        return look()

    tagger.access.reading = reading
    return tagger


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_question_is_answered_by_one_training(trained, question):
    ask = QUESTIONS[question]
    wanted = [answer(ask, model) for model in trained]
    for order, n_looks in itertools.product((trained, trained[::-1]), range(1, 13)):
        got = answer(ask, restless(*order, n_looks))
        assert any(same(got, own) for own in wanted)


class Hook(ff.callbacks.Callback):
    def __init__(self, **hooks):
        vars(self).update(hooks)


def fail(*_):
    raise ZeroDivisionError


def test_a_training_that_fails_undoes_only_what_it_did(trained):
    tagger = copy.deepcopy(trained[0])
    before = tagger.trained, tagger.settings, tagger.history_

    def change_and_fail(run, record):
        assert run.model.n_outputs == 60
        tagger.verbose = True
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        tagger.fit(MANY, callbacks=[Hook(on_epoch_end=change_and_fail)])
    assert (tagger.trained, tagger.settings, tagger.history_) == before
    assert tagger.verbose


@pytest.mark.parametrize("ask", [lambda run, *_: run.model, lambda *_: False])
def test_trees_that_cannot_be_packed_leave_others_the_old_ones(trained, ask, monkeypatch):
    tagger, seen = copy.deepcopy(trained[0]), []
    before = tagger.predict_topk(FEW, 5)
    hook = Hook(on_epoch_end=ask, on_fit_end=lambda run: seen.append(tagger.predict_topk(FEW, 5)))
    monkeypatch.setattr(Forest, "pack", fail)
    with pytest.raises(ZeroDivisionError):
        tagger.fit(MANY, callbacks=[hook])
    assert len(seen) == 1
    assert_array_equal(seen[0].indices, before.indices)


def test_an_interrupted_packing_is_done_once_more(trained, monkeypatch):
    tagger, pack, calls = copy.deepcopy(trained[0]), Forest.pack, []

    def pressed(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return pack(*arguments)

    monkeypatch.setattr(Forest, "pack", pressed)
    tagger.fit(MANY, eval_sets={"val": MANY})
    assert tagger.history_.interrupted
    assert tagger.n_outputs == 60


def test_trees_of_an_epoch_are_gone_when_those_of_the_next_are_packed(trained, monkeypatch):
    """There is room for one packed forest besides the tagger's own."""
    tagger, pack, packed = copy.deepcopy(trained[0]), Forest.pack, []

    def packing(*arguments):
        assert not any(forest() for forest in packed)
        forest = pack(*arguments)
        packed.append(weakref.ref(forest))
        return forest

    monkeypatch.setattr(Forest, "pack", packing)
    tagger.partial_fit(FEW, max_epochs=3, eval_sets={"val": FEW})
    assert len(packed) == 3


def test_names_are_for_the_trees_of_a_training_under_way(trained):
    tagger, refused = copy.deepcopy(trained[0]), []

    def name(run, record):
        with pytest.raises(RuntimeError, match="this thread is training") as error:
            tagger.set_feature_names([""] * tagger.n_features)
        refused.append(error)

    tagger.fit(FEW, callbacks=[Hook(on_epoch_end=name)])
    assert len(refused) == 1
    assert tagger.feature_names is None


# -- blends --------------------------------------------------------------------------------------


@pytest.fixture
def blend(trained):
    net = ff.Network(ff.Linear(FEW.n_features, 30))
    ff.Trainer(net, loss="logistic", max_epochs=1, n_jobs=1).fit(FEW)
    return ff.Blend(copy.deepcopy(trained[0]), net)


def test_a_blend_whose_tagger_learned_other_labels_says_so(blend):
    before = blend.predict_topk(FEW, 5)
    blend.tagger.fit(FEW)
    assert_array_equal(blend.predict_topk(FEW, 5).indices, before.indices)
    blend.tagger.fit(MANY)
    asked = ("predict_topk", "predict_scores of few", "evaluate", "latency", "state")
    for ask in map(QUESTIONS.get, asked):
        with pytest.raises(ValueError, match=r"different labels or features: train both"):
            ask(blend)


def test_a_question_to_a_blend_sees_one_training_of_its_tagger(blend, trained):
    blend.tagger = restless(*trained, n_looks=1)
    top = blend.predict_topk(FEW, 30, exact=True)
    assert (top.indices >= 0).all()
    with pytest.raises(ValueError, match="different labels"):
        blend.predict_topk(FEW, 30)


def test_nobody_who_asks_a_blend_holds_both_of_its_parts(blend, tmp_path, monkeypatch):
    """A fork takes all models: two that wait for each other would wait for ever."""
    held, look = [], Access.reading

    class Watched:
        def __init__(self, access):
            self.passage = look(access)

        def __enter__(self):
            assert not held
            held.append(self)
            self.passage.__enter__()

        def __exit__(self, *error):
            held.remove(self)
            self.passage.__exit__(*error)

    for part in (blend.tagger, blend.network):
        monkeypatch.setattr(part.access, "reading", lambda access=part.access: Watched(access))
    blend.save(tmp_path / "model")
    blend.evaluate(FEW)
    copy.deepcopy(blend)
