"""Trees before they have weights: which labels share a leaf, and which features a node knows. What
they will take of memory is known exactly from here on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .. import _core
from .expansion import as_inputs
from .layout import Layout, LevelSize, padded
from .settings import LEAST_ROWS, Learning
from .tree import Level, Tree

_MOST_LEAVES = 512  # of a root; more of them get a level above
UNLIMITED = 2**40  # features of a vocabulary


@dataclass(frozen=True)
class Leaves:
    """Which labels are together.

    Parameters
    ----------
    labels : ndarray of int32
        The label at each place: those of a leaf are neighbours.
    begins : list of ndarray of int64
        For each level, the begins of its nodes among the places of the labels, and their number.
    """

    labels: NDArray[np.int32]
    begins: list[NDArray[np.int64]]

    def children(self, level: int) -> NDArray[np.int64]:
        """Return the begins of the lists of children of a level's nodes."""
        if level == len(self.begins) - 1:
            return self.begins[level]
        return np.searchsorted(self.begins[level + 1], self.begins[level]).astype(np.int64)

    def n_children(self, level: int) -> int:
        """Return how many children all nodes of a level have."""
        return int(self.children(level)[-1])


@dataclass(frozen=True)
class TreePlan:
    """A tree without weights: its leaves, and the layout of each level."""

    leaves: Leaves
    layouts: list[Layout]

    @property
    def sizes(self) -> list[LevelSize]:
        """What says how much memory it takes."""
        return [layout.size for layout in self.layouts]

    def grow(self, n_labels: int, learning: Learning) -> Tree:
        """Return the tree, its weights 0."""
        levels = [
            Level.fresh(layout, learning.bias(is_last=layout is self.layouts[-1]))
            for layout in self.layouts
        ]
        return Tree(self.leaves.labels, levels, n_labels)


@dataclass(frozen=True)
class Sketch:
    """A tree before its vocabularies are collected.

    Parameters
    ----------
    leaves : Leaves
    n_features : int
    known : list of ndarray of int64
        For each level, how many features the examples of each node have.
    """

    leaves: Leaves
    n_features: int
    known: list[NDArray[np.int64]]

    def sizes(self, most: int) -> list[LevelSize]:
        """Return the sizes of the levels if nodes knew at most `most` features."""
        found = []
        for level, known in enumerate(self.known):
            widths = padded(np.diff(self.leaves.children(level)))
            if level == 0 and most >= self.n_features:
                found.append(Layout.dense(self.n_features, self.leaves.n_children(0)).size)
            else:
                found.append(LevelSize.sparse(np.minimum(known, most), widths))
        return found


def depths_of(n_labels: int, labels_per_leaf: int) -> list[int]:
    """Return how often each level but the last halves the labels: leaves come out of about that
    size, and nodes have some hundreds of children at most.

    >>> depths_of(60, 80), depths_of(20_533, 80), depths_of(670_091, 80)
    ([], [8], [7, 6])
    """
    depth = max(0, round(np.log2(max(1, n_labels) / labels_per_leaf)))
    while 2**depth > max(1, n_labels):
        depth -= 1
    if depth == 0:
        return []
    return [depth] if 2**depth <= _MOST_LEAVES else [depth - depth // 2, depth // 2]


def find_leaves(
    centroids: csr_array,
    labels: NDArray[np.int32],
    depths: Sequence[int],
    seed: int,
    n_threads: int,
) -> Leaves:
    """Bring labels of like examples together: a random number `seed` makes another tree."""
    order, ends = _core.cluster(as_inputs(centroids), sum(depths), seed, n_threads)
    above = np.cumsum([0, *depths])
    begins = [np.ascontiguousarray(ends[:: 2 ** int(sum(depths) - depth)]) for depth in above]
    return Leaves(np.ascontiguousarray(labels[order]), begins)


def sketch_tree(
    rows: csr_array, n_features: int, lists: csr_array, leaves: Leaves, n_threads: int
) -> Sketch:
    """Count the features that the nodes of a tree would know.

    rows: (n, width) expanded examples, pairs behind the features. lists: (n, places) of ones, as
    the tree numbers labels.
    """
    inputs = as_inputs(rows)
    known = [
        _core.count_vocabulary(inputs, *_members(lists, begins), n_features, LEAST_ROWS, n_threads)
        for begins in leaves.begins
    ]
    return Sketch(leaves, int(rows.shape[1]), known)


def plan_tree(
    rows: csr_array, n_features: int, lists: csr_array, leaves: Leaves, most: int, n_threads: int
) -> TreePlan:
    """Lay out the levels of a tree whose nodes know at most `most` features.

    rows: (n, width) expanded examples, pairs behind the features. lists: (n, places) of ones, as
    the tree numbers labels.
    """
    inputs, layouts = as_inputs(rows), []
    for level, begins in enumerate(leaves.begins):
        if level == 0 and most >= rows.shape[1]:
            layouts.append(Layout.dense(int(rows.shape[1]), leaves.n_children(0)))
            continue
        members = _members(lists, begins)
        limits = np.full(len(begins) - 1, most, np.int64)
        found = _core.collect_vocabulary(
            inputs, *members, n_features, LEAST_ROWS, limits, n_threads
        )
        layouts.append(Layout.sparse(leaves.children(level), *found))
    return TreePlan(leaves, layouts)


def renumbered(lists: csr_array, labels: NDArray[np.int32]) -> csr_array:
    """Return label lists (n, places), numbered as in a tree; labels it has not are left out."""
    own = csr_array(lists[:, labels])
    own.sort_indices()
    return own


def _members(
    lists: csr_array, begins: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return which examples have a label in each node, as lists."""
    nodes = np.searchsorted(begins, lists.indices, side="right") - 1
    shape = (lists.shape[0], len(begins) - 1)
    of_examples = csr_array((np.ones(len(nodes), np.float32), nodes, lists.indptr), shape=shape)
    of_nodes = of_examples.T.tocsr()
    of_nodes.sum_duplicates()
    return np.asarray(of_nodes.indptr, np.int64), np.asarray(of_nodes.indices, np.int32)
