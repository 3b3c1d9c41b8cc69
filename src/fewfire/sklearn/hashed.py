"""Hashed networks as estimators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from ..base.checks import check_integer
from ..base.history import History
from ..data import Dataset
from ..measure.result import TopKResult
from ..model.callbacks import EarlyStopping
from ..network.hashed import Hashed
from ..network.linear import Linear
from ..network.network import Network
from ..training.optimizers import RMS
from ..training.trainer import Trainer
from .given import Classifying, Estimator, weights_for


@dataclass(eq=False, repr=False)  # scikit-learn compares and shows estimators in its own way
class _Hashed(Estimator):
    """What classifiers and regressors share."""

    hidden_layer_sizes: Sequence[int] = (1000, 1000)
    _: KW_ONLY
    density: float = 0.05
    alpha: float | None = None
    learning_rate_init: float | None = None
    batch_size: int | None = None
    max_iter: int | None = None
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    random_state: Any = None
    n_jobs: int | None = 1
    verbose: bool = False

    @property
    def n_iter_(self) -> int:
        """Epochs of the last fit."""
        return len(self._trained().history_)

    @property
    def loss_curve_(self) -> list[float]:
        """Mean training loss of each epoch."""
        return [float(row["train/loss"]) for row in self._trained().history_]

    @property
    def loss_(self) -> float:
        """Mean training loss of the last epoch."""
        return self.loss_curve_[-1]

    def _trained(self) -> Self:
        check_is_fitted(self, "history_")
        return self

    def _train(self, data: Dataset, **how: Any) -> None:
        """Train a new network on a data set."""
        net = self._new(data)
        seed = net.random_state
        sets: dict[str, Dataset] = {}
        stops = []
        if self.early_stopping:
            n = max(1, round(self.validation_fraction * len(data)))
            data, sets["val"] = data.hold_out(n, seed)
            stops = [EarlyStopping("val/loss", patience=self.n_iter_no_change)]
        trainer = Trainer(
            net,
            optimizer=self._optimizer(),
            batch_size=self.batch_size,
            max_epochs=self.max_iter,
            n_jobs=self.n_jobs,
            callbacks=stops,
            random_state=seed,
            verbose=bool(self.verbose),
            **how,
        )
        self.history_: History = trainer.fit(data, eval_sets=sets)
        self.network_ = net

    def _train_piece(self, data: Dataset, *, is_first: bool, **how: Any) -> None:
        """Train an epoch more, of the earlier network unless it is the first."""
        if self.early_stopping:
            raise ValueError("partial_fit keeps nothing aside: use early_stopping=False")
        net = self._new(data) if is_first else self.network_
        trainer = Trainer(
            net,
            optimizer=self._optimizer(),
            batch_size=self.batch_size,
            n_jobs=self.n_jobs,
            random_state=net.random_state,
            verbose=bool(self.verbose),
            **how,
        )
        history = trainer.partial_fit(data)
        if not is_first:
            history = self.history_.with_more(history)
        self.network_, self.history_ = net, history

    def _new(self, data: Dataset) -> Network:
        """Return a network for a data set, as it was made."""
        sizes = list(np.atleast_1d(self.hidden_layer_sizes).tolist())
        if not sizes:
            raise ValueError("hidden_layer_sizes is empty: give at least one, such as (1000,)")
        gate = Hashed(self.density)
        hidden = [Linear(a, b, "relu", gate) for a, b in pairwise([data.n_features, *sizes])]
        return Network(*hidden, Linear(sizes[-1], data.n_labels), random_state=self._seed())

    def _optimizer(self) -> RMS | None:
        """Return what was asked for; None: rate and decay follow the data."""
        if self.learning_rate_init is None and self.alpha is None:
            return None
        lr = 0.001 if self.learning_rate_init is None else self.learning_rate_init
        return RMS(lr=lr, l2=self.alpha or 0.0, rowwise=True, centred=True)


@dataclass(eq=False, repr=False)
class HashedClassifier(Classifying, _Hashed):
    """A network that computes, for each example, only the few neurons that matter.

    `y` holds classes of any type, or a column of 0 and 1 for each of several labels.

    Parameters
    ----------
    hidden_layer_sizes : sequence of int
        Rows of each hidden layer.
    density : float
        Share of the rows of a hidden layer that an example computes.
    alpha : float, optional
        Decay of the weights, decoupled from the loss: they shrink by learning rate x alpha a step.
        Where neither it nor `learning_rate_init` is given, both follow the data, by some short
        trainings on parts of the examples (`Trainer(tune=True)`); else 0.
    learning_rate_init : float, optional
        Learning rate at the start, which falls to 0; 0.001 where `alpha` alone is given.
    batch_size, max_iter : int, optional
        Examples of a step, and epochs. None: they follow the data.
    early_stopping : bool
        Keep `validation_fraction` of the examples aside, and stop after `n_iter_no_change` epochs
        without gain there.
    validation_fraction : float
    n_iter_no_change : int
    class_weight : "balanced" or dict, optional
    random_state : int, RandomState or None
    n_jobs : int, optional
        Threads, 1 by default, which gives the same result each time; None uses all cores, without
        locks.
    verbose : bool

    Attributes
    ----------
    classes_ : ndarray
    network_ : Network
    history_ : History
    n_iter_ : int
    loss_curve_ : list of float
    loss_ : float
    n_features_in_ : int
    feature_names_in_ : ndarray, where `X` had names of columns that are all words

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = HashedClassifier((100,), density=0.2, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    """

    _: KW_ONLY
    class_weight: Any = None

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on `X`, (n, n_features), and `y`; return the estimator."""
        data = self._training_set(X, y, sample_weight)
        self._train(data, class_weight=self._class_weight())
        return self

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train one epoch on these examples, as `Trainer.partial_fit` does; return the estimator.

        `classes` are all there will be, at the first call; of several labels the numbers of the
        columns of `y`. `max_iter` says nothing here, and rate and decay do not follow the data:
        they are `learning_rate_init`, 0.001 by default, and `alpha`, 0 by default.
        """
        is_first = not hasattr(self, "network_")
        data = self._piece(X, y, classes, sample_weight, is_first=is_first)
        self._train_piece(data, is_first=is_first, class_weight=self._class_weight())
        return self

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """Return scores (n, n_classes); of two classes how far the second leads, (n,)."""
        scores = self._scores(X)
        if self.multilabel_ or len(self.classes_) > 2:
            return scores
        return scores[:, 1] - scores[:, 0]

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class, or of each label for itself, (n, n_classes)."""
        scores = self._scores(X)
        if self.multilabel_:
            return np.asarray(expit(scores))
        return np.asarray(softmax(scores[:, : len(self.classes_)], axis=1))

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the likeliest class of each example, (n,), or which labels are likelier than not,
        0 or 1, (n, n_labels)."""
        scores = self._scores(X)
        if self.multilabel_:
            return (scores > 0).astype(np.int64)
        best = scores[:, : len(self.classes_)].argmax(axis=1)
        return np.asarray(self.classes_[best])

    def predict_topk(self, X: Any, k: int = 5) -> TopKResult:
        """Return the places in `classes_` of the k best of each example, (n, k), with scores; fewer
        where there are fewer classes."""
        examples = self._examples(X)
        k = min(check_integer("k", k, low=1), len(self.classes_))
        return self.network_.predict_topk(examples, k, n_jobs=self.n_jobs)

    def _scores(self, X: Any) -> NDArray[np.float64]:
        examples = self._examples(X)
        return self.network_.decision_function(examples, n_jobs=self.n_jobs).astype(np.float64)


class HashedRegressor(RegressorMixin, _Hashed):
    """As `HashedClassifier`, of one value or several for each example.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = HashedRegressor((200,), density=0.1, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.4
    True
    """

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.single_output = True
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on `X`, (n, n_features), and the values `y`, (n,) or (n, n_outputs)."""
        X, y = self._read(X, y, multi_output=True, y_numeric=True)
        weights = weights_for(X, sample_weight)
        self._is_column = np.ndim(y) == 1
        self._train(self._values(X, y, weights))
        return self

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one epoch on these examples, as `HashedClassifier.partial_fit` does."""
        is_first = not hasattr(self, "network_")
        X, y = self._read(X, y, multi_output=True, y_numeric=True, reset=is_first)
        weights = weights_for(X, sample_weight)
        if is_first:
            self._is_column = np.ndim(y) == 1
        self._train_piece(self._values(X, y, weights), is_first=is_first)
        return self

    def _values(self, X: Any, y: Any, weights: Any) -> Dataset:
        words = self._feature_words()
        return Dataset(X, y, kind="values", sample_weight=weights, feature_names=words)

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Return the values of each example, in the shape that `fit` was given."""
        examples = self._examples(X)
        found = self.network_.decision_function(examples, n_jobs=self.n_jobs)
        return (found.ravel() if self._is_column else found).astype(np.float64)
