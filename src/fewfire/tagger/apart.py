"""One training in parts that share no memory: a plan that is made once; trees, or parts of one,
that are trained by it from the examples; and the forest that is made of them.

A tree is one part, or several: its router, which also says which leaves each example opens, and
ranges of its leaves, which learn from that. Each part has the bits of a training on one thread.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..base.history import History
from ..base.ledger import Ledger
from ..data import Dataset
from ..model.learned import Learned
from .calibration import Calibration
from .expansion import Expansion, expansions_of
from .forest import Forest
from .layout import Layout
from .leaves import TreePlan, renumbered
from .lesson import LeavesLesson, Lesson, RouterLesson
from .memory import TaggerMemory, memory_limit
from .packed import PackedLevel, PackedTree
from .pilots import chosen
from .preparing import label_lists, prepare
from .seeds import TreeSeeds
from .settings import LEARNING, Learning, Settings
from .threshold import settled
from .trained import Trained
from .tree import Level, Tree


@dataclass(frozen=True, eq=False)
class Outline:
    """What all parts of a training have in common."""

    settings: Settings
    expansion: Expansion
    calibration: Calibration
    learned: Learned
    seeds: TreeSeeds
    rate_factor: float
    weights: NDArray[np.float32] | None  # (n,) as how many examples each comes
    threshold: float

    @property
    def learning(self) -> Learning:
        """How trees of its loss learn."""
        return LEARNING[self.settings.loss]

    @property
    def n_labels(self) -> int:
        """Labels, also those that are in no tree."""
        assert self.learned.encoding is not None
        return self.learned.encoding.n_labels

    def expansion_of(self, tree: int) -> Expansion:
        """Return how a tree reads examples."""
        return expansions_of(self.settings, self.expansion)[tree]

    def examples(self, data: Dataset, tree: int) -> Read:
        """Return the examples as a tree reads them."""
        return Read(self.expansion_of(tree).rows(data, 1), label_lists(data, self.n_labels))


class Read(NamedTuple):
    """Examples as a tree reads them, (n, width), and their labels, (n, n_labels) of ones."""

    rows: csr_array
    lists: csr_array


class Done(NamedTuple):
    """What a part has become: its levels, packed, and what it took.

    losses: the sum over all examples, of each epoch. opened: of a router, see `RouterLesson`.
    """

    levels: list[PackedLevel]
    losses: list[float]
    seconds: list[float]
    ledger: Ledger
    opened: list[NDArray[np.int32]]


@dataclass(frozen=True, eq=False)
class Part:
    """A tree, its router, or some of its leaves, before they have weights.

    Parameters
    ----------
    outline : Outline
    tree : int
        Its number.
    layouts : list of Layout
        Of its levels.
    labels : ndarray of int32
        The label at each place of the leaves that it has, or that a router leads to.
    leaves : ndarray of int64, optional
        Of a router: the begins of the leaves among these places.
    first : int, optional
        Of leaves alone: the number of the first.
    """

    outline: Outline
    tree: int
    layouts: list[Layout]
    labels: NDArray[np.int32]
    leaves: NDArray[np.int64] | None = None
    first: int | None = None

    def train(self, examples: Read, opened: Sequence[NDArray[np.int32]] = ()) -> Done:
        """Train and pack it; leaves alone learn from what their router `opened`."""
        outline = self.outline
        lesson = self._lesson(self._grown(), examples, opened)
        losses, seconds, ledger, found = [], [], Ledger.empty(1), []
        for _ in range(_epochs(outline.settings)):
            start = time.perf_counter()
            lesson.start_epoch()
            while not lesson.is_over:
                lesson.go_on(1)
            losses.append(lesson.loss)
            seconds.append(time.perf_counter() - start)
            ledger += lesson.ledger
            if isinstance(lesson, RouterLesson):
                found.append(lesson.opened)
        return Done(self._packed(lesson.tree), losses, seconds, ledger, found)

    def _grown(self) -> Tree:
        """Return it with weights, which are 0."""
        ends_in_labels = self.leaves is None
        learning = self.outline.learning
        levels = [
            Level.fresh(
                layout, learning.bias(is_last=ends_in_labels and layout is self.layouts[-1])
            )
            for layout in self.layouts
        ]
        if self.leaves is None:
            return Tree(self.labels, levels, self.outline.n_labels)
        n_leaves = len(self.leaves) - 1
        return Tree(np.arange(n_leaves, dtype=np.int32), levels, n_leaves)

    def _lesson(self, tree: Tree, examples: Read, opened: Sequence[NDArray[np.int32]]) -> Lesson:
        outline, lists = self.outline, renumbered(examples.lists, self.labels)
        settings, learning = outline.settings, outline.learning
        if self.leaves is not None:
            lists = _leaves_of(lists, self.leaves)
        n_levels = len(self.layouts) + (self.leaves is not None)  # of which the last learns labels
        rates = learning.rates(n_levels, outline.rate_factor)[: len(self.layouts)]
        common = (
            tree,
            examples.rows,
            lists,
            learning.options(settings.loss, rates, settings.slowing or 0.0),
            learning.last_rate,
            outline.seeds.of(self.tree),
            0,
            _epochs(settings),
            outline.weights,
        )
        if self.first is not None:
            return LeavesLesson(*common, opened=opened, first=self.first)
        return Lesson(*common) if self.leaves is None else RouterLesson(*common)

    def _packed(self, tree: Tree) -> list[PackedLevel]:
        width, least = self.outline.expansion_of(self.tree).width, self.outline.settings.prune
        assert least is not None
        return [
            PackedLevel.pack(level, core, width, least, 1)
            for level, core in zip(tree.levels, tree.cores, strict=True)
        ]


@dataclass(frozen=True, eq=False)
class TrainingPlan:
    """What is settled before parts are trained: nothing of it has weights.

    Parameters
    ----------
    outline : Outline
    trees : list of TreePlan
    spent : Ledger
        What choosing settings took.
    memory : TaggerMemory
        Of a training on one thread.
    told : str
        What it says of itself.
    """

    outline: Outline
    trees: list[TreePlan]
    spent: Ledger
    memory: TaggerMemory
    told: str

    @classmethod
    def of(cls, tagger: Any, data: Dataset) -> TrainingPlan:
        """Settle how a tagger that is not trained learns from the examples, on one thread; raise
        what its `fit` raises before trees have weights."""
        given, wanted, task = tagger._asked(data, None, None, None, ())
        settings, why, spent, threshold = chosen(wanted, given, tagger._pilot, tagger.random_state)
        limit = memory_limit(tagger.memory)
        prepared = prepare(task.data, settings, limit, task.seeds, 1, n_at_once=1)
        settings = prepared.settings
        outline = Outline(
            settings,
            prepared.expansion,
            prepared.calibration,
            Learned.of(given, given.n_labels),
            task.seeds,
            task.rate_factor(settings.slowing or 0.0),
            prepared.weights,
            settled(threshold, given),
        )
        lines = [why, settings.told(), str(prepared.memory)]
        return cls(
            outline,
            cast("list[TreePlan]", prepared.plans),
            spent,
            prepared.memory,
            "\n".join(filter(None, lines)),
        )

    @property
    def n_leaves(self) -> list[int]:
        """Leaves of each tree that a router leads to; 0 of a tree that is one leaf."""
        return [plan.layouts[-1].n_nodes if len(plan.layouts) > 1 else 0 for plan in self.trees]

    def whole(self, tree: int) -> Part:
        """Return a tree as one part."""
        plan = self.trees[tree]
        return Part(self.outline, tree, plan.layouts, plan.leaves.labels)

    def router(self, tree: int) -> Part:
        """Return the levels of a tree above its leaves."""
        plan = self.trees[tree]
        own = plan.leaves
        return Part(self.outline, tree, plan.layouts[:-1], own.labels, leaves=own.begins[-1])

    def some_leaves(self, tree: int, number: int, n: int) -> Part:
        """Return the leaves of a tree that are in one of `n` ranges of about the same size."""
        plan = self.trees[tree]
        n_leaves, begins = plan.layouts[-1].n_nodes, plan.leaves.begins[-1]
        first, stop = (n_leaves * i // n for i in (number, number + 1))
        labels = plan.leaves.labels[begins[first] : begins[stop]]
        return Part(self.outline, tree, [plan.layouts[-1].some(first, stop)], labels, first=first)

    def trained(self, trees: Sequence[Sequence[Done]]) -> tuple[Trained, History]:
        """Return the forest of all parts, those of a tree in its order, and its history."""
        outline = self.outline
        settings, learned = outline.settings, outline.learned
        packed = [
            PackedTree(
                plan.leaves.labels,
                _levels(parts),
                outline.n_labels,
                outline.expansion_of(number).width,
                settings.loss,
            )
            for number, (plan, parts) in enumerate(zip(self.trees, trees, strict=True))
        ]
        forest = Forest(settings, outline.expansion, packed, outline.calibration)
        return Trained(forest, learned, threshold=outline.threshold), self._history(trees)

    def without_trees(self) -> TrainingPlan:
        """Return what the forest is made with: each tree's labels, without the layouts."""
        return replace(self, trees=[replace(plan, layouts=[]) for plan in self.trees])

    def _history(self, trees: Sequence[Sequence[Done]]) -> History:
        n = self.outline.learned.n_trained
        rows = []
        for epoch in range(_epochs(self.outline.settings)):
            losses = [sum(part.losses[epoch] for part in parts) / n for parts in trees]
            seconds = sum(part.seconds[epoch] for parts in trees for part in parts)
            rows.append(
                {
                    "epoch": epoch + 1,
                    "train/loss": sum(losses) / len(losses),
                    "examples_per_second": n / seconds,
                    "seconds": seconds,
                }
            )
        history = History(rows, self.spent)
        for parts in trees:
            for part in parts:
                history.ledger += part.ledger
        history.n_examples = n * len(rows)
        return history


def _levels(parts: Sequence[Done]) -> list[PackedLevel]:
    """Return the levels of a tree: of the one part, or of a router and those with its leaves."""
    if len(parts) == 1:
        return parts[0].levels
    return [*parts[0].levels, PackedLevel.joined([part.levels[0] for part in parts[1:]])]


def _epochs(settings: Settings) -> int:
    assert settings.max_epochs is not None
    return settings.max_epochs


def _leaves_of(lists: csr_array, begins: NDArray[np.int64]) -> csr_array:
    """Return the leaves of each example, ascending and distinct, from its places in the tree."""
    leaves = (np.searchsorted(begins, lists.indices, side="right") - 1).astype(np.int32)
    shape = (lists.shape[0], len(begins) - 1)
    found = csr_array((np.ones(len(leaves), np.float32), leaves, lists.indptr), shape=shape)
    found.sum_duplicates()
    return found
