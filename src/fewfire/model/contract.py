"""What models of many labels share: the best labels of examples, and how good they are."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..base.checks import check_integer
from ..base.files import PathLike
from ..base.ledger import Ledger
from ..data import Dataset, Encoding
from ..data.dataset import Examples
from ..data.encoding import Kind
from ..data.given import as_dataset
from ..measure.frequencies import LabelGroup, recall_by_group
from ..measure.latency import EXACT_EXAMPLES, Latency, measure_latency
from ..measure.metrics import Metrics, cutoffs
from ..measure.result import TopKResult
from ..measure.scoring import Frequencies, depth_of, figures, formulas_of


class Labeller(ABC):
    """A trained model that finds labels; a subclass tells how."""

    @property
    @abstractmethod
    def trained_encoding(self) -> Encoding:
        """How training numbered features and labels; raises before training."""

    @property
    @abstractmethod
    def frequencies(self) -> Frequencies:
        """Training examples of each label, and of all."""

    @abstractmethod
    def find(
        self, data: Dataset, k: int, *, exact: bool, n_jobs: int | None
    ) -> tuple[TopKResult, Ledger]:
        """Return the `k` best labels of each example, and the work of finding them."""

    @abstractmethod
    def score(
        self, data: Dataset, wanted: csr_array, *, n_jobs: int | None
    ) -> tuple[csr_array, Ledger]:
        """Return how likely the stored places of `wanted` are, and the work."""

    @property
    @abstractmethod
    def n_opened(self) -> int:
        """Leaves that the router opens for an example."""

    @abstractmethod
    def n_scored(self, data: Dataset, k: int, *, n_jobs: int | None) -> float:
        """Return how many labels are scored to find the `k` best, on average."""

    @abstractmethod
    def dense(self, data: Dataset, *, n_jobs: int | None) -> Ledger:
        """Return what a model of the same weights would multiply that skips no label."""

    @abstractmethod
    def save(self, path: PathLike) -> None:
        """Write the model to a safetensors file: beside `path` first, then renamed."""

    @property
    def label_names(self) -> tuple[Any, ...] | None:
        """Name of each label id, or None when ids are their own names."""
        return self.trained_encoding.label_names

    @property
    def n_features(self) -> int:
        """Features of an example."""
        return self.trained_encoding.n_features

    @property
    def n_outputs(self) -> int:
        """Labels, also those that training never saw."""
        return self.trained_encoding.n_labels

    def predict_topk(
        self, X: Examples, k: int = 5, *, exact: bool = False, n_jobs: int | None = None
    ) -> TopKResult:
        """Return the `k` best labels of each row of `X`, best first: two (n, k) arrays.

        Parameters
        ----------
        X : ndarray, scipy sparse or Dataset, (n, n_features)
        k : int
        exact : bool
            Open every leaf, not the likeliest only.
        n_jobs : int, optional
            Threads; None for the model's.

        Returns
        -------
        TopKResult
            Labels, and how likely they are, 0 to 1; -1 and -inf where fewer were found.

        Raises
        ------
        ValueError
            If `X` has another width than the training set, or k is not in 1..labels.
        """
        k = check_integer("k", k, low=1, high=self.n_outputs)
        return self.find(self.examples(X), k, exact=exact, n_jobs=n_jobs)[0]

    def predict_scores(
        self, X: Examples, candidates: Any, *, n_jobs: int | None = None
    ) -> csr_array:
        """Return how likely given labels are: what re-ranks the answers of another system.

        Parameters
        ----------
        X : ndarray, scipy sparse or Dataset, (n, n_features)
        candidates : sparse, (n, labels)
            The stored places are scored.
        n_jobs : int, optional
            Threads; None for the model's.

        Returns
        -------
        csr_array
            Of the places of `candidates`. Labels that training never saw have -inf in a tagger, and
            count 0 in the tagger's part of a blend, whose softmax is taken over the candidates.

        Raises
        ------
        ValueError
            If `X` or `candidates` has another shape.
        """
        data = self.examples(X)
        return self.score(data, self.candidates(candidates, len(data)), n_jobs=n_jobs)[0]

    def evaluate(
        self,
        data: Dataset,
        metrics: Sequence[str] | None = None,
        *,
        exact: bool = False,
        n_jobs: int | None = None,
        propensity: tuple[float, float] = (0.55, 1.5),
    ) -> Metrics:
        """Measure the model on `data`, through its router unless `exact`.

        Parameters
        ----------
        data : Dataset
            With classes or label lists, encoded like the training set.
        metrics : list of str, optional
            "P@1", "nDCG@3", "PSP@5", ... with any k, or "accuracy"; default: accuracy for classes,
            P@1, 3, 5 for label lists.
        exact : bool
            Open every leaf.
        n_jobs : int, optional
            Threads; None for the model's.
        propensity : (float, float)
            A and B of PSP@k, see `fewfire.metrics.propensities`.

        Returns
        -------
        Metrics
            `density` is the share of the multiplications of a dense model.

        Raises
        ------
        ValueError
            If a metric is unknown, or `data` does not fit the training set.
        """
        check_alike(data, self.trained_encoding)
        names = list(metrics) if metrics is not None else self.default_metrics(data.kind)
        if "loss" in names:
            raise ValueError("this model measures accuracy, P@k, nDCG@k and PSP@k, and no loss")
        wanted = cutoffs(names)
        formulas = formulas_of(wanted, lambda: self.frequencies, propensity)
        k = depth_of(wanted, self.n_outputs)
        top, work = self.find(data, k, exact=exact, n_jobs=n_jobs)
        ledger = work + self.dense(data, n_jobs=n_jobs)
        values = figures(wanted, formulas, top.indices, data)
        ordered = {name: values[name] for name in names}
        return Metrics(ordered, ledger.share, ledger, len(data), exact)

    def recall_by_group(
        self, data: Dataset, k: int = 5, *, exact: bool = False, n_jobs: int | None = None
    ) -> dict[str, LabelGroup]:
        """Return recall@k of labels that were frequent, less frequent and rare in training, as
        `Network.recall_by_group` does."""
        check_alike(data, self.trained_encoding)
        k = check_integer("k", k, low=1)
        top = self.predict_topk(data, min(k, self.n_outputs), exact=exact, n_jobs=n_jobs)
        return recall_by_group(k, top.indices, data.label_lists(), self.frequencies[0])

    def latency(self, X: Examples, k: int = 5, *, n_jobs: int | None = None) -> Latency:
        """Return how fast single examples are answered, and what the router leaves out.

        Parameters
        ----------
        X : ndarray, scipy sparse or Dataset, (n, n_features)
            Up to 1000 examples are looked at, one after another.
        k : int
        n_jobs : int, optional
            Threads for what is not timed; None for the model's.

        Raises
        ------
        ValueError
            As `predict_topk`, and without an example.
        """
        k = check_integer("k", k, low=1, high=self.n_outputs)
        return measure_latency(
            self,
            self.examples(X),
            k,
            n_jobs=n_jobs,
            n_compared=EXACT_EXAMPLES,
            leaves=self.n_opened,
        )

    def seconds(self, data: Dataset, k: int, *, exact: bool) -> NDArray[np.float64]:
        """Return what each example takes alone to its `k` best labels, in one thread."""
        taken = np.empty(len(data))
        for i in range(len(data)):
            example = data[i : i + 1]
            start = time.perf_counter()
            self.find(example, k, exact=exact, n_jobs=1)
            taken[i] = time.perf_counter() - start
        return taken

    def default_metrics(self, kind: Kind) -> list[str]:
        """Return the metrics that `evaluate` computes for targets of this kind, the first first."""
        if kind == "classes":
            return ["accuracy"]
        return [f"P@{k}" for k in (1, 3, 5) if k <= self.n_outputs]

    def examples(self, X: Examples) -> Dataset:
        """Return examples as a data set; raise unless they have the width of the training set."""
        data = as_dataset(X, self.trained_encoding)
        _check_width(data, self.trained_encoding)
        return data

    def candidates(self, wanted: Any, n_examples: int) -> csr_array:
        """Return candidates as canonical CSR; raise unless there is a row per example and a column
        per label."""
        lists = csr_array(wanted, copy=True)
        if lists.shape != (n_examples, self.n_outputs):
            raise ValueError(
                f"candidates have the shape {lists.shape}, wanted ({n_examples}, "
                f"{self.n_outputs}): a row per example, a column per label"
            )
        lists.sum_duplicates()
        return lists


def to_learn(X: Any, y: Any) -> Dataset:
    """Return a training set of labels, checked."""
    if isinstance(X, Dataset) and y is not None:
        raise TypeError("a Dataset brings its own targets: leave out y")
    data = X if isinstance(X, Dataset) else Dataset(X, y)
    _check_targets(data)
    if len(data.label_lists()[1]) == 0:
        raise ValueError("no example has a label: there is nothing to learn")
    return data


def check_alike(data: Dataset, encoding: Encoding) -> None:
    """Raise unless `data` has labels, and they and its features mean what `encoding` says."""
    _check_targets(data)
    _check_width(data, encoding)
    if data.n_labels > encoding.n_labels or data.label_names != encoding.label_names:
        raise ValueError(
            f"the data has {data.n_labels} labels, or other names of them, than the "
            f"{encoding.n_labels} of the training set; read both files with one encoder: like=train"
        )


def _check_width(data: Dataset, encoding: Encoding) -> None:
    if data.n_features != encoding.n_features:
        raise ValueError(
            f"the data has {data.n_features} features but the model wants {encoding.n_features}"
        )


def _check_targets(data: Dataset) -> None:
    if not isinstance(data, Dataset):
        raise TypeError(f"data must be a fewfire.Dataset, got {type(data).__name__}")
    if len(data) == 0:
        raise ValueError("the data set has no examples")
    if data.kind not in ("classes", "labels"):
        held = "no targets" if data.kind is None else "values"
        raise ValueError(f"labels or classes are wanted as targets; the data set has {held}")
