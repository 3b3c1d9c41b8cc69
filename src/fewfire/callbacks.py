"""What can watch a training run and end it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from .config import check_integer, check_number
from .files import PathLike
from .network import Network

Record = Mapping[str, Any]


class Run(Protocol):
    """What a callback may use of a training run."""

    net: Network
    max_epochs: int

    def save_checkpoint(self, path: PathLike) -> None:
        """Write the network and all that is needed to go on."""


class Callback:
    """Override what you need; every method gets the run, whose `net` may be read."""

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
