"""One example through a net, a_i = act(w_i x + b_i) over the active rows, and back."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from reference.gates import select
from reference.losses import LOSSES, squared_loss
from reference.nets import Bag, Layer, Model, is_full
from reference.record import Pass, Record
from reference.vectors import NOTHING, Vector

ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "linear": lambda z: z,
}
SLOPES = {  # as functions of a = act(z)
    "relu": lambda a: (a > 0).astype(float),
    "tanh": lambda a: 1 - a**2,
    "sigmoid": lambda a: a * (1 - a),
    "linear": lambda a: np.ones_like(a),
}


def forward(
    model: Model, x: Vector, labels: np.ndarray, example: int, mode: str, record: Record
) -> list[Pass]:
    passes = []
    for at, layer in enumerate(model.layers):
        last = at == len(model.layers) - 1
        chosen = select(layer, x, labels if last else NOTHING, example, mode, record)
        z = chosen.scores - chosen.threshold
        record.magnitude = max(record.magnitude, np.abs(z).max(initial=0))
        if layer.activation == "relu":
            record.decided(z)
        passes.append(Pass(x, chosen, ACTIVATIONS[layer.activation](z) * chosen.scale))
        if not last:
            x = passed_on(layer, chosen.rows, passes[-1].values, whole=is_full(model, at))
    return passes


def passed_on(layer: Layer, rows: np.ndarray, values: np.ndarray, *, whole: bool) -> Vector:
    """A ReLU's zeros have no gradient, so nobody above needs to know of them."""
    kept = slice(None) if whole or layer.activation != "relu" else values != 0
    return Vector(rows[kept], values[kept])


def loss_of(model: Model, last: Pass, target: np.ndarray) -> tuple[float, np.ndarray]:
    """The loss of one example and dL/da on its active rows; target = label ids or values."""
    if model.loss == "squared":
        return squared_loss(last.values, target[last.chosen.rows].astype(float))
    is_label = np.isin(last.chosen.rows, target)
    return LOSSES[model.loss](last.values, is_label)


class Gradient(NamedTuple):
    total: np.ndarray  # (n, d + 1), summed over the batch
    touched: np.ndarray  # (n, d + 1) bool


def backward(
    model: Model, passes: list[Pass], slope: np.ndarray, gradients: list[Gradient], record: Record
) -> list[np.ndarray]:
    """Add one example's gradient; `slope` is dL/da on the last layer's active rows. Returns the
    rows of each layer that got one."""
    pulled = [NOTHING] * len(passes)
    for at in reversed(range(len(model.layers))):
        layer, (x, chosen, values) = model.layers[at], passes[at]
        steepness = SLOPES[layer.activation](values / chosen.scale)
        record.decided(steepness)  # a saturated unit has none in float32
        deltas = slope * steepness * chosen.scale
        rows = chosen.rows
        if chosen.runner_up >= 0:
            rows, deltas = np.append(rows, chosen.runner_up), np.append(deltas, -deltas.sum())
        if not isinstance(layer, Bag):
            rows, deltas = rows[deltas != 0], deltas[deltas != 0]
        pulled[at] = rows

        block = np.ix_(rows, np.append(x.ids, layer.weights.shape[1]))
        gradients[at].total[block] += np.outer(deltas, np.append(x.values, 1))
        gradients[at].touched[block] = True
        if at > 0:
            before = passes[at - 1]
            slope = np.zeros(len(before.values))
            passed = np.isin(before.chosen.rows, x.ids)
            slope[passed] = deltas @ layer.weights[np.ix_(rows, x.ids)]
    return pulled
