"""One training of a forest: epochs, what is measured after each, and what is shown meanwhile."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..base.history import History
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
    feature_names : tuple of str, optional
    spent : Ledger, optional
        What was counted before.
    """

    def __init__(
        self,
        tagger: Any,
        keep: Callable[[Trained | None], None],
        task: Task,
        prepared: Prepared,
        learned: Learned,
        resumed: Resumed | None = None,
        feature_names: tuple[str, ...] | None = None,
        spent: Ledger | None = None,
    ) -> None:
        self._tagger, self.task, self.max_epochs = tagger, task, task.max_epochs
        self.watchers = task.watchers
        self._keep, self._prepared = keep, prepared
        self._learned, self._feature_names = learned, feature_names
        self._before: Trained | None = tagger.trained if tagger.is_trained else None
        self._trees = prepared.grow()
        self._is_packed = False  # whether the tagger answers by the trees as they are
        self.history, self.epoch = History([], spent or Ledger.empty(1)), 0
        if resumed is not None:
            self.history, self.epoch = resumed.past.history, resumed.past.epoch
            saved = resumed.saved
            self.watchers.take_over(saved.path, resumed.past.callbacks, saved.arrays)
            if task.verbose:
                tell(resumed.past.told(self.max_epochs, is_same_rate=False))
        loss, slowing = prepared.settings.loss, prepared.settings.slowing or 0.0
        self._lessons = [
            Lesson(
                tree,
                own,
                renumbered(prepared.lists, tree.labels),
                LEARNING[loss],
                loss,
                [task.seed, number],
                self.epoch,
                self.max_epochs,
                task.rate_factor(slowing),
                slowing,
                prepared.weights,
            )
            for number, (tree, own) in enumerate(zip(self._trees, prepared.rows, strict=True))
        ]

    @property
    def model(self) -> Any:
        """The tagger, which answers by the trees as they are: they are packed when it is asked
        for, unless they were."""
        if not self._is_packed:
            own, n_threads = self._prepared, self.task.n_threads
            with self._tagger.access.changing():  # who asks meanwhile waits
                # The last epoch's forest is not held beside the next; the one of before training
                # is, in case it fails, and answers if packing does.
                self._keep(self._before)
                self._answer_by(
                    Forest.pack(own.settings, own.expansion, self._trees, own.room, n_threads)
                )
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

    def checkpoint(self) -> State:
        """Return the tagger and all that is needed to go on, as a file holds it."""
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
        self.history.append(record)
        tell_epoch(record, self.max_epochs, verbose=self.task.verbose)
        self.watchers.end_epoch(self, record)

    def _trained_epoch(self) -> dict[str, Any]:
        task, lessons = self.task, self._lessons
        start, n, n_trees = time.perf_counter(), len(task.data), len(lessons)
        slices = contextlib.closing(
            train_epoch(lessons, task.n_threads, deterministic=task.deterministic)
        )
        title = f"epoch {self.epoch + 1}/{self.max_epochs}"
        try:
            with slices as sizes, epoch_bar(title, n * n_trees, verbose=task.verbose) as bar:
                for size in sizes:
                    bar.set_postfix({"loss": f"{mean_loss(lessons):.4f}"}, refresh=False)
                    bar.update(size)
        finally:  # also what an interrupt left of the epoch
            self.history.n_examples += sum(lesson.done for lesson in lessons) // n_trees
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
        self._keep(Trained(forest, self._learned, self._feature_names))
