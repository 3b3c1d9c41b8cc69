"""Rows scored by the signs of their live weights, alpha sum_j x_j sign(w_ij) + b_i, over the
columns that are read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference.nets import Layer
from reference.vectors import Vector


@dataclass
class SignIndex:
    """Scores of rows by the signs of their live weights."""

    alpha: float
    seed: int = 0  # of the core's lots among ties, and of the columns that it drew
    reads: np.ndarray | None = None  # whether a query reads each column; None: all
    binary: bool = False

    def part(self, x: Vector) -> Vector:
        """The inputs that are read; a zero between layers is not an input that is counted."""
        read = np.ones(len(x.ids), bool) if self.reads is None else self.reads[x.ids]
        read = read & (x.values != 0) if self.binary else read
        ids, values = x.ids[read], x.values[read]
        if self.binary and len(ids):
            values = np.full(len(ids), values.mean())
        return Vector(ids, values)

    def scores(self, layer: Layer, x: Vector) -> np.ndarray:
        ids, values = self.part(x)
        alpha = self.alpha if self.reads is None else self.alpha / self.reads.mean()
        return alpha * (2 * (layer.weights[:, ids] > 0) @ values - values.sum()) + layer.bias


def sign_bits(weights: np.ndarray) -> np.ndarray:
    """Bit i % 64 of word [j, i // 64] says whether weights[i, j] > 0: uint64 (d, ceil(n / 64))."""
    n, d = weights.shape
    padded = np.zeros((d, -(-n // 64) * 64), np.uint64)
    padded[:, :n] = weights.T > 0
    return (padded.reshape(d, -1, 64) << np.arange(64, dtype=np.uint64)).sum(-1, dtype=np.uint64)
