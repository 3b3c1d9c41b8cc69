"""What a last layer draws: negatives that a micro-batch shares, and which thin gradients stay."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.randomness import example_key, lots_of_key, mix, random_below, random_bits

LINE = 2**32


def shared_negatives(
    batch: np.ndarray, n: int, n_rows: int, seed: int, epoch: int = 0, shares: Any = ()
) -> Any:
    """The distinct rows drawn for the examples of a micro-batch: n, or about n by shares."""
    key, drawn, draw = 0, set(), 0
    for x in batch:
        key = mix(key ^ example_key(x, epoch))
    if len(shares):
        lots = [random_bits(seed, key, i) >> 32 for i in range(number_of_draws(shares, n))]
        return np.unique(np.searchsorted(starts(shares), lots, "right") - 1)
    while len(drawn) < min(n, n_rows):
        drawn.add(random_below(n_rows, random_bits(seed, key, draw)))
        draw += 1
    return np.array(sorted(drawn), int)


def starts(shares: Any) -> Any:
    """Where the part of each row begins on a line of 2^32 places."""
    before = np.cumsum([0.0, *shares[:-1]])
    return np.minimum(before / np.cumsum(shares)[-1] * LINE, LINE - 1).astype(np.uint32)


def number_of_draws(shares: Any, n: int) -> int:
    """How many draws find n distinct rows on average, at most 8 n."""
    n = min(n, len(shares))
    if len(shares) == 1:
        return n
    missed, low, high = 1 - widths(shares), n, 8.0 * n
    for _ in range(100):
        middle = (low + high) / 2
        found = (1 - missed**middle).sum()
        low, high = (middle, high) if found < n else (low, middle)
    return round(low)


def widths(shares: Any) -> Any:
    return np.diff(starts(shares).astype(float), append=LINE) / LINE


def stands_for(shares: Any, n: int) -> Any:
    """The inverse of the chance of each row to be among those drawn, where n are wanted."""
    return 1 / (1 - (1 - widths(shares)) ** number_of_draws(shares, n))


@np.errstate(over="ignore")  # of sizes that stay anyway
def thinned(values: np.ndarray, least: float, key: int) -> np.ndarray:
    """Of values below `least` a share of value / least become `least`, the others 0."""
    size, least = np.abs(values), np.float32(least)
    drawn = lots_of_key(key, len(values)).astype(np.float32) + np.float32(0.5)
    stays = drawn < size * (np.float32(65536) / least)
    return np.where(size < least, np.where(stays, np.copysign(least, values), 0), values)
