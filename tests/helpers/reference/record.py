"""What a run did, step by step, and how close its closest decision was."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from reference.nets import Model
from reference.optimizers import Optimizer
from reference.vectors import NOTHING, Vector


class Chosen(NamedTuple):
    """The active rows of one example and their scores."""

    rows: np.ndarray  # ascending
    scores: np.ndarray  # z, aligned with rows
    threshold: float = 0.0
    runner_up: int = -1  # the (k+1)-th row, if it takes part in the backward pass
    scale: float | np.ndarray = 1.0  # one number, or in prediction one for each row
    compared: np.ndarray = NOTHING  # the rows whose scores were computed to choose among them
    asked: bool = False  # whether an index proposed what was compared


class Pass(NamedTuple):
    """One example through one layer."""

    x: Vector
    chosen: Chosen
    values: np.ndarray  # aligned with chosen.rows


class Example(NamedTuple):
    """One example through the net, and back if it is trained on."""

    mode: str  # "train", "gated" or "exact"
    passes: list[Pass]
    pulled: list[np.ndarray]  # of each layer, the rows that got a gradient; empty without training


class Update(NamedTuple):
    """One step of the optimizer on one layer."""

    at: int  # the layer
    step: int
    touched: np.ndarray  # (n, d + 1) bool: the parameters with a gradient
    last: np.ndarray  # of each stored row, the step that had changed it before
    n_pulled: np.ndarray  # of each row, the examples that gave it a gradient


@dataclass
class Record:
    model: Model
    optimizer: Optimizer | None = None  # of training
    examples: list[Example] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    margin: float = np.inf  # of the closest decision
    magnitude: float = 0.0  # of the largest score

    @property
    def is_clear(self) -> bool:
        """float32 decides everything the same way, does not diverge, and holds each exponential."""
        return self.margin > 3e-5 and self.magnitude < 40

    def decided(self, distances: np.ndarray) -> None:
        """An exact zero is not a close call: both sides computed nothing but zeros."""
        distances = np.abs(distances[distances != 0])
        self.margin = min(self.margin, distances.min(initial=np.inf))

    def largest(self, values: np.ndarray, m: int) -> np.ndarray:
        """Positions of the m largest values. A tie at the cut makes the margin zero."""
        order = np.argsort(-values, kind="stable")
        if 0 < m < len(order):
            self.margin = min(self.margin, values[order[m - 1]] - values[order[m]])
        return order[:m]
