"""What `table_stats` says of an index and its gate, against a plain count."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal, assert_equal

import fewfire as ff
from fewfire.training import run

RNG = np.random.default_rng(0)
X = np.abs(RNG.normal(size=(90, 12))).astype(np.float32)
DATA = ff.Dataset(X, RNG.integers(0, 3, 90))


def make(gate, seed=0):
    hidden = ff.Linear(12, 40, activation="relu", gate=gate)
    net = ff.Network(hidden, ff.Linear(40, 3), random_state=seed)
    net.layers[0].bias[:] = RNG.normal(size=40)
    net.refresh()
    return net


TABLES = ff.gates.SimHash(n_bits=4, n_tables=5)


def test_loads_count_the_rows_of_every_bucket():
    net = make(ff.Hashed(density=0.1, family=TABLES))
    (stats,) = net.table_stats()
    codes = np.array(net.layers[0].index.codes)
    loads = np.concatenate([np.bincount(table, minlength=16) for table in codes.T])
    assert_array_equal(stats.load_histogram, np.bincount(loads))
    assert stats.load_histogram.sum() == 5 * 16
    assert stats.load_histogram @ np.arange(len(stats.load_histogram)) == 5 * 40
    assert stats.empty_buckets == (loads == 0).mean()
    assert stats.largest_bucket == loads.max()
    assert (stats.n_examples, stats.never_chosen) == (0, 40)
    assert np.isnan(stats.recall)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_recall_and_usage_are_those_of_the_rows_chosen(n_jobs):
    net = make(ff.Hashed(density=0.1, family=TABLES, rerank=1.0))
    (stats,) = net.table_stats(DATA, n_jobs=n_jobs)
    scores = X @ net.layers[0].weights.T + net.layers[0].bias
    best = np.argsort(-scores, axis=1)[:, :4]
    hits = [np.isin(own, chosen) for own, chosen in zip(best, stats.chosen, strict=True)]
    assert stats.recall == pytest.approx(np.mean(hits))
    assert stats.recall_best == np.mean([own[0] for own in hits])
    assert 0 < stats.recall < 1
    usage = np.bincount(stats.chosen.ravel(), minlength=40)
    assert usage.max() <= len(DATA)
    assert_array_equal(stats.usage, usage)
    assert stats.never_chosen == (usage == 0).sum()
    chosen_scores = np.take_along_axis(scores, stats.chosen, axis=1)
    assert (np.diff(chosen_scores, axis=1) <= 1e-5).all()


def test_a_gate_that_asks_about_every_row_misses_none():
    (stats,) = make(ff.Hashed(density=0.1, rerank=10.0)).table_stats(DATA)
    assert (stats.recall, stats.recall_best) == (1, 1)
    assert (stats.n_tables, stats.n_buckets, stats.load_histogram.sum()) == (0, 0, 0)
    multiplications_of_a_row = 12
    assert stats.cost_share == pytest.approx(36 / 40, abs=1 / multiplications_of_a_row)


def test_consistency_is_the_share_of_rows_chosen_again():
    same, other = make(ff.Hashed(density=0.1)), make(ff.Hashed(density=0.1), seed=1)
    (first,), (second,) = same.table_stats(DATA), other.table_stats(DATA)
    assert first.consistency(first) == 1
    want = np.mean([np.isin(a, b).mean() for a, b in zip(second.chosen, first.chosen, strict=True)])
    assert second.consistency(first) == pytest.approx(want)
    with pytest.raises(ValueError, match="same examples"):
        first.consistency(same.table_stats(DATA[:5])[0])


def test_layers_without_hashing_have_no_stats():
    assert make(ff.gates.TopK(density=0.1)).table_stats(DATA) == []


def monitored(net, **how):
    monitor = ff.callbacks.GateMonitor(DATA)
    ff.Trainer(net, n_jobs=1, callbacks=[monitor], **how).fit(DATA)
    return monitor.history_


SIGNS = ff.gates.Sign(center=False)  # a center moves before the first epoch


@pytest.mark.parametrize("family", [TABLES, SIGNS], ids=repr)
def test_a_monitor_finds_a_gate_that_does_not_move_consistent(family, monkeypatch):
    """Rows of a sign gate are renumbered after each long epoch, and stay themselves."""
    monkeypatch.setattr(run, "LONG", 1)
    net = make(ff.Hashed(density=0.1, family=family))
    before = net.layers[0].weights.copy()
    rows = monitored(net, max_epochs=3, optimizer=ff.optim.SGD(lr=1e-9))
    assert [(row["epoch"], row["layer"]) for row in rows] == [(i, 0) for i in range(4)]
    assert np.isnan(rows[0]["consistency"])
    assert [row["consistency"] for row in rows[1:]] == [1.0] * 3
    is_renumbered = not np.allclose(net.layers[0].weights, before)
    assert is_renumbered == (family is SIGNS)


def test_rows_stay_themselves_when_weights_are_put_back_and_in_files(tmp_path):
    """Renumbered in training, they are known by the numbers that the network was made with."""
    net = make(ff.Hashed(density=0.1, family=SIGNS))
    (before,), weights = net.table_stats(DATA), net.weights()
    ff.Trainer(net, max_epochs=2, n_jobs=1).fit(DATA)
    (trained,) = net.table_stats(DATA)
    net.save(tmp_path / "net")
    for same in (ff.load(tmp_path / "net"), net.copy()):
        assert same.table_stats(DATA)[0].consistency(trained) == 1
    net.set_weights(weights)
    assert net.table_stats(DATA)[0].consistency(before) == 1


def test_a_file_whose_rows_have_no_number_of_their_own_is_damaged(tmp_path):
    net = make(ff.Hashed(density=0.1, family=SIGNS))
    net.layers[0].origins[3] = 7
    net.save(tmp_path / "net")
    with pytest.raises(ff.errors.FormatError, match=r"layers\.0\.origins"):
        ff.load(tmp_path / "net")


def test_a_monitor_tells_what_the_stats_tell_and_starts_over():
    net = make(ff.Hashed(density=0.1, family=TABLES))
    before = net.table_stats(DATA)[0]
    monitor = ff.callbacks.GateMonitor(DATA)
    trainer = ff.Trainer(net, max_epochs=1, n_jobs=1, callbacks=[monitor])
    trainer.fit(DATA)
    after = net.table_stats(DATA)[0]
    row = monitor.history_[-1]
    assert row["consistency"] == after.consistency(before)
    assert 0 < row["consistency"] < 1
    for name in ("recall", "recall_best", "never_chosen", "largest_bucket", "cost_share"):
        assert row[name] == getattr(after, name)
    trainer.fit(DATA)
    assert len(monitor.history_) == 2
    assert monitor.history_[0]["recall"] == after.recall


def two_gates():
    first, second = (
        ff.Hashed(density=0.1),
        ff.Hashed(density=0.2, family=ff.gates.Centroid(n_cells=6)),
    )
    return ff.Network(
        ff.Linear(12, 40, "relu", first), ff.Linear(40, 30, "relu", second), ff.Linear(30, 3)
    )


def test_a_monitor_has_a_row_for_each_epoch_and_gate_and_changes_no_bit(tmp_path):
    """A resumed run's history is that of the whole run."""
    watched, alone, resumed = (two_gates() for _ in range(3))
    monitor, rest, path = (
        ff.callbacks.GateMonitor(DATA[:40]),
        ff.callbacks.GateMonitor(DATA[:40]),
        tmp_path / "c",
    )

    class AfterTwo(ff.callbacks.Callback):
        def after_epoch(self, run, *, stops):
            if run.epoch == 2:
                run.save_checkpoint(path)

    how = {"max_epochs": 4, "n_jobs": 1}
    ff.Trainer(watched, callbacks=[monitor, AfterTwo()], **how).fit(DATA)
    ff.Trainer(alone, **how).fit(DATA)
    ff.Trainer(resumed, callbacks=[rest], **how).fit(DATA, resume=path)
    rows = monitor.history_
    assert [(row["epoch"], row["layer"]) for row in rows] == [
        (e, i) for e in range(5) for i in (0, 1)
    ]
    assert all(0 < row["consistency"] < 1 for row in rows[2:4])
    assert_equal(rest.history_, rows)
    for net in (alone, resumed):
        for array, other in zip(watched.weights(), net.weights(), strict=True):
            assert_array_equal(array, other)


def test_a_monitor_history_becomes_a_data_frame():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(monitored(make(ff.Hashed(density=0.1, family=TABLES)), max_epochs=2))
    assert list(frame["epoch"]) == [0, 1, 2]
    assert list(frame["consistency"].isna()) == [True, False, False]


def test_a_monitor_refuses_what_it_cannot_watch():
    net = make(ff.gates.TopK(density=0.1))
    before = net.weights()
    with pytest.raises(ValueError, match="no layer of the network is hashed"):
        monitored(net, max_epochs=1)
    hashed = make(ff.Hashed(density=0.1, family=replace(TABLES, center=True)))
    with pytest.raises(ValueError, match="5 features"):
        ff.Trainer(hashed, callbacks=[ff.callbacks.GateMonitor(ff.Dataset(X[:, :5]))]).fit(DATA)
    for refused in (net, hashed):
        assert (refused.loss, refused.encoding) == (None, None)
    assert_array_equal(hashed.layers[0].center, 0)
    for array, old in zip(net.weights(), before, strict=True):
        assert_array_equal(array, old)
    with pytest.raises(TypeError, match="Dataset"):
        ff.callbacks.GateMonitor(X)
    with pytest.raises(ValueError, match="no examples"):
        ff.callbacks.GateMonitor(DATA[:0])


def inspect(*words):
    command = [sys.executable, "-m", "fewfire", "inspect", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_command_line_shows_what_the_library_counts(tmp_path):
    net = make(ff.Hashed(density=0.1, family=TABLES))
    ff.Trainer(net, max_epochs=1, n_jobs=1).fit(DATA)
    model, data = tmp_path / "net.safetensors", tmp_path / "data.npz"
    net.save(model)
    ff.datasets.save_npz(data, DATA)
    shown = inspect(model, "--tables", "--data", data)
    assert shown.returncode == 0, shown.stderr
    (stats,) = net.table_stats(DATA)
    assert f"{40 - stats.never_chosen} of 40" in shown.stdout
    assert f"{stats.recall:.3f}" in shown.stdout
    assert "buckets by rows in them" in shown.stdout
    (printed,) = json.loads(inspect(model, "--tables", "--json").stdout)["tables"]
    assert printed["load_histogram"] == stats.load_histogram.tolist()
    assert printed["recall"] is None
    assert "--data needs --tables" in inspect(model, "--data", data).stderr
