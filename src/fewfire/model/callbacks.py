"""What can watch a training, of a network or a tagger, and end it."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from ..base.checks import check_integer, check_number, shown
from ..base.files import Arrays, PathLike
from ..base.history import History
from ..base.replacing import check_writable

Record = Mapping[str, Any]
State: TypeAlias = tuple[dict[str, Any], Arrays]  # a description for JSON, and arrays by name
CheckSnapshot: TypeAlias = Callable[[State], object]  # raises for what is none of the model


class Run(Protocol):
    """What a callback may use of a training run.

    Examples
    --------
    >>> class Say(Callback):
    ...     def on_epoch_end(self, run: Run, record: Record) -> bool:
    ...         print(f"epoch {run.epoch} of {run.max_epochs}: a {type(run.model).__name__}")
    ...         return False
    >>> from fewfire import Tagger
    >>> tagger = Tagger("fast", max_epochs=2)
    >>> _ = tagger.fit([[1, 0], [0, 1]] * 5, [0, 1] * 5, callbacks=[Say()])
    epoch 1 of 2: a Tagger
    epoch 2 of 2: a Tagger
    """

    history: History  # of the epochs done
    epoch: int  # epochs done
    max_epochs: int

    @property
    def model(self) -> Any:
        """The network, also called `net`, or the tagger, as it is now."""

    def past(self) -> State:
        """Return what a checkpoint holds beside the model and what it learns with."""

    def checkpoint(self) -> State:
        """Return the model and all that is needed to go on, as a file holds it."""

    def save_checkpoint(self, path: PathLike) -> None:
        """Write the model and all that is needed to go on, the state of callbacks included.

        Call it in `after_epoch`, when all of them have seen the epoch.
        """

    def snapshot(self) -> State:
        """Return what the model has learned so far; its arrays do not change any more."""

    def put_back(self, snapshot: State) -> None:
        """Make the model what it was when it gave this `snapshot`."""


class Callback:
    """Override what you need. What has a state that a resumed run must have, too, gives `settings`,
    `state` and `restore`; its state then is in every checkpoint.

    Examples
    --------
    >>> class Until(Callback):
    ...     def on_epoch_end(self, run: Run, record: Record) -> bool:
    ...         return record["train/loss"] < 0.5 or run.epoch == 2
    >>> from fewfire import Tagger
    >>> tagger = Tagger("fast").fit([[1, 0], [0, 1]] * 5, [0, 1] * 5, callbacks=[Until()])
    >>> len(tagger.history_) <= 2
    True
    """

    watches: str | None = None  # a column that the history must have
    keeps_model = False  # whether it holds a `snapshot`
    looks_at_epochs = True  # whether it is called after epochs, not only at both ends

    def check(self, model: Any) -> None:
        """Raise if a training of `model` cannot be served; nothing has changed yet."""

    def on_fit_start(self, run: Run) -> None:
        """Called when training begins, or goes on."""

    def on_epoch_end(self, run: Run, record: Record) -> bool:
        """Called when an epoch ended, with its row of the history; return True to stop."""
        return False

    def after_epoch(self, run: Run, *, stops: bool) -> None:
        """Called when all callbacks have seen the epoch, and whether one of them stops training."""

    def on_fit_end(self, run: Run) -> None:
        """Called when training ended, for whatever reason, if `on_fit_start` was called."""

    def settings(self) -> dict[str, Any] | None:
        """Return what a resumed run must share, for JSON; None if there is no state."""
        return None

    def state(self) -> State:
        """Return what a checkpoint keeps."""
        return {}, {}

    def check_state(self, state: State, check_snapshot: CheckSnapshot) -> None:
        """Raise if `restore` cannot take over what a file holds; nothing has changed yet.
        `check_snapshot` raises unless it is given a snapshot of the model to be trained."""

    def restore(self, state: State) -> None:
        """Take over what `state` gave, after `on_fit_start`."""


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
        Put back the model of the best epoch at the end.

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
        self.patience = check_integer("patience", patience, low=1)
        check_number("min_delta", min_delta, low=0.0)
        self.watches = self.monitor = monitor
        self.min_delta = min_delta
        self.keeps_model = self.restore_best = restore_best
        self.best_epoch_: int | None = None
        self.best_score_: float | None = None
        self._best: State | None = None

    def on_fit_start(self, run: Run) -> None:
        """Forget an earlier run."""
        self.best_epoch_ = self.best_score_ = self._best = None

    def on_epoch_end(self, run: Run, record: Record) -> bool:
        """Compare with the best epoch so far."""
        score, epoch = float(record[self.monitor]), int(record["epoch"])
        sign = -1.0 if self.monitor.endswith("loss") else 1.0
        if self.best_score_ is None or sign * (score - self.best_score_) > self.min_delta:
            self.best_score_, self.best_epoch_ = score, epoch
            self._best = None  # is not held beside the next
            self._best = run.snapshot() if self.restore_best else None
        assert self.best_epoch_ is not None
        return epoch - self.best_epoch_ >= self.patience

    def on_fit_end(self, run: Run) -> None:
        """Put back the best model."""
        if self._best is not None:
            run.put_back(self._best)
            self._best = None

    def settings(self) -> dict[str, Any]:
        """Return the parameters."""
        names = ("monitor", "patience", "min_delta", "restore_best")
        return {name: getattr(self, name) for name in names}

    def state(self) -> State:
        """Return the best epoch, its score, and the model of that epoch."""
        described, arrays = self._best or ({}, {})
        best = {"best_epoch": self.best_epoch_, "best_score": self.best_score_}
        return {**best, "kept": None if self._best is None else described}, arrays

    def check_state(self, state: State, check_snapshot: CheckSnapshot) -> None:
        """Refuse what `state` cannot have given."""
        described, arrays = state
        epoch, score, kept = (described[name] for name in ("best_epoch", "best_score", "kept"))
        if epoch is not None:
            check_integer("best_epoch", epoch, low=1)
        if not isinstance(score, type(None) if epoch is None else float):
            raise TypeError(f"best_score is {shown(score)}, best_epoch {shown(epoch)}")
        if kept is None:
            if arrays:
                raise ValueError("kept does not describe the model that is there")
            return
        if epoch is None or not self.restore_best:
            raise ValueError("kept is a model, but there is none to put back")
        check_snapshot((kept, arrays))

    def restore(self, state: State) -> None:
        """Go on from the best epoch so far."""
        described, arrays = state
        self.best_epoch_, self.best_score_ = described["best_epoch"], described["best_score"]
        self._best = None if described["kept"] is None else (described["kept"], arrays)


class Checkpoint(Callback):
    """Write everything that is needed to go on to a file, every few epochs.

    The file is a model too, that of its epoch: `fewfire.load` reads it. `fit(..., resume=path)`
    goes on; with one thread the result is the same to the bit as if training had not stopped.

    A file that cannot be written, for instance because the disk is full, does not end training:
    there is a warning, and another try after the next epoch.

    Parameters
    ----------
    path : str or path
        With `{epoch}` inside, such as "run-{epoch:03}.safetensors", each epoch has a file of its
        own.
    every : int
        Epochs between two files; the last epoch is always written.
    keep : int, optional
        Files of this training, with the number of an epoch, that stay: the newest. None: all. A
        resumed training counts those of its earlier part.

    Attributes
    ----------
    written_ : int or None
        The last epoch that this training wrote.

    Raises
    ------
    ValueError
        If `keep` is given without `{epoch}`, or something else is in braces.

    >>> Checkpoint("run-{epoch:03}.safetensors", every=5, keep=2).path_of(15)
    'run-015.safetensors'
    """

    def __init__(self, path: PathLike, *, every: int = 1, keep: int | None = None) -> None:
        self.path = path
        self.every = check_integer("every", every, low=1)
        self.keep = None if keep is None else check_integer("keep", keep, low=1)
        if keep is not None and self.path_of(1) == self.path_of(2):
            raise ValueError(
                f"{path} is one file for all epochs: leave out keep, or write {{epoch}} into the "
                "name"
            )
        self.written_: int | None = None
        self._failed = False
        self._there: list[str] = []  # files with numbers, the oldest first

    def path_of(self, epoch: int) -> str:
        """Return the file of an epoch."""
        try:
            return os.fspath(self.path).format(epoch=epoch)
        except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(f"{self.path!s}: only {{epoch}} may stand in braces") from error

    def check(self, model: Any) -> None:
        """Refuse a path that no file can be written to."""
        check_writable(self.path_of(1))

    def on_fit_start(self, run: Run) -> None:
        """Forget an earlier run; of a run that goes on, find the files of its earlier part."""
        self.written_, self._failed, self._there = None, False, []
        if self.keep is not None:
            earlier = (self.path_of(epoch) for epoch in range(1, run.epoch + 1))
            self._there = [path for path in earlier if os.path.exists(path)]

    def after_epoch(self, run: Run, *, stops: bool) -> None:
        """Write the file if it is due."""
        is_last = stops or run.epoch == run.max_epochs
        if not (is_last or self._failed or run.epoch % self.every == 0):
            return
        try:
            self.write(run)
            self.written_, self._failed = run.epoch, False
            self._remove_old(self.path_of(run.epoch))
        except OSError as error:
            self._failed = True
            self._warn(f"could not be written after epoch {run.epoch}: {error.strerror or error}")

    def write(self, run: Run) -> None:
        """Write the file."""
        run.save_checkpoint(self.path_of(run.epoch))

    def _remove_old(self, newest: str) -> None:
        """Remove the files of this training that are too many."""
        self._there = [*(path for path in self._there if path != newest), newest]
        while self.keep is not None and len(self._there) > self.keep:
            oldest = self._there.pop(0)
            try:
                os.remove(oldest)
            except FileNotFoundError:
                pass
            except OSError as error:
                why = error.strerror or error
                warnings.warn(f"{oldest} stays: {why}", RuntimeWarning, stacklevel=2)

    def on_fit_end(self, run: Run) -> None:
        """Say once more if the last file is missing."""
        if self._failed:
            there = f"is that of epoch {self.written_}" if self.written_ else "was never written"
            self._warn(f"{there}, training ended after epoch {run.epoch}")

    def _warn(self, what: str) -> None:
        warnings.warn(f"the checkpoint {self.path} {what}", RuntimeWarning, stacklevel=2)
