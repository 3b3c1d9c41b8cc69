"""What the trainings of networks and taggers share: how they begin and end, and their checkpoints.

Whatever was begun is ended, and Ctrl-C, as often as it is pressed, loses nothing that was learned.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from ..base.files import PathLike, write_model
from ..base.history import History
from ..base.interrupts import deferred_interrupts, interrupted_once
from .callbacks import State
from .checkpoint import Past
from .watchers import Watchers


class TrainingRun(ABC):
    """A training: its position, its history, and who watches it."""

    watchers: Watchers
    history: History
    epoch: int  # epochs done
    max_epochs: int

    @property
    @abstractmethod
    def model(self) -> Any:
        """The model, as it is now."""

    @property
    def is_over(self) -> bool:
        """Whether all epochs are done, or a callback has stopped the run."""
        return self.epoch >= self.max_epochs or self.watchers.stopped

    def go(self) -> History:
        """Train all epochs, or until a callback stops training or Ctrl-C is pressed."""
        with interrupted_once() as stops:
            try:
                try:
                    with deferred_interrupts():
                        self._begin()
                    while not self.is_over:
                        self.one_epoch()
                except KeyboardInterrupt:
                    self.history.interrupted = True
                finally:
                    stops.is_ending = True
                self.model  # noqa: B018  # is made what was learned
            finally:
                self.watchers.end(self)
        self.history.interrupted |= stops.is_late
        return self.history

    def past(self) -> State:
        """Return what a checkpoint holds beside the model and what it learns with."""
        callbacks, arrays = self.watchers.state()
        past = Past(self.epoch, self._settings(), self.history, callbacks)
        return past.describe(), arrays

    @abstractmethod
    def checkpoint(self) -> State:
        """Return the model and all that is needed to go on, as a file holds it."""

    def save_checkpoint(self, path: PathLike) -> None:
        """Write the model and all that is needed to go on."""
        write_model(path, *self.checkpoint())

    @abstractmethod
    def snapshot(self) -> State:
        """Return what the model has learned so far; its arrays do not change any more."""

    @abstractmethod
    def put_back(self, snapshot: State) -> None:
        """Make the model what it was when it gave this `snapshot`."""

    @abstractmethod
    def one_epoch(self) -> None:
        """Train an epoch, measure it, and let callbacks look."""

    def _begin(self) -> None:
        """Do what comes before the first epoch."""
        self.watchers.start(self)

    @abstractmethod
    def _settings(self) -> Mapping[str, Any]:
        """Return what must be the same for a resumed run to end as the whole one would."""
