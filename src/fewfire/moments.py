"""The state of an optimizer: arrays that the core changes in place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from .network import Network
from .optimizers import Adagrad, Optimizer, core_optimizer


class Moments:
    """Moments of each layer's weights and biases, and the step that last touched each row."""

    def __init__(self, net: Network, optimizer: Optimizer) -> None:
        initial = optimizer.initial if isinstance(optimizer, Adagrad) else 0.0
        n_moments = core_optimizer(optimizer).n_moments
        self.moments = [
            [
                (np.full_like(layer.weights, initial), np.full_like(layer.bias, initial))
                for _ in range(n_moments)
            ]
            for layer in net.layers
        ]
        self.touched = [np.zeros(len(layer.bias), dtype=np.int64) for layer in net.layers]
        self.states = [
            _core.OptimizerState(moments, touched)
            for moments, touched in zip(self.moments, self.touched, strict=True)
        ]

    def of_weights(self, position: int) -> list[NDArray[np.float32]]:
        """Return the moments of a layer's weights, each (rows, columns)."""
        return [weights for weights, _ in self.moments[position]]

    def of_rows(self, position: int) -> list[NDArray[Any]]:
        """Return everything of a layer that has an entry per row."""
        biases = [bias for _, bias in self.moments[position]]
        return [*self.of_weights(position), *biases, self.touched[position]]

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
        for name, array in own.items():
            array[...] = arrays[name]
