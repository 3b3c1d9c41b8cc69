"""Features of a tagger: powers of unit length, pairs of the largest, and unit length again."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np


def frequent_pairs(X: np.ndarray, most: int, least: int) -> np.ndarray:
    """Keys of the pairs of features among the `most` largest of at least `least` rows."""
    counts: Counter[int] = Counter()
    for x in X:
        for low, high in combinations(largest_features(x, most), 2):
            counts[int(low) << 32 | int(high)] += 1
    return np.array(sorted(key for key, n in counts.items() if n >= least), np.uint64)


def largest_features(x: np.ndarray, most: int) -> np.ndarray:
    """The `most` features of the largest absolute values, ties to the lower; ascending."""
    found = np.flatnonzero(x)
    return np.sort(found[np.argsort(-np.abs(x[found]), kind="stable")[:most]])


def expand(
    X: np.ndarray, power: float, most: int, pair_scale: float, keys: np.ndarray
) -> np.ndarray:
    """Powers of unit length, the pairs that each row has behind them, and unit length again."""
    base = unit_rows(np.sign(X) * np.abs(X.astype(np.float64)) ** power)
    pairs = np.zeros((len(X), len(keys)))
    for i, x in enumerate(base):
        for low, high in combinations(largest_features(x.astype(np.float32), most), 2):
            number = np.flatnonzero(keys == np.uint64(int(low) << 32 | int(high)))
            product = x[low] * x[high]
            pairs[i, number] = pair_scale * np.sign(product) * np.abs(product) ** 0.25
    return unit_rows(np.hstack([base, pairs]))


def unit_rows(X: np.ndarray) -> np.ndarray:
    """Rows of unit length; rows of zeros stay."""
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    return X / np.where(norms > 0, norms, 1)
