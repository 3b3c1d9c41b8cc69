"""The state of an optimizer: arrays that the core changes in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..base.files import writable
from ..base.finite import check_finite
from ..network.gates import All, Dropout
from ..network.layer import Layer
from ..network.linear import Linear
from ..network.network import Network
from ..network.retrieve import Retrieve
from .optimizers import RMS, Adagrad, Optimizer, core_optimizer


class Owing(NamedTuple):
    """Of a layer whose updates are centred."""

    mean: NDArray[np.float32]  # input of each column
    scale: NDArray[np.float32]  # of each column of a first layer, none of others
    stride: NDArray[np.float32]  # their product, that rows move along
    owed: NDArray[np.float32]  # by each row, along the mean input
    n_owed: NDArray[np.int32]  # updates that it owes for


Moments: TypeAlias = "list[tuple[NDArray[Any], NDArray[Any]]]"  # of a layer: weights and bias


class OptimizerState:
    """Moments of each layer's weights and biases, and the step that last touched each row; `pace`
    is how much faster the last layer moves than others."""

    def __init__(self, net: Network, optimizer: Optimizer, pace: float = 1.0) -> None:
        core = core_optimizer(optimizer)
        value = optimizer.initial if isinstance(optimizer, Adagrad) else 0.0
        moments = [_initial(layer, core, value) for layer in net.layers]
        touched = [np.zeros(len(layer.stored), dtype=np.int64) for layer in net.layers]
        owing = [
            _owing(layer, is_first=place == 0) if is_centred(layer, optimizer) else None
            for place, layer in enumerate(net.layers)
        ]
        self._assemble(optimizer, pace, moments, touched, owing)

    def _assemble(
        self,
        optimizer: Optimizer,
        pace: float,
        moments: list[Moments],
        touched: list[NDArray[np.int64]],
        owing: list[Owing | None],
    ) -> None:
        self.core = core_optimizer(optimizer)
        self._settings = optimizer, pace
        self.moments, self.touched, self.owing = moments, touched, owing
        paces = [1.0] * (len(moments) - 1) + [pace]
        self.states = [
            _core.OptimizerState(*of_layer)
            for of_layer in zip(self.moments, self.touched, self.owing, paces, strict=True)
        ]

    def __reduce__(self) -> Any:
        return _unpickled, (*self._settings, self.moments, self.touched, self.owing)

    def of_rows(self, position: int) -> list[NDArray[Any]]:
        """Return everything of a layer that has an entry per row."""
        pairs = [array for pair in self.moments[position] for array in pair]
        owing = self.owing[position]
        own = [] if owing is None else [owing.owed, owing.n_owed]
        return [*pairs, self.touched[position], *own]

    def of_columns(self, position: int) -> list[NDArray[np.float32]]:
        """Return everything of a layer that has a column per input."""
        own = [weights for weights, _ in self.moments[position] if weights.shape[1] > 1]
        owing = self.owing[position]
        return own if owing is None else [*own, owing.mean[None], owing.stride[None]]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name, for a file."""
        named: dict[str, NDArray[Any]] = {}
        for i, (moments, touched) in enumerate(zip(self.moments, self.touched, strict=True)):
            named[f"optimizer.{i}.touched"] = touched
            for j, (weights, bias) in enumerate(moments):
                named[f"optimizer.{i}.{j}.weights"] = weights
                named[f"optimizer.{i}.{j}.bias"] = bias
        for i, owing in enumerate(self.owing):
            if owing is not None:
                named |= {f"optimizer.{i}.{name}": x for name, x in owing._asdict().items()}
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


def _unpickled(
    optimizer: Optimizer,
    pace: float,
    moments: list[Moments],
    touched: list[NDArray[np.int64]],
    owing: list[Owing | None],
) -> OptimizerState:
    """Return a state of arrays that may be mapped from a file."""
    state = OptimizerState.__new__(OptimizerState)
    state._assemble(
        optimizer,
        pace,
        [[(writable(x), writable(y)) for x, y in own] for own in moments],
        [writable(x) for x in touched],
        [None if own is None else Owing(*map(writable, own)) for own in owing],
    )
    return state


def is_centred(layer: Layer, optimizer: Optimizer) -> bool:
    """Whether the rows of a layer learn as if the mean input had been taken from every input: where
    a gate looks at it. (A last layer without one learned less well so: docs/design.md.)"""
    own = layer.settings
    wanted = isinstance(optimizer, Adagrad | RMS) and optimizer.centred
    looks = isinstance(own, Linear) and not isinstance(own.gate, All | Dropout | Retrieve)
    return wanted and looks and own.bias


def n_bytes(layers: Sequence[Layer], optimizer: Optimizer) -> int:
    """Return how much memory the moments take."""
    core, total = core_optimizer(optimizer), 0
    for layer in layers:
        n_rows, n_columns = layer.stored.shape
        total += 8 * n_rows  # the step that touched a row
        if is_centred(layer, optimizer):
            total += 12 * n_columns + 8 * n_rows  # mean input, scale, stride; and what rows owe
        for width in core.moment_widths(n_columns):
            total += 4 * (n_rows * width + len(layer.bias))
    return total


def _initial(layer: Layer, core: _core.Optimizer, value: float) -> Moments:
    """Moments of the weights, (rows, columns) or, row-wise, (rows, 1), each with the biases'."""
    n_rows, n_columns = layer.stored.shape
    return [
        (np.full((n_rows, width), value, np.float32), np.full_like(layer.bias, value))
        for width in core.moment_widths(n_columns)
    ]


def _owing(layer: Layer, *, is_first: bool) -> Owing:
    n_rows, n_columns = layer.stored.shape
    mean, stride = np.zeros(n_columns, np.float32), np.zeros(n_columns, np.float32)
    scale = np.ones(n_columns if is_first else 0, np.float32)
    return Owing(mean, scale, stride, np.zeros(n_rows, np.float32), np.zeros(n_rows, np.int32))
