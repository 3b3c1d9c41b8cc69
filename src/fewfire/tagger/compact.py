"""A tagger with fewer weights: small ones leave, and those that unknown features share. Rows that
are left without a weight leave with them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.bfloat16 import widened
from ..base.files import Arrays
from .forest import Forest


def pruned(forest: Forest, least: float) -> Arrays:
    """Return the arrays of a forest without the weights below `least` in absolute value."""
    arrays = forest.arrays()
    for tree, own in enumerate(forest.trees):
        for level in range(len(own.levels)):
            prefix = f"trees.{tree}.{level}."
            parts = {name: arrays[prefix + name] for name in _PRUNED}
            arrays |= {prefix + name: part for name, part in _level(parts, least).items()}
    return arrays


_PRUNED = ("lists", "nodes", "shared", "rows", "weights")  # of a level; core/tagger/packed.h


def _level(parts: dict[str, NDArray[Any]], least: float) -> Arrays:
    ends = parts["rows"].astype(np.int64)
    counts = ends[1:] - ends[:-1]
    n_known = len(parts["nodes"])
    row = np.repeat(np.arange(len(counts)), counts)
    values = widened(parts["weights"].astype(np.uint16))
    stays = (np.abs(values) >= least) & (row < n_known)  # rows behind those are shared
    left = np.bincount(row[stays], minlength=n_known)
    has_any = left > 0
    shares = np.concatenate([[0], np.cumsum(np.diff(parts["shared"]) > 0)])
    new_ends = np.concatenate([[0], np.cumsum(left[has_any])])
    return {
        "lists": np.concatenate([[0], np.cumsum(has_any)])[parts["lists"]],
        "nodes": parts["nodes"][has_any],
        "shared": shares,  # one row without weights, for what training that goes on may learn
        "rows": np.pad(new_ends, (0, int(shares[-1])), mode="edge").astype(np.uint32),
        "weights": parts["weights"][stays],
    }


def n_weights(arrays: Arrays) -> int:
    """Return how many weights trees have."""
    return sum(len(array) for name, array in arrays.items() if name.endswith(".weights"))
