"""Shapes that are convex, and shapes that are not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .canvas import CHUNK, SIDE, Images, Labels


def convex_images(n: int, rng: np.random.Generator) -> tuple[Images, Labels]:
    """Draw white shapes on black; label 1 if convex, 0 if not, with equal chance.

    A convex shape is an intersection of half-planes, each through a uniform point at a uniform
    angle; their number is geometric from 0, so about a third of the convex images are white all
    over. The other shapes are unions of 2 to 4 smaller ones that miss a pixel of their convex hull.

    >>> images, labels = convex_images(5, np.random.default_rng(0))
    >>> images.shape, labels.shape, np.unique(images)
    ((5, 784), (5,), array([0., 1.], dtype=float32))
    """
    labels = rng.integers(2, size=n, dtype=np.int32)
    shapes = np.zeros((n, SIDE, SIDE), dtype=bool)
    n_convex = int(labels.sum())
    shapes[labels == 1] = _collect(n_convex, lambda: _regions(CHUNK, 0.195, 19, rng))
    shapes[labels == 0] = _collect(n - n_convex, lambda: _unions(rng))
    return shapes.reshape(n, SIDE * SIDE).astype(np.float32), labels


def _collect(n: int, draw: Callable[[], NDArray[np.bool_]]) -> NDArray[np.bool_]:
    """The first `n` shapes of as many draws as it takes."""
    parts = [np.zeros((0, SIDE, SIDE), dtype=bool)]
    while sum(len(part) for part in parts) < n:
        parts.append(draw())
    return np.concatenate(parts)[:n]


def _regions(n: int, p: float, min_white: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Intersections of half-planes with at least `min_white` white pixels: what is left of `n`."""
    n_planes = rng.geometric(p, size=n) - 1  # numpy counts from 1
    regions = np.ones((n, SIDE * SIDE), dtype=bool)
    centres = np.arange(SIDE, dtype=np.float32) + 0.5
    done = 0
    while (n_planes > done).any():
        more = np.flatnonzero(n_planes > done)
        angle = rng.uniform(0, 2 * np.pi, size=len(more)).astype(np.float32)
        y, x = rng.uniform(0, SIDE, size=(2, len(more), 1)).astype(np.float32)
        down = (centres - y) * np.sin(angle)[:, None]
        right = (centres - x) * np.cos(angle)[:, None]
        side = down[:, :, None] >= -right[:, None, :]
        regions[more] &= side.reshape(len(more), -1)
        done += 1
        # A region only shrinks: one that is too small already need not be finished.
        kept = np.count_nonzero(regions, axis=1) >= min_white
        regions, n_planes = regions[kept], n_planes[kept]
    return regions.reshape(-1, SIDE, SIDE)


def _unions(rng: np.random.Generator) -> NDArray[np.bool_]:
    """Unions of 2, 3 or 4 regions that are not convex."""
    regions = _regions(4 * CHUNK, 0.07, 10, rng)
    regions = regions[: len(regions) // 4 * 4].reshape(-1, 4, SIDE, SIDE)
    n_parts = rng.integers(2, 5, size=len(regions))
    used = np.arange(4) < n_parts[:, None]
    unions: NDArray[np.bool_] = np.logical_or.reduce(regions & used[:, :, None, None], axis=1)
    return unions[~fills_its_hull(unions)]


def fills_its_hull(shapes: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return for each of (n, height, width) shapes whether no pixel of its convex hull is missing.

    In row j the hull spans what any two rows i <= j <= k span by straight lines between their
    outermost pixels. Rounding inwards keeps the pixel centres inside and commutes with the minimum.
    """
    width = shapes.shape[2]
    far = 1000 * width  # where an empty row starts: any mean with it stays outside the image
    white = shapes.any(axis=2)
    first = np.where(white, shapes.argmax(axis=2), far)
    last_mirrored = np.where(white, shapes[:, :, ::-1].argmax(axis=2), far)
    span = np.zeros(white.shape, dtype=np.int64)
    for edge in (first, last_mirrored):
        span -= _hull_edge(edge)
    span = np.maximum(span + width, 0)
    full: NDArray[np.bool_] = (span == shapes.sum(axis=2)).all(axis=1)
    return full


def _hull_edge(first: NDArray[Any]) -> NDArray[np.int64]:
    """First column inside the hull, per row, from the first white one of each row (n, height)."""
    height = first.shape[1]
    edge = first.astype(np.int64)
    for j in range(1, height - 1):
        i, k = (rows.ravel() for rows in np.mgrid[0:j, j + 1 : height])
        above, below = first[:, i] * (k - j), first[:, k] * (j - i)
        between = -(-(above + below) // (k - i))  # rounded up
        edge[:, j] = np.minimum(edge[:, j], between.min(axis=1))
    return edge
