"""Parts of a training set that are kept aside to choose settings on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset
from ..data.shuffled import shuffled

Ids = NDArray[np.int64]


class Fold(NamedTuple):
    """Positions of the examples that are trained on, and of those that are kept aside."""

    train: Ids
    held_out: Ids


def folds(data: Dataset, *, n_folds: int, n_held_out: int, n_train: int, seed: int) -> list[Fold]:
    """Return `n_folds` ways to keep `n_held_out` examples aside, no example twice, and to train on
    `n_train` others, or all; positions ascend."""
    classes = np.asarray(data.y) if data.kind == "classes" else None
    order = shuffled(len(data), classes, np.random.default_rng(seed))
    found = []
    for k in range(n_folds):
        begin, end = k * n_held_out, (k + 1) * n_held_out
        others = np.concatenate([order[end:], order[:begin]])[:n_train]
        found.append(Fold(np.sort(others), np.sort(order[begin:end])))
    return found
