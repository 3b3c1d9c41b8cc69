"""What the images share: their size and types, and what is asked of given ones."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..dataset import Dataset

Images: TypeAlias = NDArray[np.float32]
Bytes: TypeAlias = NDArray[np.uint8]
Labels: TypeAlias = NDArray[np.int32]
SIDE = 28
CHUNK = 4096  # images worked on at once: their pixels stay in the cache of one core


def check_square(source: Dataset, done: str) -> int:
    """Return the side of square dense images from 0 to 1; raise if a set holds others, or none."""
    side = math.isqrt(source.n_features)
    if not isinstance(source.X, np.ndarray) or not source.X.size or side**2 != source.n_features:
        raise ValueError(f"only square images, dense, can be {done}, not {source!r}")
    low, high = source.X.min(), source.X.max()
    if low < 0 or high > 1:
        raise ValueError(f"values go from {low:g} to {high:g}; scale the images to 0..1 first")
    return side
