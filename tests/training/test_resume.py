"""A resumed training is the whole one, its callbacks included, or is refused before it begins."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal, assert_equal
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.base.files import read_model, write_model
from fewfire.callbacks import Callback, Checkpoint, EarlyStopping, GateMonitor
from resuming import Interrupt, Mean, assert_same_state, rows, states, work

RNG = np.random.default_rng(0)
CENTRES = RNG.normal(size=(5, 20)).astype(np.float32)


def blobs(n, seed, wrong=0.4):
    """Five clouds of points, many of them with a wrong class: nets learn, then learn by heart."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 5, size=n)
    X = CENTRES[y] + 1.5 * rng.normal(size=(n, 20))
    return ff.Dataset(X, np.where(rng.random(n) < wrong, rng.integers(0, 5, n), y), n_labels=5)


def bag_of(data):
    X = np.maximum(data.X, 0)
    labels = csr_array(np.eye(5, dtype=np.float32)[data.y])
    return ff.Dataset(csr_array(X), labels)


def values_of(data):
    return ff.Dataset(data.X, data.X[:, :2] ** 2 + data.y[:, None])


TRAIN, TEST = blobs(200, 1), blobs(100, 2)
GATES = {
    "all": ff.gates.All(),
    "dropout": ff.gates.Dropout(density=0.5),
    "adaptive": ff.gates.AdaptiveDropout(),
    "topk": ff.gates.TopK(density=0.2, soft=True),
    "sign": ff.Hashed(density=0.2),
    "explore": ff.Hashed(density=0.2, explore=0.2, soft=False),
    "simhash": ff.Hashed(0.2, ff.gates.SimHash(n_bits=3, n_tables=8, refresh_every=60)),
    "redrawn": ff.Hashed(
        0.2, ff.gates.SimHash(n_bits=3, n_tables=8, refresh_every=60, redraw_every=90, center=True)
    ),
    "dwta": ff.Hashed(0.2, ff.gates.Dwta(refresh_every=60)),
    "minhash": ff.Hashed(0.2, ff.gates.MinHash(refresh_every=60)),
    "centroid": ff.Hashed(0.2, ff.gates.Centroid(n_cells=8, probes=3, refresh_every=60)),
}


def plain(gate, dtype="float32"):
    return ff.Network(
        ff.Linear(20, 48, "relu", gate, dtype=dtype), ff.Linear(48, 32, "relu", gate),
        ff.Linear(32, 5),
    )  # fmt: skip


def bag(gate=None):
    return ff.Network(ff.EmbeddingBag(20, 24), ff.Linear(24, 5, gate=gate))


KINDS = {
    **{name: lambda gate=gate: plain(gate) for name, gate in GATES.items()},
    "bfloat16": lambda: plain(ff.Hashed(density=0.2), "bfloat16"),
    "values": lambda: ff.Network(ff.Linear(20, 40, "relu", GATES["sign"]), ff.Linear(40, 2)),
    "a bag": bag,
    "retrieval": lambda: bag(ff.gates.Retrieve(candidates=3, family=ff.gates.Centroid(n_cells=2))),
}
PLAN = {"max_epochs": 6, "n_jobs": 1, "batch_size": 1, "optimizer": ff.optim.Adam(lr=0.008)}


def data_for(net):
    if isinstance(net.layers[0].settings, ff.EmbeddingBag):
        return bag_of(TRAIN), bag_of(TEST)
    return (values_of(TRAIN), values_of(TEST)) if net.n_outputs == 2 else (TRAIN, TEST)


def watching(net, path):
    """Callbacks, the checkpoint before those that must have seen its epoch."""
    metric = net.default_metrics(data_for(net)[0].kind)[0]
    stop = EarlyStopping(f"val/{metric}", patience=2)
    gates = [GateMonitor(data_for(net)[1][:20])] if net.table_stats() else []
    return [Checkpoint(path), stop, *gates, Mean()]


def fit(net, callbacks, resume=None, **changed):
    train, test = data_for(net)
    return ff.Trainer(net, callbacks=callbacks, **PLAN | changed).fit(
        train, eval_sets={"val": test}, resume=resume
    )


def assert_same(net, other):
    for a, b in zip(net.weights(), other.weights(), strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_resumed_after_any_epoch_is_the_whole_run(tmp_path, kind):
    make = KINDS[kind]
    whole = make()
    watched = watching(whole, tmp_path / "whole")
    history = fit(whole, watched)
    assert watched[1].best_epoch_ < len(history) or kind in (
        "values",
        "centroid",
        "topk",
    )  # learn on
    for epoch in range(1, len(history) + 1):
        path = tmp_path / f"after-{epoch}"
        first = make()
        fit(first, [*watching(first, path), Interrupt(epoch)])
        net = make()
        again = watching(net, path)
        resumed = fit(net, again, resume=path)
        assert_same(net, whole)
        assert rows(resumed) == rows(history)
        assert work(resumed) == work(history)
        assert states(again) == states(watched)
        assert_same_state(path, tmp_path / "whole")
        for monitor, other in zip(watched[2:-1], again[2:-1], strict=True):
            assert_equal(other.history_, monitor.history_)
        assert not resumed.interrupted


def test_a_run_that_stopped_early_has_nothing_left_to_do(tmp_path):
    make, path = KINDS["all"], tmp_path / "c"
    stopped = make()
    watched = watching(stopped, path)
    history = fit(stopped, watched, max_epochs=40)
    assert len(history) < 40
    for max_epochs in (40, 60):
        net = make()
        again = watching(net, path)
        resumed = fit(net, again, resume=path, max_epochs=max_epochs)
        assert_same(net, stopped)
        assert rows(resumed) == rows(history)
        assert states(again) == states(watched)


def test_the_last_epoch_is_written_wherever_it_is(tmp_path):
    path = tmp_path / "c"
    fit(KINDS["all"](), [Checkpoint(path, every=4), EarlyStopping("train/loss")], max_epochs=6)
    assert ff.load(path).n_trained == 200
    net = KINDS["all"]()
    assert len(fit(net, [EarlyStopping("train/loss")], resume=path, max_epochs=6)) == 6
    stopper = Mean(low=1e9)
    fit(KINDS["all"](), [Checkpoint(path, every=4), stopper], max_epochs=6)
    assert len(fit(KINDS["all"](), [Mean(low=1e9)], resume=path)) == 1


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ([], [EarlyStopping("val/accuracy")]),
        ([EarlyStopping("val/accuracy")], []),
        ([EarlyStopping("val/accuracy")], [EarlyStopping("val/loss")]),
        ([EarlyStopping("val/accuracy")], [EarlyStopping("val/accuracy", patience=2)]),
        ([EarlyStopping("val/accuracy")], [EarlyStopping("val/accuracy", min_delta=0.1)]),
        ([Mean(), EarlyStopping("val/accuracy")], [EarlyStopping("val/accuracy"), Mean()]),
        ([Mean()], [Mean(low=0.1)]),
        ([GateMonitor(TEST[:9])], [GateMonitor(TEST[1:10])]),
    ],
)
def test_other_callbacks_with_a_state_are_refused_before_anything_changes(tmp_path, before, now):
    path, make = tmp_path / "c", KINDS["sign"]
    fit(make(), [*before, Checkpoint(path)], max_epochs=1)
    net = make()
    old = net.weights()
    with pytest.raises(ValueError, match="a resumed run needs the same"):
        fit(net, now, resume=path, max_epochs=1)
    assert (net.loss, net.encoding) == (None, None)
    for a, b in zip(old, net.weights(), strict=True):
        assert_array_equal(a, b)


def test_callbacks_without_a_state_may_come_and_go(tmp_path):
    path, make = tmp_path / "c", KINDS["all"]
    fit(make(), [Checkpoint(path), Interrupt(1)])
    assert len(fit(make(), [Callback()], resume=path)) == 6


# -- another number of epochs --------------------------------------------------------------------


def test_a_longer_plan_goes_on_from_the_step_reached(tmp_path, capsys):
    path, net = tmp_path / "c", KINDS["all"]()
    fit(net, [Checkpoint(path)], max_epochs=2)
    history = fit(KINDS["all"](), [], resume=path, max_epochs=5, verbose=True)
    assert "2 epochs were planned and now are 5" in capsys.readouterr().err
    assert [row["epoch"] for row in history] == [1, 2, 3, 4, 5]
    whole = fit(KINDS["all"](), [], max_epochs=5)
    assert [row["lr"] for row in history[2:]] == [row["lr"] for row in whole[2:]]


def test_a_longer_plan_of_a_constant_rate_is_one_run(tmp_path, capsys):
    path, constant = tmp_path / "c", {"schedule": ff.optim.Constant()}
    fit(KINDS["sign"](), [Checkpoint(path)], max_epochs=2, **constant)
    whole, net = KINDS["sign"](), KINDS["sign"]()
    fit(whole, [], max_epochs=4, **constant)
    fit(net, [], resume=path, max_epochs=4, verbose=True, **constant)
    assert_same(net, whole)
    assert "planned" not in capsys.readouterr().err


def test_fewer_epochs_than_are_done_are_refused(tmp_path):
    path = tmp_path / "c"
    fit(KINDS["all"](), [Checkpoint(path)], max_epochs=3)
    with pytest.raises(ValueError, match="3 epochs behind it, max_epochs=2 are fewer: give 3"):
        fit(KINDS["all"](), [], resume=path, max_epochs=2)


# -- other data ----------------------------------------------------------------------------------


def changed(data, **names):
    return ff.Dataset(data.X, data.y, **names or {"n_labels": 5})


def with_value(data):
    X = data.X.copy()
    X[7, 3] += 1
    return ff.Dataset(X, data.y, n_labels=5)


def with_target(data):
    y = data.y.copy()
    y[7] = (y[7] + 1) % 5
    return ff.Dataset(data.X, y, n_labels=5)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (with_value(TRAIN), "other data"),
        (with_target(TRAIN), "other data"),
        (TRAIN[::-1], "other data"),
        (changed(TRAIN, label_names=[*"abcde"]), "other labels or features"),
        (TRAIN[:100], "n_examples=200, this run has 100"),
    ],
)
def test_a_resume_on_other_data_is_refused(tmp_path, other, message):
    path, net = tmp_path / "c", KINDS["all"]()
    fit(KINDS["all"](), [Checkpoint(path)])
    with pytest.raises(ValueError, match=message):
        ff.Trainer(net, **PLAN).fit(other, resume=path)
    assert (net.loss, net.encoding) == (None, None)


@pytest.mark.parametrize(
    "other",
    [None, {"val": TRAIN}, {"val": with_target(TEST)}, {"test": TEST}, {"val": TEST, "b": TEST}],
)
def test_a_resume_that_measures_on_other_data_is_refused(tmp_path, other):
    path, net = tmp_path / "c", KINDS["all"]()
    fit(KINDS["all"](), [Checkpoint(path)])
    trainer = ff.Trainer(net, **PLAN | {"max_epochs": 8})
    with pytest.raises(ValueError, match=f"{path} was measured on other eval_sets"):
        trainer.fit(TRAIN, eval_sets=other, resume=path)
    assert (net.loss, net.encoding) == (None, None)
    assert len(trainer.fit(TRAIN, eval_sets={"val": TEST[:]}, resume=path)) == 8


def test_a_resume_on_another_file_to_measure_on_is_refused(tmp_path):
    path = tmp_path / "c"
    sets = []
    for name, data in (("a", TEST), ("b", with_value(TEST)), ("again", TEST)):
        ff.datasets.save_svmlight(tmp_path / f"{name}.txt", bag_of(data))
        ff.datasets.convert(tmp_path / f"{name}.txt", tmp_path / name)
        sets.append(ff.datasets.load(tmp_path / name))
    train = sets[0][:50]

    def trainer(*callbacks):
        net = ff.Network(ff.Linear(20, 5))
        return ff.Trainer(net, max_epochs=1, n_jobs=1, callbacks=callbacks)

    trainer(Checkpoint(path)).fit(train, eval_sets={"val": sets[0]})
    trainer().check(train, eval_sets={"val": sets[2]}, resume=path)
    with pytest.raises(ValueError, match="other eval_sets"):
        trainer().check(train, eval_sets={"val": sets[1]}, resume=path)


def test_a_checkpoint_of_before_does_not_tell_what_was_measured_on(tmp_path):
    path = tmp_path / "c"
    fit(KINDS["all"](), [Checkpoint(path)], max_epochs=2)
    config, arrays = read_model(path)
    for name in ("data", "eval_sets"):
        del config["training"]["settings"][name]
    write_model(path, {k: v for k, v in config.items() if k != "version"}, arrays)
    assert len(fit(KINDS["all"](), [], path, max_epochs=3)) == 3


def test_a_resume_on_other_deformed_images_is_refused(tmp_path):
    source = ff.Dataset(np.eye(9, dtype=np.float32), np.arange(9))
    images = [ff.datasets.Deformed(source, 90, random_state=seed) for seed in (0, 0, 1)]
    path, net = tmp_path / "c", ff.Network(ff.Linear(9, 9))
    ff.Trainer(net, max_epochs=1, n_jobs=1, callbacks=[Checkpoint(path)]).fit(images[0])
    trainer = ff.Trainer(ff.Network(ff.Linear(9, 9)), max_epochs=1, n_jobs=1)
    trainer.check(images[1], resume=path)
    with pytest.raises(ValueError, match="other data"):
        trainer.check(images[2], resume=path)


# -- a second training ---------------------------------------------------------------------------


def classes(names):
    return ff.Dataset(np.eye(3, dtype=np.float32), names)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (classes([*"abc"]), classes([*"abd"])),
        (classes([0, 10, 20]), classes([10, 20, 30])),
        (classes([0, 1, 2]), classes([*"abc"])),
        (classes([0, 1, 2]), ff.Dataset(np.eye(3, dtype=np.float32), csr_array(np.eye(3)))),
    ],
)
def test_a_second_training_with_other_labels_is_refused(first, second):
    net = ff.Network(ff.Linear(3, 3))
    trainer = ff.Trainer(net, max_epochs=1, n_jobs=1)
    trainer.fit(first)
    learned, before = net.learned, net.weights()
    with pytest.raises(ValueError, match=r"new Network, or .* like=net\.encoding"):
        trainer.fit(second)
    assert net.learned is learned
    for a, b in zip(before, net.weights(), strict=True):
        assert_array_equal(a, b)


def test_a_second_training_with_the_same_labels_goes_on():
    net, first = ff.Network(ff.Linear(3, 3)), classes([*"abc"])
    trainer = ff.Trainer(net, max_epochs=1, n_jobs=1)
    trainer.fit(first)
    trainer.fit(classes([*"abc"]))
    trainer.fit(ff.Dataset(np.eye(3, dtype=np.float32)[:2], [*"cb"], like=net.encoding))
    assert net.label_names == ("a", "b", "c")


# -- files that cannot be written ----------------------------------------------------------------


@pytest.mark.parametrize("path", [".", "nowhere/c"])
def test_a_checkpoint_that_cannot_be_written_is_refused_before_training(tmp_path, path):
    net = KINDS["all"]()
    with pytest.raises(OSError, match="folder"):
        fit(net, [Checkpoint(tmp_path / path)])
    assert net.encoding is None


def test_a_disk_that_is_full_for_a_while_ends_no_training(tmp_path, monkeypatch):
    path, write = tmp_path / "c", ff.model.run.write_model
    full = iter([False, True, True, False, True, True])

    def sometimes(*words):
        if next(full):
            raise OSError(28, "No space left on device")
        write(*words)

    monkeypatch.setattr(ff.model.run, "write_model", sometimes)
    net, keep = KINDS["all"](), Checkpoint(path, every=1)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert len(fit(net, [keep])) == 6
    lines = [str(warning.message) for warning in told]
    assert lines[0] == (
        f"the checkpoint {path} could not be written after epoch 2: No space left on device"
    )
    assert [line.split(":")[0][-1] for line in lines[:4]] == ["2", "3", "5", "6"]
    assert lines[4].endswith("is that of epoch 4, training ended after epoch 6")
    assert keep.written_ == 4
    monkeypatch.undo()
    again = KINDS["all"]()
    fit(again, [], resume=path)
    assert_same(again, net)


def test_a_checkpoint_that_failed_is_tried_after_the_next_epoch(tmp_path, monkeypatch):
    path, write = tmp_path / "c", ff.model.run.write_model
    full = iter([True, False, False])

    def once(*words):
        if next(full):
            raise OSError(28, "No space left on device")
        write(*words)

    monkeypatch.setattr(ff.model.run, "write_model", once)
    keep = Checkpoint(path, every=2)
    with pytest.warns(RuntimeWarning, match="after epoch 2"):
        fit(KINDS["all"](), [keep, Interrupt(3)])
    assert keep.written_ == 3
