"""What a training run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from ..base.checks import (
    LARGEST_ID,
    LARGEST_INTEGER,
    MOST_EPOCHS,
    check_choice,
    check_flag,
    check_integer,
)
from ..data.class_weights import ClassWeight, check_class_weight
from ..model.callbacks import Callback
from ..model.watchers import Watchers
from ..network.losses import LOSSES
from .optimizers import Optimizer
from .schedules import Schedule


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The settings of a `Trainer`, complete and checked."""

    loss: str | None
    optimizer: Optimizer
    schedule: Schedule
    batch_size: int
    max_epochs: int
    n_threads: int
    deterministic: bool
    callbacks: tuple[Callback, ...]
    random_state: int
    verbose: bool
    class_weight: ClassWeight = None
    tune: bool = True  # try settings that are left out in short trainings
    left_out: frozenset[str] = frozenset()  # settings that nobody gave, and that follow the data

    def __post_init__(self) -> None:
        if self.loss is not None:
            check_choice("loss", self.loss, LOSSES)
        if not isinstance(self.optimizer, Optimizer):
            raise TypeError(f"optimizer must be SGD, Adagrad, RMS or Adam, got {self.optimizer!r}")
        if not isinstance(self.schedule, Schedule):
            raise TypeError(
                f"schedule must be a Schedule such as LinearDecay, got {self.schedule!r}"
            )
        bounds = {
            "batch_size": (1, LARGEST_ID),
            "max_epochs": (1, MOST_EPOCHS),
            "random_state": (0, LARGEST_INTEGER),
        }
        for name, (low, high) in bounds.items():
            value = check_integer(name, getattr(self, name), low=low, high=high)
            object.__setattr__(self, name, value)
        check_flag("deterministic", self.deterministic)
        check_flag("tune", self.tune)
        check_class_weight(self.class_weight)
        Watchers(self.callbacks)

    def __str__(self) -> str:
        return (
            f"{self.optimizer}, {self.schedule}, batch_size={self.batch_size}, "
            f"max_epochs={self.max_epochs}, n_jobs={self.n_threads}"
        )
