"""Integers from a trained network: weights by row, activities by what they reach on data."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset
from ..data.some_columns import columns_of
from ..network.bag import EmbeddingBag
from ..network.gates import AdaptiveDropout, TopK
from ..network.hashed import Hashed
from ..network.layer import Layer
from ..network.network import Network
from .inputs import Steps
from .integer import SHIFT, IntegerLayer, IntegerNet

_EXAMPLES = 5000  # that activities are measured on
_QUANTILE = 0.9995  # of the activities that are not 0; larger ones saturate
_SHRINK = (0.6, 0.7, 0.8, 0.9, 1.0)  # of a row's largest weight, tried for 4 bits


class Integers(NamedTuple):
    """A network of integers, how inputs become bytes, and what a unit of its scores is worth."""

    net: IntegerNet
    steps: Steps
    unit: float


def integers(net: Network, data: Dataset, bits: int) -> Integers:
    """Return the integers of a network whose inputs and activities are like those of `data`."""
    _check(net)
    steps = Steps.of(data)
    columns = net.columns
    if columns is None:
        columns = np.arange(net.n_features, dtype=np.int32)
    low, step = steps.low[columns].astype(np.float64), steps.step[columns].astype(np.float64)
    some = next(iter(data.windows()))[:_EXAMPLES]
    x = np.asarray(_toarray(columns_of(some.X, columns)), np.float32)
    layers = []
    for layer in net.layers[:-1]:
        x = _values(layer, x)
        seen = x[x > 0]
        reach = float(np.quantile(seen, _QUANTILE)) if seen.size else 1.0
        made, reach = _hidden(layer, low, step, reach, bits)
        layers.append(made)
        low, step = np.zeros(1), np.full(1, reach / 255)
    rows = _Rows.of(net.layers[-1], low, step, bits)
    unit = float(rows.scale.max())
    layers.append(rows.layer(unit, len(rows.scale), "logits", bits))
    return Integers(IntegerNet(layers, columns, net.n_features), steps, unit)


def _check(net: Network) -> None:
    """Raise unless devices know what the layers do."""
    for position, layer in enumerate(net.layers):
        settings, is_last = layer.settings, layer is net.layers[-1]
        wanted = "linear" if is_last else "relu"
        if settings.activation != wanted:
            raise ValueError(
                f'layer {position} has activation="{settings.activation}": devices compute hidden '
                'layers of "relu" and a last one of "linear"'
            )
        if isinstance(settings.gate, AdaptiveDropout):
            raise ValueError(f"layer {position} has the gate AdaptiveDropout: devices have none")


def _toarray(x: object) -> object:
    toarray = getattr(x, "toarray", None)
    return x if toarray is None else toarray()


def _weights(layer: Layer) -> NDArray[np.float64]:
    """Return the weights, a row for each neuron."""
    weights = layer.weights.astype(np.float64)
    return weights.T if isinstance(layer.settings, EmbeddingBag) else weights


def _values(layer: Layer, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what a hidden layer computes from every row: the truly best ones are kept."""
    settings = layer.settings
    z = x @ _weights(layer).T.astype(np.float32) + layer.bias
    n_rows = settings.out_features
    cut = np.zeros((len(z), 1), np.float32)
    if _keeps_some(layer):
        place = n_rows - settings.active - 1
        cut = np.maximum(np.partition(z, place, axis=1)[:, place : place + 1], 0)
    return np.where(z > cut, z - cut if settings.soft else z, 0)


def _keeps_some(layer: Layer) -> bool:
    settings = layer.settings
    return isinstance(settings.gate, TopK | Hashed) and settings.active < settings.out_features


class _Rows(NamedTuple):
    """Whole numbers of a layer: w x + b is scale (weights q + biases), of a row each."""

    weights: NDArray[np.int8]
    biases: NDArray[np.int32]
    scale: NDArray[np.float64]

    @classmethod
    def of(
        cls, layer: Layer, low: NDArray[np.float64], step: NDArray[np.float64], bits: int
    ) -> _Rows:
        weights = _weights(layer)
        bias = layer.bias + (weights * low).sum(axis=1)
        scaled = weights * step
        scale, whole = _rounded(scaled, bits, np.abs(bias) / 2**24)
        return cls(whole.astype(np.int8), np.rint(bias / scale).astype(np.int32), scale)

    def layer(self, unit: float, active: int, kind: str, bits: int) -> IntegerLayer:
        multipliers = np.rint(self.scale / unit * 2**SHIFT).astype(np.int32)
        return IntegerLayer(self.weights, multipliers, self.biases, active, kind, bits)


def _rounded(
    weights: NDArray[np.float64], bits: int, least: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a scale of at least `least` for each row, and its weights in units of that; of 4 bits
    the scale with the least squared error of some."""
    most = 2 ** (bits - 1) - 1
    largest = np.abs(weights).max(axis=1)
    tiny = 1e-6 * largest.max() or 1.0  # rows without weights have a scale, too
    best = np.full(len(weights), np.inf)
    scale, whole = np.ones(len(weights)), np.zeros_like(weights)
    for shrink in _SHRINK if bits == 4 else (1.0,):
        own = np.maximum(np.maximum(largest * shrink / most, least), tiny)
        rounded = np.clip(np.rint(weights / own[:, None]), -most, most)
        error = ((rounded * own[:, None] - weights) ** 2).sum(axis=1)
        better = error < best
        best, scale = np.where(better, error, best), np.where(better, own, scale)
        whole = np.where(better[:, None], rounded, whole)
    return scale, whole


def _hidden(
    layer: Layer, low: NDArray[np.float64], step: NDArray[np.float64], reach: float, bits: int
) -> tuple[IntegerLayer, float]:
    """Return a hidden layer, and what 255 of its values stand for: `reach`, or more where scores
    would be too large for 32 bits."""
    rows = _Rows.of(layer, low, step, bits)
    sums = 255 * np.abs(rows.weights.astype(np.float64)).sum(axis=1) + np.abs(rows.biases)
    reach = max(reach, float((rows.scale * sums).max()) / 32_000, float(rows.scale.max()) * 33)
    active = layer.settings.active if _keeps_some(layer) else layer.settings.out_features
    kind = "hard" if _keeps_some(layer) and not layer.settings.soft else "soft"
    return rows.layer(reach / 255 / 256, active, kind, bits), reach
