"""Trainings with centred updates: a large mean input decides no more which rows win."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fewfire as ff
from fewfire.base import progress
from fewfire.callbacks import Checkpoint
from resuming import Interrupt, rows, work

CENTRES = np.random.default_rng(0).normal(size=(6, 20))
GATES = {
    "none": ff.gates.All(),
    "topk": ff.gates.TopK(density=0.2, soft=True),
    "sign": ff.Hashed(density=0.2),
    "simhash": ff.Hashed(0.2, ff.gates.SimHash(n_bits=3, n_tables=8, refresh_every=60)),
    "centroid": ff.Hashed(0.2, ff.gates.Centroid(n_cells=8, probes=3, refresh_every=60)),
}


def blobs(n, seed, mean=3.0):
    """Six clouds of points, far from 0."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 6, size=n)
    return ff.Dataset(mean + CENTRES[y] + 0.5 * rng.normal(size=(n, 20)), y, n_labels=6)


TRAIN, TEST = blobs(400, 1), blobs(200, 2)


def make(gate=GATES["sign"], dtype="float32"):
    return ff.Network(
        ff.Linear(20, 60, "relu", gate, dtype=dtype),
        ff.Linear(60, 40, "relu", gate),
        ff.Linear(40, 6),
    )


def fit(net, *, centred=True, **changed):
    optimizer = ff.optim.RMS(lr=0.002, l2=0.01, rowwise=True, centred=centred)
    resume = changed.pop("resume", None)
    plan = {"max_epochs": 6, "batch_size": 1, "n_jobs": 1, "optimizer": optimizer}
    return ff.Trainer(net, **plan | changed).fit(TRAIN, resume=resume)


def assert_same(net, other):
    for a, b in zip(net.weights(), other.weights(), strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_every_gate_learns(name, n_jobs):
    net = make(GATES[name])
    fit(net, n_jobs=n_jobs)
    assert net.evaluate(TEST).accuracy > 0.9


def test_weights_of_16_bits_learn():
    net = make(dtype="bfloat16")
    fit(net)
    assert net.evaluate(TEST).accuracy > 0.9


def test_more_rows_are_in_use_than_where_the_mean_input_decides():
    gate = ff.gates.TopK(density=0.1, soft=True, differentiate=False)
    used = {}
    for centred in (False, True):
        net = make(gate)
        fit(net, centred=centred)
        scores = np.maximum(TEST.X @ net.layers[0].weights.T + net.layers[0].bias, 0)
        best = np.argsort(-scores, axis=1)[:, :6]
        used[centred] = len(np.unique(best[np.take_along_axis(scores, best, 1) > 0]))
    assert used[True] > 2 * used[False]


@pytest.mark.parametrize("name", GATES)
def test_deterministic_training_gives_the_same_bits_for_any_number_of_threads(name):
    nets = [make(GATES[name]) for _ in range(2)]
    for n_jobs, net in enumerate(nets, start=1):
        fit(net, deterministic=True, n_jobs=n_jobs, batch_size=8)
    assert_same(*nets)


def test_slices_of_an_epoch_leave_no_trace(monkeypatch):
    nets = [make() for _ in range(2)]
    for seconds, net in zip((1e-9, 1e9), nets, strict=True):
        monkeypatch.setattr(progress, "_SLICE_SECONDS", seconds)
        fit(net)
    assert_same(*nets)


@pytest.mark.parametrize("name", GATES)
def test_a_resumed_run_is_the_whole_run(tmp_path, name):
    whole, again = make(GATES[name]), make(GATES[name])
    history = fit(whole)
    fit(make(GATES[name]), callbacks=[Checkpoint(tmp_path / "c"), Interrupt(3)])
    resumed = fit(again, resume=tmp_path / "c")
    assert_same(whole, again)
    assert rows(resumed) == rows(history)
    assert work(resumed) == work(history)


def test_what_centring_takes_is_counted():
    spent = {centred: fit(make(), centred=centred).ledger for centred in (False, True)}
    assert spent[True].refresh > spent[False].refresh
    assert spent[True].dense == spent[False].dense


def test_moments_of_each_weight_are_refused():
    for kind in (ff.optim.RMS, ff.optim.Adagrad):
        with pytest.raises(ValueError, match="add rowwise=True"):
            kind(centred=True)
