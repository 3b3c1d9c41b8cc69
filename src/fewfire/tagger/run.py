"""One training of a forest: epochs, what is measured after each, and what is shown meanwhile."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from scipy.sparse import csr_array

from ..base.history import History
from ..base.ledger import Ledger
from ..base.progress import epoch_bar, tell_epoch
from .leaves import renumbered
from .lesson import Lesson, mean_loss, train_epoch
from .settings import LEARNING
from .tree import Tree

Measure = Callable[[], dict[str, float]]


class Fitting:
    """The training of trees on some examples.

    Parameters
    ----------
    trees : list of Tree
        Changed in place.
    loss : str
    rows : list of csr_array, (n, width)
        The examples as each tree reads them.
    lists : csr_array, (n, n_labels)
        Their labels, as ones.
    seed, max_epochs, n_threads : int
    rate_factor : float
        What the learning rates are multiplied with.
    verbose : bool
        Show progress on stderr.
    """

    def __init__(
        self,
        trees: Sequence[Tree],
        loss: str,
        rows: Sequence[csr_array],
        lists: csr_array,
        *,
        seed: int,
        max_epochs: int,
        rate_factor: float,
        n_threads: int,
        verbose: bool,
    ) -> None:
        self.n, self.max_epochs, self.n_threads = int(lists.shape[0]), max_epochs, n_threads
        self.verbose = verbose
        self.lessons = [
            Lesson(
                tree,
                own,
                renumbered(lists, tree.labels),
                LEARNING[loss],
                loss,
                [seed, number],
                max_epochs,
                rate_factor,
            )
            for number, (tree, own) in enumerate(zip(trees, rows, strict=True))
        ]
        self.history = History([], Ledger.empty(1))

    def go(self, measure: Measure) -> History:
        """Train all epochs, or until Ctrl-C; `measure` gives figures after each."""
        n_workers = min(len(self.lessons), self.n_threads)
        with ThreadPoolExecutor(n_workers) as pool:
            try:
                for epoch in range(1, self.max_epochs + 1):
                    record = self._one_epoch(epoch, pool) | measure()
                    self.history.append(record)
                    tell_epoch(record, self.max_epochs, verbose=self.verbose)
            except KeyboardInterrupt:  # the slices that had begun are finished
                self.history.interrupted = True
        for lesson in self.lessons:
            self.history.ledger += lesson.ledger
        return self.history

    def _one_epoch(self, epoch: int, pool: ThreadPoolExecutor) -> dict[str, Any]:
        start, n_trees = time.perf_counter(), len(self.lessons)
        slices = contextlib.closing(train_epoch(self.lessons, self.n_threads, pool))
        total = self.n * n_trees
        title = f"epoch {epoch}/{self.max_epochs}"
        try:
            with slices as sizes, epoch_bar(title, total, verbose=self.verbose) as bar:
                for size in sizes:
                    bar.set_postfix({"loss": f"{mean_loss(self.lessons):.4f}"}, refresh=False)
                    bar.update(size)
        finally:  # also what an interrupt left of the epoch
            self.history.n_examples += sum(lesson.done for lesson in self.lessons) // n_trees
        seconds = time.perf_counter() - start
        return {
            "epoch": epoch,
            "train/loss": mean_loss(self.lessons),
            "examples_per_second": self.n / seconds,
            "seconds": seconds,
        }
