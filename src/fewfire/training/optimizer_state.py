"""The state of an optimizer: arrays that the core changes in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..base.finite import check_finite
from ..network.layer import Layer
from ..network.network import Network
from .optimizers import Adagrad, Optimizer, core_optimizer


class OptimizerState:
    """Moments of each layer's weights and biases, and the step that last touched each row."""

    def __init__(self, net: Network, optimizer: Optimizer) -> None:
        self.core = core_optimizer(optimizer)
        value = optimizer.initial if isinstance(optimizer, Adagrad) else 0.0
        self.moments = [_initial(layer, self.core, value) for layer in net.layers]
        self.touched = [np.zeros(len(layer.stored), dtype=np.int64) for layer in net.layers]
        self.states = [
            _core.OptimizerState(moments, touched)
            for moments, touched in zip(self.moments, self.touched, strict=True)
        ]

    def of_rows(self, position: int) -> list[NDArray[Any]]:
        """Return everything of a layer that has an entry per row."""
        pairs = [array for pair in self.moments[position] for array in pair]
        return [*pairs, self.touched[position]]

    def of_columns(self, position: int) -> list[NDArray[np.float32]]:
        """Return everything of a layer that has a column per input."""
        return [weights for weights, _ in self.moments[position] if weights.shape[1] > 1]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, for a file."""
        named: dict[str, NDArray[Any]] = {}
        for i, (moments, touched) in enumerate(zip(self.moments, self.touched, strict=True)):
            named[f"optimizer.{i}.touched"] = touched
            for j, (weights, bias) in enumerate(moments):
                named[f"optimizer.{i}.{j}.weights"] = weights
                named[f"optimizer.{i}.{j}.bias"] = bias
        return named

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Take over arrays that `arrays` named; raise before any change if they do not fit."""
        own = self.arrays()
        for name, array in own.items():
            there = arrays.get(name)
            if there is None or there.shape != array.shape or there.dtype != array.dtype:
                raise ValueError(f"the checkpoint's {name} is missing or does not fit the network")
            check_finite(f"the checkpoint's {name}", there)
        for name, array in own.items():
            array[...] = arrays[name]


def n_bytes(layers: Sequence[Layer], optimizer: Optimizer) -> int:
    """Return how much memory the moments take."""
    core, total = core_optimizer(optimizer), 0
    for layer in layers:
        n_rows, n_columns = layer.stored.shape
        total += 8 * n_rows  # the step that touched a row
        for width in core.moment_widths(n_columns):
            total += 4 * (n_rows * width + len(layer.bias))
    return total


def _initial(
    layer: Layer, core: _core.Optimizer, value: float
) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """Moments of the weights, (rows, columns) or, row-wise, (rows, 1), each with the biases'."""
    n_rows, n_columns = layer.stored.shape
    return [
        (np.full((n_rows, width), value, np.float32), np.full_like(layer.bias, value))
        for width in core.moment_widths(n_columns)
    ]
