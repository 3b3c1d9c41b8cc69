"""A trained tree as prediction reads it and files hold it: weights too small to matter are gone,
and the others are bfloat16. It can be unpacked, and trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..bfloat16 import is_finite, widened
from ..files import Arrays
from .layout import Layout, parents_of
from .presets import LEARNING
from .tree import LabelTree, Level

_TYPES = {
    "children": np.int64,
    "bias": np.float32,
    "bias_moments": np.float32,
    "lists": np.int64,
    "nodes": np.int32,
    "shared": np.int64,
    "rows": np.uint32,
    "weights": np.uint32,
}


@dataclass(frozen=True)
class PackedLevel:
    """One level; core/routed/packed.h tells what the arrays are."""

    children: NDArray[np.int64]
    bias: NDArray[np.float32]  # of each child
    bias_moments: NDArray[np.float32]
    lists: NDArray[np.int64]
    nodes: NDArray[np.int32]
    shared: NDArray[np.int64]
    rows: NDArray[np.uint32]
    weights: NDArray[np.uint32]

    def __post_init__(self) -> None:
        for name, dtype in _TYPES.items():
            array = getattr(self, name)
            if array.dtype != dtype or array.ndim != 1:
                raise ValueError(
                    f"{name}: {array.dtype}{array.shape}, wanted {np.dtype(dtype)}(n,)"
                )
        if len(self.children) < 2 or (np.diff(self.children) < 1).any():
            raise ValueError("every node of a level needs a child")
        if self.children[0] != 0 or not len(self.bias) == self.children[-1] < 2**31:
            raise ValueError("children of a level do not fit its biases")
        if len(self.bias_moments) != len(self.bias) or not (self.bias_moments > 0).all():
            raise ValueError("moments of a level do not fit its biases")
        for name, finite in (
            ("bias", np.isfinite(self.bias).all()),
            ("bias_moments", np.isfinite(self.bias_moments).all()),
            ("weights", is_finite(_halves(self.weights))),
        ):
            if not finite:
                raise ValueError(f"{name} of a level are not all finite")
        self.core  # noqa: B018  # checks what the core follows blindly

    @classmethod
    def pack(cls, level: Level, width: int, least: float) -> PackedLevel:
        """Leave out weights below `least` in absolute value."""
        bias, lists, nodes, shared, rows, weights = _core.pack_level(level.core(), width, least)
        layout = level.layout
        moments = level.bias_moments[_columns(layout)]
        return cls(layout.children, bias, moments, lists, nodes, shared, rows, weights)

    def unpack(self, width: int, bias: float) -> Level:
        """Return the level with room for all weights of its vocabularies, `width` features in all;
        biases of padding columns are `bias`."""
        layout = self._layout(width)
        level = Level.fresh(layout, bias)
        _core.unpack_level(self.core, level.core())
        level.bias_moments[_columns(layout)] = self.bias_moments
        return level

    def _layout(self, width: int) -> Layout:
        n_shared = np.diff(self.shared)
        if self.n_nodes == 1 and n_shared[0] == 0:
            return Layout.dense(width, int(self.children[-1]))
        features = np.repeat(np.arange(len(self.lists) - 1, dtype=np.int32), np.diff(self.lists))
        known = np.bincount(self.nodes, minlength=self.n_nodes)
        vocabulary = features[np.argsort(self.nodes, kind="stable")]
        return Layout(self.children, known, known + n_shared, vocabulary)

    @cached_property
    def parents(self) -> NDArray[np.int32]:
        """The node of each child."""
        return parents_of(self.children)

    @cached_property
    def core(self) -> _core.PackedLevel:
        """The core's view; it shares the arrays."""
        return _core.PackedLevel(
            self.children, self.parents, self.bias, self.lists, self.nodes, self.shared,
            self.rows, self.weights,
        )  # fmt: skip

    @property
    def n_nodes(self) -> int:
        """Nodes."""
        return len(self.children) - 1

    def known_weights(
        self,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Return feature, child and value of all weights of features that have a row of their own;
        children as the level below numbers them."""
        counts = np.diff(self.rows)[: len(self.nodes)]
        features = np.repeat(np.arange(len(self.lists) - 1), np.diff(self.lists))
        weights = self.weights[: int(counts.sum())]
        first = self.children[self.nodes]
        children = np.repeat(first, counts) + (weights >> np.uint32(16)).astype(np.int64)
        return np.repeat(features, counts), children, widened(_halves(weights))


def _halves(weights: NDArray[np.uint32]) -> NDArray[np.uint16]:
    """Return the bfloat16 numbers of packed weights, without their columns."""
    return weights.astype(np.uint16)


def _columns(layout: Layout) -> NDArray[np.int64]:
    """Return the column of each child."""
    padding = layout.columns[:-1] - layout.children[:-1]
    return np.arange(layout.n_children) + np.repeat(padding, np.diff(layout.children))


class PackedTree:
    """A trained tree.

    Parameters
    ----------
    labels : ndarray of int32
        The label at each place.
    levels : sequence of PackedLevel
        The root's first.
    n_labels : int
        Of the data, also those that are in no tree.
    width : int
        Features it reads.
    loss : str

    Raises
    ------
    ValueError
        If levels and labels do not fit together.
    """

    def __init__(
        self,
        labels: NDArray[np.int32],
        levels: Sequence[PackedLevel],
        n_labels: int,
        width: int,
        loss: str,
    ) -> None:
        self.labels, self.levels, self.width, self.loss = labels, list(levels), width, loss
        cores = [level.core for level in levels]
        self.core = _core.PackedTree(cores, width, loss, labels, n_labels)
        self.places = np.full(n_labels, -1, np.int32)
        self.places[labels] = np.arange(len(labels), dtype=np.int32)

    @classmethod
    def pack(cls, tree: LabelTree, width: int, loss: str, least: float) -> PackedTree:
        """Pack a tree; weights below `least` in absolute value are left out."""
        levels = [PackedLevel.pack(level, width, least) for level in tree.levels]
        return cls(tree.labels, levels, tree.n_labels, width, loss)

    def unpack(self) -> LabelTree:
        """Return the tree with room for all weights, to be trained on."""
        learning = LEARNING[self.loss]
        levels = [
            level.unpack(self.width, learning.bias(is_last=level is self.levels[-1]))
            for level in self.levels
        ]
        return LabelTree(self.labels, levels, len(self.places))

    @property
    def n_children(self) -> int:
        """Children of all nodes: what opening all of them would score."""
        return sum(len(level.bias) for level in self.levels)

    @property
    def most_nodes(self) -> int:
        """Nodes of the widest level."""
        return max(level.n_nodes for level in self.levels)

    def arrays(self, prefix: str) -> Arrays:
        """Return what a file holds of the tree, by name."""
        found: Arrays = {f"{prefix}labels": self.labels}
        for number, level in enumerate(self.levels):
            found |= {f"{prefix}{number}.{name}": getattr(level, name) for name in _TYPES}
        return found

    @classmethod
    def from_arrays(
        cls,
        arrays: Mapping[str, NDArray[Any]],
        prefix: str,
        n_levels: int,
        n_labels: int,
        width: int,
        loss: str,
    ) -> PackedTree:
        """Make the tree that `arrays` returned; raise `ValueError` if they are damaged."""
        names = [f"{prefix}{number}.{name}" for number in range(n_levels) for name in _TYPES]
        missing = [name for name in [f"{prefix}labels", *names] if name not in arrays]
        if missing:
            raise ValueError(f"{missing[0]} is missing")
        labels = arrays[f"{prefix}labels"]
        if labels.dtype != np.int32 or labels.ndim != 1:
            raise ValueError(f"{prefix}labels is {labels.dtype}{labels.shape}, wanted int32(n,)")
        levels = [
            PackedLevel(**{name: arrays[f"{prefix}{number}.{name}"] for name in _TYPES})
            for number in range(n_levels)
        ]
        if any(len(level.lists) - 1 > width for level in levels):
            raise ValueError(f"{prefix} knows more features than the {width} there are")
        return cls(labels, levels, n_labels, width, loss)
