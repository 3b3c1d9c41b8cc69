"""A network of integers, as devices compute it: the numpy twin of runtime/fewfire.c, to the bit.

z_i = ((sum_j w_ij x_j + b_i) m_i) >> 20        x_j 0 .. 255, w_ij of 8 or 4 bits
t = the (active + 1)-th largest z_i, or 0 where that is not positive
x_i = min(255, (z_i - t + 128) >> 8) where z_i > t, else 0; a hard gate subtracts no t
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..data.features import Features
from ..data.some_columns import columns_of

KINDS = ("logits", "soft", "hard")  # as the runtime numbers them
SHIFT = 20  # of sums times multipliers
_EXACT = 2**24  # whole numbers up to here are exact in float32
_ROWS = 1024  # examples at a time


@dataclass(frozen=True)
class IntegerLayer:
    """A layer: weights of `bits` bits, and what makes scores of sums.

    Parameters
    ----------
    weights : ndarray of int8, (rows, columns)
    multipliers, biases : ndarray of int32, (rows,)
    active : int
        Rows that are kept at most.
    kind : {"logits", "soft", "hard"}
    bits : {8, 4}

    Raises
    ------
    ValueError
        If a score could be too large for 32 bits, or weights for their bits.
    """

    weights: NDArray[np.int8]
    multipliers: NDArray[np.int32]
    biases: NDArray[np.int32]
    active: int
    kind: str
    bits: int

    def __post_init__(self) -> None:
        most = 2 ** (self.bits - 1) - 1
        if self.weights.size and int(np.abs(self.weights.astype(np.int16)).max()) > most:
            raise ValueError(f"weights of {self.bits} bits are -{most} to {most}")
        reach = 255 * self._sums + np.abs(self.biases.astype(np.float64))
        scores = reach * self.multipliers.astype(np.float64) / 2**SHIFT
        if (self.multipliers < 0).any() or max(reach.max(), scores.max()) >= 2**31 - 1:
            raise ValueError("scores of a layer could be too large for 32 bits")

    @cached_property
    def _sums(self) -> NDArray[np.float64]:
        """The sum of each row's absolute weights."""
        sums: NDArray[np.float64] = np.abs(self.weights.astype(np.float64)).sum(axis=1)
        return sums

    @cached_property
    def _columns(self) -> NDArray[np.floating]:
        """The weights, (columns, rows), of a type in which all sums are exact."""
        is_exact = 255 * self._sums.max() < _EXACT
        return np.ascontiguousarray(self.weights.T, np.float32 if is_exact else np.float64)

    @property
    def n_rows(self) -> int:
        """Rows."""
        return len(self.biases)

    @property
    def n_columns(self) -> int:
        """Inputs."""
        return int(self.weights.shape[1])

    def scores(self, x: Features) -> NDArray[np.int64]:
        """Return z of each row, (n, rows), for inputs that are whole numbers from 0 to 255."""
        sums = np.asarray(x.astype(self._columns.dtype) @ self._columns)
        return (sums.astype(np.int64) + self.biases) * self.multipliers >> SHIFT

    def values(self, x: Features) -> NDArray[np.float32]:
        """Return what the layer gives the next one, (n, rows): whole numbers from 0 to 255."""
        z = self.scores(x)
        cut = np.zeros((len(z), 1), np.int64)
        if self.active < self.n_rows:
            place = self.n_rows - self.active - 1
            cut = np.maximum(np.partition(z, place, axis=1)[:, place : place + 1], 0)
        above = z - cut if self.kind == "soft" else z
        return np.where(z > cut, np.minimum(above + 128 >> 8, 255), 0).astype(np.float32)


@dataclass(frozen=True)
class IntegerNet:
    """Layers, and which of the `n_inputs` bytes of an example the first one reads, ascending."""

    layers: Sequence[IntegerLayer]
    columns: NDArray[np.int32]
    n_inputs: int

    @property
    def n_outputs(self) -> int:
        """Rows of the last layer."""
        return self.layers[-1].n_rows

    def forward(self, x: Features) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the scores of all outputs, (n, n_outputs), for bytes (n, n_inputs), and how many
        inputs of each layer were not 0, (n_layers,)."""
        *below, last = self.layers
        logits, counts = np.empty((x.shape[0], last.n_rows), np.int32), np.zeros(len(self.layers))
        for begin in range(0, x.shape[0], _ROWS):
            part: Features = columns_of(x[begin : begin + _ROWS], self.columns)
            for place, layer in enumerate(below):
                counts[place] += _n_nonzero(part)
                part = layer.values(part)
            counts[-1] += _n_nonzero(part)
            logits[begin : begin + _ROWS] = last.scores(part)
        return logits, counts.astype(np.int64)

    @property
    def scratch_bytes(self) -> int:
        """What the runtime writes to besides scores: a list of inputs, scores of a hidden layer."""
        n_scores = max([0, *(layer.n_columns for layer in self.layers[1:])])
        n_list = max(self.layers[0].n_columns, n_scores)
        return -(-(4 * n_scores + 3 * n_list) // 4) * 4


def _n_nonzero(x: Features) -> int:
    return int(x.nnz if isinstance(x, csr_array) else np.count_nonzero(x))
