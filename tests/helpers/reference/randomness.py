"""Random numbers that depend on nothing but where they are used: seed, key and draw.

`mix` is the finaliser of splitmix64 (Steele, Lea & Flood, OOPSLA 2014), `lots_of_key` that of
MurmurHash3, of which the upper half is used.
"""

from __future__ import annotations

import numpy as np


def mix(x: int) -> int:
    """The finaliser of splitmix64."""
    x = (x + 0x9E3779B97F4A7C15) % 2**64
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
    return x ^ x >> 31


def random_bits(seed: int, key: int, draw: int) -> int:
    return mix(mix(seed ^ mix(key)) ^ draw)


def random_below(n: int, bits: int) -> int:
    return (bits >> 32) * n >> 32


def lots_of_key(key: int, n: int) -> np.ndarray:
    """16 random bits for each of n values."""
    bits = np.uint64(key % 2**32) + np.arange(n, dtype=np.uint64) * 0x9E3779B9
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        bits %= 2**32
        bits = (bits ^ bits >> np.uint64(shift)) * np.uint64(factor)
    return (bits % 2**32 >> np.uint64(16)).astype(np.int64)


def example_key(x: np.ndarray, epoch: int = 0) -> int:
    """What names an example in an epoch of training, by its content; in prediction, in epoch 0."""
    (ids,) = np.nonzero(x)
    key = len(ids)
    for id_, bits in zip(ids.tolist(), x[ids].view(np.uint32).tolist(), strict=True):
        key = (key ^ (id_ << 32 | bits)) * 0x9E3779B97F4A7C15 % 2**64
        key ^= key >> 29
    return mix((mix(key) + epoch) % 2**64)
