"""Training trees side by side, each in slices of about a tenth of a second. Trees share nothing; a
tree whose slice is run by several threads is shared by these (Hogwild).

A tree is also trained in parts: its router, which writes down the leaves that examples open, and
from that any of its leaves.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .. import _core
from ..base.interrupts import deferred_interrupts
from ..base.ledger import Ledger
from ..base.progress import Pace
from .expansion import as_inputs
from .tree import Tree

# Of an epoch, for the core: inputs, label lists, order, rates and weights.
Slice: TypeAlias = tuple[
    _core.SparseInputs,
    NDArray[np.int64],
    NDArray[np.int32],
    NDArray[np.int64],
    NDArray[np.float32],
    NDArray[np.float32],
]


class Lesson:
    """What one tree learns: its examples, and how far it is.

    Parameters
    ----------
    tree : Tree
        Changed in place.
    rows : csr_array, (n, width)
    lists : csr_array, (n, places)
        The labels of each example, as the tree numbers them.
    options : _core.TreeOptions
    last_rate : float
        Of the learning rates, which fall in a line.
    seed : sequence of int
        Of the order of the examples.
    epoch : int
        Epochs done.
    n_epochs : int
        Of them in all.
    weights : ndarray of float32, (n,), optional
        As how many examples each comes; None: 1 each.
    """

    def __init__(
        self,
        tree: Tree,
        rows: csr_array,
        lists: csr_array,
        options: _core.TreeOptions,
        last_rate: float,
        seed: Sequence[int],
        epoch: int,
        n_epochs: int,
        weights: NDArray[np.float32] | None = None,
    ) -> None:
        self.tree, self._width = tree, int(rows.shape[1])
        self._n_children, self._n_features = tree.n_children, np.diff(rows.indptr)
        self._options = options
        self._weights = np.empty(0, np.float32) if weights is None else weights
        self._inputs = as_inputs(rows)
        self._lists = np.asarray(lists.indptr, np.int64), np.asarray(lists.indices, np.int32)
        self._last_rate, self._seed, self._n_epochs = last_rate, seed, n_epochs
        self._pace = Pace()
        self.n = int(rows.shape[0])
        self.ledger = Ledger.empty(1)
        self.epoch = epoch  # begun
        self.done, self.loss = self.n, 0.0  # of the epoch, and so is the ledger

    def start_epoch(self) -> None:
        """Shuffle the examples for the next epoch."""
        rng = np.random.default_rng(np.random.SeedSequence([*self._seed, self.epoch]))
        self._order = rng.permutation(self.n)
        self.done, self.loss, self.ledger = 0, 0.0, Ledger.empty(1)
        self.epoch += 1

    @property
    def is_over(self) -> bool:
        """Whether the epoch is."""
        return self.done == self.n

    def go_on(self, n_threads: int) -> int:
        """Train on the next examples; return how many."""
        ids = self._order[self.done : self.done + self._pace.size]
        weights = self._weights[ids] if len(self._weights) else self._weights
        with self._pace.of(len(ids)):
            examples = self._inputs, *self._lists, ids, self._factors(len(ids)), weights
            self.loss, ledger = self._learn(examples, n_threads)
        self.ledger += Ledger(ledger) + self._dense(ids)
        self.done += len(ids)
        return len(ids)

    def _learn(self, examples: Slice, n_threads: int) -> tuple[float, NDArray[np.int64]]:
        """Train on a slice; return the loss of the epoch so far, and the work."""
        tree = self._core
        return _core.train_tree(tree, *examples, self._options, self.loss, n_threads)

    @cached_property
    def _core(self) -> _core.Tree:
        return self.tree.core(self._width)

    def _dense(self, ids: NDArray[np.int64]) -> Ledger:
        """Return what scores of every child, and gradients of every weight, would multiply."""
        n_inputs, n_stored = len(ids) * self._inputs.shape[1], int(self._n_features[ids].sum())
        return Ledger.of_dense(2 * n_inputs * self._n_children, 2 * n_stored * self._n_children)

    def _factors(self, n: int) -> NDArray[np.float32]:
        """Return the factors of the rates of the next `n` examples, which fall in a line."""
        first = (self.epoch - 1) * self.n + self.done
        position = (first + np.arange(n)) / (self._n_epochs * self.n)
        return np.asarray(1 - position * (1 - self._last_rate), np.float32)


class RouterLesson(Lesson):
    """What the levels above the leaves learn, whose labels the leaves are. After an epoch `opened`
    are the leaves that each example of its order opens though they hold none of its labels. All of
    them have a place; places that are left hold -1."""

    def start_epoch(self) -> None:
        """Shuffle the examples for the next epoch."""
        super().start_epoch()
        self._n_places = self._options.n_negatives
        self.opened = np.full(self.n * self._n_places, -1, np.int32)

    def _learn(self, examples: Slice, n_threads: int) -> tuple[float, NDArray[np.int64]]:
        opened = self.opened[_places(self.done, len(examples[3]), self._n_places)]
        return _core.train_router(
            self._core, *examples, self._options, self.loss, opened, n_threads
        )


class LeavesLesson(Lesson):
    """What some leaves learn, those from `first` on of a tree, from what its router opened in each
    epoch. The tree has their level alone."""

    def __init__(
        self, *arguments: Any, opened: Sequence[NDArray[np.int32]], first: int, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._opened, self._first = opened, first

    def _learn(self, examples: Slice, n_threads: int) -> tuple[float, NDArray[np.int64]]:
        places = _places(self.done, len(examples[3]), self._options.n_negatives)
        opened = self._opened[self.epoch - 1][places]
        return _core.train_leaves(
            self.tree.cores[0], *examples, self._options, self.loss, opened, self._first, n_threads
        )


def _places(begin: int, n: int, n_places: int) -> slice:
    return slice(begin * n_places, (begin + n) * n_places)


def train_epoch(
    lessons: list[Lesson], n_threads: int, *, deterministic: bool
) -> Generator[int, None, None]:
    """Train all trees through an epoch; yield now and then how many examples one of them went on.

    The tree that is least far goes on next. Threads without a tree of their own help with others,
    so that none is idle while a tree is longer than the rest, unless `deterministic`. If the caller
    stops, or is interrupted, which is noticed when a slice ends, slices that have begun are
    finished: the locks of a pool bear no interrupts.
    """
    for lesson in lessons:
        lesson.start_epoch()
    idle, pool = n_threads, ThreadPoolExecutor(min(len(lessons), n_threads))
    running: dict[Future[int], tuple[Lesson, int]] = {}
    try:
        while running or not all(lesson.is_over for lesson in lessons):
            busy = [lesson for lesson, _ in running.values()]
            waiting = [x for x in lessons if not x.is_over and all(x is not y for y in busy)]
            waiting.sort(key=lambda lesson: lesson.done)
            with deferred_interrupts():
                while waiting and idle:
                    n_own = 1 if deterministic else -(-idle // len(waiting))
                    lesson = waiting.pop(0)
                    running[pool.submit(lesson.go_on, n_own)] = lesson, n_own
                    idle -= n_own
                ended, _ = wait(running, return_when=FIRST_COMPLETED)
                idle += sum(running.pop(future)[1] for future in ended)
                sizes = [future.result() for future in ended]
            yield from sizes
    finally:
        with deferred_interrupts():
            pool.shutdown()


def mean_loss(lessons: list[Lesson]) -> float:
    """Return the loss of an example in the epoch so far, the mean of all trees."""
    losses = [lesson.loss / max(1, lesson.done) for lesson in lessons]
    return math.fsum(losses) / len(losses)
