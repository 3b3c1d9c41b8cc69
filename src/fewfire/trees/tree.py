"""A tree with its weights: arrays that the core reads and changes, and that files hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..files import Arrays, check_array
from .layout import Layout
from .plan import TreePlan
from .presets import Learning

_FIRST_MOMENT = 1e-6  # of the biases' Adagrad
_LAYOUT = ("children", "known", "rows", "vocabulary")
_WEIGHTS = ("weights", "bias", "bias_moments")


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


class LabelTree:
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
        self.places = np.full(n_labels, -1, np.int32)
        self.places[labels] = np.arange(len(labels), dtype=np.int32)
        self.cores = [level.core() for level in self.levels]

    @classmethod
    def grow(cls, plan: TreePlan, n_labels: int, learning: Learning) -> LabelTree:
        """Return the tree that was planned, its weights 0."""
        levels = [
            Level.fresh(layout, learning.bias(is_last=layout is plan.layouts[-1]))
            for layout in plan.layouts
        ]
        return cls(plan.cells.labels, levels, n_labels)

    def core(self, width: int, n_levels: int | None = None) -> _core.Tree:
        """Return the core's view of a tree on `width` features, or of its first levels."""
        return _core.Tree(self.cores[:n_levels], width)

    @property
    def n_children(self) -> int:
        """Children of all nodes: what opening all of them would score."""
        return sum(level.layout.n_children for level in self.levels)

    @property
    def most_nodes(self) -> int:
        """Nodes of the widest level."""
        return max(level.layout.n_nodes for level in self.levels)

    @property
    def n_bytes(self) -> int:
        """Memory that the tree takes."""
        return sum(level.layout.n_bytes for level in self.levels)

    def arrays(self, prefix: str) -> Arrays:
        """Return what a file holds of the tree, by name."""
        found: Arrays = {f"{prefix}labels": self.labels}
        for number, level in enumerate(self.levels):
            own = {name: getattr(level.layout, name) for name in _LAYOUT}
            own |= {name: getattr(level, name) for name in _WEIGHTS}
            found |= {f"{prefix}{number}.{name}": array for name, array in own.items()}
        return found

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, NDArray[Any]],
        prefix: str,
        n_levels: int,
        n_labels: int,
        width: int,
    ) -> LabelTree:
        """Make the tree that `arrays` returned; raise `ValueError` if they are damaged."""
        labels = _array(arrays, f"{prefix}labels", np.int32)
        levels = [_level(arrays, f"{prefix}{number}.", width) for number in range(n_levels)]
        tree = cls(labels, levels, n_labels)
        tree.core(width)  # checks what the core follows blindly
        return tree


def _array(arrays: Mapping[str, NDArray[Any]], name: str, dtype: Any) -> NDArray[Any]:
    if name not in arrays:
        raise ValueError(f"{name} is missing")
    array = arrays[name]
    if array.dtype != dtype or array.ndim != 1:
        raise ValueError(f"{name} is {array.dtype}{array.shape}, wanted {np.dtype(dtype)}(n,)")
    return array


def _level(arrays: Mapping[str, NDArray[Any]], prefix: str, width: int) -> Level:
    types = {"vocabulary": np.int32}
    layout = Layout(*(_array(arrays, prefix + name, types.get(name, np.int64)) for name in _LAYOUT))
    vocabulary = layout.vocabulary
    if len(vocabulary) and (vocabulary.min() < 0 or vocabulary.max() >= width):
        raise ValueError(f"{prefix}vocabulary must be 0 to {width - 1}")
    # As Python's integers: the sizes of a damaged file may overflow others.
    n_weights = sum(
        rows * columns
        for rows, columns in zip(layout.rows.tolist(), layout.widths.tolist(), strict=True)
    )
    sizes = {"weights": n_weights, "bias": int(layout.columns[-1])}
    sizes["bias_moments"] = sizes["bias"]
    for name, size in sizes.items():
        check_array(dict(arrays), prefix + name, (size,))
    return Level(layout, *(arrays[prefix + name] for name in _WEIGHTS))
