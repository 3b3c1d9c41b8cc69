"""Who hears that a training begins hears that it ends, of networks and taggers alike."""

import signal

import pytest

import fewfire as ff
from tags import tagged

DATA = tagged(n=100)


def train_network(callbacks):
    net = ff.Network(ff.Linear(DATA.n_features, 8), ff.Linear(8, DATA.n_labels))
    return ff.Trainer(net, max_epochs=2, n_jobs=1, callbacks=callbacks).fit(DATA)


def train_tagger(callbacks):
    return ff.Tagger("fast", max_epochs=2, n_jobs=1).fit(DATA, callbacks=callbacks).history_


both = pytest.mark.parametrize("train", [train_network, train_tagger])


class Heard(ff.callbacks.Callback):
    def __init__(self, at_start=None, at_end=None):
        self.words, self.at_start, self.at_end = [], at_start, at_end

    def on_fit_start(self, run):
        self.words.append("start")
        if self.at_start is not None:
            self.at_start()

    def on_epoch_end(self, run, record):
        self.words.append(run.epoch)
        return False

    def on_fit_end(self, run):
        self.words.append("end")
        if self.at_end is not None:
            self.at_end()


def fail():
    raise RuntimeError("a fault of a callback")


@both
def test_where_one_fails_to_begin_only_those_that_have_begun_are_ended(train):
    callbacks = [Heard(), Heard(at_start=fail), Heard()]
    with pytest.raises(RuntimeError, match="a fault of a callback"):
        train(callbacks)
    assert [x.words for x in callbacks] == [["start", "end"], ["start"], []]


@both
def test_where_one_fails_to_end_the_others_are_ended(train):
    callbacks = [Heard(), Heard(at_end=fail), Heard()]
    with pytest.raises(RuntimeError, match="a fault of a callback"):
        train(callbacks)
    assert [x.words for x in callbacks] == [["start", 1, 2, "end"]] * 3


@both
@pytest.mark.parametrize("when", ["at_start", "at_end"])
@pytest.mark.parametrize("n_times", [1, 2])
def test_ctrl_c_while_callbacks_begin_or_end_is_heard_when_all_have(train, when, n_times):
    def press():
        for _ in range(n_times):
            signal.raise_signal(signal.SIGINT)

    callbacks = [Heard(), Heard(**{when: press}), Heard()]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    history = train(callbacks)
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler
    assert history.interrupted
    epochs = [] if when == "at_start" else [1, 2]
    assert [x.words for x in callbacks] == [["start", *epochs, "end"]] * 3


class Writes(ff.callbacks.Callback):
    def __init__(self, path):
        self.path = path

    def on_fit_end(self, run):
        assert run.epoch == len(run.history)
        run.save_checkpoint(self.path)


@pytest.mark.parametrize("kind", [ff.Network, ff.Tagger])
def test_an_epoch_that_is_interrupted_while_it_is_measured_does_not_count(
    kind, tmp_path, monkeypatch
):
    def press(*_, **__):
        raise KeyboardInterrupt

    def train(callbacks=(), **resume):
        if kind is ff.Tagger:
            tagger = ff.Tagger("fast", max_epochs=2, n_jobs=1)
            return tagger.fit(DATA, eval_sets={"val": DATA}, callbacks=callbacks, **resume).history_
        net = ff.Network(ff.Linear(DATA.n_features, 8), ff.Linear(8, DATA.n_labels))
        trainer = ff.Trainer(net, max_epochs=2, n_jobs=1, callbacks=callbacks)
        return trainer.fit(DATA, eval_sets={"val": DATA}, **resume)

    with monkeypatch.context() as patched:
        patched.setattr(kind, "evaluate", press)
        assert train([Writes(tmp_path / "c")]).interrupted
    history = train(resume=tmp_path / "c")
    assert [row["epoch"] for row in history] == [1, 2]
