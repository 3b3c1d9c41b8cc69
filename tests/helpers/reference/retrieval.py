"""What a last layer draws: negatives that a micro-batch shares, and which thin gradients stay."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.randomness import example_key, lots_of_key, mix, random_below, random_bits


def shared_negatives(batch: np.ndarray, n: int, n_rows: int, seed: int, epoch: int = 0) -> Any:
    """The distinct rows drawn for the examples of a micro-batch."""
    key, drawn, draw = 0, set(), 0
    for x in batch:
        key = mix(key ^ example_key(x, epoch))
    while len(drawn) < min(n, n_rows):
        drawn.add(random_below(n_rows, random_bits(seed, key, draw)))
        draw += 1
    return np.array(sorted(drawn), int)


@np.errstate(over="ignore")  # of sizes that stay anyway
def thinned(values: np.ndarray, least: float, key: int) -> np.ndarray:
    """Of values below `least` a share of value / least become `least`, the others 0."""
    size, least = np.abs(values), np.float32(least)
    drawn = lots_of_key(key, len(values)).astype(np.float32) + np.float32(0.5)
    stays = drawn < size * (np.float32(65536) / least)
    return np.where(size < least, np.where(stays, np.copysign(least, values), 0), values)
