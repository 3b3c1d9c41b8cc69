"""What training makes: trees, what they were trained on, and what their features are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.checks import LARGEST_ID, check_integer, check_number
from ..base.files import Arrays, array_of, names_of
from ..data import Dataset
from ..data.frames import checked_words
from ..measure.result import TopKResult
from ..model.learned import Learned
from .forest import Forest
from .reasons import Leaf, Reason, leaves, reason, row_of
from .seeds import TreeSeeds
from .threshold import USUAL


@dataclass(frozen=True, eq=False)
class Trained:
    """A forest with what training learned of its features and labels."""

    forest: Forest
    learned: Learned
    shown_names: tuple[str, ...] | None = None  # of features, in place of those of the training set
    threshold: float = USUAL  # of the labels that `predict` answers

    def __post_init__(self) -> None:
        if self.shown_names is not None:
            checked_words(self.shown_names, self.n_features)

    @property
    def feature_names(self) -> tuple[str, ...] | None:
        """What each feature is called, if they have names."""
        encoding = self.learned.encoding
        return self.shown_names or (None if encoding is None else encoding.feature_names)

    @property
    def n_features(self) -> int:
        """Features of an example, pairs of them not counted."""
        return self.forest.expansion.n_features

    @property
    def n_labels(self) -> int:
        """Labels, also those that are in no tree."""
        return len(self.forest.is_seen)

    @property
    def never_seen(self) -> NDArray[np.int32]:
        """Labels that no training example had: they are in no tree, and never predicted."""
        return np.flatnonzero(~self.forest.is_seen).astype(np.int32)

    @property
    def n_opened(self) -> int:
        """Leaves that the router opens for an example, in all trees."""
        beam = self.forest.settings.beam
        return sum(min(beam, tree.levels[-1].n_nodes) for tree in self.forest.trees)

    def feature_name(self, feature: int) -> str:
        """Return what a feature or pair is called: by `feature_names`, the words of the text it was
        trained on, or its number."""
        most = self.n_features + len(self.forest.expansion.keys) - 1
        feature = check_integer("feature", feature, low=0, high=most)
        names, encoding = self.feature_names, self.learned.encoding
        if names is None and encoding is not None:
            names = encoding.words_of_features
        return self.forest.expansion.name(feature, names)

    def explain(self, data: Dataset, top: TopKResult, n: int, n_threads: int) -> list[list[Reason]]:
        """Return for each example and each of its `top` labels the `n` features that spoke most for
        it."""
        n = check_integer("n", n, low=0)
        rows = self.forest.rows(data, n_threads)
        return [
            [
                reason(self.forest, [row_of(own, i) for own in rows], label, score, n)
                for label, score in zip(labels, scores, strict=True)
                if label >= 0
            ]
            for i, (labels, scores) in enumerate(
                zip(top.indices.tolist(), top.scores.tolist(), strict=True)
            )
        ]

    def leaves(self, tree: int, n: int) -> Iterator[Leaf]:
        """Yield the leaves of a tree: its labels, and the `n` features that lead there most."""
        tree = check_integer("tree", tree, low=0, high=len(self.forest.trees) - 1)
        n = check_integer("n", n, low=0)
        return leaves(self.forest, tree, n)

    def state(self, seeds: TreeSeeds) -> tuple[dict[str, Any], Arrays]:
        """Return what a file holds of a tagger: a description for JSON, and the arrays by name."""
        learned, arrays = self.learned.state()
        own = {**seeds.told(), "threshold": self.threshold}
        config = {"tagger": {**self.forest.describe(), **own}, **learned}
        arrays = self.forest.arrays() | arrays
        if self.shown_names is not None:
            arrays["feature_names"] = array_of(self.shown_names)
        return config, arrays

    def check_forest(self, snapshot: tuple[Mapping[str, Any], Arrays]) -> None:
        """Raise unless a file holds another forest there over the same features and labels."""
        Forest.from_arrays(*snapshot, self.n_features, self.n_labels)

    @classmethod
    def from_state(cls, config: Mapping[str, Any], arrays: Arrays) -> Trained:
        """Make what `state` described; raise `ValueError` or the like if it is damaged."""
        learned = Learned.from_state(config, arrays)
        encoding = learned.encoding
        if encoding is None or encoding.kind not in ("labels", "classes"):
            raise ValueError(f"a tagger of {None if encoding is None else encoding.kind}")
        if learned.label_counts is None:
            raise ValueError("label_counts are missing")
        n_features = check_integer("n_features", encoding.n_features, low=1, high=LARGEST_ID)
        n_labels = check_integer("n_labels", encoding.n_labels, low=1, high=LARGEST_ID)
        forest = Forest.from_arrays(config["tagger"], arrays, n_features, n_labels)
        names = names_of(arrays["feature_names"]) if "feature_names" in arrays else None
        threshold = config["tagger"].get("threshold", USUAL)  # of a file of before it was kept
        check_number("threshold", threshold, low=0.0, high=1.0)
        return cls(forest, learned, None if names is None else tuple(names), threshold)
