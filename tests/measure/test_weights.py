"""Metrics with weights: an example of weight w counts as if it came w times."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fewfire as ff
from fewfire import metrics
from tags import tagged

MEASURES = [
    metrics.precision_at,
    metrics.recall_at,
    metrics.f1_at,
    metrics.ndcg_at,
    metrics.macro_precision_at,
    metrics.coverage_at,
    lambda *asked, **how: metrics.psp_at(*asked, propensities=np.linspace(0.1, 1, 6), **how),
]


@st.composite
def weighed(draw):
    """Best rows, label lists and whole weights of some examples."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 12))
    top = np.argsort(rng.random((n, 6)), axis=1)[:, :4].astype(np.int32)
    lists = [np.flatnonzero(rng.random(6) < 0.4) for _ in range(n)]
    return top, lists, rng.integers(0, 4, n)


def as_labels(lists):
    ids = np.concatenate([*lists, np.empty(0, np.int64)]).astype(np.int32)
    return np.cumsum([0, *map(len, lists)]), ids


@given(case=weighed(), k=st.integers(1, 5), which=st.integers(0, len(MEASURES) - 1))
def test_a_weight_is_how_often_an_example_comes(case, k, which):
    top, lists, weights = case
    weights[0] = max(1, weights[0])
    again = np.repeat(np.arange(len(top)), weights)
    want = MEASURES[which](k, top[again], as_labels([lists[i] for i in again]))
    got = MEASURES[which](k, top, as_labels(lists), sample_weight=weights.astype(float))
    assert got == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [1.0, np.nan], ["a", "b"]])
def test_odd_weights_are_refused(weights):
    top, labels = np.array([[0], [1]], np.int32), (np.arange(3), np.array([0, 1], np.int32))
    with pytest.raises(ValueError, match="sample_weight"):
        metrics.precision_at(1, top, labels, sample_weight=weights)


NAMES = ["P@1", "R@3", "F1@3", "nDCG@3", "PSP@3", "macroP@3", "coverage@3"]


def models(data):
    net = ff.Network(ff.Linear(data.n_features, 8), ff.Linear(8, data.n_labels), random_state=0)
    ff.Trainer(net, max_epochs=2, n_jobs=1).fit(data)
    return {"network": net, "tagger": ff.Tagger("fast", max_epochs=2, n_jobs=1).fit(data)}


def test_an_evaluation_weighs_examples_by_their_data_set():
    data = tagged(n=200)
    weights = np.random.default_rng(0).integers(0, 4, len(data))
    again = data[np.repeat(np.arange(len(data)), weights)]
    for name, model in models(data).items():
        asked = [*NAMES, "loss"] if name == "network" else NAMES
        found = model.evaluate(data.weighing(weights), asked)
        assert dict(found) == pytest.approx(dict(model.evaluate(again, asked)), rel=1e-5)
        assert dict(found) != pytest.approx(dict(model.evaluate(data, asked)), rel=1e-5)
        none = data.weighing(np.arange(len(data)) == 0)[1:]
        with pytest.raises(ValueError, match="there is nothing to measure"):
            model.evaluate(none, NAMES)


@given(case=weighed(), k=st.integers(1, 5))
def test_recall_of_groups_hears_weights(case, k):
    top, lists, weights = case
    weights[0] = max(1, weights[0])
    again = np.repeat(np.arange(len(top)), weights)
    counts = np.array([9, 5, 4, 2, 1, 0])
    want = metrics.recall_by_group(k, top[again], as_labels([lists[i] for i in again]), counts)
    got = metrics.recall_by_group(k, top, as_labels(lists), counts, weights)
    for name, group in want.items():
        assert got[name].recall == pytest.approx(group.recall, nan_ok=True)
