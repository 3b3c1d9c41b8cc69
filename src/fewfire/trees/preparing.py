"""What is settled before trees are grown: the features they read and the labels of their cells, and
what of it is given up so that training keeps inside the memory it may take."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array

from ..data import Dataset
from ..data.features import make_csr
from .expansion import Expansion, expansions_of, for_each
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
from .presets import LEARNING, Settings, prune_of
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
    rows: list[csr_array]  # (n, width) the examples as each tree reads them
    lists: csr_array  # (n, n_labels) of ones
    plans: list[TreePlan]

    @property
    def memory(self) -> TaggerMemory:
        """What training takes."""
        return TaggerMemory(
            sum(_bytes_of(rows) for rows in {id(rows): rows for rows in self.rows}.values()),
            sum(plan.n_bytes for plan in self.plans),
            _bytes_of_pairs(self.expansion),
        )

    def grow(self) -> list[LabelTree]:
        """Return the trees, their weights 0."""
        learning, n_labels = LEARNING[self.settings.loss], int(self.lists.shape[1])
        return [LabelTree.grow(plan, n_labels, learning) for plan in self.plans]


def prepare(data: Dataset, settings: Settings, limit: int, seed: int, n_threads: int) -> Prepared:
    """Settle everything; raise `MemoryError` if even the smallest trees take more than `limit`.

    Pairs are given up first, then features of vocabularies, the lightest first, then trees.
    """
    lists = label_lists(data, data.n_labels)
    wishes = [settings] if not settings.pairs else [settings, replace(settings, pairs=0)]
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
    """Expanded examples, and a first tree in full of each kind, with pairs and without, from which
    the size of others follows."""

    def __init__(
        self, data: Dataset, lists: csr_array, settings: Settings, seed: int, n_threads: int
    ) -> None:
        self._settings, self._seed, self._n_threads = settings, seed, n_threads
        self._expansion = Expansion.learn(
            data, settings.power, pairs=settings.pairs > 0, n_threads=n_threads
        )
        expansions = expansions_of(settings, self._expansion)
        self._rows = for_each(expansions, lambda own: own.rows(data, n_threads))
        self._n_nonzero = self._rows[-1].nnz / max(1, len(data))
        self._lists = lists
        self._labels = np.flatnonzero(np.bincount(lists.indices, minlength=lists.shape[1])).astype(
            np.int32
        )
        # Without pairs, if a tree reads none: they tell little about which labels are alike.
        self._centroids = centroids_of(self._rows[-1], lists, self._labels)
        self._depths = depths_of(len(self._labels), settings.labels_per_cell)
        cells = self._cells(0)
        self._first = {
            id(own): plan_tree(own, renumbered(lists, cells.labels), cells, UNLIMITED, n_threads)
            for own in {id(rows): rows for rows in self._rows}.values()
        }

    def _cells(self, number: int) -> Cells:
        seed = int(np.random.SeedSequence([self._seed, number]).generate_state(1, np.uint64)[0])
        return find_cells(self._centroids, self._labels, self._depths, seed, self._n_threads)

    def _plan(self, number: int, most: int) -> TreePlan:
        first, rows = self._first[id(self._rows[number])], self._rows[number]
        if number == 0 and most == UNLIMITED:
            return first
        cells = first.cells if number == 0 else self._cells(number)
        return plan_tree(rows, renumbered(self._lists, cells.labels), cells, most, self._n_threads)

    def needs(self, n_trees: int, most: int) -> int:
        """Return about what training takes when nodes know at most `most` features."""
        examples = {id(rows): _bytes_of(rows) for rows in self._rows[:n_trees]}
        fixed = sum(examples.values()) + _bytes_of_pairs(self._expansion)
        trees = [self._tree_bytes(number, most) for number in range(n_trees)]
        return fixed + trees[0] + int((1 + _SPREAD) * sum(trees[1:]))

    def _tree_bytes(self, number: int, most: int) -> int:
        layouts = self._first[id(self._rows[number])].layouts
        return sum(layout.capped_bytes(most) for layout in layouts)

    def share(self, most: int) -> float:
        """Return how large a tree is whose nodes know at most `most` features, of a full one."""
        return self._tree_bytes(0, most) / self._tree_bytes(0, UNLIMITED)

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
        wanted = self._settings
        prune = wanted.prune if wanted.prune is not None else prune_of(self._n_nonzero)
        settings = replace(wanted, n_trees=n_trees, pairs=min(wanted.pairs, n_trees), prune=prune)
        plans = [self._plan(number, most) for number in range(n_trees)]
        return Prepared(settings, self._expansion, self._rows[:n_trees], self._lists, plans)


def _bytes_of(rows: csr_array) -> int:
    return int(rows.data.nbytes + rows.indices.nbytes + rows.indptr.nbytes)


def _bytes_of_pairs(expansion: Expansion) -> int:
    return 40 * len(expansion.keys)  # a key, and a table of twice as many entries of 16 bytes
