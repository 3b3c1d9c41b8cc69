"""What a net is: layers, each a matrix `rows` (n, d + 1) with the bias in the last column, and what
chooses their rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference.vectors import Vector


@dataclass(frozen=True)
class Dropout:
    active: int
    seed: int
    chosen: Callable[[int], np.ndarray] | None = None  # example -> rows, read off the core


@dataclass(frozen=True)
class AdaptiveDropout:
    alpha: float
    beta: float
    seed: int
    chosen: Callable[[int], np.ndarray] | None = None  # as above, while no weight has moved


@dataclass(frozen=True)
class TopK:
    active: int
    soft: bool = False
    differentiate: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Hashed:
    index: Any  # SignIndex, TableIndex or CentroidIndex
    active: int
    candidates: int
    soft: bool = False
    differentiate: bool = False
    seed: int = 0
    weights: int = 0  # that are read of each kept row's candidates, at least
    proposed: Callable[[int], np.ndarray] | None = None  # example -> candidates, for tables

    def wanted(self, x: Vector) -> int:
        """How many candidates an input has."""
        return max(self.candidates, self.weights * self.active // max(1, len(x[0])))


@dataclass(frozen=True)
class Retrieve:
    """Candidates of an index and, in training, shared negatives for all rows that are none."""

    index: Any
    active: int
    n_negatives: int = 0
    seed: int = 0
    head: tuple[int, ...] = ()
    thin: float = 0.0
    shares: tuple[float, ...] = ()  # by which negatives are drawn; none: uniformly


@dataclass
class Layer:
    rows: np.ndarray  # (n, d + 1) float64, the bias last
    activation: str = "relu"
    gate: Dropout | AdaptiveDropout | TopK | Hashed | Retrieve | None = None

    @property
    def weights(self) -> np.ndarray:
        return self.rows[:, :-1]

    @property
    def bias(self) -> np.ndarray:
        return self.rows[:, -1]


@dataclass
class Bag(Layer):
    """A first layer stored input by input: a step changes the inputs that its examples hold."""

    input_dropout: float = 0.0
    dropout: float = 0.0
    seed: int = 0


@dataclass
class Model:
    layers: list[Layer]
    loss: str = "softmax"


def is_full(model: Model, at: int) -> bool:
    """Between layers without a gate, and above a bag, the values stay a matrix, zeros and all."""
    around = model.layers[at : at + 2]
    return isinstance(around[0], Bag) or all(layer.gate is None for layer in around)
