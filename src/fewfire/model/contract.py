"""What every model answers: its best labels, how good they are, and how fast it finds them.

A model gives the primitives at the end of the class; what is asked of it is checked here, once."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..base.checks import check_integer, thread_count
from ..base.files import Arrays, PathLike, put_model
from ..base.finite import check_finite
from ..base.ledger import Ledger
from ..base.replacing import replacing
from ..data import Dataset, Encoding
from ..data.dataset import Examples
from ..data.encoding import Kind
from ..data.given import as_dataset
from ..measure.frequencies import LabelGroup, recall_by_group
from ..measure.latency import Latency, measure_latency
from ..measure.metrics import NAMES, OF_VALUES, Metrics, cutoffs
from ..measure.ranking import RankBy, Ranking, exponent_of
from ..measure.result import TopKResult
from ..measure.scoring import by_pair, depth_of, figures, formulas_of, metrics_of
from .checks import as_candidates, check_features, check_labelled, check_labels
from .learned import Learned


class Ways(NamedTuple):
    """What the two ways to answer are called: through what leaves something out, and exactly."""

    gate: str
    one: str  # of what is left out
    all: str
    exact_is_slow: bool  # compared only where it is asked for


class Answers(NamedTuple):
    """The best labels of some examples, and what finding them took."""

    top: TopKResult
    ledger: Ledger  # with the multiplications of a model that leaves nothing out
    density: float
    own: Mapping[str, float]  # figures that only the model can say, by name

    @classmethod
    def counted(cls, top: TopKResult, ledger: Ledger) -> Answers:
        """Return the answers of a model whose density is its share of all multiplications."""
        return cls(top, ledger, ledger.share, {})


class Model(ABC):
    """A trained model of labels, classes or values.

    Examples
    --------
    >>> from fewfire import Linear, Network, Tagger
    >>> models = [Network(Linear(2, 2)), Tagger("fast").fit([[1, 0], [0, 1]] * 5, [0, 1] * 5)]
    >>> [isinstance(model, Model) and model.n_outputs for model in models]
    [2, 2]
    """

    ways: ClassVar[Ways]
    own_metrics: ClassVar[tuple[str, ...]] = ()  # that `Answers.own` holds

    @property
    @abstractmethod
    def learned(self) -> Learned:
        """What training learned of its data."""

    @property
    def encoding(self) -> Encoding | None:
        """How the training set's features and targets became numbers; None before training."""
        return self.learned.encoding

    @property
    def label_names(self) -> tuple[Any, ...] | None:
        """Name of each label id, or None when ids are their own names."""
        return self.learned.label_names

    @property
    def label_counts(self) -> NDArray[np.int64] | None:
        """Training examples of each label, (n_outputs,); None before training and for values."""
        return self.learned.label_counts

    @property
    def n_trained(self) -> int:
        """Examples that were counted: the training set, of deformed images their source."""
        return self.learned.n_trained

    @property
    @abstractmethod
    def n_features(self) -> int:
        """Features of an example."""

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """Labels, also those that training never saw, or rows of the last layer."""

    @property
    def is_gated(self) -> bool:
        """Whether anything is left out unless `exact`."""
        return True

    @property
    def n_opened(self) -> int | None:
        """Leaves that a router opens for an example; None where there is none."""
        return None

    def predict_topk(
        self,
        X: Examples,
        k: int = 5,
        *,
        rank_by: RankBy = "precision",
        exact: bool = False,
        n_jobs: int | None = None,
    ) -> TopKResult:
        """Return the `k` best labels of each row of `X`, best first: two (n, k) arrays.

        Parameters
        ----------
        X : ndarray, scipy sparse or Dataset, (n, n_features), or texts
            Texts for a model that was trained on text.
        k : int
            At most `n_outputs`.
        rank_by : {"precision", "propensity"} or float
            Which labels come first: the likeliest, or those of the largest likelihood / propensity,
            of the 10 k likeliest, 100 at least. Rare labels have small propensities
            (`fewfire.metrics.propensities`), so that fewer answers are right, and more of them
            rare. A number a between, 0 to 1, ranks by likelihood / propensity^a.
        exact : bool
            Leave nothing out: compute every row of every layer, open every leaf. A soft gate then
            keeps the truly best rows and takes the true threshold; a hard gate lets all rows
            through.
        n_jobs : int, optional
            Threads; None for the model's own number, or all cores.

        Returns
        -------
        TopKResult
            Labels and their scores: of a network those of its last layer, otherwise how likely
            they are, 0 to 1. -1 and -inf where fewer were found. `names` are the labels' names.

        Raises
        ------
        ValueError
            If `X` has another width than the model or holds NaN, or `k` is out of range; to rank
            by propensity, if the model has no label counts.
        """
        now, n_threads = self._now(), self._threads(n_jobs)
        k = check_integer("k", k, low=1, high=now.n_outputs)
        ranking = now._ranking(rank_by)
        data = now._examples(X)
        depth = ranking.depth(k, now.n_outputs)
        top = now._find(data, depth, exact=exact, n_threads=n_threads)[0]
        return ranking.best(top, now._log_likelihoods, k).called(now.label_names)

    def predict_scores(
        self, X: Examples, candidates: Any, *, n_jobs: int | None = None
    ) -> csr_array:
        """Return the scores of given labels only: what re-ranks the answers of another system.

        No other row of a last layer is read, no other leaf opened.

        Parameters
        ----------
        X : ndarray, scipy sparse or Dataset, (n, n_features), or texts
        candidates : sparse, (n, n_outputs)
            Its stored places are scored, whatever their values; they come back in ascending order.
        n_jobs : int, optional
            As for `predict_topk`.

        Returns
        -------
        csr_array
            Of the places of `candidates`. Labels that training never saw have -inf in a tagger.
            They count 0 in the tagger's part of a blend, whose softmax is taken over the
            candidates.

        Raises
        ------
        ValueError
            If `X` or `candidates` has another shape.

        Examples
        --------
        >>> from fewfire import Linear, Network
        >>> net = Network(Linear(2, 4), random_state=0)
        >>> wanted = csr_array(np.array([[0, 1, 0, 1]]))
        >>> net.predict_scores(np.ones((1, 2)), wanted).indices
        array([1, 3], dtype=int32)
        """
        now = self._now()
        data = now._examples(X)
        wanted = as_candidates(candidates, len(data), now.n_outputs)
        return now._score(data, wanted, n_threads=self._threads(n_jobs))[0]

    def evaluate(
        self,
        data: Dataset,
        metrics: Sequence[str] | None = None,
        *,
        rank_by: RankBy = "precision",
        exact: bool = False,
        n_jobs: int | None = None,
        propensity: tuple[float, float] = (0.55, 1.5),
    ) -> Metrics:
        """Measure the model on `data`, through its gates or its router unless `exact`.

        Parameters
        ----------
        data : Dataset
            With targets, encoded like the training set. A network of values takes classes that are
            numbers as values.
        metrics : list of str, optional
            "accuracy", "P@1", "R@10", "F1@5", "nDCG@3", "PSP@5", "macroP@5", "coverage@5", with any
            k (docs/metrics.md), of a network also "loss"; default: accuracy for classes, P@1, 3, 5
            for label lists, and the loss of a network; of values the loss and "R2".
        rank_by : {"precision", "propensity"} or float
            As for `predict_topk`, by the propensities of `propensity`.
        exact : bool
            As for `predict_topk`.
        n_jobs : int, optional
            As for `predict_topk`.
        propensity : (float, float)
            A and B of PSP@k, see `fewfire.metrics.propensities`.

        Returns
        -------
        Metrics
            Their `density` is, of a tagger or a blend, the share of the multiplications of a model
            that leaves nothing out.

        Raises
        ------
        ValueError
            If a metric is unknown or does not fit the targets, or `data` does not fit the model;
            for PSP@k and `rank_by` also if the model has no label counts.
        """
        now = self._now()
        data = now._fitting(data)
        names = now.default_metrics(data.kind) if metrics is None else metrics
        wanted = cutoffs(names)
        if "loss" in names and "loss" not in self.own_metrics:
            raise ValueError(f"this model measures accuracy, {NAMES}, and no loss")
        if data.kind == "values" and wanted:
            raise ValueError("values have a loss and R2; other metrics are for classes and labels")
        if data.kind != "values" and set(names) & set(OF_VALUES):
            raise ValueError(f"R2 is of values, and the data set holds {data.kind}")
        unknown = data.unknown_labels
        n_unknown = 0 if unknown is None else int(unknown.shape[1])
        frequencies = partial(now.learned.frequencies, "PSP@k")
        formulas = formulas_of(wanted, frequencies, propensity, n_unknown)
        k = depth_of(wanted, now.n_outputs)
        ranking = now._ranking(rank_by, propensity)
        depth = ranking.depth(k, now.n_outputs)
        found = now._answer(data, depth, exact=exact, n_threads=self._threads(n_jobs))
        top = ranking.best(found.top, now._log_likelihoods, k)
        values = {**found.own} | figures(wanted, formulas, top.indices, data)
        if "R2" in names:
            values["R2"] = now._explained(data, exact=exact, n_jobs=n_jobs)
        ordered = {name: values[name] for name in names}
        return Metrics(ordered, found.density, found.ledger, len(data), exact)

    def recall_by_group(
        self, data: Dataset, k: int = 5, *, exact: bool = False, n_jobs: int | None = None
    ) -> dict[str, LabelGroup]:
        """Return recall@k of labels that were frequent, less frequent and rare in training.

        Parameters
        ----------
        data : Dataset
            With classes or label lists, encoded like the training set.
        k : int
        exact : bool
            As for `predict_topk`.
        n_jobs : int, optional
            As for `predict_topk`.

        Returns
        -------
        dict of str to LabelGroup
            Of "head", "torso" and "tail", see `fewfire.metrics.label_groups`.

        Raises
        ------
        ValueError
            If `data` does not fit the model, or the model has no label counts.
        """
        now = self._now()
        data = now._fitting(data)
        if data.kind == "values":
            raise ValueError("values are not labels: there are no groups of them")
        k = check_integer("k", k, low=1)
        counts, _ = now.learned.frequencies("recall by group")
        top = now.predict_topk(data, min(k, now.n_outputs), exact=exact, n_jobs=n_jobs)
        lists, weights = data.label_lists(), data.sample_weight
        return recall_by_group(k, top.indices, lists, counts, weights)

    def latency(self, X: Examples, k: int = 5, *, n_jobs: int | None = None) -> Latency:
        """Return how fast single examples are answered, and what gates or router leave out.

        Parameters
        ----------
        X : ndarray, scipy sparse or Dataset, (n, n_features), or texts
            Up to 1000 examples are looked at, one after another.
        k : int
            At most `n_outputs`.
        n_jobs : int, optional
            Threads for what is not timed; None as for `predict_topk`.

        Raises
        ------
        ValueError
            As `predict_topk`, and without an example.
        """
        now, n_threads = self._now(), self._threads(n_jobs)
        k = check_integer("k", k, low=1, high=now.n_outputs)
        return measure_latency(
            now._examples(X),
            k,
            find=lambda some, exact: now._find(some, k, exact=exact, n_threads=n_threads)[0],
            seconds=lambda some, exact: now._seconds(some, k, exact=exact),
            n_scored=lambda some: now._n_scored(some, k, n_threads=n_threads),
            leaves=now.n_opened,
            exact_is_slow=self.ways.exact_is_slow,
        )

    def default_metrics(self, kind: Kind) -> list[str]:
        """Return the metrics that `evaluate` computes for targets of this kind, the first first."""
        of_values = OF_VALUES if kind == "values" else ()
        return [*metrics_of(kind, self.n_outputs), *self.own_metrics, *of_values]

    def save(self, path: PathLike) -> None:
        """Write the model to a safetensors file: beside `path` first, then renamed.

        Raises
        ------
        OSError
            If the file cannot be written; an old file is then left as it was.
        ValueError
            If weights are not finite: no reader would take the file.
        """
        now = self._now()
        with replacing(path) as file, now._at_rest():  # which ends before the disk is waited for
            config, arrays = now._state()
            for name, array in arrays.items():
                check_finite(name, array)
            put_model(file, config, arrays)

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what a file holds: a description for JSON, and the arrays by name, which are the
        model's own: training a network goes on changing them."""
        now = self._now()
        with now._at_rest():
            return now._state()

    # What follows is for models, and for models made of others.

    def _now(self) -> Self:
        """Return the model that one question is asked of, from its first look to its last: what a
        training replaces as a whole is not replaced in it."""
        return self

    def _at_rest(self) -> AbstractContextManager[Any]:
        """Return a context in which no training moves what `_state` returns from its place."""
        return nullcontext()

    @abstractmethod
    def _state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what `state` does, of a model at rest."""

    def _ranking(self, rank_by: RankBy, propensity: tuple[float, float] = (0.55, 1.5)) -> Ranking:
        """Return the order of labels that `rank_by` names."""
        exponent = exponent_of(rank_by)
        if exponent == 0:
            return Ranking()
        counted = self.learned.frequencies("rank_by")
        return Ranking.by_propensity(by_pair(counted, propensity), exponent)

    def _log_likelihoods(self, scores: NDArray[np.float32]) -> NDArray[np.floating]:
        """Return the logarithms of the likelihoods that scores of labels stand for, but for a
        constant of each example."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log(scores))

    @abstractmethod
    def _find(
        self, data: Dataset, k: int, *, exact: bool, n_threads: int
    ) -> tuple[TopKResult, Ledger]:
        """Return the `k` best labels of each example, and the work of finding them."""

    @abstractmethod
    def _score(
        self, data: Dataset, wanted: csr_array, *, n_threads: int
    ) -> tuple[csr_array, Ledger]:
        """Return the scores of the stored places of `wanted`, canonical CSR, and the work."""

    @abstractmethod
    def _answer(self, data: Dataset, k: int, *, exact: bool, n_threads: int) -> Answers:
        """Return what `_find` does, and what an evaluation says besides."""

    def _explained(self, data: Dataset, *, exact: bool, n_jobs: int | None) -> float:
        """Return the R2 of values, which only some models have."""
        raise NotImplementedError

    @abstractmethod
    def _n_scored(self, data: Dataset, k: int, *, n_threads: int) -> float:
        """Return how many labels are scored to find the `k` best, on average."""

    def _seconds(self, data: Dataset, k: int, *, exact: bool) -> NDArray[np.float64]:
        """Return what each example takes alone to its `k` best labels, in one thread."""
        taken = np.empty(len(data))
        for i in range(len(data)):
            example = data[i : i + 1]
            start = time.perf_counter()
            self._find(example, k, exact=exact, n_threads=1)
            taken[i] = time.perf_counter() - start
        return taken

    def _threads(self, n_jobs: int | None) -> int:
        """Return the threads that `n_jobs` stands for."""
        return thread_count(n_jobs)

    def _fitting(self, data: Dataset) -> Dataset:
        """Return `data` as the model takes its targets; raise unless they mean what those of the
        training set did."""
        check_labelled(data)
        check_features(data, self.n_features, self.encoding)
        check_labels(data, self.n_outputs, self.encoding)
        return data

    def _examples(self, X: Examples) -> Dataset:
        """Return examples as a data set; raise unless they have the model's width."""
        data = as_dataset(X, self.encoding)
        check_features(data, self.n_features, self.encoding)
        return data
