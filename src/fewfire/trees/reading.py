"""What trees have learned, for people: what spoke for a label, and what leads to a cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .forest import Forest
from .layout import COLUMNS
from .presets import LEARNING


class Reason(NamedTuple):
    """Why an example got a label.

    features: the numbers of features, and of pairs behind them; contributions: value x weight of
    each, summed over the way down to the label, the most telling first.
    """

    label: int
    score: float
    features: NDArray[np.int64]
    contributions: NDArray[np.float32]


class Cell(NamedTuple):
    """Labels that share a block of weights, and the features that lead to it, by weight."""

    labels: NDArray[np.int32]
    features: NDArray[np.int64]
    weights: NDArray[np.float32]


def contributions(
    forest: Forest, ids: NDArray[np.int32], values: NDArray[np.float32], label: int
) -> NDArray[np.float32]:
    """Return what each feature of an expanded example adds to a label: the mean over all trees of
    value x weight at the label, and path_weight times that at the nodes above."""
    total = np.zeros(len(ids), np.float32)
    for tree in forest.trees:
        child, share = int(tree.places[label]), 1.0
        for level, core in zip(reversed(tree.levels), reversed(tree.cores), strict=True):
            node = int(level.layout.parents[child])
            rows = _core.find_rows(core, node, ids)
            column = level.block(node)[rows, child - level.layout.children[node]]
            total += np.float32(share) * values * column
            child, share = node, LEARNING[forest.settings.loss].path_weight
    return total / np.float32(len(forest.trees))


def reason(
    forest: Forest,
    ids: NDArray[np.int32],
    values: NDArray[np.float32],
    label: int,
    score: float,
    n: int,
) -> Reason:
    """Return the `n` features that spoke most for a label."""
    found = contributions(forest, ids, values, label)
    best = np.argsort(-found, kind="stable")[:n]
    best = best[found[best] > 0]
    return Reason(label, score, ids[best].astype(np.int64), found[best])


def cells(forest: Forest, number: int, n: int) -> Iterator[Cell]:
    """Go through the cells of a tree, each with the `n` features of the largest weights that lead
    to it from the node above. A tree that is one cell has none."""
    tree = forest.trees[number]
    bottom = tree.levels[-1].layout
    leading = _leading(forest, number, n) if len(tree.levels) > 1 else _none()
    for cell, (features, weights) in zip(range(bottom.n_nodes), leading, strict=False):
        begin, end = bottom.children[cell : cell + 2]
        yield Cell(tree.labels[begin:end], features, weights)


def _none() -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    yield np.empty(0, np.int64), np.empty(0, np.float32)


def _leading(
    forest: Forest, number: int, n: int
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    above = forest.trees[number].levels[-2]
    for node in range(above.layout.n_nodes):
        features = above.layout.features(node)
        n_children = int(np.diff(above.layout.children)[node])
        for first in range(0, n_children, COLUMNS):  # as many as lie together
            columns = above.block(node)[: len(features), first : first + COLUMNS].T.copy()
            for column in columns[: n_children - first]:
                best = np.argsort(-column, kind="stable")[:n]
                best = best[column[best] > 0]
                yield features[best].astype(np.int64), column[best]
