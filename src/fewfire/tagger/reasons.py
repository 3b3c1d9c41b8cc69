"""What trees have learned, for people: what spoke for a label, and what leads to a leaf."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .. import _core
from .forest import Forest
from .packed import PackedLevel
from .settings import LEARNING

SparseRow = tuple[NDArray[np.int32], NDArray[np.float32]]  # ascending features, and their values


class Reason(NamedTuple):
    """Why an example got a label.

    features: the numbers of features, and of pairs behind them; contributions: value x weight of
    each, summed over the way down to the label, the most telling first.
    """

    label: int
    score: float
    features: NDArray[np.int64]
    contributions: NDArray[np.float32]


class Leaf(NamedTuple):
    """Labels that share a block of weights, and the features that lead to it, by weight."""

    labels: NDArray[np.int32]
    features: NDArray[np.int64]
    weights: NDArray[np.float32]


def row_of(rows: csr_array, i: int) -> SparseRow:
    """Return a row of a CSR."""
    own = slice(rows.indptr[i], rows.indptr[i + 1])
    return np.asarray(rows.indices[own], np.int32), np.asarray(rows.data[own], np.float32)


def contributions(forest: Forest, examples: Sequence[SparseRow], label: int) -> NDArray[np.float32]:
    """Return what each feature of an example adds to a label: the mean over all trees of value x
    weight at the label, and path_weight times that at the nodes above.

    examples: as each tree reads it. Features are those of the tree that reads most.
    """
    total = np.zeros(max(len(ids) for ids, _ in examples), np.float32)
    for tree, (ids, values) in zip(forest.trees, examples, strict=True):
        child, share = int(tree.places[label]), 1.0
        for level in reversed(tree.levels):
            weights = _core.packed_weights(level.core, child, ids)
            total[: len(ids)] += np.float32(share) * values * weights  # pairs are behind features
            child, share = int(level.parents[child]), LEARNING[forest.settings.loss].path_weight
    return total / np.float32(len(forest.trees))


def reason(
    forest: Forest, examples: Sequence[SparseRow], label: int, score: float, n: int
) -> Reason:
    """Return the `n` features that spoke most for a label."""
    found = contributions(forest, examples, label)
    features = max((ids for ids, _ in examples), key=len)
    best = np.argsort(-found, kind="stable")[:n]
    best = best[found[best] > 0]
    return Reason(label, score, forest.expansion.as_given(features[best]), found[best])


def leaves(forest: Forest, number: int, n: int) -> Iterator[Leaf]:
    """Go through the leaves of a tree, each with the `n` features of the largest weights that lead
    to it from the node above. A tree that is one leaf has none."""
    tree = forest.trees[number]
    bottom = tree.levels[-1]
    leading = _leading(tree.levels[-2], n) if len(tree.levels) > 1 else _none()
    for leaf, (features, weights) in zip(range(bottom.n_nodes), leading, strict=False):
        begin, end = bottom.children[leaf : leaf + 2]
        yield Leaf(tree.labels[begin:end], forest.expansion.as_given(features), weights)


def _none() -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    yield np.empty(0, np.int64), np.empty(0, np.float32)


def _leading(level: PackedLevel, n: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    features, children, weights = level.known_weights()
    order = np.lexsort((-weights, children))
    features, children, weights = features[order], children[order], weights[order]
    ends = np.searchsorted(children, np.arange(len(level.bias) + 1))
    for begin, end in pairwise(ends):
        best = slice(begin, begin + min(n, end - begin))
        is_positive = weights[best] > 0
        yield features[best][is_positive], weights[best][is_positive]
