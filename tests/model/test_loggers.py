"""Callbacks that write figures down: what they write is the history."""

import csv
import math

import pytest

import fewfire as ff
from fewfire.callbacks import Checkpoint, CSVLogger, RunLogger, TensorBoard
from tags import tagged

DATA = tagged(n=100)


def train_network(callbacks, **how):
    net = ff.Network(ff.Linear(DATA.n_features, 8), ff.Linear(8, DATA.n_labels))
    trainer = ff.Trainer(net, max_epochs=how.pop("max_epochs", 3), n_jobs=1, callbacks=callbacks)
    return trainer.fit(DATA, eval_sets={"val": DATA[:30]}, **how)


def train_tagger(callbacks, **how):
    tagger = ff.Tagger("fast", max_epochs=how.pop("max_epochs", 3), n_jobs=1)
    return tagger.fit(DATA, eval_sets={"val": DATA[:30]}, callbacks=callbacks, **how).history_


both = pytest.mark.parametrize("train", [train_network, train_tagger])


def rows_of(path):
    with open(path) as file:
        return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]


@both
def test_a_table_holds_the_history(train, tmp_path):
    history = train([CSVLogger(tmp_path / "run.csv")])
    assert rows_of(tmp_path / "run.csv") == [
        {name: pytest.approx(value) for name, value in row.items()} for row in history
    ]


@both
def test_a_table_of_a_training_that_goes_on_is_whole(train, tmp_path):
    path, log = tmp_path / "checkpoint", tmp_path / "run.csv"
    train([Checkpoint(path), CSVLogger(log)], max_epochs=2)
    history = train([CSVLogger(log)], max_epochs=4, resume=path)
    assert [row["epoch"] for row in rows_of(log)] == [1, 2, 3, 4] == [x["epoch"] for x in history]


def test_a_table_that_cannot_be_written_does_not_end_training(tmp_path):
    (tmp_path / "there").mkdir()

    class Gone(ff.callbacks.Callback):
        def on_epoch_end(self, run, record):
            (tmp_path / "there").rmdir()
            return False

    with pytest.warns(RuntimeWarning, match=r"run\.csv could not be written: .*is no folder"):
        history = train_tagger([Gone(), CSVLogger(tmp_path / "there" / "run.csv")], max_epochs=1)
    assert len(history) == 1
    with pytest.raises(OSError, match="nowhere"):
        train_tagger([CSVLogger(tmp_path / "nowhere" / "run.csv")])


class Weights:
    """As a run of Weights & Biases."""

    def __init__(self):
        self.heard = {}

    def log(self, figures, step):
        self.heard[step] = figures


class Flow(Weights):
    """As the module `mlflow`."""

    def log(self, figures):
        pytest.fail("mlflow logs models by it")

    def log_metrics(self, figures, step):
        self.heard[step] = figures


@both
@pytest.mark.parametrize("tracker", [Weights, Flow])
def test_a_tracker_hears_the_numbers_of_each_epoch(tracker, train):
    run = tracker()
    history = train([RunLogger(run)])
    for row in history:
        heard = run.heard[row["epoch"]]
        at = "_at_" if tracker is Flow else "@"
        assert heard == {k.replace("@", at): v for k, v in row.items() if k != "epoch"}
        assert all(type(value) is float and math.isfinite(value) for value in heard.values())
    with pytest.raises(TypeError, match="list has neither log"):
        RunLogger([])


@both
def test_tensorboard_gets_a_file(train, tmp_path):
    pytest.importorskip("tensorboardX")
    train([TensorBoard(tmp_path / "runs")])
    (file,) = (tmp_path / "runs").iterdir()
    content = file.read_bytes()
    assert content.count(b"train/loss") == content.count(b"seconds") >= 3


def test_a_file_of_each_epoch_and_only_the_newest_stay(tmp_path):
    train_tagger([Checkpoint(tmp_path / "run-{epoch:02}", keep=2)], max_epochs=4)
    assert sorted(x.name for x in tmp_path.iterdir()) == ["run-03", "run-04"]
    train_network([Checkpoint(tmp_path / "net-{epoch}", every=2)], max_epochs=3)
    assert sorted(x.name for x in tmp_path.glob("net*")) == ["net-2", "net-3"]
    assert ff.load(tmp_path / "run-03").evaluate(DATA)["P@1"] > 0


@both
def test_a_resumed_training_counts_the_files_of_its_earlier_part(train, tmp_path):
    keep = Checkpoint(tmp_path / "run-{epoch}", keep=2)
    (tmp_path / "run-9").touch()  # of an epoch that is not reached
    train([keep], max_epochs=2)
    train([keep], max_epochs=4, resume=tmp_path / "run-2")
    assert sorted(x.name for x in tmp_path.iterdir()) == ["run-3", "run-4", "run-9"]
    train([keep], max_epochs=1)  # from the start: what is there is not its own
    assert len(list(tmp_path.iterdir())) == 4


def test_a_file_that_cannot_be_removed_stays_and_is_told(tmp_path, monkeypatch):
    def remove(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("fewfire.model.callbacks.os.remove", remove)
    checkpoint = Checkpoint(tmp_path / "run-{epoch}", keep=1)
    with pytest.warns(RuntimeWarning, match=r"run-1 stays: Permission denied"):
        train_tagger([checkpoint], max_epochs=2)
    assert checkpoint.written_ == 2


@pytest.mark.parametrize(
    ("path", "keep", "message"),
    [
        ("run", 2, "one file for all epochs"),
        ("run-{step}", None, "only {epoch} may stand in"),
        ("run-{epoch[0]}", None, "only {epoch} may stand in"),
    ],
)
def test_odd_names_of_files_are_refused(path, keep, message):
    with pytest.raises(ValueError, match=message):
        Checkpoint(path, keep=keep).check(None)
