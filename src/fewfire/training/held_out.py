"""Parts of a training set that are kept aside to choose settings on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset

Ids = NDArray[np.int64]


class Fold(NamedTuple):
    """Positions of the examples that are trained on, and of those that are kept aside."""

    train: Ids
    held_out: Ids


def shuffled(data: Dataset, rng: np.random.Generator) -> Ids:
    """Return the positions of all examples in an order any part of which has about the same share
    of each class: classes are shuffled, each for itself, and spread evenly. Other examples are only
    shuffled."""
    order = rng.permutation(len(data))
    if data.kind != "classes":
        return order
    classes = np.asarray(data.y)[order]
    by_class = np.argsort(classes, kind="stable")
    counts = np.bincount(classes)
    counts = counts[counts > 0]
    first = np.repeat(np.cumsum(counts) - counts, counts)
    size = np.repeat(counts, counts)
    # The k-th of m examples of a class comes at about (k + a lot) / m of the way.
    place = (np.arange(len(order)) - first + rng.random(len(counts)).repeat(counts)) / size
    return order[by_class[np.argsort(place, kind="stable")]]


def folds(data: Dataset, *, n_folds: int, n_held_out: int, n_train: int, seed: int) -> list[Fold]:
    """Return `n_folds` ways to keep `n_held_out` examples aside, no example twice, and to train on
    `n_train` others, or all; positions ascend."""
    order = shuffled(data, np.random.default_rng(seed))
    found = []
    for k in range(n_folds):
        begin, end = k * n_held_out, (k + 1) * n_held_out
        others = np.concatenate([order[end:], order[:begin]])[:n_train]
        found.append(Fold(np.sort(others), np.sort(order[begin:end])))
    return found
