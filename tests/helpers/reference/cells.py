"""Cells of a k-means of the rows; a query visits those with the largest inner product with the
centroid, the mean score of their rows (Auvolat et al., arXiv 1507.05910).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference.vectors import Vector


@dataclass
class CentroidIndex:
    """What makes the core's cells; the twin takes the centroids that these found."""

    n_cells: int
    n_visited: int
    spherical: bool = True
    rank: str = "sign"
    seed: int = 0


def cells_of_rows(rows: np.ndarray, centroids: np.ndarray, spherical: bool) -> np.ndarray:
    """For each row (n, d + 1), how much it likes each cell: its part along the mean, or less the
    squared distance."""
    if spherical:
        norms = np.linalg.norm(centroids, axis=1)
        return rows @ centroids.T / np.where(norms > 0, norms, 1)
    return -((rows[:, None] - centroids) ** 2).sum(axis=2)


def cells_of_query(x: Vector, centroids: np.ndarray) -> np.ndarray:
    """The inner product of (x, 1) with each centroid."""
    return centroids[:, x.ids] @ x.values + centroids[:, -1]


def rounded_cells_of_query(x: Vector, centroids: np.ndarray) -> np.ndarray:
    """The same of weights rounded to 8 bits and of inputs rounded to 16, each by its largest; fewer
    where sums would leave 32 bits."""
    weights, bias = np.float32(centroids[:, :-1]), centroids[:, -1]
    most = min(2**15 - 1, (2**31 - 1) // (127 * -(-weights.shape[1] // 32) * 32))
    size, of_x = np.abs(weights).max(axis=1, keepdims=True), np.abs(x.values).max(initial=0)
    whole = np.rint(weights * (np.float32(127) / np.where(size > 0, size, 1)))
    x_whole = np.rint(np.float32(x.values) * (np.float32(most) / np.float32(of_x or 1)))
    return (size[:, 0] / 127) * (of_x / most) * (np.float64(whole[:, x.ids]) @ x_whole) + bias


def followed(
    centroids: np.ndarray, rows: np.ndarray, cells: np.ndarray, changed: np.ndarray
) -> np.ndarray:
    """The means after some rows of their cells have changed to what they are in `rows`."""
    moved = centroids.copy()
    for cell in np.unique(cells[changed]):
        own = rows[changed[cells[changed] == cell]]
        size = (cells == cell).sum()
        moved[cell] = (1 - len(own) / size) * centroids[cell] + own.sum(axis=0) / size
    return moved
