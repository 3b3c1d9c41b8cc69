"""The codes of a layer's rows, kept true to its weights.

They borrow the layer's arrays. What makes codes returns its cost, (1, n_fields).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .families import Centroid, Family, Place, Tables


class Codes:
    """Codes that are all made again at once: sign bits, which are never stale in training."""

    def __init__(
        self,
        index: _core.Index,
        weights: NDArray[Any],
        bias: NDArray[np.float32],
        center: NDArray[np.float32] | None = None,
    ) -> None:
        self.index = index
        self.weights = weights
        self.bias = bias
        self.center = center

    def refresh(self, n_threads: int = 1) -> NDArray[np.int64]:
        """Recompute the codes of all rows, with the mean input of now."""
        if self.center is not None:
            self.index.set_center(self.center)
        return np.asarray(self.index.refresh(self.weights, self.bias, n_threads))


class TableCodes(Codes):
    """Codes in hash tables, which go stale as rows change.

    Attributes
    ----------
    family : Tables
        With what says when they are made again.
    draws : ndarray of uint32, (n_tables,), or None
        How often each table's hash functions were drawn again.
    """

    index: _core.TableIndex

    def __init__(
        self,
        family: Tables,
        place: Place,
        weights: NDArray[Any],
        bias: NDArray[np.float32],
        center: NDArray[np.float32] | None = None,
        draws: NDArray[np.uint32] | None = None,
    ) -> None:
        super().__init__(family.make_index(place), weights, bias, center)
        self.family = family
        self.draws = draws

    def refresh(self, n_threads: int = 1) -> NDArray[np.int64]:
        """Recompute the codes of all rows, with the mean input and the functions of now."""
        if self.draws is not None:
            self.index.set_draws(self.draws)
        return super().refresh(n_threads)

    def refresh_rows(self, rows: NDArray[np.int32], n_threads: int = 1) -> NDArray[np.int64]:
        """Recompute the codes of some rows."""
        return np.asarray(self.index.refresh_rows(self.weights, self.bias, rows, n_threads))

    def redraw(self, number: int) -> None:
        """Draw the hash functions of a table again, the first after the last; a refresh must
        follow."""
        if self.draws is not None:
            self.draws[number % len(self.draws)] += 1

    def drift(self, rows: NDArray[np.int32], n_threads: int = 1) -> tuple[float, NDArray[np.int64]]:
        """Return how stale the codes of some rows are, a share of bits or codes, and the cost."""
        share, cost = self.index.drift(self.weights, self.bias, rows, n_threads)
        return float(share), np.asarray(cost)


class CellCodes(TableCodes):
    """Cells, that follow their rows: centroids are learned, and no function of the weights."""

    @property
    def learned(self) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
        """Copies of the centroids and of the cell of each row."""
        return np.asarray(self.index.learned), np.asarray(self.index.codes)

    def restore(
        self, centroids: NDArray[np.float32], cells: NDArray[np.uint32]
    ) -> NDArray[np.int64]:
        """Take over what `learned` returned, and compute the rest."""
        return np.asarray(self.index.restore(self.weights, centroids, cells))

    def begin_refit(self, n_threads: int = 1) -> NDArray[np.int64]:
        """Begin to learn the cells again, in pieces."""
        return np.asarray(self.index.begin_refit(self.weights, self.bias, n_threads))

    def refit_rows(self, rows: NDArray[np.int32], n_threads: int = 1) -> NDArray[np.int64]:
        """Find the new cells of some rows."""
        return np.asarray(self.index.refit_rows(self.weights, self.bias, rows, n_threads))

    @property
    def refit(self) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
        """Copies of the new centroids, and of the new cells, of some rows perhaps only."""
        centroids, cells = self.index.refit
        return np.asarray(centroids), np.asarray(cells)

    def restore_refit(self, centroids: NDArray[np.float32], cells: NDArray[np.uint32]) -> None:
        """Go on with what `refit` returned."""
        self.index.restore_refit(centroids, cells)

    def end_refit(self, n_threads: int = 1) -> NDArray[np.int64]:
        """Let the new cells, by now those of all rows, take over."""
        return np.asarray(self.index.end_refit(self.weights, n_threads))


def make_codes(
    family: Family | None,
    place: Place,
    weights: NDArray[Any],
    bias: NDArray[np.float32],
    center: NDArray[np.float32] | None,
    draws: NDArray[np.uint32] | None,
) -> Codes | None:
    """Return codes of the kind of the family, not computed yet; None without one."""
    if isinstance(family, Centroid):
        return CellCodes(family, place, weights, bias)
    if isinstance(family, Tables):
        return TableCodes(family, place, weights, bias, center, draws)
    return None if family is None else Codes(family.make_index(place), weights, bias, center)
