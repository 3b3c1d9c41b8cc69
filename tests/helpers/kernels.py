"""Kernels of each SIMD level, called on copies of arrays at any address with NaN around them."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

import reference
from fewfire import _core

LEVELS = _core.simd_levels()  # plain comes first
EDGES = [0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 128, 129, 257]
SIZES = st.one_of(st.sampled_from(EDGES), st.integers(0, 70))
OFFSETS = st.integers(0, 17)  # of arrays, in their elements
EPSILON = 2.0**-23


def run(level: str, kernel: str, *args: Any, offset: int = 0) -> tuple[Any, list[Any]]:
    """What a kernel returns, and its arguments afterwards. Beside them it has written nothing."""
    placed = [place(arg, offset) if isinstance(arg, np.ndarray) else (arg, None) for arg in args]
    returned = getattr(_core.kernels(level), kernel)(*(own for own, _ in placed))
    for own, buffer in placed:
        if buffer is not None:
            assert (buffer[: offset * own.itemsize] == 0xFF).all()
            assert (buffer[offset * own.itemsize + own.nbytes :] == 0xFF).all()
    return returned, [own for own, _ in placed]


def place(array: np.ndarray, offset: int) -> tuple[np.ndarray, np.ndarray]:
    """A copy of an array, and the bytes that it lies in: all others are ones, which is NaN."""
    buffer = np.full(array.nbytes + (offset + 16) * array.itemsize, 0xFF, np.uint8)
    own = buffer[offset * array.itemsize :][: array.nbytes].view(array.dtype).reshape(array.shape)
    own[...] = array
    return own, buffer


def outcome(level: str, kernel: str, *args: Any, offset: int = 0) -> np.ndarray:
    """What a kernel leaves in its last argument; the others keep every bit."""
    _, after = run(level, kernel, *args, offset=offset)
    for one, other in zip(args[:-1], after[:-1], strict=True):
        if isinstance(one, np.ndarray):
            assert one.tobytes() == other.tobytes()
    return after[-1]


def assert_sums(got: np.ndarray, want: np.ndarray, of_sizes: np.ndarray, n_terms: int) -> None:
    """Within what rounding does to a sum of so many products, whose sizes add up to `of_sizes`."""
    assert (np.abs(got - want) <= EPSILON * (n_terms + 2) * of_sizes).all()


def stored(rng: np.random.Generator, shape: tuple[int, int], *, bfloat16: bool) -> np.ndarray:
    """Random weights: float32, or the 16 bits of bfloat16."""
    weights = rng.normal(size=shape).astype(np.float32)
    return reference.nearest_bfloat16(weights) if bfloat16 else weights


def sizes_of(weights: np.ndarray) -> np.ndarray:
    """Absolute values of weights, as they are stored."""
    return np.abs(weights) if weights.dtype == np.float32 else weights & np.uint16(0x7FFF)


def some(rng: np.random.Generator, n: int, below: int) -> np.ndarray:
    """Up to n distinct ids, in any order."""
    return rng.permutation(below)[:n].astype(np.int32)


def floats(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)
