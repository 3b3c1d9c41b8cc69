"""Taggers as estimators."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..base.checks import check_integer
from ..data import Dataset
from ..measure.result import TopKResult
from ..tagger.tagger import Tagger
from .given import Classifying


@dataclass(eq=False, repr=False)  # scikit-learn compares and shows estimators in its own way
class TaggerClassifier(Classifying):
    """Finds the labels of sparse examples among many, such as tags of texts.

    `y` holds classes of any type, or a column of 0 and 1 for each label, dense or sparse.

    Parameters
    ----------
    preset : {"balanced", "fast", "best"}
        How much time training takes for quality.
    max_iter : int, optional
        Epochs. None: 4 to 8, by the length of the examples.
    memory : int or str, optional
        What training may take, as of `Tagger`.
    class_weight : "balanced" or dict, optional
        Of classes: as how many examples each of them comes.
    random_state : int, RandomState or None
    n_jobs : int, optional
        Threads; 1 gives the same result each time.
    verbose : bool

    Attributes
    ----------
    classes_ : ndarray
    tagger_ : Tagger
    n_iter_ : int
    n_features_in_ : int

    Examples
    --------
    >>> from sklearn.feature_extraction.text import TfidfVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> texts = ["a small cat", "the small dog", "a wild cat", "a dog"] * 20
    >>> model = make_pipeline(TfidfVectorizer(), TaggerClassifier("fast", random_state=0))
    >>> model.fit(texts, ["cat", "dog", "cat", "dog"] * 20).predict(["my cat", "my dog"])
    array(['cat', 'dog'], dtype='<U3')
    """

    preset: str = "balanced"
    _: KW_ONLY
    max_iter: int | None = None
    memory: int | str | None = None
    class_weight: Any = None
    random_state: Any = None
    n_jobs: int | None = 1
    verbose: bool = False

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on `X`, (n, n_features), and `y`, of which each example counts for its weight;
        return the estimator."""
        data = _sparse(self._training_set(X, y, sample_weight))
        self.tagger_ = self._new().fit(data)
        self.n_iter_ = len(self.tagger_.history_)
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train one epoch on these examples, and return the estimator: the first time as
        `TaggerClassifier(max_iter=1)` would, with a tree for what these examples are like, then
        after the earlier ones.

        `classes` are all there will be, at the first call.
        """
        is_first = not hasattr(self, "tagger_")
        data = _sparse(self._piece(X, y, classes, sample_weight, is_first=is_first))
        tagger = self._new() if is_first else self.tagger_
        self.tagger_ = tagger.partial_fit(data, max_epochs=1)
        self.n_iter_ = 1 if is_first else self.n_iter_ + 1
        return self

    def _new(self) -> Tagger:
        """Return a tagger that is not trained."""
        return Tagger(
            self.preset,
            memory=self.memory,
            max_epochs=self.max_iter,
            random_state=self._seed(),
            n_jobs=self.n_jobs,
            class_weight=self._class_weight(),
            verbose=bool(self.verbose),
        )

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the likelihood of each class, which make 1 together, or of each label for itself,
        (n, n_classes); all of them: of very many labels ask `predict_topk`."""
        found = self._likelihoods(X)
        if self.multilabel_:
            return found
        found += 1e-12  # also where nothing speaks for any class
        return np.asarray(found / found.sum(axis=1, keepdims=True))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class of each example, (n,), or which labels are likelier than not,
        0 or 1, (n, n_labels)."""
        found = self._likelihoods(X)
        if self.multilabel_:
            return (found > 0.5).astype(np.int64)
        return np.asarray(self.classes_[found.argmax(axis=1)])

    def predict_topk(self, X: Any, k: int = 5) -> TopKResult:
        """Return the places in `classes_` of the k best of each example, (n, k), with scores; fewer
        where there are fewer classes."""
        X = csr_array(self._examples(X))
        k = min(check_integer("k", k, low=1), len(self.classes_))
        return self.tagger_.predict_topk(X, k, n_jobs=self.n_jobs)

    def _likelihoods(self, X: Any) -> NDArray[np.float64]:
        X = csr_array(self._examples(X))
        top = self.tagger_.predict_topk(X, self.tagger_.n_outputs, n_jobs=self.n_jobs)
        found = np.zeros((X.shape[0], self.tagger_.n_outputs))
        rows, places = np.nonzero(top.indices >= 0)
        found[rows, top.indices[rows, places]] = top.scores[rows, places]
        return found[:, : len(self.classes_)]


def _sparse(data: Dataset) -> Dataset:
    return Dataset(csr_array(data.X), data.y, like=data, sample_weight=data.sample_weight)
