"""Numbers of 16 bits: the upper halves of floats, as uint16, because numpy has no type for them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPES: dict[str, np.dtype[Any]] = {  # how arrays hold what weights are stored as
    "float32": np.dtype(np.float32),
    "bfloat16": np.dtype(np.uint16),
}
_EXPONENT = np.uint16(0x7F80)  # all ones: infinite, or no number


def is_bfloat16(array: NDArray[Any]) -> bool:
    """Whether an array of a network holds bfloat16 numbers: none has others of 16 bits."""
    return bool(array.dtype == np.uint16)


def widened(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return the same numbers as floats.

    >>> widened(np.array([0x3F80, 0xC040], np.uint16))
    array([ 1., -3.], dtype=float32)
    """
    upper = bits.astype(np.uint32)
    upper <<= np.uint32(16)
    return upper.view(np.float32)


def nearest(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Round floats to the nearest bfloat16, of two as near to the even one; NaN stays NaN.

    >>> widened(nearest(np.array([0.1, -3.0], np.float32)))
    array([ 0.10009766, -3.        ], dtype=float32)
    """
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    upper = bits >> 16
    rounded = (bits + (0x7FFF + (upper & 1))) >> 16
    return np.where(np.isnan(values), upper | 0x40, rounded).astype(np.uint16)


def is_finite(bits: NDArray[np.uint16]) -> bool:
    """Whether all of them are numbers, and none is infinite."""
    return not bool(((bits & _EXPONENT) == _EXPONENT).any())
