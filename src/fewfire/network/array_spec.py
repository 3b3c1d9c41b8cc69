"""What an array of a layer must be."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..base.bfloat16 import DTYPES
from ..base.finite import check_finite


class ArraySpec(NamedTuple):
    """What an array of a layer must be: finite numbers that a network stores its weights as or,
    with a bound, uint32 below it."""

    shape: tuple[int, ...]
    bound: int | None = None
    distinct: bool = False
    stored_as: str = "float32"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the array."""
        return DTYPES[self.stored_as] if self.bound is None else np.dtype(np.uint32)

    def check(self, name: str, array: NDArray[Any]) -> None:
        """Raise unless the array is what it must be, aligned, writeable and C-contiguous."""
        if array.shape != self.shape or array.dtype != self.dtype or not array.flags.carray:
            raise ValueError(
                f"{name} is {array.dtype}{array.shape}, wanted {self.dtype}{self.shape}, aligned, "
                "writeable and C-contiguous"
            )
        if self.bound is None:
            check_finite(name, array)
        elif (array >= self.bound).any():
            raise ValueError(f"{name} holds {array.max()}, wanted numbers below {self.bound}")
        if self.distinct and len(np.unique(array)) < array.size:
            raise ValueError(f"{name} holds a number twice")
