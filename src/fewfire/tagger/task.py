"""What a training of a tagger is asked to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ..data import Dataset, Encoding
from ..data.fingerprint import fingerprints
from ..measure.scoring import metrics_of
from ..model.callbacks import Callback
from ..model.checks import check_alike
from ..model.watchers import Watchers
from .settings import rate_factor


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
    max_epochs, seed, n_threads : int
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
    seed: int
    n_threads: int
    goes_on: bool
    choices: Mapping[str, Any] = field(default_factory=dict)
    verbose: bool = False

    def __post_init__(self) -> None:
        for own in self.eval_sets.values():
            check_alike(own, self.encoding)

    @cached_property
    def watchers(self) -> Watchers:
        """The callbacks."""
        return Watchers(self.callbacks)

    @property
    def n_forests(self) -> int:
        """Packed forests that are held at once: the tagger's, and those that callbacks keep."""
        return 1 + self.watchers.n_kept

    @property
    def columns(self) -> list[str]:
        """Columns of the history that callbacks may watch."""
        measured = [
            f"{name}/{metric}"
            for name, data in self.eval_sets.items()
            for metric in metrics_of(data.kind, self.encoding.n_labels)
        ]
        return ["train/loss", *measured]

    @property
    def rate_factor(self) -> float:
        """What learning rates are multiplied with."""
        return 1.0 if self.goes_on else rate_factor(len(self.data), self.max_epochs)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What must be the same for a resumed training to end as the whole one would."""
        return {
            "method": "partial_fit" if self.goes_on else "fit",
            **self.choices,
            "max_epochs": self.max_epochs,
            "random_state": self.seed,
            "n_examples": len(self.data),
            **fingerprints(self.data, self.eval_sets),
        }
