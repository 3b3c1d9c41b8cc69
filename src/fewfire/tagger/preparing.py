"""What is settled before trees are grown: the features they read, and the labels of their leaves.
What of it is given up so that training keeps inside the memory it may take is settled, too."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..data import Dataset
from ..data.csr import make_csr
from .calibration import PLAIN, Calibration
from .centroids import ExamplesOfLabels
from .expansion import Expansion, expansions_of, for_each
from .layout import LevelSize
from .leaves import (
    UNLIMITED,
    Leaves,
    Sketch,
    depths_of,
    find_leaves,
    plan_tree,
    renumbered,
    sketch_tree,
)
from .memory import (
    TaggerMemory,
    TooLittleMemoryError,
    all_example_bytes,
    check_fits,
    packed_bytes,
    pair_bytes,
)
from .seeds import TreeSeeds
from .settings import LEARNING, Learning, Settings, prune_of
from .tree import Tree

_LEAST_SHARE = 0.25  # of a tree's weights; a tree is dropped before others get smaller than that
_LEAST_KNOWN = 16  # features of a node in the smallest trees


class Plan(Protocol):
    """A tree that takes no memory for weights yet."""

    @property
    def sizes(self) -> list[LevelSize]:
        """The size of each level."""

    def grow(self, n_labels: int, learning: Learning) -> Tree:
        """Return the tree."""


@dataclass(frozen=True)
class Prepared:
    """Everything that training needs; nothing of it has weights yet."""

    settings: Settings  # with what was given up
    expansion: Expansion
    rows: list[csr_array]  # (n, width) the examples as each tree reads them
    lists: csr_array  # (n, n_labels) of ones
    plans: Sequence[Plan]
    memory: TaggerMemory  # that training takes
    limit: int  # of it
    n_at_once: int  # trees that are trained side by side
    n_forests: int  # packed ones that are held at once
    calibration: Calibration
    weights: NDArray[np.float32] | None = None  # (n,) as how many examples each comes

    @property
    def room(self) -> int:
        """Bytes that packed trees may take, beside the others."""
        return (self.limit - self.memory.besides_packed) // self.n_forests

    def packed_bytes(self, number: int) -> int:
        """Return what is set aside for a tree when it is packed."""
        return packed_bytes(self.plans[number].sizes)

    @property
    def turns(self) -> list[range]:
        """The numbers of the trees that are trained side by side, turn by turn."""
        numbers = range(len(self.plans))
        return [numbers[begin : begin + self.n_at_once] for begin in numbers[:: self.n_at_once]]

    def grow(self, numbers: Iterable[int]) -> list[Tree]:
        """Return these trees, their weights 0."""
        learning, n_labels = LEARNING[self.settings.loss], int(self.lists.shape[1])
        return [self.plans[number].grow(n_labels, learning) for number in numbers]


def prepare(
    data: Dataset,
    settings: Settings,
    limit: int,
    seeds: TreeSeeds,
    n_threads: int,
    n_at_once: int,
    n_forests: int = 1,
) -> Prepared:
    """Settle everything; raise `MemoryError` if even the smallest trees take more than `limit`,
    so many of which are trained at once.

    Pairs are given up first, then features of vocabularies, the lightest first, then trees.
    """
    lists = label_lists(data, data.n_labels)
    own = limit, seeds, n_threads, n_at_once, n_forests
    if settings.pairs:
        with contextlib.suppress(TooLittleMemoryError):
            return _Draft(data, lists, settings, *own).in_full()
    return _Draft(data, lists, replace(settings, pairs=0), *own).as_it_fits()


def label_lists(data: Dataset, n_labels: int) -> csr_array:
    """Return the labels of each example as CSR of ones, (n, n_labels)."""
    indptr, ids = data.label_lists()
    return make_csr(np.ones(len(ids), np.float32), ids, indptr, (len(data), n_labels))


class _Draft:
    """Expanded examples, and trees whose vocabularies are counted, not collected. What takes much
    memory is checked before it is made; `TooLittleMemoryError` says that it is too much."""

    def __init__(
        self,
        data: Dataset,
        lists: csr_array,
        settings: Settings,
        limit: int,
        seeds: TreeSeeds,
        n_threads: int,
        n_at_once: int,
        n_forests: int,
    ) -> None:
        self._settings, self._limit, self._seeds = settings, limit, seeds
        self._n_threads, self._n_at_once, self._n_forests = n_threads, n_at_once, n_forests
        self._lists = lists
        self._weights = data.sample_weight
        learning = LEARNING[settings.loss]  # likelihoods of classes are of another kind
        self._calibration = PLAIN if data.kind == "classes" else learning.calibration
        self._expansion = Expansion.learn(data, settings, n_threads)
        self._expansions = expansions_of(settings, self._expansion)
        self._n_values = for_each(self._expansions, lambda own: own.n_values(data, n_threads))
        self._check(centroids=0)
        self._rows = for_each(self._expansions, lambda own: own.rows(data, n_threads))
        self._labels = np.flatnonzero(np.bincount(lists.indices, minlength=lists.shape[1])).astype(
            np.int32
        )
        # Without pairs, if a tree reads none: they say little about which labels are alike.
        examples = ExamplesOfLabels(self._rows[-1], lists, self._labels)
        self._centroid_bytes = examples.centroid_bytes(n_threads)
        self._check(centroids=self._centroid_bytes)
        self._centroids = examples.centroids(n_threads)
        self._depths = depths_of(len(self._labels), settings.labels_per_leaf)
        self._sketches: list[Sketch] = []

    def in_full(self) -> Prepared:
        """Plan all trees as they are wanted, or raise `TooLittleMemoryError`."""
        n_trees = self._settings.n_trees
        for n in range(1, n_trees + 1):  # the next tree is sketched if the others fit
            check_fits(self._memory(n, UNLIMITED).total, self._limit)
        return self._settled(n_trees, UNLIMITED)

    def as_it_fits(self) -> Prepared:
        """Plan the most trees whose vocabularies need not be cut too far."""
        best = 1, self._most_known(1)
        for n_trees in range(2, self._settings.n_trees + 1):
            if not self._fits(n_trees, _LEAST_KNOWN):
                break
            most = self._most_known(n_trees)
            if self._share(most) < _LEAST_SHARE:
                break
            best = n_trees, most
        return self._settled(*best)

    def _check(self, *, centroids: int) -> None:
        """Raise if the examples and centroids are too much."""
        n_trees = self._settings.n_trees if self._settings.pairs else 1  # that have to fit
        check_fits(self._with_trees(n_trees, [], centroids).total, self._limit)

    def _fits(self, n_trees: int, most: int) -> bool:
        return self._memory(n_trees, most).total <= self._limit

    def _most_known(self, n_trees: int) -> int:
        """Return the most features that nodes may know to keep inside the limit, by bisection:
        but for those of all, where the root needs no vocabulary, more take more."""
        if self._fits(n_trees, UNLIMITED):
            return UNLIMITED
        low, high = _LEAST_KNOWN, max(_LEAST_KNOWN, self._expansion.width)
        check_fits(self._memory(n_trees, low).total, self._limit)
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self._fits(n_trees, middle) else (low, middle - 1)
        return low

    def _share(self, most: int) -> float:
        """Return how large the first tree is if nodes know at most `most` features."""
        cut, full = (self._sketch(0).sizes(known) for known in (most, UNLIMITED))
        return sum(x.n_bytes for x in cut) / sum(x.n_bytes for x in full)

    def _memory(self, n_trees: int, most: int) -> TaggerMemory:
        """Return what training takes when nodes know at most `most` features."""
        sizes = [self._sketch(number).sizes(most) for number in range(n_trees)]
        return self._with_trees(n_trees, sizes, self._centroid_bytes)

    def _with_trees(
        self, n_trees: int, sizes: list[list[LevelSize]], centroids: int
    ) -> TaggerMemory:
        examples = all_example_bytes(
            self._expansions[:n_trees], self._n_values[:n_trees], self._lists
        )
        return TaggerMemory.of(
            examples,
            pair_bytes(self._expansion),
            centroids,
            sizes,
            self._expansion.width,
            self._n_threads,
            self._n_at_once,
            self._n_forests,
        )

    def _sketch(self, number: int) -> Sketch:
        """Return a tree, sketched when it is first asked for, after those before."""
        while len(self._sketches) <= number:
            rows, leaves = self._rows[len(self._sketches)], self._leaves(len(self._sketches))
            lists = renumbered(self._lists, leaves.labels)
            self._sketches.append(
                sketch_tree(rows, self._expansion.n_read, lists, leaves, self._n_threads)
            )
        return self._sketches[number]

    def _leaves(self, number: int) -> Leaves:
        seed = self._seeds.leaves(number)
        return find_leaves(self._centroids, self._labels, self._depths, seed, self._n_threads)

    def _settled(self, n_trees: int, most: int) -> Prepared:
        """Plan all trees."""
        wanted, rows = self._settings, self._rows[:n_trees]
        n_nonzero = self._n_values[-1] / max(1, int(self._lists.shape[0]))
        prune = wanted.prune if wanted.prune is not None else prune_of(n_nonzero)
        settings = replace(wanted, n_trees=n_trees, pairs=min(wanted.pairs, n_trees), prune=prune)
        plans, n_read = [], self._expansion.n_read
        for number, own in enumerate(rows):
            leaves = self._sketch(number).leaves
            lists = renumbered(self._lists, leaves.labels)
            plans.append(plan_tree(own, n_read, lists, leaves, most, self._n_threads))
        memory = self._memory(n_trees, most)
        return Prepared(
            settings,
            self._expansion,
            rows,
            self._lists,
            plans,
            memory,
            self._limit,
            self._n_at_once,
            self._n_forests,
            self._calibration,
            self._weights,
        )
