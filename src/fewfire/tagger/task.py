"""What a training of a tagger is asked to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

from ..base.checks import MOST_EPOCHS, check_integer, thread_count
from ..data import Dataset, Encoding
from ..data.class_weights import weighted
from ..data.fingerprint import fingerprints
from ..measure.scoring import metrics_of
from ..model.callbacks import Callback
from ..model.checks import check_alike
from ..model.watchers import Watchers, columns
from .seeds import TreeSeeds
from .settings import MOST_TREES, Settings, rate_factor
from .training_set import continued, to_learn_more


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """A training, checked.

    Parameters
    ----------
    data : Dataset
    encoding : Encoding
        Of the labels that the tagger then knows.
    eval_sets : dict of str to Dataset
    callbacks : sequence of Callback
    max_epochs, n_threads : int
    seeds : TreeSeeds
    deterministic : bool
        Whether no two threads share a tree.
    goes_on : bool
        Whether with weights that are there, at the default rates.
    choices : dict
        What else a resumed training must share.
    verbose : bool

    Raises
    ------
    ValueError
        If a set does not fit the labels.
    """

    data: Dataset
    encoding: Encoding
    eval_sets: Mapping[str, Dataset]
    callbacks: Sequence[Callback]
    max_epochs: int
    seeds: TreeSeeds
    n_threads: int
    deterministic: bool
    goes_on: bool
    choices: Mapping[str, Any] = field(default_factory=dict)
    verbose: bool = False

    def __post_init__(self) -> None:
        for own in self.eval_sets.values():
            check_alike(own, self.encoding)

    @classmethod
    def to_fit(
        cls,
        tagger: Any,
        wanted: Settings,
        train: Dataset,
        eval_sets: Mapping[str, Dataset] | None,
        callbacks: Sequence[Callback],
    ) -> Task:
        """Return the training of a tagger from the start, by the settings that are `wanted`."""
        choices = wanted.to_dict()
        max_epochs = choices.pop("max_epochs")
        return cls._of(
            tagger, eval_sets, callbacks, data=train, encoding=train.encoding,
            max_epochs=max_epochs, goes_on=False, choices=choices,
        )  # fmt: skip

    @classmethod
    def to_go_on(
        cls,
        tagger: Any,
        X: Any,
        y: Any,
        eval_sets: Mapping[str, Dataset] | None,
        callbacks: Sequence[Callback],
        max_epochs: int | None,
    ) -> Task:
        """Return the training of a trained tagger on further examples."""
        known = tagger.trained.learned.encoding
        data = weighted(to_learn_more(X, y, known), tagger.class_weight)
        encoding = continued(known, data)
        epochs = tagger.forest.settings.max_epochs
        if max_epochs is not None:
            epochs = check_integer("max_epochs", max_epochs, low=1, high=MOST_EPOCHS)
        return cls._of(
            tagger, eval_sets, callbacks, data=data, encoding=encoding,
            max_epochs=epochs, goes_on=True,
        )  # fmt: skip

    @classmethod
    def _of(
        cls,
        tagger: Any,
        eval_sets: Mapping[str, Dataset] | None,
        callbacks: Sequence[Callback],
        **own: Any,
    ) -> Task:
        """Return a training with what it takes from the tagger; raise if a callback cannot watch
        it."""
        task = cls(
            eval_sets=dict(eval_sets or {}),
            callbacks=tuple(callbacks),
            seeds=tagger._seeds,
            n_threads=thread_count(tagger.n_jobs),
            deterministic=tagger.deterministic,
            verbose=tagger.verbose,
            **own,
        )
        metrics = partial(metrics_of, n_outputs=task.encoding.n_labels)
        task.watchers.check(tagger, ["train/loss", *columns(task.eval_sets, metrics)])
        return task

    @cached_property
    def watchers(self) -> Watchers:
        """The callbacks."""
        return Watchers(self.callbacks)

    @property
    def n_at_once(self) -> int:
        """Trees that are trained side by side: one for each thread; all, where they have weights
        that no turn may leave out, or where somebody looks at the forest after each epoch."""
        is_watched = self.eval_sets or any(x.looks_at_epochs for x in self.callbacks)
        return MOST_TREES if is_watched or self.goes_on else self.n_threads

    @property
    def n_forests(self) -> int:
        """Packed forests that are held at once: the tagger's, and those that callbacks keep."""
        return 1 + self.watchers.n_kept

    def rate_factor(self, slowing: float) -> float:
        """Return what learning rates are multiplied with."""
        return 1.0 if self.goes_on else rate_factor(len(self.data), self.max_epochs, slowing)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What must be the same for a resumed training to end as the whole one would."""
        return {
            "method": "partial_fit" if self.goes_on else "fit",
            **self.choices,
            "max_epochs": self.max_epochs,
            **self.seeds.told(),
            "n_examples": len(self.data),
            **fingerprints(self.data, self.eval_sets),
        }
