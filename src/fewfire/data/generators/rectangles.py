"""Rectangles: their outlines, or cut from one photograph and laid on another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .canvas import SIDE, Images, Labels


def rectangle_images(n: int, rng: np.random.Generator) -> tuple[Images, Labels]:
    """Draw the white border of one rectangle on black; label 1 if it is wider than tall.

    Both sides are uniform from 1 to 28 pixels and differ by at least 3; the place is uniform.

    >>> images, labels = rectangle_images(5, np.random.default_rng(0))
    >>> images.shape, np.unique(images)
    ((5, 784), array([0., 1.], dtype=float32))
    """
    heights, widths = np.mgrid[1 : SIDE + 1, 1 : SIDE + 1].reshape(2, -1)
    outer, inner, labels = _rectangles(n, heights, widths, abs(heights - widths) >= 3, rng)
    return (outer & ~inner).reshape(n, SIDE * SIDE).astype(np.float32), labels


def rectangles_on_photographs(
    n: int, photographs: Sequence[NDArray[Any]], rng: np.random.Generator
) -> tuple[Images, Labels]:
    """Draw a patch of a photograph in a rectangle on another patch; label 1 if wider than tall.

    Both sides have 10 to 28 pixels and differ by at least 5; the area is 196 to 588 pixels.

    Parameters
    ----------
    photographs : sequence of 2-D float arrays, grey from 0 to 1, at least 28 x 28 pixels each

    >>> noise = [np.random.default_rng(1).random((40, 50))]
    >>> rectangles_on_photographs(5, noise, np.random.default_rng(0))[0].shape
    (5, 784)
    """
    heights, widths = np.mgrid[10 : SIDE + 1, 10 : SIDE + 1].reshape(2, -1)
    area = heights * widths
    allowed = (abs(heights - widths) >= 5) & (area >= 196) & (area <= 588)
    inside, _, labels = _rectangles(n, heights, widths, allowed, rng)
    images = np.where(inside, _patches(n, photographs, rng), _patches(n, photographs, rng))
    return images.reshape(n, SIDE * SIDE), labels


def _rectangles(
    n: int,
    heights: NDArray[Any],
    widths: NDArray[Any],
    allowed: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Labels]:
    """Masks (n, 28, 28) of rectangles, uniform in allowed size and place, and of their insides
    without the border; label 1 if wider than tall."""
    size = rng.choice(np.flatnonzero(allowed), size=n)
    height, width = heights[size], widths[size]
    top, left = rng.integers(SIDE - height + 1), rng.integers(SIDE - width + 1)
    outer = _box(top, top + height, left, left + width)
    inner = _box(top + 1, top + height - 1, left + 1, left + width - 1)
    return outer, inner, (width > height).astype(np.int32)


def _box(
    top: NDArray[Any], bottom: NDArray[Any], left: NDArray[Any], right: NDArray[Any]
) -> NDArray[np.bool_]:
    pixel = np.arange(SIDE)
    rows = (pixel >= top[:, None]) & (pixel < bottom[:, None])
    columns = (pixel >= left[:, None]) & (pixel < right[:, None])
    box: NDArray[np.bool_] = rows[:, :, None] & columns[:, None, :]
    return box


def _patches(n: int, photographs: Sequence[NDArray[Any]], rng: np.random.Generator) -> Images:
    """Patches (n, 28, 28): the photograph is uniform, and so is the place in it."""
    patches = np.empty((n, SIDE, SIDE), dtype=np.float32)
    source = rng.integers(len(photographs), size=n)
    for i, photograph in enumerate(photographs):
        places = np.lib.stride_tricks.sliding_window_view(photograph, (SIDE, SIDE))
        mine = np.flatnonzero(source == i)
        top = rng.integers(places.shape[0], size=len(mine))
        left = rng.integers(places.shape[1], size=len(mine))
        patches[mine] = places[top, left]
    return patches
