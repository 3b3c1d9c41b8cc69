"""What all estimators do with what they are given: examples, targets, seeds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ..data import Dataset

_LARGEST_SEED = 2**31 - 1


class Estimator(BaseEstimator):
    """A base of estimators; `n_jobs` and `random_state` are parameters of all."""

    n_jobs: int | None
    random_state: Any

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.non_deterministic = self.n_jobs != 1
        return tags

    def _seed(self) -> int:
        """Return the seed of a fit: the number that was given, or a lot."""
        if isinstance(self.random_state, int | np.integer):
            return int(self.random_state)
        return int(check_random_state(self.random_state).randint(_LARGEST_SEED))

    def _examples(self, X: Any) -> Any:
        """Return examples to answer, checked against those of `fit`."""
        check_is_fitted(self)
        return _as_features(
            validate_data(self, X, reset=False, accept_sparse="csr", dtype=np.float32)
        )

    def _feature_words(self) -> list[str] | None:
        """Return the names of the columns of the last fit, if each has one of its own."""
        names = getattr(self, "feature_names_in_", None)
        if names is None or len(set(names)) < len(names):
            return None
        return [str(name) for name in names]

    def _read(self, X: Any, y: Any, *, multi_output: bool, **how: Any) -> tuple[Any, Any]:
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=np.float32, multi_output=multi_output, **how
        )
        return _as_features(X), y


class Classifying(ClassifierMixin, Estimator):
    """Classes of any type, or a column of 0 and 1 for each label."""

    class_weight: Any
    classes_: NDArray[Any]
    multilabel_: bool

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    def _training_set(self, X: Any, y: Any, sample_weight: Any = None) -> Dataset:
        """Return the data set of a fit, and note its classes."""
        X, y = self._read(X, y, multi_output=True)
        y = y.toarray() if hasattr(y, "toarray") else y
        check_classification_targets(y)
        self.multilabel_ = type_of_target(y, input_name="y").startswith("multilabel")
        weights = weights_for(X, sample_weight)
        if self.multilabel_:
            self.classes_ = np.arange(y.shape[1])
        else:
            self.classes_ = np.unique(column_or_1d(y, warn=True))
        words = self._feature_words()
        return _numbered(X, y, self.classes_, weights, words, are_columns=self.multilabel_)

    def _piece(
        self, X: Any, y: Any, classes: Any, sample_weight: Any, *, is_first: bool
    ) -> Dataset:
        """Return the data set of a `partial_fit`, numbered by the classes of the first one, which
        notes them."""
        X, y = self._read(X, y, multi_output=True, reset=is_first)
        y = y.toarray() if hasattr(y, "toarray") else y
        check_classification_targets(y)
        are_columns = type_of_target(y, input_name="y").startswith("multilabel")
        if classes is None and is_first and not are_columns:
            raise ValueError("the first partial_fit needs all classes there will be: classes=...")
        known = np.unique(classes) if classes is not None else np.arange(y.shape[-1])
        if not is_first:
            known = self.classes_ if classes is None else known
            if are_columns != self.multilabel_ or not np.array_equal(known, self.classes_):
                raise ValueError(
                    f"the first call had the {len(self.classes_)} "
                    f"{'columns' if self.multilabel_ else 'classes'} {self.classes_}: later ones "
                    "have the same, or begin again with fit"
                )
        weights = weights_for(X, sample_weight)
        data = _numbered(X, y, known, weights, self._feature_words(), are_columns=are_columns)
        self.classes_, self.multilabel_ = known, are_columns
        return data

    def _class_weight(self) -> Any:
        """Return the weights of classes by their names, or their ids; those of classes that are
        not there are left out."""
        if not isinstance(self.class_weight, dict):
            return self.class_weight
        names = self.classes_.tolist()
        called = names if _are_words(self.classes_) else range(len(names))
        known = dict(zip(names, called, strict=True))
        return {known[name]: value for name, value in self.class_weight.items() if name in known}


def _numbered(
    X: Any,
    y: NDArray[Any],
    classes: NDArray[Any],
    weights: Any,
    words: list[str] | None,
    *,
    are_columns: bool,
) -> Dataset:
    """Return a data set whose targets are places in `classes`, with their names if they are words,
    and those of features."""
    how: dict[str, Any] = {"sample_weight": weights, "feature_names": words}
    if are_columns:
        if y.shape[1] != len(classes):
            raise ValueError(f"y has {y.shape[1]} columns, and there are {len(classes)} classes")
        return Dataset(X, csr_array(y != 0), kind="labels", **how)
    y = column_or_1d(y)
    if (unknown := np.setdiff1d(y, classes)).size:
        raise ValueError(
            f"y holds {unknown.tolist()[0]!r}, which is none of the {len(classes)} classes of the "
            "first call"
        )
    ids = np.searchsorted(classes, y)
    if _are_words(classes):
        return Dataset(X, ids, label_names=classes.tolist(), **how)
    n_labels = max(2, len(classes))  # of a single class, too, there is another
    return Dataset(X, ids, n_labels=n_labels, **how)


def _are_words(classes: NDArray[Any]) -> bool:
    """Whether classes, more than one, have names that say more than their numbers."""
    names = classes.tolist()
    return len(names) > 1 and all(isinstance(name, str) for name in names)


def weights_for(X: Any, sample_weight: Any) -> Any:
    """Return what each example counts for, checked; None: all count alike."""
    if sample_weight is None:
        return None
    return _check_sample_weight(sample_weight, X, dtype=np.float32)


def _as_features(X: Any) -> Any:
    kept: Any = X
    return csr_array(kept) if issparse(X) else kept
