"""What training learned of its data, besides weights: how features and labels became numbers, and
how often each label occurred. Written, kept in files and checked here, for every model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.checks import check_integer
from ..base.files import Arrays, check_array
from ..data import Dataset, Encoding
from ..measure.scoring import Frequencies


@dataclass(frozen=True, eq=False)
class Learned:
    """What a model knows of its training set; nothing before training.

    Parameters
    ----------
    encoding : Encoding or None
        How features and targets became numbers.
    label_counts : ndarray of int64, (n_outputs,), or None
        Training examples of each label, read-only; None for values.
    n_trained : int
        Examples that were counted: the training set, of deformed images their source.

    Examples
    --------
    >>> from fewfire import Tagger
    >>> tagger = Tagger("fast", n_jobs=1).fit([[1, 0], [0, 1]] * 5, ["cat", "dog"] * 5)
    >>> tagger.learned.label_names, tagger.learned.label_counts, tagger.learned.n_trained
    (('cat', 'dog'), array([5, 5]), 10)
    """

    encoding: Encoding | None = None
    label_counts: NDArray[np.int64] | None = None
    n_trained: int = 0

    def __post_init__(self) -> None:
        check_integer("n_trained", self.n_trained, low=0)
        if self.label_counts is not None:
            counts = self.label_counts.view()
            if ((counts < 0) | (counts > self.n_trained)).any():
                raise ValueError(f"label_counts must be 0 to n_trained = {self.n_trained}")
            counts.flags.writeable = False
            object.__setattr__(self, "label_counts", counts)

    @classmethod
    def of(cls, train: Dataset, n_outputs: int) -> Learned:
        """Return what training a model of `n_outputs` rows on `train` says of it."""
        return cls(train.encoding, _count(train, n_outputs), len(train))

    def and_of(self, more: Dataset, encoding: Encoding) -> Learned:
        """Return this and what training on `more` adds; its `encoding` goes on from this one's."""
        n_trained = self.n_trained + len(more)
        if self.label_counts is None:
            return Learned(encoding, None, n_trained)
        counts = _count(more, max(encoding.n_labels, len(self.label_counts)))
        assert counts is not None
        counts[: len(self.label_counts)] += self.label_counts
        return Learned(encoding, counts, n_trained)

    @property
    def label_names(self) -> tuple[Any, ...] | None:
        """Name of each label id, or None when ids are their own names."""
        return None if self.encoding is None else self.encoding.label_names

    def frequencies(self, asker: str) -> Frequencies:
        """Return label counts and the number of examples counted; raise if they are unknown."""
        if self.label_counts is None:
            raise ValueError(
                f"{asker} needs to know how often each label occurs in the training set, and this "
                "model does not: train it, or, if it is a network of an older file, call "
                "net.count_labels(train)"
            )
        return self.label_counts, self.n_trained

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what a file holds: a description for JSON, and the arrays by name."""
        encoding, arrays = (None, {}) if self.encoding is None else self.encoding.state()
        if self.label_counts is not None:
            arrays = {**arrays, "label_counts": self.label_counts}
        return {"encoding": encoding, "n_trained": self.n_trained}, arrays

    @classmethod
    def from_state(
        cls, config: Mapping[str, Any], arrays: Arrays, n_outputs: int | None = None
    ) -> Learned:
        """Make what `state` described; raise `ValueError` or the like if it is damaged.

        `n_outputs` are the model's rows; None for as many as the encoding has labels.
        """
        encoding = None
        if config["encoding"] is not None:
            encoding = Encoding.from_state(config["encoding"], arrays)
            n_outputs = encoding.n_labels if n_outputs is None else n_outputs
        n_trained = check_integer("n_trained", config.get("n_trained", 0), low=0)
        if "label_counts" not in arrays:  # of values, or in an older file
            return cls(encoding, None, n_trained)
        check_array(arrays, "label_counts", (n_outputs or 0,), np.int64)
        return cls(encoding, arrays["label_counts"], n_trained)


def _count(data: Dataset, n_outputs: int) -> NDArray[np.int64] | None:
    """Return how many examples have each label, window by window; None for values."""
    if data.kind == "values":
        return None
    counts = np.zeros(n_outputs, np.int64)
    for window in data.windows():
        counts += np.bincount(window.label_lists()[1], minlength=n_outputs)
    return counts
