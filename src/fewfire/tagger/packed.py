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
from ..base.bfloat16 import widened
from ..base.checks import LARGEST_ID
from ..base.files import Arrays
from ..base.finite import check_finite
from .layout import Layout, parents_of
from .settings import Learning
from .tree import Level, Tree

_LEAST_PRUNE, _PRUNE_STEP = 0.01, 1.25  # where the weights of trees have too little room
_MOST_WEIGHTS = 2**32 - 1  # of a level: rows are numbers of 32 bits
_ROUNDED = 1.01  # times a bfloat16 is more than what was rounded to it

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
    """One level; core/tagger/packed.h says what the arrays are."""

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
        if self.children[0] != 0 or not len(self.bias) == self.children[-1] <= LARGEST_ID:
            raise ValueError("children of a level do not fit its biases")
        if len(self.bias_moments) != len(self.bias) or not (self.bias_moments > 0).all():
            raise ValueError("moments of a level do not fit its biases")
        for name in ("bias", "bias_moments"):
            check_finite(name, getattr(self, name))
        self.core  # noqa: B018  # checks what the core follows blindly

    @classmethod
    def pack(
        cls, level: Level, core: _core.Level, width: int, least: float, n_threads: int
    ) -> PackedLevel:
        """Leave out weights below `least` in absolute value; `core` is the core's view."""
        bias, lists, nodes, shared, rows, weights = _core.pack_level(core, width, least, n_threads)
        layout = level.layout
        moments = level.bias_moments[_columns(layout, layout.children)]
        return cls(layout.children, bias, moments, lists, nodes, shared, rows, weights)

    @classmethod
    def joined(cls, parts: Sequence[PackedLevel]) -> PackedLevel:
        """Return the level of the nodes of all parts, in their order: that which all of them packed
        together are."""
        sizes = [np.array([len(x.bias), x.n_nodes, x.shared[-1], len(x.weights)]) for x in parts]
        before = np.cumsum([np.zeros(4, np.int64), *sizes[:-1]], axis=0).T
        if sum(len(part.weights) for part in parts) > _MOST_WEIGHTS:
            raise ValueError("a level keeps more than 2^32 weights: prune more")
        features = np.concatenate([part.features for part in parts])
        order = np.argsort(features, kind="stable")  # so the nodes of a feature still ascend
        counts = [np.diff(part.rows).astype(np.int64) for part in parts]
        begins = [part.rows[:-1] + first for part, first in zip(parts, before[3], strict=True)]
        own = [slice(0, len(part.nodes)) for part in parts]
        rest = [slice(len(part.nodes), None) for part in parts]

        def in_order(of_rows: list[NDArray[np.int64]]) -> NDArray[np.int64]:
            known = np.concatenate([x[rows] for x, rows in zip(of_rows, own, strict=True)])
            shared = [x[rows] for x, rows in zip(of_rows, rest, strict=True)]
            return np.concatenate([known[order], *shared])

        n_kept, rows = in_order(counts), np.concatenate([[0], np.cumsum(in_order(counts))])
        weights = np.concatenate([part.weights for part in parts])
        width = len(parts[0].lists) - 1
        return cls(
            _one_after_another([part.children for part in parts], before[0]),
            np.concatenate([part.bias for part in parts]),
            np.concatenate([part.bias_moments for part in parts]),
            np.concatenate([[0], np.cumsum(np.bincount(features, minlength=width))]),
            np.concatenate(
                [part.nodes + np.int32(n) for part, n in zip(parts, before[1], strict=True)]
            )[order],
            _one_after_another([part.shared for part in parts], before[2]),
            rows.astype(np.uint32),
            weights[np.repeat(in_order(begins) - rows[:-1], n_kept) + np.arange(rows[-1])],
        )

    def unpack(self, layout: Layout, bias: float) -> Level:
        """Return the level in a layout that `layout` gave; biases of padding and of further
        children are `bias`."""
        level = Level.fresh(layout, bias)
        _core.unpack_level(self.core, level.core())
        level.bias_moments[_columns(layout, self.children)] = self.bias_moments
        return level

    def check_unpacked(self, layout: Layout, arrays: Sequence[NDArray[Any]], least: float) -> None:
        """Raise unless the level may have been packed of these weights, biases and moments, in a
        layout that `layout` gave, without the weights below `least`."""
        weights, bias, moments = arrays
        columns = _columns(layout, self.children)
        if not np.array_equal(bias[columns], self.bias):
            raise ValueError("biases of a level are not those of the tagger")
        if not np.array_equal(moments[columns], self.bias_moments):
            raise ValueError("moments of a level are not those of the tagger")
        largest = max(abs(weights.max(initial=0)), abs(weights.min(initial=0)))
        if largest > max(self.largest, least) * _ROUNDED:
            raise ValueError("weights of a level are not those of the tagger")

    def layout(self, width: int, children: NDArray[np.int64]) -> Layout:
        """Return where all weights of the vocabularies have room, of `width` features in all.
        Nodes have these children, those that they have and maybe more behind."""
        n_shared = np.diff(self.shared)
        if self.n_nodes == 1 and n_shared[0] == 0:
            return Layout.dense(width, int(children[-1]))
        known = np.bincount(self.nodes, minlength=self.n_nodes)
        vocabulary = self.features[np.argsort(self.nodes, kind="stable")]
        return Layout(children, known, known + n_shared, vocabulary)

    def __reduce__(self) -> Any:
        return PackedLevel, tuple(getattr(self, name) for name in _TYPES)

    @property
    def features(self) -> NDArray[np.int32]:
        """The feature of each of `nodes`."""
        return np.repeat(np.arange(len(self.lists) - 1, dtype=np.int32), np.diff(self.lists))

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

    @property
    def largest(self) -> float:
        """The largest absolute value of a weight or bias."""
        values = np.concatenate([widened(_halves(self.weights)), self.bias])
        return float(np.abs(values).max())

    def known_weights(
        self,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
        """Return feature, child and value of all weights of features that have a row of their own;
        children as the level below numbers them."""
        counts = np.diff(self.rows)[: len(self.nodes)]
        weights = self.weights[: int(counts.sum())]
        first = self.children[self.nodes]
        children = np.repeat(first, counts) + (weights >> np.uint32(16)).astype(np.int64)
        return (
            np.repeat(self.features.astype(np.int64), counts),
            children,
            widened(_halves(weights)),
        )


def _one_after_another(
    begins: Sequence[NDArray[np.int64]], before: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the begins of lists that follow those of `before`, and the end of the last."""
    moved = [own[:-1] + n for own, n in zip(begins, before, strict=True)]
    return np.concatenate([*moved, [begins[-1][-1] + before[-1]]])


def _halves(weights: NDArray[np.uint32]) -> NDArray[np.uint16]:
    """Return the bfloat16 numbers of packed weights, without their columns."""
    return weights.astype(np.uint16)


def _columns(layout: Layout, children: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the columns of each node's first children, so many as `children` says."""
    padding = layout.columns[:-1] - children[:-1]
    return np.arange(children[-1]) + np.repeat(padding, np.diff(children))


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
    def pack(cls, tree: Tree, width: int, loss: str, least: float, n_threads: int) -> PackedTree:
        """Pack a tree; weights below `least` in absolute value are left out."""
        levels = [
            PackedLevel.pack(level, core, width, least, n_threads)
            for level, core in zip(tree.levels, tree.cores, strict=True)
        ]
        return cls(tree.labels, levels, tree.n_labels, width, loss)

    def layouts(self, children: NDArray[np.int64]) -> list[Layout]:
        """Return where the levels have room for all weights; the last has these `children`, its
        own and maybe more."""
        of_levels = [*(level.children for level in self.levels[:-1]), children]
        return [
            level.layout(self.width, own) for level, own in zip(self.levels, of_levels, strict=True)
        ]

    def unpack(self, layouts: Sequence[Layout], learning: Learning) -> list[Level]:
        """Return the levels in these layouts, to be trained on."""
        return [
            level.unpack(layout, learning.bias(is_last=level is self.levels[-1]))
            for level, layout in zip(self.levels, layouts, strict=True)
        ]

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


def prune_to_fit(trees: Sequence[Tree], prune: float, room: int) -> float:
    """Return the absolute value below which weights are left out: `prune`, or a larger one with
    which the trees take at most `room` bytes when they are packed, if any does."""
    levels = [level for tree in trees for level in tree.levels]
    room -= sum(level.layout.size.packed_bytes for level in levels)
    if room >= 4 * sum(level.weights.size for level in levels):
        return prune
    cores = [core for tree in trees for core in tree.cores]
    while 4 * (n_kept := sum(_core.count_kept(core, prune) for core in cores)) > room and n_kept:
        prune = max(_PRUNE_STEP * prune, _LEAST_PRUNE)
    return prune
