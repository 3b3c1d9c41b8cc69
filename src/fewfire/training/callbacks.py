"""What can watch a training run and end it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..base.checks import check_integer, check_number
from ..base.files import PathLike
from ..base.history import History
from ..data import Dataset
from ..network.gate_stats import TableStats
from ..network.network import Network

Record = Mapping[str, Any]


class Run(Protocol):
    """What a callback may use of a training run."""

    net: Network
    history: History  # of the epochs done
    epoch: int  # epochs done
    max_epochs: int

    def save_checkpoint(self, path: PathLike) -> None:
        """Write the network and all that is needed to go on."""


class Callback:
    """Override what you need; all but `check` get the run, whose `net` may be read."""

    def check(self, net: Network) -> None:
        """Raise if a run on `net` cannot be served; nothing has changed yet."""

    def on_fit_start(self, run: Run) -> None:
        """Hear that training begins."""

    def on_epoch_end(self, run: Run, record: Record) -> bool:
        """Hear that an epoch ended, with its row of the history; return True to stop."""
        return False

    def on_fit_end(self, run: Run) -> None:
        """Hear that training ended, for whatever reason."""


class EarlyStopping(Callback):
    """Stop when a figure has not improved for some epochs.

    Parameters
    ----------
    monitor : str
        A column of the history, like "val/accuracy".
    patience : int
        Epochs without improvement before stopping.
    min_delta : float
        What counts as improvement.
    restore_best : bool
        Put back the weights of the best epoch at the end.

    Attributes
    ----------
    best_epoch_ : int or None
    best_score_ : float or None

    >>> EarlyStopping("val/accuracy", patience=2).patience
    2
    """

    def __init__(
        self, monitor: str, *, patience: int = 3, min_delta: float = 0.0, restore_best: bool = True
    ) -> None:
        check_integer("patience", patience, low=1)
        check_number("min_delta", min_delta, low=0.0)
        self.monitor = monitor
        self.patience = patience
        self.min_delta = min_delta
        self.restore_best = restore_best
        self.best_epoch_: int | None = None
        self.best_score_: float | None = None
        self._best_weights: list[NDArray[np.float32]] | None = None

    def on_fit_start(self, run: Run) -> None:
        """Forget an earlier run."""
        self.best_epoch_ = self.best_score_ = self._best_weights = None

    def on_epoch_end(self, run: Run, record: Record) -> bool:
        """Compare with the best epoch so far."""
        if self.monitor not in record:
            known = ", ".join(name for name in record if "/" in name)
            raise KeyError(f"EarlyStopping: no {self.monitor!r} in the history; there are {known}")
        score, epoch = float(record[self.monitor]), int(record["epoch"])
        sign = -1.0 if self.monitor.endswith("loss") else 1.0
        if self.best_score_ is None or sign * (score - self.best_score_) > self.min_delta:
            self.best_score_, self.best_epoch_ = score, epoch
            self._best_weights = run.net.weights() if self.restore_best else None
        assert self.best_epoch_ is not None
        return epoch - self.best_epoch_ >= self.patience

    def on_fit_end(self, run: Run) -> None:
        """Put back the best weights."""
        if self._best_weights is not None:
            run.net.set_weights(self._best_weights)
            self._best_weights = None


class Checkpoint(Callback):
    """Write everything that is needed to go on to a file, every few epochs.

    The file is a model too: `fewfire.load` reads it. `Trainer.fit(train, resume=path)` goes on;
    with one thread the result is the same to the bit as if training had not stopped.

    Parameters
    ----------
    path : str or path
    every : int
        Epochs between two files; the last epoch is always written.
    """

    def __init__(self, path: PathLike, *, every: int = 1) -> None:
        check_integer("every", every, low=1)
        self.path = path
        self.every = every

    def on_epoch_end(self, run: Run, record: Record) -> bool:
        """Write the file if it is due."""
        epoch = int(record["epoch"])
        if epoch % self.every == 0 or epoch == run.max_epochs:
            run.save_checkpoint(self.path)
        return False


class GateMonitor(Callback):
    """Watch how true the gates of hashed layers stay: a look at some examples after each epoch.

    Parameters
    ----------
    data : Dataset
        Every row is scored for each of its examples: some hundred tell enough.
    n_jobs : int, optional
        Threads; None for all cores.

    Attributes
    ----------
    history_ : list of dict
        For each epoch, and for each hashed layer in it: epoch, layer, family, consistency (share of
        an example's rows that it had chosen an epoch before), recall, recall_best, never_chosen,
        largest_bucket, empty_buckets and cost_share, as in `TableStats`. First comes the gate as
        training found it, without a consistency (NaN): epoch 0, or the one that is resumed after.

    Raises
    ------
    ValueError
        When training starts, if no layer is hashed or `data` does not fit the network; nothing has
        changed then.

    Examples
    --------
    >>> from fewfire import Hashed, Linear, Trainer
    >>> X = np.eye(8, dtype=np.float32)
    >>> net = Network(Linear(8, 20, "relu", Hashed(density=0.2)), Linear(20, 8))
    >>> monitor = GateMonitor(Dataset(X))
    >>> history = Trainer(net, max_epochs=2, callbacks=[monitor]).fit(Dataset(X, np.arange(8)))
    >>> [row["epoch"] for row in monitor.history_]
    [0, 1, 2]
    """

    def __init__(self, data: Dataset, *, n_jobs: int | None = 1) -> None:
        if not isinstance(data, Dataset):
            raise TypeError(f"data must be a fewfire.Dataset, got {type(data).__name__}")
        if len(data) == 0:
            raise ValueError("the data set of a GateMonitor has no examples")
        self.data = data
        self.n_jobs = n_jobs
        self.history_: list[dict[str, Any]] = []
        self._last: list[TableStats] = []

    def check(self, net: Network) -> None:
        """Refuse a network without gates to watch, or that the data does not fit."""
        if not net.table_stats(self.data[:1]):
            raise ValueError(
                "no layer of the network is hashed, so there is no gate to monitor: give a layer "
                "the gate Hashed, or train without the monitor"
            )

    def on_fit_start(self, run: Run) -> None:
        """Look at the gates as they are."""
        self.history_, self._last = [], run.net.table_stats(self.data, n_jobs=self.n_jobs)
        for stats in self._last:
            self._note(run.epoch, stats, float("nan"))

    def on_epoch_end(self, run: Run, record: Record) -> bool:
        """Look at them again."""
        looked = run.net.table_stats(self.data, n_jobs=self.n_jobs)
        for stats, before in zip(looked, self._last, strict=True):
            self._note(int(record["epoch"]), stats, stats.consistency(before))
        self._last = looked
        return False

    def _note(self, epoch: int, stats: TableStats, consistency: float) -> None:
        names = (
            "recall", "recall_best", "never_chosen", "largest_bucket", "empty_buckets",
            "cost_share",
        )  # fmt: skip
        figures = {name: getattr(stats, name) for name in names}
        self.history_.append(
            {"epoch": epoch, "layer": stats.layer, "family": stats.family}
            | {"consistency": consistency, **figures}
        )
