"""bfloat16 numbers are the upper halves of float32: the same range, 8 bits of precision.

New values are rounded up or down by lot, so that their mean stays; initial ones to the nearest.
"""

from __future__ import annotations

import numpy as np

from reference.randomness import lots_of_key, random_bits


def nearest_bfloat16(values: np.ndarray) -> np.ndarray:
    """As uint16: of the two neighbours the nearer one, of two as near the even one."""
    bits = values.astype(np.float32).view(np.uint32).astype(np.int64)
    lower, rest = bits >> 16, bits & 0xFFFF
    up = (rest > 0x8000) | ((rest == 0x8000) & (lower % 2 == 1))
    return (lower + up).astype(np.uint16)


def widened(bits: np.ndarray) -> np.ndarray:
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def rounded_by(values: np.ndarray, lots: np.ndarray) -> np.ndarray:
    """As uint16: away from 0 where a lot below 2^16 is at least what the rest lacks of the next."""
    bits = values.astype(np.float32).view(np.uint32).astype(np.int64)
    return ((bits >> 16) + (lots >= 0x10000 - (bits & 0xFFFF))).astype(np.uint16)


def lots(seed: int, about: int, step: int, n_rows: int, n_columns: int) -> np.ndarray:
    """16 random bits for each weight: 3 for the decay of a step, 4 for the step itself."""
    keys = [random_bits((seed + about) % 2**64, step, row) for row in range(n_rows)]
    return np.array([lots_of_key(key, n_columns) for key in keys]).reshape(n_rows, n_columns)
