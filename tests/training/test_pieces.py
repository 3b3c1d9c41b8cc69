"""Pieces of a training are a training: `partial_fit` goes on where the last call ended."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fewfire as ff
from fewfire.gates import Centroid, SimHash
from fewfire.optim import RMS, SGD, Adam, Constant, LinearDecay

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 12)).astype(np.float32)
Y = (X[:, 0] > 0) + 2 * (X[:, 1] > 0)
HASHED = RMS(lr=0.001, rowwise=True, centred=True)


def net_of(gate=None, n_outputs=4):
    gate = ff.Hashed(density=0.3) if gate is None else gate
    hidden = ff.Linear(12, 40, "relu", gate), ff.Linear(40, 40, "relu", gate)
    return ff.Network(*hidden, ff.Linear(40, n_outputs), random_state=3)


def assert_same(net, other):
    for mine, own in zip(net.weights(), other.weights(), strict=True):
        assert_array_equal(mine, own)


WAYS = {
    "same": lambda net: net,
    "copied": copy.deepcopy,
    "pickled": lambda net: pickle.loads(pickle.dumps(net)),
}
CASES = {
    "sign": (None, HASHED, 1),
    "tables": (ff.Hashed(0.3, SimHash(n_bits=4, n_tables=6, refresh_every=70)), HASHED, 1),
    "cells": (ff.Hashed(0.3, Centroid()), HASHED, 1),
    "dense": (ff.gates.All(), Adam(lr=0.001, l2=0.1), 128),
    "momentum": (ff.gates.TopK(0.3), SGD(lr=0.01, momentum=0.9), 7),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_pieces_of_the_same_data_are_the_epochs_of_one_training(case, way):
    gate, optimizer, batch_size = case
    whole, pieces = net_of(gate), net_of(gate)
    how = {"optimizer": optimizer, "batch_size": batch_size, "n_jobs": 1}
    history = ff.Trainer(whole, schedule=Constant(), max_epochs=3, **how).fit(X, Y)
    for row in history:
        piece = ff.Trainer(pieces, **how).partial_fit(X, Y)
        assert piece[0]["epoch"] == row["epoch"]
        assert piece[0]["train/loss"] == row["train/loss"]
        pieces = way(pieces)
    assert_same(whole, pieces)
    assert pieces.n_trained == 3 * len(X)


def test_a_network_teaches_itself_by_the_usual_settings():
    net, same = net_of(), net_of()
    net.partial_fit(X, Y, n_jobs=1).partial_fit(X[:50], Y[:50], n_jobs=1)
    trainer = ff.Trainer(same, optimizer=HASHED, batch_size=1, n_jobs=1)
    trainer.partial_fit(ff.Dataset(X, Y))
    trainer.partial_fit(X[:50], Y[:50])
    assert_same(net, same)


def test_batches_teach_what_the_whole_does():
    net = net_of()
    for _ in range(10):
        for begin in range(0, 300, 50):
            net.partial_fit(X[begin : begin + 50], Y[begin : begin + 50], n_jobs=1)
    assert (net.predict(X) == Y).mean() > 0.95
    values = net_of(n_outputs=1)
    for _ in range(10):
        values.partial_fit(X, 50 + 9 * X[:, 0], n_jobs=1)
    assert np.abs(values.predict(X).ravel() - 50 - 9 * X[:, 0]).mean() < 4.5


def test_classes_may_come_one_by_one():
    names = ["north", "south", "west", "east"]
    y, net = np.array(names)[Y], net_of()
    net.partial_fit(X[Y == 2], y[Y == 2], classes=names, n_jobs=1)
    for _ in range(9):
        net.partial_fit(X, y, classes=names, n_jobs=1)
    assert net.label_names == tuple(names)
    assert (net.predict(X) == y).mean() > 0.9
    assert_array_equal(net.label_counts, 9 * np.bincount(Y) + [0, 0, (Y == 2).sum(), 0])
    lists = net_of()
    lists.partial_fit(X[:3], [["a"], ["a", "c"], []], classes=["a", "b", "c", "d"], n_jobs=1)
    assert lists.partial_fit(X[:1], [["d"]], n_jobs=1).learned.encoding.kind == "labels"


def test_another_training_or_another_optimizer_begins_anew():
    net, twin = net_of(), net_of()
    for each in (net, twin):
        each.partial_fit(X, Y, n_jobs=1)
    twin.going_on = None
    adam = {"optimizer": Adam(lr=0.001), "batch_size": 8, "n_jobs": 1}
    assert ff.Trainer(net, **adam).partial_fit(X, Y)[0]["epoch"] == 1
    assert ff.Trainer(twin, **adam).partial_fit(X, Y)[0]["epoch"] == 1
    assert_same(net, twin)
    ff.Trainer(net, max_epochs=1, n_jobs=1).fit(X, Y)
    assert net.going_on is None


WRONG = {
    "no targets": ({"y": None}, "there are no targets"),
    "words": ({"y": np.array(list("abcd"))[Y]}, "classes="),
    "too many": ({"y": np.arange(300), "classes": range(300)}, "300 labels but the model has 4"),
    "a class unheard of": ({"y": Y + 1}, "only 0 to 3 are known"),
    "other classes": ({"y": Y, "classes": [1, 2, 3, 4]}, "which is none of the 4"),
    "width": ({"X": X[:, :5], "y": Y}, "5 features but the model needs 12"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_what_does_not_fit_changes_nothing(case):
    given, message = case
    net = net_of()
    with pytest.raises(ValueError, match=message):
        net.partial_fit(**{"X": X, **given})
    net.partial_fit(X, Y, n_jobs=1)
    with pytest.raises(ValueError, match="classes are not the 4"):
        net.partial_fit(X, Y, classes=[3, 2, 1, 0])
    twin = net_of()
    assert_same(twin.partial_fit(X, Y, n_jobs=1), net)


def test_what_a_piece_cannot_have_is_refused():
    net = net_of()
    for how, message in [
        ({"callbacks": [ff.callbacks.EarlyStopping("train/loss")]}, "without callbacks"),
        ({"schedule": LinearDecay()}, "how many steps"),
        ({"class_weight": "balanced"}, "a dict of weights"),
    ]:
        with pytest.raises(ValueError, match=message):
            ff.Trainer(net, **how).partial_fit(X, Y)
    with pytest.raises(TypeError, match="leave out y and classes"):
        net.partial_fit(ff.Dataset(X, Y), Y)
