"""New labels in trees that are trained: each goes where the router likes its examples best, and has
a column of its own there. Padding gives it one for nothing; else the cell's block gets wider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .. import _core
from .expansion import as_inputs
from .forest import Forest
from .layout import Layout
from .packed import PackedTree
from .presets import LEARNING
from .tree import LabelTree, Level

_MOST_CELLS = 10  # of an example that are compared


def with_labels(
    forest: Forest, rows: Sequence[csr_array], lists: csr_array, *, n_threads: int
) -> list[LabelTree]:
    """Return the trees unpacked, with a column for each label of `lists` that they do not hold.

    rows: (n, width) the examples as each tree reads them. lists: (n, n_labels) of ones, maybe more
    labels than before.
    """
    n_labels = int(lists.shape[1])
    counts = np.bincount(lists.indices, minlength=n_labels)
    is_known = np.zeros(n_labels, bool)
    is_known[: len(forest.is_seen)] = forest.is_seen
    new = np.flatnonzero((counts > 0) & ~is_known).astype(np.int32)
    learning = LEARNING[forest.settings.loss]
    trees = []
    for tree, own in zip(forest.trees, rows, strict=True):
        homes = _likeliest_cells(tree, forest.settings.loss, own, lists[:, new], n_threads)
        trees.append(_with_columns(tree.unpack(), new, homes, n_labels, learning.label_bias))
    return trees


def _likeliest_cells(
    tree: PackedTree, loss: str, rows: csr_array, lists: csr_array, n_threads: int
) -> NDArray[np.int64]:
    """Return for each column of `lists` the cell with the largest sum of likelihoods over its
    examples."""
    n_cells = tree.levels[-1].n_nodes
    if n_cells == 1 or lists.shape[1] == 0:
        return np.zeros(lists.shape[1], np.int64)
    router = PackedTree(
        np.arange(n_cells, dtype=np.int32), tree.levels[:-1], n_cells, tree.width, loss
    )
    ids = np.arange(rows.shape[0], dtype=np.int64)
    k = min(_MOST_CELLS, n_cells)
    found, scores, _ = _core.predict_trees(
        [router.core], [as_inputs(rows)], ids, k, n_cells, 1.0, n_threads
    )
    shape = (len(ids), n_cells)
    starts = np.arange(0, found.size + 1, k)
    likes = csr_array((scores.ravel(), found.ravel(), starts), shape=shape)
    votes = csr_array(lists.T.tocsr() @ likes)
    return np.array(
        [
            votes.indices[begin:end][np.argmax(votes.data[begin:end])]
            for begin, end in zip(votes.indptr[:-1], votes.indptr[1:], strict=True)
        ],
        np.int64,
    )


def _with_columns(
    tree: LabelTree, labels: NDArray[np.int32], homes: NDArray[np.int64], n_labels: int, bias: float
) -> LabelTree:
    """Return the tree with each label at the end of the cell that is its home."""
    last = tree.levels[-1]
    order = np.argsort(homes, kind="stable")
    ends = last.layout.children[1:][homes[order]]
    n_added = np.bincount(homes, minlength=last.layout.n_nodes)
    children = last.layout.children + np.concatenate([[0], np.cumsum(n_added)])
    level = _widened(last, replace(last.layout, children=children), bias)
    places = np.insert(tree.labels, ends, labels[order])
    return LabelTree(places, [*tree.levels[:-1], level], n_labels)


def _widened(level: Level, layout: Layout, bias: float) -> Level:
    """Return a level in another layout, whose nodes have more children; weights are kept."""
    if (layout.widths == level.layout.widths).all():  # padding had a column for each
        return Level(layout, level.weights, level.bias, level.bias_moments)
    wider = Level.fresh(layout, bias)
    for node in range(layout.n_nodes):
        width = int(level.layout.widths[node])
        wider.block(node)[:, :width] = level.block(node)
        begin, own = layout.columns[node], level.layout.columns[node]
        for ours, theirs in ((wider.bias, level.bias), (wider.bias_moments, level.bias_moments)):
            ours[begin : begin + width] = theirs[own : own + width]
    return wider
