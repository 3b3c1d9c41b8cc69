"""The active rows of one example, by each kind of gate.

Dropout is inverted (Srivastava et al., JMLR 2014), adaptive dropout that of Ba & Frey (NIPS 2013).
"""

from __future__ import annotations

import numpy as np

from reference.nets import AdaptiveDropout, Dropout, Hashed, Layer, TopK
from reference.record import Chosen, Record
from reference.signs import SignIndex
from reference.vectors import NOTHING, Vector


def row_scores(layer: Layer, rows: np.ndarray, x: Vector) -> np.ndarray:
    return layer.weights[np.ix_(rows, x.ids)] @ x.values + layer.bias[rows]


def select(
    layer: Layer, x: Vector, labels: np.ndarray, example: int, mode: str, record: Record
) -> Chosen:
    """The active rows of one example and their scores. `mode` is "train", "gated" or "exact"."""
    gate, n, every = layer.gate, len(layer.rows), np.arange(len(layer.rows))
    if isinstance(gate, AdaptiveDropout):
        return select_by_odds(gate, layer, x, example, mode)
    if isinstance(gate, Dropout) and mode == "train" and gate.active < n:
        rows = np.sort(gate.chosen(example))
        return Chosen(rows, row_scores(layer, rows, x), scale=n / gate.active)
    exact_hard = mode == "exact" and not getattr(gate, "soft", False)
    if gate is None or isinstance(gate, Dropout) or gate.active >= n or exact_hard:
        return Chosen(every, row_scores(layer, every, x))
    forced = labels if mode == "train" else NOTHING
    if isinstance(gate, Hashed) and mode != "exact" and gate.wanted(x) < n:
        proposed = propose(gate, layer, x, example, record)
        return select_best(gate, layer, x, forced, proposed, record)._replace(asked=True)
    return select_best(gate, layer, x, forced, every, record)


def select_by_odds(
    gate: AdaptiveDropout, layer: Layer, x: Vector, example: int, mode: str
) -> Chosen:
    """Rows drawn at the odds of their scores; in prediction every row, scaled by them."""
    every = np.arange(len(layer.rows))
    z = row_scores(layer, every, x)
    if mode != "train":
        return Chosen(every, z, scale=keep_probabilities(gate.alpha, gate.beta, z))
    rows = gate.chosen(example)
    return Chosen(rows, z[rows], compared=every)


def keep_probabilities(alpha: float, beta: float, z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(alpha * z + beta)))


def propose(gate: Hashed, layer: Layer, x: Vector, example: int, record: Record) -> np.ndarray:
    """The rows that the gate's index proposes."""
    if not isinstance(gate.index, SignIndex):
        return gate.proposed(example)
    record.decided(layer.weights)
    return record.largest(gate.index.scores(layer, x), gate.wanted(x))


def select_best(
    gate: TopK | Hashed,
    layer: Layer,
    x: Vector,
    forced: np.ndarray,
    found: np.ndarray,
    record: Record,
) -> Chosen:
    """What is forced, and the best of what was found. A soft gate lowers all scores by that of the
    best row left out, if it is positive."""
    others = np.setdiff1d(found, forced)
    z = row_scores(layer, others, x)
    order = record.largest(z, max(gate.active, len(forced)) - len(forced))
    rows = np.sort(np.concatenate([forced, others[order]]))
    compared = np.concatenate([forced, others])
    chosen = Chosen(rows, row_scores(layer, rows, x), compared=compared)
    if not gate.soft or len(others) == len(order):
        return chosen
    left = np.delete(np.arange(len(others)), order)
    runner_up = left[record.largest(z[left], 1)[0]]
    record.decided(z[runner_up])
    threshold = max(0.0, z[runner_up])
    moves = gate.differentiate and threshold > 0
    return chosen._replace(threshold=threshold, runner_up=int(others[runner_up]) if moves else -1)
