"""What an explanation says is what the network does: its rows, its scores, and its slopes."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.gates import AdaptiveDropout, All, Centroid, Dwta, MinHash, Retrieve, SimHash, TopK

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 12)).astype(np.float32)
Y = (X[:, 0] > 0) + 2 * (X[:, 1] > 0)
GATES = {
    "all": All(),
    "hashed": ff.Hashed(0.2),
    "hard": ff.Hashed(0.2, soft=False),
    "binary": ff.Hashed(0.2, ff.gates.Sign(binary=True, n_columns=8)),
    "tables": ff.Hashed(0.2, SimHash(n_bits=3, n_tables=7, center=True, redraw_every=70)),
    "alsh": ff.Hashed(0.2, SimHash(n_bits=3, n_tables=7, mips="sign-alsh", probes=2)),
    "dwta": ff.Hashed(0.2, Dwta(n_hashes=2, n_tables=5)),
    "minhash": ff.Hashed(0.2, MinHash(n_hashes=2, n_tables=5)),
    "cells": ff.Hashed(0.2, Centroid(n_cells=6, probes=2)),
    "topk": TopK(0.2, soft=True),
    "adaptive": AdaptiveDropout(),
}


def trained(gate, activation="relu"):
    if activation != "relu" and hasattr(gate, "soft"):
        gate = ff.Hashed(0.2, soft=False)
    hidden = ff.Linear(12, 50, activation, gate), ff.Linear(50, 40, activation, gate)
    net = ff.Network(*hidden, ff.Linear(40, 4), random_state=3)
    ff.Trainer(net, max_epochs=1, n_jobs=1, tune=False).fit(X, Y)
    return net


def test_of_one_layer_contributions_are_weights_times_inputs():
    net = ff.Network(ff.Linear(12, 4), random_state=1)
    ff.Trainer(net, max_epochs=2, n_jobs=1).fit(X, Y)
    for label in range(4):
        found = net.explain(X, 7, label=label)
        given = np.zeros(12)
        given[found.features] = found.contributions
        assert_allclose(given, net.layers[0].weights[label] * X[7], rtol=1e-6)
        assert_allclose(found.rest, net.layers[0].bias[label], atol=1e-5)


@pytest.mark.parametrize("name", GATES)
def test_rows_are_those_of_predict_and_parts_add_up(name):
    net = trained(GATES[name])
    for row in range(5):
        found = net.explain(X, row)
        top = net.predict_topk(X[row : row + 1], 1)
        assert (found.label, found.score) == (top.indices[0, 0], top.scores[0, 0])
        assert_allclose(found.contributions.sum() + found.rest, found.score)
        assert_array_equal(np.sort(-np.abs(found.contributions)), -np.abs(found.contributions))
        assert_array_equal(found.values, X[row][found.features])
        assert [each.layer for each in found.layers] == (
            [] if name in ("all", "adaptive") else [0, 1]
        )
        if found.layers:
            assert_allclose(
                found.layers[1].effects.sum() + net.layers[2].bias[found.label],
                found.score,
                rtol=1e-4,
            )
    for each, stats in zip(found.layers, net.table_stats(ff.Dataset(X[4:5], Y[4:5])), strict=False):
        assert_array_equal(each.rows, stats.chosen[0][stats.chosen[0] >= 0])
        assert (np.diff(each.scores) <= 1e-6).all()


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "linear"])
@pytest.mark.parametrize("name", ["all", "hashed", "hard", "topk", "adaptive"])
def test_contributions_are_what_a_small_change_does(name, activation):
    """Through all layers, gates and thresholds, for the network that predicts."""
    net, step, right, n = trained(GATES[name], activation), 2e-3, 0, 0
    center = net.layers[0].center
    for row in range(6):
        found = net.explain(X, row)
        for feature, contribution in zip(found.features, found.contributions, strict=True):
            moved = X[row] if center is None else X[row] - center
            near = np.tile(X[row], (2, 1))
            near[:, feature] += [step, -step]
            up, down = net.decision_function(near)[:, found.label].astype(float)
            slope = (up - down) / (near[0, feature] - near[1, feature])
            right += abs(slope - contribution / moved[feature]) < 0.01 + 0.02 * abs(slope)
            n += 1
    assert right >= 0.9 * n  # the others cross a corner of a ReLU or of a gate


@pytest.mark.parametrize("name", ["hashed", "binary", "tables", "alsh", "cells"])
def test_rows_were_found_because_of_what_is_said(name):
    found = trained(GATES[name]).explain(X, 2)
    for each in found.layers:
        if each.estimates is not None:
            assert each.family == "sign"
            assert np.corrcoef(each.estimates, each.scores)[0, 1] > 0
        else:
            assert each.collisions.max() <= each.n_tables
            assert (each.collisions > 0).mean() > 0.4  # others fill up what was found


def test_the_estimates_of_signs_are_those_that_choose():
    """Without a choice by exact scores the rows kept are those of the largest estimates."""
    gate = ff.Hashed(0.2, ff.gates.Sign(), rerank=1.0, soft=False)
    net = trained(gate)
    every = trained(ff.Hashed(1.0, ff.gates.Sign(), soft=False))
    every.layers[0].set_arrays(net.layers[0].arrays)
    kept = set(net.explain(X, 5).layers[0].rows)
    best = every.explain(X, 5).layers[0]
    assert {best.rows[i] for i in np.argsort(-best.estimates)[: len(kept)]} == kept


def test_wide_outputs_bags_and_values_are_explained():
    sparse = csr_array(np.where(RNG.random((200, 60)) < 0.1, 1, 0).astype(np.float32))
    lists = csr_array(RNG.random((200, 300)) < 0.02)
    wide = ff.Network(ff.EmbeddingBag(60, 16), ff.Linear(16, 300, gate=Retrieve(candidates=60)))
    ff.Trainer(wide, max_epochs=2, n_jobs=1).fit(sparse, lists)
    found = wide.explain(sparse, 3)
    assert found.label in found.layers[0].rows
    assert set(found.features) <= set(sparse[[3]].indices)
    halves = ff.Network(
        ff.Linear(12, 40, "relu", ff.Hashed(0.2), dtype="bfloat16"), ff.Linear(40, 2)
    )
    ff.Trainer(halves, max_epochs=2, n_jobs=1, tune=False).fit(X, X[:, :2])
    assert halves.explain(X, 0, label=1).score == halves.predict(X)[0, 1]
    assert halves.explain(X, 0).label == 0


def test_names_are_used_and_errors_are_clear():
    names = np.array(["a", "b", "c", "d"])
    data = ff.Dataset(X, names[Y], feature_names=[f"f{i}" for i in range(12)])
    net = ff.Network(ff.Linear(12, 50, "relu", ff.Hashed(0.2)), ff.Linear(50, 4))
    ff.Trainer(net, max_epochs=1, n_jobs=1, tune=False).fit(data)
    assert net.explain(X, 0, label="c").label == 2
    assert net.feature_name(3) == "f3"
    for wrong, message in [({"row": 200}, "row"), ({"label": "e"}, "no label 'e'")]:
        with pytest.raises(ValueError, match=message):
            net.explain(X, **wrong)
