"""Scores of taggers are probabilities: the map of likelihoods keeps their order, and is kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import fewfire as ff
from fewfire.base.files import read_model, write_model
from fewfire.tagger.calibration import PLAIN, Calibration
from fewfire.tagger.settings import LEARNING

OURS = LEARNING["squared_hinge"].calibration


@given(a=st.floats(0.1, 4), b=st.floats(0.1, 4), c=st.floats(-3, 3), p=st.floats(1e-4, 1 - 1e-4))
def test_the_map_is_that_of_the_paper(a, b, c, p):
    want = 1 / (1 + (1 - p) ** b / (p**a * np.exp(c)))  # Kull et al., equation 2
    assert_allclose(Calibration(a, b, c)(np.array([p], np.float32)), want, rtol=1e-4)


@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=50))
def test_the_order_stays(found):
    p = np.sort(np.array(found, np.float32))
    q = OURS(p)
    assert (np.diff(q) >= 0).all()
    assert ((q >= 0) & (q <= 1)).all()
    assert_array_equal(OURS(np.array([0, -np.inf], np.float32)), [0, -np.inf])
    assert 0.97 < OURS(np.ones(1, np.float32))[0] < 0.99  # none is certain


@pytest.fixture(scope="module")
def packages():
    return ff.datasets.packages()


@pytest.fixture(scope="module")
def tagger(packages):
    pytest.importorskip("sklearn")
    return ff.Tagger("fast", n_jobs=1).fit(packages[0])


def test_labels_are_right_as_often_as_their_scores_say(packages, tagger):
    top = tagger.predict_topk(packages[1], 20)
    right = ff.metrics.hits(20, top.indices, packages[1].label_lists())
    scores = top.scores
    for low, high in ((0.05, 0.2), (0.2, 0.4), (0.4, 0.6), (0.6, 0.8), (0.8, 1.0)):
        inside = (scores > low) & (scores <= high)
        assert inside.sum() > 200
        assert right[inside].mean() == pytest.approx(scores[inside].mean(), abs=0.09)


def test_a_search_and_scores_of_candidates_agree(packages, tagger):
    top = tagger.predict_topk(packages[1][:20], 5, exact=True)
    wanted = np.zeros((20, tagger.n_outputs))
    np.put_along_axis(wanted, top.indices.astype(np.int64), 1, axis=1)
    scores = tagger.predict_scores(packages[1][:20], wanted).toarray()
    assert_allclose(np.take_along_axis(scores, top.indices.astype(np.int64), 1), top.scores, 1e-5)


def test_a_file_keeps_the_map_and_refuses_another(tagger, packages, tmp_path):
    path = tmp_path / "tagger"
    tagger.save(path)
    config, arrays = read_model(path)
    own = {name: x for name, x in config.items() if name != "version"}
    assert own["tagger"]["calibration"] == list(OURS)
    plain = {**own, "tagger": {**own["tagger"], "calibration": list(PLAIN)}}
    write_model(path, plain, arrays)
    top, other = (x.predict_topk(packages[1], 5) for x in (tagger, ff.load(path)))
    assert_array_equal(top.indices, other.indices)
    assert_array_equal(OURS(other.scores), top.scores)
    for wrong in ([0.0, 1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 1.0], ["a", 1, 1], None):
        write_model(path, {**own, "tagger": {**own["tagger"], "calibration": wrong}}, arrays)
        with pytest.raises(ff.errors.FormatError):
            ff.load(path)


def as_version_5(path):
    """Make a file what version 5 wrote of the same."""
    config, arrays = read_model(path)
    config = {**config, "version": 5}
    of_callbacks = [x["state"] for x in config.get("training", {}).get("callbacks", [])]
    for described in (config["tagger"], *(x["kept"] for x in of_callbacks if x.get("kept"))):
        del described["calibration"]
    write_model(path, config, arrays)
    return config


def test_models_of_before_answer_and_go_on_as_before(packages, tmp_path):
    train, test = packages[0][:1500], packages[1]
    path = tmp_path / "checkpoint"
    watching = [ff.callbacks.EarlyStopping("val/P@1"), ff.callbacks.Checkpoint(path)]
    how = {"eval_sets": {"val": test}, "callbacks": watching}
    plan = {"n_jobs": 1, "slowing": 0, "max_epochs": 3}
    ff.Tagger("fast", **plan).fit(train, **how)
    tagger = ff.load(path)
    assert "kept" in str(as_version_5(path))
    old = ff.load(path)
    assert old.forest.calibration == PLAIN
    scores = old.predict_topk(test, 5).scores
    assert_array_equal(OURS(scores.copy()), tagger.predict_topk(test, 5).scores)
    assert old.partial_fit(train, max_epochs=1).forest.calibration == PLAIN
    longer = ff.Tagger("fast", **plan | {"max_epochs": 4}).fit(train, **how, resume=path)
    assert longer.forest.calibration == PLAIN
    assert len(longer.history_) == 4


def test_likelihoods_of_classes_are_told_as_they_are():
    X = np.eye(4, dtype=np.float32)[[0, 1, 2, 3] * 10]
    assert ff.Tagger("fast", n_jobs=1).fit(X, [2, 0, 1, 3] * 10).forest.calibration == PLAIN
