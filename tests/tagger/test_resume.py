"""A tagger's training stops early and is resumed as a network's is: the whole run, to the bit."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.base.files import read_model, write_model
from fewfire.callbacks import Checkpoint, EarlyStopping, GateMonitor
from resuming import Interrupt, Mean, assert_same_state, rows, states, work
from tags import tagged

SMALL = {"labels_per_leaf": 5, "n_jobs": 1}


def noisy(seed, kind="labels"):
    """Texts a third of whose tags are wrong: what is learned last is learned by heart."""
    data, wrong = tagged(300, seed=seed, kind=kind), tagged(100, seed=seed + 10, kind=kind)
    indptr, ids = data.label_lists()
    others = wrong.label_lists()[1]
    ids = np.where(np.arange(len(ids)) % 3, ids, np.resize(others, len(ids)))
    if kind == "classes":
        return ff.Dataset(data.X, ids, n_labels=40)
    lists = csr_array((np.ones(len(ids)), ids, indptr), shape=(300, 40)).copy()
    lists.sum_duplicates()
    return ff.Dataset(data.X, lists)


TRAIN, TEST = noisy(0), noisy(1)
KINDS = {
    "one tree": {"preset": "fast", "max_epochs": 6},
    "pairs": {"preset": "balanced", "max_epochs": 5},
    "logistic": {"preset": "fast", "max_epochs": 5, "loss": "logistic"},
    "one leaf": {"preset": "fast", "max_epochs": 4, "labels_per_leaf": 100},
    "little memory": {"preset": "best", "max_epochs": 3, "memory": "700k"},
}


def make(kind="one tree", **changed):
    return ff.Tagger(**SMALL | KINDS[kind] | changed)


def watching(path):
    return [Checkpoint(path), EarlyStopping("val/P@1", patience=2), Mean()]


def fit(tagger, callbacks, resume=None, train=TRAIN):
    return tagger.fit(train, eval_sets={"val": TEST}, callbacks=callbacks, resume=resume)


def assert_same(tagger, other):
    for (name, a), b in zip(tagger.state()[1].items(), other.state()[1].values(), strict=True):
        assert_array_equal(a, b, err_msg=name)
    assert tagger.state()[0] == other.state()[0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_resumed_after_any_epoch_is_the_whole_run(tmp_path, kind):
    watched = watching(tmp_path / "whole")
    whole = fit(make(kind), watched)
    for epoch in range(1, len(whole.history_) + 1):
        path = tmp_path / f"after-{epoch}"
        again = watching(path)
        fit(make(kind), [*watching(path), Interrupt(epoch)])
        tagger = fit(make(kind), again, path)
        assert_same(tagger, whole)
        assert rows(tagger.history_) == rows(whole.history_)
        assert work(tagger.history_) == work(whole.history_)
        assert states(again) == states(watched)
        assert_same_state(path, tmp_path / "whole")
        assert not tagger.history_.interrupted


def test_callbacks_that_watch_change_nothing(tmp_path):
    alone = make().fit(TRAIN)
    kept = make().fit(TRAIN, callbacks=[Checkpoint(tmp_path / "c"), Mean()])
    assert_same(alone, kept)
    assert rows(alone.history_) == rows(kept.history_)


def test_early_stopping_puts_back_the_packed_trees_of_the_best_epoch():
    class Watch(ff.callbacks.Callback):
        def __init__(self):
            self.seen = []

        def on_epoch_end(self, run, record):
            self.seen.append(run.model.evaluate(TEST)["P@1"])
            assert self.seen[-1] == record["val/P@1"]
            return False

    watch, stop = Watch(), EarlyStopping("val/P@1", patience=2)
    tagger = fit(make(max_epochs=30), [stop, watch])
    assert len(tagger.history_) == stop.best_epoch_ + 2 < 30
    assert tagger.evaluate(TEST)["P@1"] == stop.best_score_ == max(watch.seen)


def test_a_run_that_stopped_early_has_nothing_left_to_do(tmp_path):
    path = tmp_path / "c"
    stopped = fit(make(max_epochs=30), watching(path))
    for max_epochs in (30, 40):
        again = fit(make(max_epochs=max_epochs), watching(path), path)
        assert rows(again.history_) == rows(stopped.history_)
        assert dict(again.evaluate(TEST)) == dict(stopped.evaluate(TEST))


def test_a_checkpoint_is_a_tagger(tmp_path):
    path = tmp_path / "c"
    tagger = fit(make(), [Checkpoint(path)])
    assert_same(ff.load(path), tagger)


def test_a_longer_plan_goes_on(tmp_path, capsys):
    path = tmp_path / "c"
    fit(make(max_epochs=2), [Checkpoint(path)])
    tagger = fit(make(max_epochs=4, verbose=True), [], path)
    assert "2 epochs were planned and now are 4" in capsys.readouterr().err
    assert [row["epoch"] for row in tagger.history_] == [1, 2, 3, 4]
    assert tagger.settings.max_epochs == 4


def test_threads_resume_too(tmp_path):
    path = tmp_path / "c"
    fit(make(n_jobs=2), [Checkpoint(path), Interrupt(2)])
    tagger = fit(make(n_jobs=2), [], path)
    assert len(tagger.history_) == 6


# -- what is refused -----------------------------------------------------------------------------

NAMED = ff.Dataset(TRAIN.X, TRAIN.y, label_names=[f"tag {i}" for i in range(40)])


@pytest.mark.parametrize(
    ("changed", "train", "callbacks", "message"),
    [
        ({"n_trees": 2}, TRAIN, [], "n_trees=1, this run has 2"),
        ({"random_state": 1}, TRAIN, [], "random_state=0, this run has 1"),
        ({"max_epochs": 1}, TRAIN, [], "2 epochs behind it, max_epochs=1"),
        ({}, TRAIN[::-1], [], "other data"),
        ({}, TRAIN[:200], [], "n_examples=300, this run has 200"),
        ({}, NAMED, [], "other labels or features"),
        ({}, TRAIN, [EarlyStopping("train/loss")], "none with a state as callbacks, this run has"),
    ],
)
def test_another_training_is_not_resumed(tmp_path, changed, train, callbacks, message):
    path, tagger = tmp_path / "c", make(max_epochs=2).fit(TRAIN)
    make(max_epochs=2).fit(TRAIN, callbacks=[Checkpoint(path)])
    before = tagger.state()
    for name, value in vars(make(**{"max_epochs": 2} | changed)).items():
        if name in ("random_state", "_wanted"):
            setattr(tagger, name, value)
    with pytest.raises(ValueError, match=message):
        tagger.fit(train, callbacks=callbacks, resume=path)
    after = tagger.state()
    assert after[0]["n_trained"] == before[0]["n_trained"]
    for a, b in zip(before[1].values(), after[1].values(), strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("other", [None, {"val": TRAIN}, {"test": TEST}])
def test_a_training_measured_on_other_data_is_not_resumed(tmp_path, other):
    path, tagger = tmp_path / "c", make(max_epochs=4)
    fit(make(max_epochs=2), [Checkpoint(path)])
    with pytest.raises(ValueError, match=f"{path} was measured on other eval_sets"):
        tagger.fit(TRAIN, eval_sets=other, resume=path)
    assert not tagger.is_trained
    assert len(fit(tagger, [], path).history_) == 4


def test_a_checkpoint_of_another_model_is_not_resumed(tmp_path):
    of_tagger, of_net = tmp_path / "tagger", tmp_path / "net"
    make().fit(TRAIN, callbacks=[Checkpoint(of_tagger)])
    net = ff.Network(ff.Linear(TRAIN.n_features, 40))
    ff.Trainer(net, max_epochs=1, callbacks=[Checkpoint(of_net)]).fit(TRAIN)
    with pytest.raises(ValueError, match="another kind of model"):
        ff.Trainer(net, max_epochs=1).fit(TRAIN, resume=of_tagger)
    with pytest.raises(ValueError, match="another kind of model"):
        make().fit(TRAIN, resume=of_net)
    make().fit(TRAIN).save(tmp_path / "model")
    with pytest.raises(ValueError, match="resume needs a checkpoint"):
        make().fit(TRAIN, resume=tmp_path / "model")


def test_damaged_trees_are_refused(tmp_path):
    path = tmp_path / "c"
    make().fit(TRAIN, callbacks=[Checkpoint(path)])
    config, arrays = read_model(path)
    del arrays["training.0.0.bias"]
    write_model(path, {k: v for k, v in config.items() if k != "version"}, arrays)
    with pytest.raises(ff.errors.FormatError, match=r"training\.0\.0\.bias is missing"):
        make().fit(TRAIN, resume=path)


@pytest.mark.parametrize("name", ["weights", "bias", "bias_moments"])
def test_trees_of_another_tagger_are_refused(tmp_path, name):
    path, tagger = tmp_path / "c", make(max_epochs=8)
    make().fit(TRAIN, callbacks=[Checkpoint(path)])
    config, arrays = read_model(path)
    arrays[f"training.0.1.{name}"] *= 1e20
    write_model(path, {k: v for k, v in config.items() if k != "version"}, arrays)
    with pytest.raises(ff.errors.FormatError, match=f"{path}: .* are not those of the tagger"):
        tagger.fit(TRAIN, resume=path)
    assert not tagger.is_trained


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (EarlyStopping("val/P@1"), "'val/P@1' will not be in the history.* give eval_sets"),
        (GateMonitor(TRAIN[:9]), "no gate to monitor"),
    ],
)
def test_what_cannot_be_watched_is_refused_before_training(callback, message):
    tagger = make()
    with pytest.raises(ValueError, match=message):
        tagger.fit(TRAIN, callbacks=[callback])
    with pytest.raises(ValueError, match="not trained yet"):
        tagger.predict_topk(TRAIN.X)


def test_a_checkpoint_that_cannot_be_written_is_refused_before_training(tmp_path):
    with pytest.raises(OSError, match="folder"):
        make().fit(TRAIN, callbacks=[Checkpoint(tmp_path)])


# -- going on ------------------------------------------------------------------------------------


def test_going_on_stops_early_and_its_checkpoint_is_a_model_to_go_on_from(tmp_path):
    path, tagger = tmp_path / "c", make(max_epochs=1).fit(TRAIN)
    stop = EarlyStopping("val/P@1", patience=1)
    tagger.partial_fit(
        TRAIN, max_epochs=20, eval_sets={"val": TEST}, callbacks=[stop, Checkpoint(path)]
    )
    assert len(tagger.history_) == stop.best_epoch_ + 1 < 20
    assert tagger.evaluate(TEST)["P@1"] == stop.best_score_
    assert ff.load(path).partial_fit(TRAIN, max_epochs=1).n_trained == 3 * len(TRAIN)
    with pytest.raises(ValueError, match="method='partial_fit', this run has 'fit'"):
        make(max_epochs=1).fit(TRAIN, resume=path)


@pytest.mark.parametrize("names", [None, [f"tag {i}" for i in range(40)]])
def test_a_batch_of_known_classes_goes_on(names):
    data = tagged(kind="classes", names=names)
    tagger = make(max_epochs=1).fit(data)
    some = data.y == data.y[0]
    y = data.y[some] if names is None else np.array(names)[data.y[some]]
    tagger.partial_fit(data.X[some], y)
    assert tagger.label_names == data.label_names
    assert tagger.label_counts[data.y[0]] == 2 * some.sum()


@pytest.mark.parametrize("epoch", [2, 5])
def test_a_resumed_training_that_nobody_watches_is_the_whole_run(tmp_path, epoch):
    path = tmp_path / "checkpoint"
    whole = make("pairs").fit(TRAIN, callbacks=[Checkpoint(tmp_path / "whole")])
    make("pairs").fit(TRAIN, callbacks=[Checkpoint(path), Interrupt(epoch)])
    tagger = make("pairs").fit(TRAIN, resume=path)
    assert_same(tagger, whole)
    assert tagger.history_.n_examples == whole.history_.n_examples == 5 * len(TRAIN)
