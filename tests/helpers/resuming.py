"""What laws of resumed trainings share: runs that are interrupted, and what must be the same."""

from numpy.testing import assert_array_equal

import fewfire as ff
from fewfire.base.files import read_model

FREE = ("seconds", "examples_per_second")  # what no two runs share


class Interrupt(ff.callbacks.Callback):
    """Ctrl-C in the epoch after `epoch`, as soon as its examples are trained."""

    def __init__(self, epoch):
        self.epoch = epoch

    def on_epoch_end(self, run, record):
        if run.epoch > self.epoch:
            raise KeyboardInterrupt
        return False


class Mean(ff.callbacks.Callback):
    """A callback of a user's, with a state of its own: the mean loss stops training below `low`."""

    def __init__(self, low=0.0):
        self.low, self.losses = low, []

    def on_fit_start(self, run):
        self.losses = []

    def on_epoch_end(self, run, record):
        self.losses.append(record["train/loss"])
        return self.mean < self.low

    @property
    def mean(self):
        return sum(self.losses) / len(self.losses)

    def settings(self):
        return {"low": self.low}

    def state(self):
        return {"losses": self.losses}, {}

    def restore(self, state):
        self.losses = list(state[0]["losses"])


def rows(history):
    return [{key: x for key, x in row.items() if key not in FREE} for row in history]


def work(history):
    return history.ledger.counts.tolist(), history.n_examples


def states(callbacks):
    """What callbacks with attributes of results tell."""
    return [
        {key: x for key, x in vars(callback).items() if key in ("best_epoch_", "best_score_")}
        | {"losses": getattr(callback, "losses", None)}
        for callback in callbacks
    ]


def assert_same_state(path, other):
    """Two checkpoints hold the same arrays, and so the same model and all that it learns with."""
    (_, arrays), (_, others) = read_model(path), read_model(other)
    assert arrays.keys() == others.keys()
    for name, array in arrays.items():
        assert_array_equal(array, others[name], err_msg=name)
