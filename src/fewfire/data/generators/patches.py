"""Patches of photographs, 28 x 28, from where there is texture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .canvas import SIDE, Bytes

LOWEST_DEVIATION = 16  # of 255 grey levels: the standard deviation in a patch


class Patches:
    """The places of photographs where a patch has texture: a deviation of `LOWEST_DEVIATION`.

    Every photograph that has such places gives as many patches as any other; its places are
    equally likely. The first patches do not depend on how many are drawn, or in how many calls.

    Parameters
    ----------
    photographs : sequence of 2-D float arrays, grey from 0 to 1, at least 28 x 28 pixels each

    Raises
    ------
    ValueError
        If no patch of any photograph has texture.

    Examples
    --------
    >>> noise = [np.random.default_rng(1).random((40, 50))]
    >>> patches = Patches(noise)(5, np.random.default_rng(0))
    >>> patches.shape, patches.dtype
    ((5, 28, 28), dtype('uint8'))
    """

    def __init__(self, photographs: Sequence[NDArray[Any]]) -> None:
        grey = [np.rint(photograph * 255).astype(np.uint8) for photograph in photographs]
        found = [(photograph, _textured(photograph)) for photograph in grey]
        self._found = [(photograph, places) for photograph, places in found if len(places)]
        if not self._found:
            raise ValueError(
                f"no patch of {len(grey)} photographs has a standard deviation of "
                f"{LOWEST_DEVIATION} of 255 grey levels; give photographs with more texture"
            )

    def __call__(self, n: int, rng: np.random.Generator) -> Bytes:
        """Draw `n` patches, uint8 (n, 28, 28)."""
        photograph_at, place_at = rng.random((n, 2)).T
        source = (photograph_at * len(self._found)).astype(np.int64)
        patches = np.empty((n, SIDE, SIDE), dtype=np.uint8)
        for i, (photograph, places) in enumerate(self._found):
            mine = np.flatnonzero(source == i)
            views = np.lib.stride_tricks.sliding_window_view(photograph, (SIDE, SIDE))
            chosen = places[(place_at[mine] * len(places)).astype(np.int64)]
            patches[mine] = views[np.divmod(chosen, views.shape[1])]
        return patches


def _textured(photograph: Bytes) -> NDArray[np.int64]:
    """Places of patches with texture, numbered along the rows of places. Exact, in integers."""
    grey, area = photograph.astype(np.int64), SIDE * SIDE
    variance = area * _sums(grey * grey) - _sums(grey) ** 2  # times area^2
    return np.flatnonzero(variance >= (area * LOWEST_DEVIATION) ** 2)


def _sums(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sum of each patch, from the sums of all that is above and left of each pixel."""
    sums = np.pad(values, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    lower, upper = sums[SIDE:], sums[:-SIDE]
    in_rows = lower - upper
    patches: NDArray[np.int64] = in_rows[:, SIDE:] - in_rows[:, :-SIDE]
    return patches
