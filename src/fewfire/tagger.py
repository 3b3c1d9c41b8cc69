"""Labels for sparse examples, such as tags of texts: trees of linear classifiers that are trained
together with the way down to them. docs/tagger.md tells how they learn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .config import check_integer, n_bytes_of, thread_count
from .data import Dataset, Encoding
from .data.dataset import Examples
from .data.encoding import Kind
from .data.features import make_csr
from .evaluation import TopK
from .figures import Frequencies, asks_frequencies, figures, formulas_of
from .files import Arrays, PathLike, checked_counts, packed, unpacked, write_model
from .frequencies import LabelGroup, recall_by_group
from .metrics import Metrics, cutoffs
from .progress import tell
from .trees.fitting import Fitting
from .trees.forest import Forest
from .trees.preparing import TaggerMemory, memory_limit, prepare
from .trees.presets import settings_of


class Tagger:
    """Finds the labels of sparse examples among many.

    Every parameter but the first is there to take a choice from the preset; none needs tuning.

    Parameters
    ----------
    preset : {"balanced", "fast", "best"}
        How much time training takes for quality.
    memory : int or str, optional
        What training may take besides the data set it is given, in bytes or like "2G". Where it
        does not fit, pairs are left out, then features of vocabularies, then trees. None: three
        quarters of the machine.
    n_trees : int, optional
        Trees that are averaged.
    max_epochs : int, optional
    power : float, optional
        Feature values x are read as sign(x) abs(x)^power, and examples brought to unit length.
    pairs : bool, optional
        Whether pairs of an example's largest features are features, too.
    labels_per_cell : int, optional
        About how many labels share a block of weights.
    loss : {"squared_hinge", "logistic"}, optional
    beam : int, optional
        Nodes of a level that prediction opens.
    random_state : int
        Seeds the cells and the order of the examples.
    n_jobs : int, optional
        Threads; None for all cores. Up to a thread per tree results are the same to the bit for
        any number; more of them train a tree asynchronously.
    verbose : bool
        Show progress on stderr: a line per epoch, and a bar on a terminal or in a notebook.

    Attributes
    ----------
    settings : Settings
        What the preset and the parameters chose; after `fit` also what memory allowed.
    encoding : Encoding or None
        How training numbered features and labels; None before.
    feature_names : tuple of str or None
        May be set: `explain`, `cells` and the command line show them.
    history_ : History
        A row per epoch; after `fit`.

    Raises
    ------
    ValueError, TypeError
        For a value out of range.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> X = csr_array(np.eye(4, dtype=np.float32)[[0, 1, 2, 3] * 10])
    >>> y = csr_array(np.eye(4)[[2, 0, 1, 3] * 10])
    >>> tagger = Tagger("fast", n_jobs=1).fit(X, y)
    >>> tagger.predict_topk(X[:3], k=1).indices.ravel()
    array([2, 0, 1], dtype=int32)
    """

    def __init__(
        self,
        preset: str = "balanced",
        *,
        memory: int | str | None = None,
        n_trees: int | None = None,
        max_epochs: int | None = None,
        power: float | None = None,
        pairs: bool | None = None,
        labels_per_cell: int | None = None,
        loss: str | None = None,
        beam: int | None = None,
        random_state: int = 0,
        n_jobs: int | None = None,
        verbose: bool = False,
    ) -> None:
        given = {
            "n_trees": n_trees,
            "max_epochs": max_epochs,
            "power": power,
            "pairs": pairs,
            "labels_per_cell": labels_per_cell,
            "loss": loss,
            "beam": beam,
        }
        self._wanted = settings_of(preset, given)
        self.settings = self._wanted
        self.memory = None if memory is None else n_bytes_of(memory)
        self.random_state = check_integer("random_state", random_state, low=0)
        self.n_jobs = n_jobs
        thread_count(n_jobs)
        self.verbose = verbose
        self.encoding: Encoding | None = None
        self.feature_names: tuple[str, ...] | None = None
        self.label_counts: NDArray[np.int64] | None = None
        self.n_trained = 0
        self._forest: Forest | None = None

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        eval_sets: Mapping[str, Dataset] | None = None,
    ) -> Tagger:
        """Train from the start; measure on `eval_sets` after each epoch.

        Parameters
        ----------
        X : Dataset, or ndarray or scipy sparse, (n, n_features)
        y : array_like or sparse, optional
            As a `Dataset` takes it: label lists as a sparse array, or a class per example. Left out
            with a Dataset.
        eval_sets : dict of str to Dataset, optional
            Their figures are in the history as `<name>/<metric>`.

        Returns
        -------
        Tagger
            Itself. Ctrl-C ends training early and keeps what was learned; `history_.interrupted`.

        Raises
        ------
        ValueError
            If the data has no examples or no labels; nothing has changed then.
        MemoryError
            If even the smallest trees take more than `memory`.
        """
        train = _to_learn(X, y)
        sets = dict(eval_sets or {})
        for data in sets.values():
            check_alike(data, train.encoding)
        n_threads = thread_count(self.n_jobs)
        prepared = prepare(train, self._wanted, self._limit, self.random_state, n_threads)
        if self.verbose:
            tell(f"{prepared.settings}\n{prepared.memory}")
        forest = prepared.grow()
        fitting = Fitting(
            forest,
            prepared.rows,
            prepared.lists,
            seed=self.random_state,
            max_epochs=prepared.settings.max_epochs,
            n_threads=n_threads,
            verbose=self.verbose,
        )
        self.settings, self._forest, self.encoding = prepared.settings, forest, train.encoding
        counts = np.bincount(prepared.lists.indices, minlength=train.n_labels)
        self.label_counts, self.n_trained = counts.astype(np.int64), len(train)
        self.history_ = fitting.go(lambda: self._measure(sets))
        return self

    def estimate_memory(self, X: Any, y: Any = None) -> TaggerMemory:
        """Return what `fit` would take for this data, besides the data itself.

        It clusters the labels and collects the vocabularies, so the figures are exact, and as long
        as that takes.
        """
        train, n_threads = _to_learn(X, y), thread_count(self.n_jobs)
        return prepare(train, self._wanted, self._limit, self.random_state, n_threads).memory

    @property
    def forest(self) -> Forest:
        """The trees; raises before training."""
        if self._forest is None:
            raise ValueError("the tagger is not trained yet: call fit")
        return self._forest

    @property
    def label_names(self) -> tuple[Any, ...] | None:
        """Name of each label id, or None."""
        return None if self.encoding is None else self.encoding.label_names

    @property
    def n_features(self) -> int:
        """Features of an example."""
        return self.forest.expansion.n_features

    @property
    def n_outputs(self) -> int:
        """Labels, also those that training never saw."""
        return len(self.forest.is_seen)

    @property
    def never_seen(self) -> NDArray[np.int32]:
        """Labels that no training example had: they are in no tree, and never predicted."""
        return np.flatnonzero(~self.forest.is_seen).astype(np.int32)

    def predict_topk(
        self, X: Examples, k: int = 5, *, exact: bool = False, n_jobs: int | None = None
    ) -> TopK:
        """Return the `k` best labels of each row of `X`, best first: two (n, k) arrays.

        Parameters
        ----------
        X : ndarray, scipy sparse or Dataset, (n, n_features)
        k : int
        exact : bool
            Open every cell, not the likeliest only.
        n_jobs : int, optional
            Threads; None for the tagger's.

        Returns
        -------
        TopK
            Labels, and how likely they are, 0 to 1; -1 and -inf where fewer were found.

        Raises
        ------
        ValueError
            If `X` has another width than the training set, or k is not in 1..labels.
        """
        k = check_integer("k", k, low=1, high=self.n_outputs)
        data, n_threads = self._examples(X), self._threads(n_jobs)
        indices, scores, _ = self.forest.find(data, k, exact=exact, n_threads=n_threads)
        return TopK(indices, scores)

    def predict_scores(
        self, X: Examples, candidates: Any, *, n_jobs: int | None = None
    ) -> csr_array:
        """Return how likely given labels are: the cells they are in are opened, and no others.

        Parameters
        ----------
        X : ndarray, scipy sparse or Dataset, (n, n_features)
        candidates : sparse, (n, labels)
            The stored places are scored.
        n_jobs : int, optional
            Threads; None for the tagger's.

        Returns
        -------
        csr_array
            Of the places of `candidates`; -inf for labels that training never saw.
        """
        data = self._examples(X)
        wanted = csr_array(candidates, copy=True)
        if wanted.shape != (len(data), self.n_outputs):
            raise ValueError(
                f"candidates have the shape {wanted.shape}, wanted ({len(data)}, {self.n_outputs}):"
                " a row per example, a column per label"
            )
        wanted.sum_duplicates()
        scores = self.forest.score(data, wanted, self._threads(n_jobs))
        return make_csr(scores, wanted.indices, wanted.indptr, wanted.shape)

    def evaluate(
        self,
        data: Dataset,
        metrics: Sequence[str] | None = None,
        *,
        exact: bool = False,
        n_jobs: int | None = None,
        propensity: tuple[float, float] = (0.55, 1.5),
    ) -> Metrics:
        """Measure the tagger on `data`, through its router unless `exact`.

        Parameters
        ----------
        data : Dataset
            With classes or label lists, encoded like the training set.
        metrics : list of str, optional
            "P@1", "nDCG@3", "PSP@5", ... with any k, or "accuracy"; default: accuracy for classes,
            P@1, 3, 5 for label lists.
        exact : bool
            Open every cell.
        n_jobs : int, optional
            Threads; None for the tagger's.
        propensity : (float, float)
            A and B of PSP@k, see `frequencies.propensities`.

        Returns
        -------
        Metrics
            `density` is the share of the multiplications of opening every cell.

        Raises
        ------
        ValueError
            If a metric is unknown, or `data` does not fit the training set.
        """
        check_alike(data, self._encoding)
        names = list(metrics) if metrics is not None else self.default_metrics(data.kind)
        if "loss" in names:
            raise ValueError("a tagger measures accuracy, P@k, nDCG@k and PSP@k, and no loss")
        wanted = cutoffs(names)
        frequencies = self._frequencies if asks_frequencies(wanted) else None
        formulas = formulas_of(frequencies, propensity)
        k = min(max([1, *(cutoff.k for cutoff in wanted.values())]), self.n_outputs)
        n_threads = self._threads(n_jobs)
        indices, _, ledger = self.forest.find(data, k, exact=exact, n_threads=n_threads)
        values = figures(wanted, formulas, indices, data)
        ordered = {name: values[name] for name in names}
        return Metrics(ordered, ledger.share, ledger, len(data), exact)

    def recall_by_group(
        self, data: Dataset, k: int = 5, *, exact: bool = False, n_jobs: int | None = None
    ) -> dict[str, LabelGroup]:
        """Return recall@k of labels that were frequent, less frequent and rare in training; see
        `Network.recall_by_group`."""
        check_alike(data, self._encoding)
        counts, _ = self._frequencies
        top = self.predict_topk(data, min(k, self.n_outputs), exact=exact, n_jobs=n_jobs)
        return recall_by_group(k, top.indices, data.label_lists(), counts)

    def default_metrics(self, kind: Kind) -> list[str]:
        """Return the metrics that `evaluate` computes for targets of this kind, the first first."""
        if kind == "classes":
            return ["accuracy"]
        return [f"P@{k}" for k in (1, 3, 5) if k <= self.n_outputs]

    def save(self, path: PathLike) -> None:
        """Write the tagger to a safetensors file: beside `path` first, then renamed."""
        write_model(path, *self.state())

    def state(self) -> tuple[dict[str, Any], Arrays]:
        """Return what a file holds: a description for JSON, and the arrays by name."""
        encoding = self._encoding.to_dict()
        names = {"label_names": encoding.pop("label_names"), "feature_names": self.feature_names}
        config = {
            "tagger": {**self.forest.describe(), "random_state": self.random_state},
            "encoding": encoding,
            "n_trained": self.n_trained,
        }
        arrays = self.forest.arrays()
        arrays["label_counts"] = self._frequencies[0]
        arrays |= {name: packed(own) for name, own in names.items() if own is not None}
        return config, arrays

    @classmethod
    def from_state(cls, config: Mapping[str, Any], arrays: Arrays) -> Tagger:
        """Make the tagger that `state` described; raise `ValueError` if it is damaged."""
        described = config["tagger"]
        tagger = cls(random_state=described["random_state"])
        names = unpacked(arrays["label_names"]) if "label_names" in arrays else None
        encoding = Encoding.from_dict({"label_names": names, **config["encoding"]})
        n_features = check_integer("n_features", encoding.n_features, low=1, high=2**31 - 1)
        n_labels = check_integer("n_labels", encoding.n_labels, low=1, high=2**31 - 1)
        tagger.n_trained = check_integer("n_trained", config["n_trained"], low=0)
        # Before anything of that many labels is made.
        tagger.label_counts = checked_counts(arrays, n_labels, tagger.n_trained)
        tagger._forest = Forest.from_arrays(described, arrays, n_features, n_labels)
        tagger.settings = tagger._wanted = tagger._forest.settings
        tagger.encoding = encoding
        if "feature_names" in arrays:
            tagger.set_feature_names(unpacked(arrays["feature_names"]))
        return tagger

    def set_feature_names(self, names: Sequence[str]) -> None:
        """Keep a name for each feature, to be shown where features are."""
        if len(names) != self.n_features or not all(isinstance(name, str) for name in names):
            raise ValueError(f"{len(names)} names for {self.n_features} features: give each one")
        self.feature_names = tuple(names)

    def __repr__(self) -> str:
        if self._forest is None:
            return f"Tagger({self.settings})"
        n_cells = self.forest.trees[0].levels[-1].layout.n_nodes
        return (
            f"Tagger({self.n_features:,} features, {self.n_outputs:,} labels in {n_cells:,} cells, "
            f"trees: {len(self.forest.trees)})"
        )

    @property
    def _encoding(self) -> Encoding:
        _ = self.forest  # raises before training
        assert self.encoding is not None
        return self.encoding

    @property
    def _frequencies(self) -> Frequencies:
        assert self.label_counts is not None
        return self.label_counts, self.n_trained

    @property
    def _limit(self) -> int:
        return memory_limit(self.memory)

    def _threads(self, n_jobs: int | None) -> int:
        return thread_count(self.n_jobs if n_jobs is None else n_jobs)

    def _examples(self, X: Examples) -> Dataset:
        data = X if isinstance(X, Dataset) else Dataset(X)
        if data.n_features != self.n_features:
            raise ValueError(
                f"the data has {data.n_features} features but the tagger wants {self.n_features}"
            )
        return data

    def _measure(self, sets: Mapping[str, Dataset]) -> dict[str, float]:
        return {
            f"{name}/{metric}": value
            for name, data in sets.items()
            for metric, value in self.evaluate(data).items()
        }


def _to_learn(X: Any, y: Any) -> Dataset:
    """Return a training set, checked."""
    if isinstance(X, Dataset) and y is not None:
        raise TypeError("a Dataset brings its own targets: leave out y")
    data = X if isinstance(X, Dataset) else Dataset(X, y)
    _check_targets(data)
    if len(data.label_lists()[1]) == 0:
        raise ValueError("no example has a label: there is nothing to learn")
    return data


def _check_targets(data: Dataset) -> None:
    if not isinstance(data, Dataset):
        raise TypeError(f"data must be a fewfire.Dataset, got {type(data).__name__}")
    if len(data) == 0:
        raise ValueError("the data set has no examples")
    if data.kind not in ("classes", "labels"):
        held = "no targets" if data.kind is None else "values"
        raise ValueError(f"a tagger wants label lists or classes as targets; the data has {held}")


def check_alike(data: Dataset, encoding: Encoding) -> None:
    """Raise unless `data` has labels, and they and its features mean what `encoding` says."""
    _check_targets(data)
    if data.n_features != encoding.n_features:
        raise ValueError(
            f"the data has {data.n_features} features but the tagger wants {encoding.n_features}"
        )
    if data.n_labels > encoding.n_labels or data.label_names != encoding.label_names:
        raise ValueError(
            f"the data has {data.n_labels} labels, or other names of them, than the "
            f"{encoding.n_labels} of the training set; read both files with one encoder: like=train"
        )
