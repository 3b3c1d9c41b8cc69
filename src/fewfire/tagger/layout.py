"""How one level of a tree lies in memory: its nodes' children, vocabularies and blocks, without the
weights. A node whose rows are as many as its known features has a row for each feature there is,
and needs no vocabulary; others find theirs by it, and share the rows behind for all else."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core

COLUMNS = 16  # widths of blocks are multiples of it
_SHARED = 0.25  # shared rows per known feature
_LEAST_SHARED = 16
_ENTRIES = 3  # of tables, per known feature, at most


@dataclass(frozen=True)
class LevelSize:
    """What says how much memory a level of `n` nodes takes.

    Parameters
    ----------
    listed : ndarray of int64, (n,)
        Features of each node's vocabulary; none where each feature has its row.
    rows, widths : ndarray of int64, (n,)
        Of each block.
    """

    listed: NDArray[np.int64]
    rows: NDArray[np.int64]
    widths: NDArray[np.int64]

    @classmethod
    def sparse(cls, known: NDArray[np.int64], widths: NDArray[np.int64]) -> LevelSize:
        """Return the size of nodes that know so many features."""
        return cls(known, known + shared_rows(known), widths)

    @property
    def n_weights(self) -> int:
        """Weights of all blocks."""
        return int((self.rows * self.widths).sum())

    @property
    def n_bytes(self) -> int:
        """What the level takes when it has weights."""
        n_listed = int(self.listed.sum())
        floats = self.n_weights + 2 * int(self.widths.sum())
        return 4 * (floats + n_listed) + 8 * _ENTRIES * n_listed

    @property
    def packed_bytes(self) -> int:
        """What the level takes packed, but for its weights."""
        has_each = self.listed == 0
        own, n_rows = np.where(has_each, self.rows, self.listed), int(self.rows.sum())
        lists = 8 * int(own[has_each].sum())  # of sparse levels they are a small part
        return 4 * (n_rows + int(own.sum())) + lists + 12 * int(self.widths.sum())


@dataclass(frozen=True)
class Layout:
    """A level of `n` nodes.

    Parameters
    ----------
    children : ndarray of int64, (n + 1,)
        First child of each node, as numbered in the level below, and their number.
    known, rows : ndarray of int64, (n,)
        Features with a row of their own, and rows.
    vocabulary : ndarray of int32
        The known features of each node, one node after the other.

    Raises
    ------
    ValueError
        If these do not fit together.
    """

    children: NDArray[np.int64]
    known: NDArray[np.int64]
    rows: NDArray[np.int64]
    vocabulary: NDArray[np.int32]

    def __post_init__(self) -> None:
        n = len(self.known)
        for name, size in (("children", n + 1), ("known", n), ("rows", n)):
            array = getattr(self, name)
            if array.dtype != np.int64 or array.shape != (size,) or n == 0:
                raise ValueError(f"{name} of a level do not fit its {n} nodes")
        if self.vocabulary.dtype != np.int32 or self.vocabulary.ndim != 1:
            raise ValueError("a vocabulary is a list of int32")
        if self.children[0] != 0 or (np.diff(self.children) < 1).any():
            raise ValueError("every node of a level needs a child")
        if (self.known < 0).any() or (self.rows < np.maximum(self.known, 1)).any():
            raise ValueError("a node needs a row for each feature that it knows")
        if sum(self.listed.tolist()) != len(self.vocabulary):
            raise ValueError("vocabularies do not fit the features that nodes know")

    @classmethod
    def dense(cls, n_features: int, n_children: int) -> Layout:
        """Return the layout of a root that knows every feature."""
        size = np.array([n_features], np.int64)
        children = np.array([0, n_children], np.int64)
        return cls(children, size, size, np.empty(0, np.int32))

    @classmethod
    def sparse(
        cls, children: NDArray[np.int64], indptr: NDArray[np.int64], vocabulary: NDArray[np.int32]
    ) -> Layout:
        """Return the layout of nodes with these vocabularies."""
        known = np.diff(indptr)
        return cls(children, known, known + shared_rows(known), vocabulary)

    def some(self, first: int, stop: int) -> Layout:
        """Return the layout of some of the nodes, neighbours."""
        begins = _begins(self.listed)
        return Layout(
            self.children[first : stop + 1] - self.children[first],
            self.known[first:stop],
            self.rows[first:stop],
            self.vocabulary[begins[first] : begins[stop]],
        )

    @property
    def n_nodes(self) -> int:
        """Nodes."""
        return len(self.known)

    @property
    def n_children(self) -> int:
        """Children of all nodes."""
        return int(self.children[-1])

    @cached_property
    def listed(self) -> NDArray[np.int64]:
        """Features of each node's vocabulary, (n,); none where each feature has its row."""
        return np.where(self.is_dense, 0, self.known)

    @property
    def is_dense(self) -> NDArray[np.bool_]:
        """Which nodes have a row for each feature there is, (n,)."""
        return np.asarray(self.rows == self.known)

    @cached_property
    def widths(self) -> NDArray[np.int64]:
        """Columns of each block, (n,)."""
        return padded(np.diff(self.children))

    @cached_property
    def parents(self) -> NDArray[np.int32]:
        """The node of each child."""
        return parents_of(self.children)

    @cached_property
    def blocks(self) -> NDArray[np.int64]:
        """Begin of each node's block in the weights, and their number."""
        return _begins(self.rows * self.widths)

    @cached_property
    def columns(self) -> NDArray[np.int64]:
        """Begin of each node's columns in the bias, and their number."""
        return _begins(self.widths)

    @property
    def size(self) -> LevelSize:
        """What says how much memory the level takes."""
        return LevelSize(self.listed, self.rows, self.widths)

    def level(self, weights: Any, bias: Any, bias_moments: Any) -> _core.Level:
        """Return the core's view of the level; it shares the arrays."""
        tables, entries = _core.fill_tables(_begins(self.listed), self.vocabulary)
        return _core.Level(
            self.children, self.parents, tables, entries, self.known, self.blocks,
            self.columns, weights, bias, bias_moments,
        )  # fmt: skip


def parents_of(children: NDArray[np.int64]) -> NDArray[np.int32]:
    """Return the node of each child, from the begins of the nodes' lists."""
    return np.repeat(np.arange(len(children) - 1, dtype=np.int32), np.diff(children))


def padded(n_children: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the columns of blocks with so many children."""
    return -(-n_children // COLUMNS) * COLUMNS


def shared_rows(known: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many rows nodes share among the features that they do not know."""
    return np.maximum(_LEAST_SHARED, (known * _SHARED).astype(np.int64))


def _begins(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
