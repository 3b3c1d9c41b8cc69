"""What a training run is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..base.checks import (
    LARGEST_ID,
    LARGEST_INTEGER,
    MOST_EPOCHS,
    check_choice,
    check_flag,
    check_integer,
)
from ..model.callbacks import Callback
from ..model.watchers import Watchers
from ..network.bag import EmbeddingBag
from ..network.gates import All, Dropout
from ..network.losses import LOSSES
from ..network.network import Network
from .optimizers import RMS, Adam, Optimizer
from .schedules import LinearDecay, OneCycle, Schedule


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
        Watchers(self.callbacks)

    def __str__(self) -> str:
        return (
            f"{self.optimizer}, {self.schedule}, batch_size={self.batch_size}, "
            f"max_epochs={self.max_epochs}, n_jobs={self.n_threads}"
        )


def fitted(net: Network) -> dict[str, Any]:
    """Return the settings that did best on 5,000 held-out digits of MNIST (docs/design.md), or,
    behind an embedding bag, on 5,000 held-out rows of debian-depends.

    Gates that look at the input: steps of one example with a small rate, because a row must stay
    positive for the inputs that choose it. Dense nets and plain dropout: Adam on mini-batches.
    """
    if isinstance(net.layers[0].settings, EmbeddingBag):
        one_cycle = {"schedule": OneCycle(), "max_epochs": 5}
        return {"optimizer": RMS(lr=0.002), "batch_size": 128, **one_cycle}
    common = {"schedule": LinearDecay(), "max_epochs": 12}
    if any(not isinstance(layer.settings.gate, All | Dropout) for layer in net.layers):
        return {"optimizer": RMS(lr=0.002, l2=0.01, rowwise=True), "batch_size": 1, **common}
    return {"optimizer": Adam(lr=0.001, l2=0.1), "batch_size": 128, **common}
