"""An order of examples any part of which has about the same share of each class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]


def shuffled(n: int, classes: NDArray[np.int32] | None, rng: np.random.Generator) -> Ids:
    """Return the positions of `n` examples: classes are shuffled, each for itself, and spread
    evenly. Without classes all are only shuffled."""
    order = rng.permutation(n)
    if classes is None:
        return order
    by_class = np.argsort(classes[order], kind="stable")
    counts = np.bincount(classes)
    counts = counts[counts > 0]
    first = np.repeat(np.cumsum(counts) - counts, counts)
    size = np.repeat(counts, counts)
    # The k-th of m examples of a class comes at about (k + a lot) / m of the way.
    place = (np.arange(n) - first + rng.random(len(counts)).repeat(counts)) / size
    return order[by_class[np.argsort(place, kind="stable")]]
