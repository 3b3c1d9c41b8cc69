"""What a trained tagger answers: labels and their likelihoods, reasons, leaves, and its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..base.checks import check_integer, thread_count
from ..base.files import Arrays, PathLike, checked_counts, packed, unpacked, write_model
from ..base.ledger import Ledger
from ..data import Dataset, Encoding
from ..data.dataset import Examples
from ..measure.result import TopKResult
from ..measure.scoring import Frequencies
from ..model.contract import Labeller
from .forest import Forest
from .reasons import Leaf, Reason, leaves, reason, row_of
from .settings import Settings


class Grown(Labeller):
    """A forest with what training knew of its features and labels; `Tagger` trains it."""

    def __init__(self, settings: Settings, random_state: int, n_jobs: int | None) -> None:
        self.settings = settings
        self.random_state = check_integer("random_state", random_state, low=0)
        self.n_jobs = n_jobs
        thread_count(n_jobs)
        self.encoding: Encoding | None = None
        self.feature_names: tuple[str, ...] | None = None
        self.label_counts: NDArray[np.int64] | None = None
        self.n_trained = 0
        self._forest: Forest | None = None

    @property
    def forest(self) -> Forest:
        """The trees; raises before training."""
        if self._forest is None:
            raise ValueError("the tagger is not trained yet: call fit")
        return self._forest

    @property
    def never_seen(self) -> NDArray[np.int32]:
        """Labels that no training example had: they are in no tree, and never predicted."""
        return np.flatnonzero(~self.forest.is_seen).astype(np.int32)

    @property
    def trained_encoding(self) -> Encoding:
        """How training numbered features and labels; raises before training."""
        _ = self.forest
        assert self.encoding is not None
        return self.encoding

    @property
    def frequencies(self) -> Frequencies:
        """Training examples of each label, and of all."""
        assert self.label_counts is not None
        return self.label_counts, self.n_trained

    def find(
        self, data: Dataset, k: int, *, exact: bool, n_jobs: int | None
    ) -> tuple[TopKResult, Ledger]:
        """Return the `k` best labels of each example, and the work of finding them."""
        return self.forest.find(data, k, exact=exact, n_threads=self._threads(n_jobs))

    def score(
        self, data: Dataset, wanted: csr_array, *, n_jobs: int | None
    ) -> tuple[csr_array, Ledger]:
        """Return how likely the stored places of `wanted` are, and the work: the leaves they are in
        are opened, and no others."""
        scores, ledger = self.forest.score(data, wanted, self._threads(n_jobs))
        return csr_array((scores, wanted.indices, wanted.indptr), shape=wanted.shape), ledger

    @property
    def n_opened(self) -> int:
        """Leaves that the router opens for an example, in all trees."""
        return sum(min(self.settings.beam, tree.levels[-1].n_nodes) for tree in self.forest.trees)

    def n_scored(self, data: Dataset, k: int, *, n_jobs: int | None) -> float:
        """Return how many labels the opened leaves hold, each counted once, on average."""
        width = min(self.forest.most_found, self.n_outputs)
        top, _ = self.find(data, width, exact=False, n_jobs=n_jobs)
        return float((top.indices >= 0).sum(axis=1).mean())

    def dense(self, data: Dataset, *, n_jobs: int | None) -> Ledger:
        """Return what opening every node would multiply."""
        return self.forest.dense(data, self._threads(n_jobs))

    def explain(self, X: Examples, k: int = 1, *, n: int = 10) -> list[list[Reason]]:
        """Return for each row of `X` the `k` best labels, and the `n` features, and pairs of them,
        that spoke most for each.

        >>> X = np.eye(4, dtype=np.float32)
        >>> from fewfire import Tagger
        >>> tagger = Tagger("fast", n_jobs=1).fit(X, [2, 0, 1, 3])
        >>> best = tagger.explain(X[:1])[0][0]
        >>> best.label, best.features, tagger.feature_name(best.features[0])
        (2, array([0]), '0')
        """
        data = self.examples(X)
        top = self.predict_topk(data, k)
        rows = self.forest.rows(data, self._threads(None))
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

    def leaves(self, tree: int = 0, *, n: int = 10) -> Iterator[Leaf]:
        """Yield the leaves of a tree: its labels, and the `n` features that lead there most."""
        tree = check_integer("tree", tree, low=0, high=len(self.forest.trees) - 1)
        return leaves(self.forest, tree, n)

    def feature_name(self, feature: int) -> str:
        """Return what a feature or pair is called: by `feature_names`, the words of the text it was
        trained on, or its number."""
        names = self.feature_names
        text = self.trained_encoding.text
        if names is None and text is not None:
            names = text.words
        return self.forest.expansion.name(int(feature), names)

    def save(self, path: PathLike) -> None:
        """Write the tagger to a safetensors file: beside `path` first, then renamed."""
        write_model(path, *self.state())

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what a file holds: a description for JSON, and the arrays by name."""
        encoding, of_encoding = self.trained_encoding.state()
        config = {
            "tagger": {**self.forest.describe(), "random_state": self.random_state},
            "encoding": encoding,
            "n_trained": self.n_trained,
        }
        arrays = self.forest.arrays() | of_encoding
        arrays["label_counts"] = self.frequencies[0]
        if self.feature_names is not None:
            arrays["feature_names"] = packed(self.feature_names)
        return config, arrays

    def restore(self, config: Mapping[str, Any], arrays: Arrays) -> None:
        """Take over what `state` described; raise `ValueError` if it is damaged."""
        encoding = Encoding.from_state(config["encoding"], arrays)
        if encoding.kind not in ("labels", "classes"):
            raise ValueError(f"a tagger of {encoding.kind}")
        n_features = check_integer("n_features", encoding.n_features, low=1, high=2**31 - 1)
        n_labels = check_integer("n_labels", encoding.n_labels, low=1, high=2**31 - 1)
        self.n_trained = check_integer("n_trained", config["n_trained"], low=0)
        # Before anything of that many labels is made.
        self.label_counts = checked_counts(arrays, n_labels, self.n_trained)
        self._forest = Forest.from_arrays(config["tagger"], arrays, n_features, n_labels)
        self.settings, self.encoding = self._forest.settings, encoding
        if "feature_names" in arrays:
            self.set_feature_names(unpacked(arrays["feature_names"]))

    def set_feature_names(self, names: Sequence[str]) -> None:
        """Keep a name for each feature, to be shown where features are."""
        if len(names) != self.n_features or not all(isinstance(name, str) for name in names):
            raise ValueError(f"{len(names)} names for {self.n_features} features: give each one")
        self.feature_names = tuple(names)

    def __repr__(self) -> str:
        if self._forest is None:
            return f"Tagger({self.settings})"
        n_leaves = self.forest.trees[0].levels[-1].n_nodes
        return (
            f"Tagger({self.n_features:,} features, {self.n_outputs:,} labels in "
            f"{n_leaves:,} leaves, trees: {len(self.forest.trees)})"
        )

    def _threads(self, n_jobs: int | None) -> int:
        return thread_count(self.n_jobs if n_jobs is None else n_jobs)
