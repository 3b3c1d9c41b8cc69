"""Sparse vectors: the inputs that count."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

NOTHING = np.empty(0, int)


class Vector(NamedTuple):
    """The inputs that count: those of value 0 are left out, except between two dense layers."""

    ids: np.ndarray  # ascending
    values: np.ndarray


def nonzeros(x: np.ndarray) -> Vector:
    ids = np.flatnonzero(x)
    return Vector(ids, x[ids].astype(float))
