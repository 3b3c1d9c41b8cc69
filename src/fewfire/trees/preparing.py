"""What is settled before trees are grown: the features they read and the labels of their cells, and
what of it is given up so that training keeps inside the memory it may take."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from ..data import Dataset
from ..data.features import make_csr
from .expansion import Expansion
from .forest import Forest
from .plan import (
    UNLIMITED,
    Cells,
    TreePlan,
    centroids_of,
    depths_of,
    find_cells,
    plan_tree,
    renumbered,
)
from .presets import LEARNING, Settings
from .tree import LabelTree

_SHARE_OF_MACHINE = 0.75  # that a training takes if it is not told
_LEAST_SHARE = 0.25  # of a tree's weights; a tree is dropped before others get smaller than that
_SPREAD = 0.02  # by which other trees of the same labels may be larger than the first
_LEAST_KNOWN = 16  # features of a node in the smallest trees


@dataclass(frozen=True)
class TaggerMemory:
    """Bytes of a training by purpose.

    Attributes
    ----------
    examples : int
        The training set as trees read it.
    trees : int
        Weights, vocabularies and tables.
    pairs : int
        The known pairs of features.
    """

    examples: int
    trees: int
    pairs: int

    @property
    def total(self) -> int:
        """All of them."""
        return self.examples + self.trees + self.pairs

    def __str__(self) -> str:
        parts = ", ".join(
            f"{name} {getattr(self, name) / 1e6:,.1f}" for name in ("examples", "trees", "pairs")
        )
        return f"memory: {self.total / 1e6:,.1f} MB ({parts})"


@dataclass(frozen=True)
class Prepared:
    """Everything that training needs; nothing of it has weights yet."""

    settings: Settings  # with what was given up
    expansion: Expansion
    rows: csr_array  # (n, width) expanded examples
    lists: csr_array  # (n, n_labels) of ones
    plans: list[TreePlan]

    @property
    def memory(self) -> TaggerMemory:
        """What training takes."""
        return TaggerMemory(
            _bytes_of(self.rows),
            sum(plan.n_bytes for plan in self.plans),
            _bytes_of_pairs(self.expansion),
        )

    def grow(self) -> Forest:
        """Return the trees, their weights 0."""
        learning, n_labels = LEARNING[self.settings.loss], int(self.lists.shape[1])
        trees = [LabelTree.grow(plan, n_labels, learning) for plan in self.plans]
        return Forest(self.settings, self.expansion, trees)


def prepare(data: Dataset, settings: Settings, limit: int, seed: int, n_threads: int) -> Prepared:
    """Settle everything; raise `MemoryError` if even the smallest trees take more than `limit`.

    Pairs are given up first, then features of vocabularies, the lightest first, then trees.
    """
    lists = label_lists(data, data.n_labels)
    wishes = [settings] if not settings.pairs else [settings, replace(settings, pairs=False)]
    draft: _Draft | None = None
    for wish in wishes:
        draft = None  # the last one's examples are not held beside the next
        draft = _Draft(data, lists, wish, seed, n_threads)
        if draft.needs(wish.n_trees, UNLIMITED) <= limit:
            return draft.settled(wish.n_trees, UNLIMITED)
    assert draft is not None
    for n_trees in range(settings.n_trees, 0, -1):
        most = draft.most_known(n_trees, limit)
        if most is not None and draft.share(most) >= (_LEAST_SHARE if n_trees > 1 else 0.0):
            return draft.settled(n_trees, most)
    raise MemoryError(
        f"training takes {draft.needs(1, _LEAST_KNOWN) / 1e6:,.1f} MB at least, "
        f"{limit / 1e6:,.1f} MB are allowed"
    )


def label_lists(data: Dataset, n_labels: int) -> csr_array:
    """Return the labels of each example as CSR of ones, (n, n_labels)."""
    indptr, ids = data.label_lists()
    return make_csr(np.ones(len(ids), np.float32), ids, indptr, (len(data), n_labels))


def memory_limit(memory: int | None) -> int:
    """Return the bytes that a training may take: those given, or three quarters of the machine."""
    if memory is not None:
        return memory
    if not hasattr(os, "sysconf"):
        return 2**62
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(_SHARE_OF_MACHINE * total)


class _Draft:
    """Expanded examples, and a first tree in full, from which the size of others follows."""

    def __init__(
        self, data: Dataset, lists: csr_array, settings: Settings, seed: int, n_threads: int
    ) -> None:
        self._settings, self._seed, self._n_threads = settings, seed, n_threads
        self._expansion = Expansion.learn(
            data, settings.power, pairs=settings.pairs, n_threads=n_threads
        )
        self._rows = self._expansion.rows(data, n_threads)
        self._lists = lists
        self._labels = np.flatnonzero(np.bincount(lists.indices, minlength=lists.shape[1])).astype(
            np.int32
        )
        self._centroids = centroids_of(self._rows, lists, self._labels)
        self._depths = depths_of(len(self._labels), settings.labels_per_cell)
        self._first = self._plan(self._cells(0), UNLIMITED)

    def _cells(self, number: int) -> Cells:
        seed = int(np.random.SeedSequence([self._seed, number]).generate_state(1, np.uint64)[0])
        return find_cells(self._centroids, self._labels, self._depths, seed, self._n_threads)

    def _plan(self, cells: Cells, most: int) -> TreePlan:
        lists = renumbered(self._lists, cells.labels)
        return plan_tree(self._rows, lists, cells, most, self._n_threads)

    def needs(self, n_trees: int, most: int) -> int:
        """Return about what training takes when nodes know at most `most` features."""
        fixed = _bytes_of(self._rows) + _bytes_of_pairs(self._expansion)
        return fixed + int((n_trees + _SPREAD * (n_trees - 1)) * self._tree_bytes(most))

    def _tree_bytes(self, most: int) -> int:
        return sum(layout.capped_bytes(most) for layout in self._first.layouts)

    def share(self, most: int) -> float:
        """Return how large a tree is whose nodes know at most `most` features, of a full one."""
        return self._tree_bytes(most) / self._tree_bytes(UNLIMITED)

    def most_known(self, n_trees: int, limit: int) -> int | None:
        """Return the most features that nodes may know to keep inside the limit, by bisection."""
        low, high = _LEAST_KNOWN, self._expansion.width
        if self.needs(n_trees, low) > limit:
            return None
        while low < high:
            middle = (low + high + 1) // 2
            fits = self.needs(n_trees, middle) <= limit
            low, high = (middle, high) if fits else (low, middle - 1)
        return low

    def settled(self, n_trees: int, most: int) -> Prepared:
        """Plan all trees."""
        first = self._first if most == UNLIMITED else self._plan(self._first.cells, most)
        others = (self._plan(self._cells(number), most) for number in range(1, n_trees))
        settings = replace(self._settings, n_trees=n_trees)
        return Prepared(settings, self._expansion, self._rows, self._lists, [first, *others])


def _bytes_of(rows: csr_array) -> int:
    return int(rows.data.nbytes + rows.indices.nbytes + rows.indptr.nbytes)


def _bytes_of_pairs(expansion: Expansion) -> int:
    return 40 * len(expansion.keys)  # a key, and a table of twice as many entries of 16 bytes
