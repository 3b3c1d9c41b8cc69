"""New labels in trees that are trained: each goes where the router likes its examples best, and has
a column of its own there. Padding gives it one for nothing; else the leaf's block gets wider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .. import _core
from .expansion import as_inputs
from .forest import Forest
from .layout import Layout, LevelSize
from .packed import PackedTree
from .settings import Learning
from .tree import Tree

_MOST_COMPARED = 10  # of an example that are compared


@dataclass(frozen=True)
class Growth:
    """A packed tree, and where its weights go when it is trained on."""

    tree: PackedTree
    labels: NDArray[np.int32]  # at each place
    layouts: list[Layout]

    @property
    def sizes(self) -> list[LevelSize]:
        """What says how much memory it takes."""
        return [layout.size for layout in self.layouts]

    def grow(self, n_labels: int, learning: Learning) -> Tree:
        """Return the tree, to be trained on; weights of new labels are 0."""
        return Tree(self.labels, self.tree.unpack(self.layouts, learning), n_labels)


def with_labels(
    forest: Forest, rows: Sequence[csr_array], lists: csr_array, *, n_threads: int
) -> list[Growth]:
    """Return how the trees get a column for each label of `lists` that they do not hold.

    rows: (n, width) the examples as each tree reads them. lists: (n, n_labels) of ones, maybe more
    labels than before.
    """
    n_labels = int(lists.shape[1])
    counts = np.bincount(lists.indices, minlength=n_labels)
    is_known = np.zeros(n_labels, bool)
    is_known[: len(forest.is_seen)] = forest.is_seen
    new = np.flatnonzero((counts > 0) & ~is_known).astype(np.int32)
    trees = []
    for tree, own in zip(forest.trees, rows, strict=True):
        homes = _likeliest_leaves(tree, forest.settings.loss, own, lists[:, new], n_threads)
        trees.append(_grown(tree, new, homes))
    return trees


def _likeliest_leaves(
    tree: PackedTree, loss: str, rows: csr_array, lists: csr_array, n_threads: int
) -> NDArray[np.int64]:
    """Return for each column of `lists` the leaf with the largest sum of likelihoods over its
    examples."""
    n_leaves = tree.levels[-1].n_nodes
    if n_leaves == 1 or lists.shape[1] == 0:
        return np.zeros(lists.shape[1], np.int64)
    router = PackedTree(
        np.arange(n_leaves, dtype=np.int32), tree.levels[:-1], n_leaves, tree.width, loss
    )
    ids = np.arange(rows.shape[0], dtype=np.int64)
    k = min(_MOST_COMPARED, n_leaves)
    found, scores, _ = _core.predict_trees(
        [router.core], [as_inputs(rows)], ids, k, n_leaves, 1.0, n_threads
    )
    shape = (len(ids), n_leaves)
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


def _grown(tree: PackedTree, labels: NDArray[np.int32], homes: NDArray[np.int64]) -> Growth:
    """Return the tree with each label at the end of the leaf that is its home."""
    last = tree.levels[-1].children
    order = np.argsort(homes, kind="stable")
    ends = last[1:][homes[order]]
    n_added = np.bincount(homes, minlength=len(last) - 1)
    children = last + np.concatenate([[0], np.cumsum(n_added)])
    return Growth(tree, np.insert(tree.labels, ends, labels[order]), tree.layouts(children))
