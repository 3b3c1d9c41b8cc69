"""Whether arrays hold numbers: none infinite, and none that is not a number."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bfloat16 import is_bfloat16, is_finite, widened


def all_finite(array: NDArray[Any]) -> bool:
    """Return whether all values are finite, of floats or of bfloat16 as uint16."""
    return is_finite(array) if is_bfloat16(array) else bool(np.isfinite(array).all())


def check_finite(name: str, array: NDArray[Any]) -> None:
    """Raise unless all values are finite, of floats or of bfloat16 as uint16; say the first.

    >>> check_finite("bias", np.array([0.5, np.inf]))
    Traceback (most recent call last):
        ...
    ValueError: bias[1] is inf: its values must all be finite
    """
    if all_finite(array):
        return
    values = widened(array) if is_bfloat16(array) else array
    place = np.unravel_index(np.argmin(np.isfinite(values)), values.shape)
    where = ", ".join(str(int(i)) for i in place)
    raise ValueError(f"{name}[{where}] is {values[place]}: its values must all be finite")
