"""Why a network answers as it does: the rows that fired, why they did, and what inputs did to a
score.

As long as the same rows stay active, a network of ReLUs is linear in its input, and so is each of
its scores. Input j then gave the score (x_j - m_j) d score / d x_j more than it would at the mean
input m: gradient x input (Shrikumar et al., 2016, arXiv:1605.01713; of ReLUs it is what DeepLIFT
and layer-wise relevance propagation give, too: Ancona et al., ICLR 2018). The threshold of a soft
gate is the score of a row, too, and moves with the input. What inputs gave and what is left, what
biases do, add up to the score. Of other activations it is the first term of a Taylor series.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from .. import _core
from ..base.bfloat16 import is_bfloat16, widened
from ..data import Dataset
from ..data.core_views import core_inputs
from .answers import core_model
from .bag import EmbeddingBag
from .codes import TableCodes
from .gates import AdaptiveDropout, All, Dropout, family_of
from .layer import Layer

Floats = NDArray[np.float64]
_SLIGHT = 1e-6  # of a score: what rounding does


@dataclass(frozen=True, eq=False)
class Fired:
    """The rows that the gate of a layer kept for an example, the highest score first.

    Attributes
    ----------
    layer : int
        Position in the network.
    family : str or None
        What proposed the rows; None of a gate that looks at all.
    rows : ndarray of int32, (kept,)
    scores : ndarray of float64, (kept,)
        w . x + b, by which the gate kept them.
    values : ndarray of float64, (kept,)
        What they hand on, behind threshold and activation.
    effects : ndarray of float64, (kept,)
        value x d score / d value: what each gave the score that is explained.
    collisions : ndarray of int64, (kept,), or None
        Of hash tables: in how many the example visited the row's bucket. 0: a frequent label, or
        one that filled up what was found.
    n_tables : int
    estimates : ndarray of float64, (kept,), or None
        Of `Sign`: the score that the sign bits of the weights promised, by which it was proposed.
    """

    layer: int
    family: str | None
    rows: NDArray[np.int32]
    scores: Floats
    values: Floats
    effects: Floats
    collisions: NDArray[np.int64] | None
    n_tables: int
    estimates: Floats | None


@dataclass(frozen=True, eq=False)
class Explanation:
    """What made a network give an example a score.

    Attributes
    ----------
    label : int
        The output whose score it is.
    score : float
    features : ndarray of int64
        Those that gave or took anything, the most telling first.
    values : ndarray of float64
        Of these features, in the example.
    contributions : ndarray of float64
        What each gave: with `rest` they add up to the score.
    rest : float
        The score at the mean input, or at zero, if the same rows were active there.
    is_from_mean : bool
        Whether contributions are measured from the mean input of the training set, which the first
        layer knows where it is centred, as by default; else from zero.
    layers : list of Fired
        Of those whose gates choose rows.

    Examples
    --------
    >>> from fewfire import Linear, Network
    >>> net = Network(Linear(4, 3), random_state=0)
    >>> found = net.explain(np.eye(4), 2, label=1)
    >>> found.label, found.features
    (1, array([2]))
    """

    label: int
    score: float
    features: NDArray[np.int64]
    values: Floats
    contributions: Floats
    rest: float
    is_from_mean: bool
    layers: list[Fired]


def explanation(layers: Sequence[Layer], example: Dataset, label: int, score: float) -> Explanation:
    """Explain the score of one example; nobody may change the layers meanwhile."""
    model, inputs, ids = core_model(layers, None), core_inputs(example), np.zeros(1, np.int64)
    means, _ = _core.mean_inputs(model, inputs, ids, 1)  # of one example: what it hands on
    passed = [np.asarray(mean, np.float64) for mean in means]
    chosen: dict[int, NDArray[np.int32]] = {}
    for place, layer in enumerate(layers):
        if not isinstance(layer.settings.gate, All | Dropout | AdaptiveDropout):
            rows = _core.choices(model, place, inputs, ids, 1)[0][0]
            chosen[place] = rows[rows >= 0]
    gradients = _gradients(layers, passed, chosen, label, score)
    fired = []
    for place, rows in chosen.items():
        handed = None if place + 1 == len(layers) else passed[place + 1][rows]
        given = gradients[place + 1][rows]
        fired.append(_fired(place, layers[place], rows, passed[place], handed, given))
    center = layers[0].center
    x, gradient = passed[0], gradients[0]
    moved = x if center is None else x - center
    contributions = moved * gradient
    order = np.argsort(-np.abs(contributions), kind="stable")
    order = order[contributions[order] != 0]
    rest = score - float(contributions.sum())
    return Explanation(
        label, score, order, x[order], contributions[order], rest, center is not None, fired
    )


def _gradients(
    layers: Sequence[Layer],
    passed: Sequence[Floats],
    chosen: Mapping[int, NDArray[np.int32]],
    label: int,
    score: float,
) -> list[Floats]:
    """Return the gradient of a score by the input of each layer, and by the output of the last."""
    last = layers[-1]
    of_output = np.zeros(last.settings.out_features)
    of_output[label] = 1.0
    found = [of_output]
    for place in reversed(range(len(layers))):
        layer, is_last = layers[place], place + 1 == len(layers)
        rows = np.flatnonzero(found[0])
        values = np.full(len(rows), score) if is_last else passed[place + 1][rows]
        slopes = _slopes(layer, rows, values, passed[place])
        kept = slopes != 0
        rows, deltas = rows[kept], (found[0][rows] * slopes)[kept]
        if layer.settings.soft and len(rows):
            threshold = _threshold_row(
                layer, chosen[place], rows[0], values[kept][0], passed[place]
            )
            rows = np.append(rows, threshold)
            deltas = np.append(deltas, np.full(len(threshold), -deltas.sum()))
        found.insert(0, _back(layer, rows, deltas, passed[place]))
    return found


def _threshold_row(
    layer: Layer, chosen: NDArray[np.int32], row: int, value: float, x: Floats
) -> NDArray[np.int64]:
    """Return the row whose score is the threshold of a soft gate, the best that was not kept; none
    where the threshold is 0. It is found by the value that a row hands on."""
    scores = np.asarray(layer.weights @ x.astype(np.float32) + layer.bias, np.float64)
    threshold = scores[row] - value
    if threshold <= _SLIGHT * abs(scores[row]):
        return np.empty(0, np.int64)
    away = np.abs(scores - threshold)
    away[chosen] = np.inf
    return np.array([np.argmin(away)])


def _slopes(layer: Layer, rows: NDArray[Any], values: Floats, x: Floats) -> Floats:
    """Return d value / d score of rows: 0 of those that do not fire."""
    activation, gate = layer.settings.activation, layer.settings.gate
    if isinstance(gate, AdaptiveDropout):  # value = act(z) p(z)
        z = _scores(layer, rows, x)
        p = expit(gate.alpha * z + gate.beta)
        act, slope = _activated(activation, z)
        return np.asarray(slope * p + act * gate.alpha * p * (1 - p))
    if activation == "relu":
        return np.asarray(values > 0, np.float64)
    fires = np.ones(len(rows)) if isinstance(gate, All | Dropout) else np.asarray(values != 0)
    if activation == "tanh":
        return np.asarray(fires * (1 - values**2))
    return np.asarray(fires * values * (1 - values) if activation == "sigmoid" else 1.0 * fires)


def _activated(activation: str, z: Floats) -> tuple[Floats, Floats]:
    """Return the activation of scores, and its slope."""
    if activation == "relu":
        return np.maximum(z, 0), np.asarray(z > 0, np.float64)
    if activation == "tanh":
        return np.tanh(z), 1 - np.tanh(z) ** 2
    if activation == "sigmoid":
        return expit(z), expit(z) * expit(-z)
    return z, np.ones(len(z))


def _back(layer: Layer, rows: NDArray[Any], deltas: Floats, x: Floats) -> Floats:
    """Return sum_i deltas_i w_i over rows of a layer, of a bag for the inputs that it reads."""
    if isinstance(layer.settings, EmbeddingBag):  # a row of weights per input
        found, ids = np.zeros(len(x)), np.flatnonzero(x)
        found[ids] = _floats(layer.stored[ids][:, rows]) @ deltas
        return found
    return np.asarray(deltas @ _floats(layer.stored[rows]))


def _scores(layer: Layer, rows: NDArray[Any], x: Floats) -> Floats:
    """Return w . x + b of rows."""
    return np.asarray(_floats(layer.stored[rows]) @ x + layer.bias[rows])


def _floats(stored: NDArray[Any]) -> Floats:
    stored = np.ascontiguousarray(stored)
    return (widened(stored) if is_bfloat16(stored) else stored).astype(np.float64)


def _fired(
    place: int,
    layer: Layer,
    rows: NDArray[np.int32],
    x: Floats,
    handed: Floats | None,
    gradients: Floats,
) -> Fired:
    scores, family = _scores(layer, rows, x), family_of(layer.settings.gate)
    values = _activated(layer.settings.activation, scores)[0] if handed is None else handed
    collisions, n_tables, estimates = None, 0, None
    if isinstance(layer.codes, TableCodes):
        codes = layer.codes.index.codes[rows]
        n_tables = codes.shape[1]
        collisions = _collisions(layer.codes.index, codes, x)
    elif layer.codes is not None and isinstance(layer.codes.index, _core.SignIndex):
        estimates = _estimates(layer, layer.codes.index, rows, x)
    return Fired(
        place,
        None if family is None else family.name,
        rows,
        scores,
        values,
        values * gradients,
        collisions,
        n_tables,
        estimates,
    )


def _collisions(index: _core.TableIndex, codes: NDArray[np.uint32], x: Floats) -> NDArray[np.int64]:
    """Return in how many tables the codes of rows, (n, tables), are of buckets that x visits."""
    ids = np.flatnonzero(x).astype(np.int32)
    visited = np.asarray(index.hash_query(ids, x[ids].astype(np.float32)))
    return np.asarray((codes[:, :, None] == visited[None]).any(axis=2).sum(axis=1), np.int64)


def _estimates(layer: Layer, index: _core.SignIndex, rows: NDArray[np.int32], x: Floats) -> Floats:
    """Return the scores of rows by their sign bits, as core/hash/sign.h has them."""
    reads = np.asarray(index.reads)
    read = np.where(reads, x, 0.0)
    family = family_of(layer.settings.gate)
    if getattr(family, "binary", False) and read.any():
        read = np.where(read != 0, read[read != 0].mean(), 0.0)
    alphas = np.asarray(index.alphas).ravel()[rows]
    weighed = np.asarray(index.betas).ravel() * read
    signs = _floats(layer.stored[rows]) > 0
    offsets = np.asarray(index.offsets).ravel()[rows]
    return np.asarray(
        alphas * (2 * signs @ weighed - weighed.sum()) + offsets + layer.bias[rows], np.float64
    )
