"""One training of a forest: epochs, what is measured after each, and what is shown meanwhile.

Where nobody looks at the epochs, trees are trained in turns, so many at a time that each thread has
one: only these are held with all their weights, which are ten times those of packed trees or more.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..base.history import History
from ..base.interrupts import deferred_interrupts
from ..base.ledger import Ledger
from ..base.progress import epoch_bar, tell, tell_epoch
from ..model.callbacks import State
from ..model.learned import Learned
from ..model.run import TrainingRun
from .checkpoint import Resumed, arrays_of
from .forest import Forest
from .leaves import renumbered
from .lesson import Lesson, mean_loss, train_epoch
from .preparing import Prepared
from .settings import LEARNING
from .task import Task
from .threshold import USUAL, threshold_on
from .trained import Trained


class Run(TrainingRun):
    """The training of a tagger.

    Parameters
    ----------
    tagger : Tagger
    keep : callable
        Makes a `Trained`, or None, what the tagger answers by.
    task : Task
    prepared : Prepared
    learned : Learned
        What the tagger then knows of its data.
    resumed : Resumed, optional
        Where to go on.
    shown_names : tuple of str, optional
        Of features.
    spent : Ledger, optional
        What was counted before.
    threshold : float
        Of the labels that the tagger then answers.
    """

    def __init__(
        self,
        tagger: Any,
        keep: Callable[[Trained | None], None],
        task: Task,
        prepared: Prepared,
        learned: Learned,
        resumed: Resumed | None = None,
        shown_names: tuple[str, ...] | None = None,
        spent: Ledger | None = None,
        threshold: float = USUAL,
    ) -> None:
        self._threshold = threshold
        self._tagger, self.task, self.max_epochs = tagger, task, task.max_epochs
        self.watchers = task.watchers
        self._keep, self._prepared = keep, prepared
        self._learned, self._shown_names = learned, shown_names
        self._before: Trained | None = tagger.trained if tagger.is_trained else None
        self._turns = iter(prepared.turns)
        self._done: Forest | None = None  # the trees of turns that are over
        self._is_packed = False  # whether the tagger answers by the trees as they are
        self.history, self.epoch = History([], spent or Ledger.empty(1)), 0
        if resumed is not None:
            self.history, self.epoch = resumed.past.history, resumed.past.epoch
            saved = resumed.saved
            self.watchers.take_over(saved.path, resumed.past.callbacks, saved.arrays)
            if task.verbose:
                tell(resumed.past.told(self.max_epochs, is_same_rate=False))
        self._n_read = len(prepared.plans) * self.history.n_examples  # by each tree
        self._start_turn()

    @property
    def model(self) -> Any:
        """The tagger, which answers by the trees as they are: they are packed when it is asked
        for, unless they were."""
        if not self._is_packed:
            with self._tagger.access.changing():  # who asks meanwhile waits
                # The last epoch's forest is not held beside the next; the one from before training
                # is, in case it fails, and answers if packing does.
                self._keep(self._before)
                self._answer_by(self._forest())
            self._is_packed = True
        return self._tagger

    def snapshot(self) -> State:
        """Return the packed trees."""
        forest = self.model.forest
        return forest.describe(), forest.arrays()

    def put_back(self, snapshot: State) -> None:
        """Make the tagger answer by the packed trees of `snapshot`."""
        described, arrays = snapshot
        n_features, n_labels = self._prepared.expansion.n_features, self._prepared.lists.shape[1]
        forest = Forest.from_arrays(described, arrays, n_features, n_labels)
        with self._tagger.access.changing():
            self._answer_by(forest)

    def settle_threshold(self) -> None:
        """Let the tagger answer labels above the threshold that is best on the first measured set,
        if there is one with lists of labels."""
        first = next(iter(self.task.eval_sets.values()), None)
        if first is None or first.kind != "labels":
            return
        tagger = self.model
        self._threshold, forest = threshold_on(tagger, first), tagger.forest
        with tagger.access.changing():
            self._answer_by(forest)

    def checkpoint(self) -> State:
        """Return the tagger and all that is needed to go on, as a file holds it."""
        self.settle_threshold()
        past, kept = self.past()
        config, arrays = self.model.state()
        return {**config, "training": past}, {**arrays, **arrays_of(self._trees), **kept}

    def past(self) -> State:
        """Return what a checkpoint holds beside the tagger and its trees."""
        described, arrays = super().past()
        return {**described, "trees": self._prepared.settings.to_dict()}, arrays

    def _settings(self) -> Mapping[str, Any]:
        return self.task.settings

    def one_epoch(self) -> None:
        """Train an epoch, measure it, and let callbacks look."""
        self._is_packed = False
        record = self._trained_epoch()
        for name, data in self.task.eval_sets.items():
            record |= {f"{name}/{metric}": x for metric, x in self.model.evaluate(data).items()}
        self.epoch += 1
        self._record(record)
        tell_epoch(record, self.max_epochs, self._name_of_turn, verbose=self.task.verbose)
        self.watchers.end_epoch(self, record)
        if self.epoch == self.max_epochs and self._own.stop < len(self._prepared.plans):
            with deferred_interrupts():
                self._done = self._forest()
                del self._lessons, self._trees  # before there are others
                self.epoch = 0
                self._start_turn()

    def _start_turn(self) -> None:
        """Grow the trees whose turn is next."""
        prepared, task = self._prepared, self.task
        self._own = next(self._turns)
        self._trees = prepared.grow(self._own)
        loss, slowing = prepared.settings.loss, prepared.settings.slowing or 0.0
        learning, factor = LEARNING[loss], task.rate_factor(slowing)
        self._lessons = [
            Lesson(
                tree,
                prepared.rows[number],
                renumbered(prepared.lists, tree.labels),
                learning.options(loss, learning.rates(len(tree.levels), factor), slowing),
                learning.last_rate,
                task.seeds.of(number),
                self.epoch,
                self.max_epochs,
                prepared.weights,
            )
            for number, tree in zip(self._own, self._trees, strict=True)
        ]

    @property
    def _name_of_turn(self) -> str:
        """Which trees learn, if not all of them do."""
        first, last, n = self._own[0] + 1, self._own[-1] + 1, len(self._prepared.plans)
        if last - first + 1 == n:
            return ""
        return f"tree {first}/{n}, " if first == last else f"trees {first}-{last}/{n}, "

    def _forest(self) -> Forest:
        """Return the trees so far, packed: those of a turn that was interrupted in its first epoch
        only where there are no others."""
        prepared, done = self._prepared, self._done
        before, room = [], prepared.room
        if done is not None:
            if self.epoch == 0:
                return done
            before, room = done.trees, room - done.n_bytes
        own = sum(prepared.packed_bytes(number) for number in self._own)
        later = range(self._own.stop, len(prepared.plans))
        room = int(room * own / (own + sum(map(prepared.packed_bytes, later))))
        settings, n_threads = prepared.settings, self.task.n_threads
        packed = Forest.pack(
            settings,
            prepared.expansion,
            self._trees,
            room,
            n_threads,
            before,
            prepared.calibration,
        )
        if done is not None and (done.settings.prune or 0) > (packed.settings.prune or 0):
            packed.settings = replace(packed.settings, prune=done.settings.prune)
        return packed

    def _record(self, record: dict[str, Any]) -> None:
        """Put an epoch into the history, with what trees of earlier turns had of it."""
        n_before, n = self._own[0], len(self._own)
        if n_before == 0:
            self.history.append(record)
            return
        row = self.history[self.epoch - 1]
        losses = n_before * row["train/loss"] + n * record["train/loss"]
        row["train/loss"] = losses / (n_before + n)
        row["seconds"] += record["seconds"]
        row["examples_per_second"] = len(self.task.data) / row["seconds"]

    def _trained_epoch(self) -> dict[str, Any]:
        task, lessons = self.task, self._lessons
        start, n, n_trees = time.perf_counter(), len(task.data), len(lessons)
        slices = contextlib.closing(
            train_epoch(lessons, task.n_threads, deterministic=task.deterministic)
        )
        title = f"{self._name_of_turn}epoch {self.epoch + 1}/{self.max_epochs}"
        try:
            with slices as sizes, epoch_bar(title, n * n_trees, verbose=task.verbose) as bar:
                for size in sizes:
                    bar.set_postfix({"loss": f"{mean_loss(lessons):.4f}"}, refresh=False)
                    bar.update(size)
        finally:  # also what an interrupt left of the epoch
            self._n_read += sum(lesson.done for lesson in lessons)
            self.history.n_examples = self._n_read // self._own.stop
            for lesson in lessons:
                self.history.ledger += lesson.ledger
        seconds = time.perf_counter() - start
        return {
            "epoch": self.epoch + 1,
            "train/loss": mean_loss(lessons),
            "examples_per_second": n / seconds,
            "seconds": seconds,
        }

    def _answer_by(self, forest: Forest) -> None:
        self._keep(Trained(forest, self._learned, self._shown_names, self._threshold))
