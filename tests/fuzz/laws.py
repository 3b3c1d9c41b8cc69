"""What holds of every answer, whatever the input was."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

import fewfire as ff

from .attempt import Attempt

_ALMOST = 1e-5


def topk(attempt: Attempt, model: ff.results.Model, top: ff.results.TopKResult, n: int) -> None:
    """The best labels exist, each is told once, and scores are numbers."""
    found = top.indices >= 0
    attempt.demand("a wrong number of answers", len(top.indices) == n)
    within = (top.indices >= -1).all() and (top.indices < model.n_outputs).all()
    attempt.demand("a label out of range", bool(within))
    each_once = all(len(np.unique(row[row >= 0])) == (row >= 0).sum() for row in top.indices)
    attempt.demand("a label told twice", each_once)
    scores(attempt, model, top.scores[found])
    attempt.demand("a score without a label", bool(np.isneginf(top.scores[~found]).all()))


def scores(attempt: Attempt, model: ff.results.Model, values: NDArray[np.float32]) -> None:
    """Scores are finite; of a tagger and a blend they are probabilities."""
    attempt.demand("a score that is not finite", bool(np.isfinite(values).all()))
    if not isinstance(model, ff.Network):
        within = (values >= -_ALMOST) & (values <= 1 + _ALMOST)
        attempt.demand("a probability outside 0 to 1", bool(within.all()))


def dataset(attempt: Attempt, data: ff.Dataset) -> None:
    """Everything is finite and in range, in the layout that the core reads."""
    X, y, n = data.X, data.y, len(data)
    attempt.demand("features that are not finite", bool(np.isfinite(values_of(X)).all()))
    if issparse(X):
        _canonical(attempt, X, n)
    if y is None:
        return
    if issparse(y):
        _canonical(attempt, y, n)
        attempt.demand("labels of another width", y.shape[1] == data.n_labels)
    else:
        attempt.demand("targets of another number", len(y) == n)
        attempt.demand("targets that are not finite", bool(np.isfinite(y).all()))
        if data.kind == "classes" and n:
            least = 0 if data.unknown_labels is None else -1
            attempt.demand("a class out of range", y.min() >= least and y.max() < data.n_labels)
    names = data.label_names
    if names is not None:
        attempt.demand("not a name for each label", len(names) == data.n_labels)
        attempt.demand("a name of two labels", len(set(names)) == len(names))


def same_data(attempt: Attempt, a: ff.Dataset, b: ff.Dataset) -> None:
    """Two ways to read a file give the same."""
    attempt.demand("two ways to read, two encodings", a.encoding == b.encoding)
    attempt.demand("two ways to read, two numbers of examples", len(a) == len(b))
    for one, other in ((a.X, b.X), (a.y, b.y)):
        same = all(np.array_equal(x, y) for x, y in zip(_parts(one), _parts(other), strict=True))
        attempt.demand("two ways to read, two contents", same)


def values_of(array: Any) -> NDArray[np.float32]:
    """Return the stored numbers of a dense or a sparse array."""
    return np.asarray(array.data if issparse(array) else array)


def _parts(array: Any) -> list[Any]:
    if issparse(array):
        return [array.indptr, array.indices, array.data]
    return [array]


def _canonical(attempt: Attempt, csr: Any, n: int) -> None:
    indptr, indices = csr.indptr, csr.indices
    begins = len(indptr) == n + 1 and indptr[0] == 0 and indptr[-1] == len(indices)
    attempt.demand("rows that begin nowhere", begins and bool((np.diff(indptr) >= 0).all()))
    width = csr.shape[1]
    within = len(indices) == 0 or (indices.min() >= 0 and indices.max() < width)
    attempt.demand("an id out of range", bool(within))
    rises = np.diff(indices) > 0
    rises[indptr[1:-1][(indptr[1:-1] > 0) & (indptr[1:-1] < len(indices))] - 1] = True
    attempt.demand("ids that do not ascend", bool(rises.all()))
