"""A tree that is being trained: arrays that the core reads and changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .layout import Layout

_FIRST_MOMENT = 1e-6  # of the biases' Adagrad


@dataclass
class Level:
    """One level: where its blocks are, and what is in them."""

    layout: Layout
    weights: NDArray[np.float32]  # block after block
    bias: NDArray[np.float32]  # node after node, padded like the blocks
    bias_moments: NDArray[np.float32]

    @classmethod
    def fresh(cls, layout: Layout, bias: float) -> Level:
        """Return a level whose weights are 0."""
        n_columns = int(layout.columns[-1])
        return cls(
            layout,
            np.zeros(int(layout.blocks[-1]), np.float32),
            np.full(n_columns, bias, np.float32),
            np.full(n_columns, _FIRST_MOMENT, np.float32),
        )

    def block(self, node: int) -> NDArray[np.float32]:
        """Return the block of a node, (rows, columns): a view."""
        begin, end = self.layout.blocks[node : node + 2]
        width = int(self.layout.widths[node])
        return self.weights[begin:end].reshape(-1, width)

    def core(self) -> _core.Level:
        """Return the core's view; it shares the arrays."""
        return self.layout.level(self.weights, self.bias, self.bias_moments)


class Tree:
    """A tree over labels.

    Parameters
    ----------
    labels : ndarray of int32
        The label at each place.
    levels : sequence of Level
        The root's first.
    n_labels : int
        Of the data, also those that are in no tree.

    Raises
    ------
    ValueError
        If levels and labels do not fit together.
    """

    def __init__(self, labels: NDArray[np.int32], levels: Sequence[Level], n_labels: int) -> None:
        self.labels = labels
        self.levels = list(levels)
        self.n_labels = n_labels
        if len(labels) == 0 or self.levels[-1].layout.n_children != len(labels):
            raise ValueError("a tree needs a label for each child of its last level")
        if labels.min() < 0 or labels.max() >= n_labels or len(np.unique(labels)) != len(labels):
            raise ValueError(f"labels of a tree must be distinct, and 0 to {n_labels - 1}")
        self.cores = [level.core() for level in self.levels]

    @property
    def n_children(self) -> int:
        """Children of all nodes."""
        return sum(level.layout.n_children for level in self.levels)

    def core(self, width: int) -> _core.Tree:
        """Return the core's view of a tree on `width` features."""
        return _core.Tree(self.cores, width)
