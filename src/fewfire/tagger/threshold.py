"""From which score on labels are answered: where F1 of all answers together is best, on examples
that training has not seen. Scores are probabilities, so it is right for other examples, too."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset
from ..measure.metrics import hits

USUAL = 0.5  # where no examples tell
DEPTH = 50  # labels of an example that are looked at


class Answered(NamedTuple):
    """How good the labels above a threshold are, of all examples together."""

    precision: float
    recall: float
    f1: float


def best_threshold(scores: NDArray[np.float32], right: NDArray[Any], n_wanted: int) -> float:
    """Return the threshold of the best F1: labels that score more than it are answered.

    scores, right: (n, k) of the best labels of examples. n_wanted: labels of all examples.

    >>> best_threshold(np.array([[0.9, 0.4], [0.6, 0.1]]), np.array([[1, 1], [1, 0]]), 3)
    0.25
    """
    order = np.argsort(-scores, axis=None, kind="stable")
    ranked = np.maximum(scores.ravel()[order], 0.0).astype(np.float64)
    f1 = 2 * np.cumsum(right.ravel()[order]) / (np.arange(1, len(ranked) + 1) + n_wanted)
    below = np.append(ranked[1:], 0.0)
    f1[ranked <= below] = -1.0  # equal scores are answered together
    best = int(np.argmax(f1))
    return float(round((ranked[best] + below[best]) / 2, 4))


def threshold_on(model: Any, data: Dataset) -> float:
    """Return the best threshold of a model on examples, the usual one if these have no labels."""
    lists = data.label_lists()
    if not len(lists[1]):
        return USUAL
    k = min(DEPTH, model.n_outputs)
    top = model.predict_topk(data, k)
    return best_threshold(top.scores, hits(k, top.indices, lists), len(lists[1]))


def answered(model: Any, data: Dataset, threshold: float, *, exact: bool, n_jobs: int) -> Answered:
    """Return how good the labels above a threshold are."""
    found = model.predict(data, threshold=threshold, exact=exact, n_jobs=n_jobs)
    indptr, labels = data.all_label_lists()
    wanted = {(i, int(x)) for i in range(len(data)) for x in labels[indptr[i] : indptr[i + 1]]}
    n_right = sum(
        (i, int(x)) in wanted
        for i in range(len(data))
        for x in found.indices[found.indptr[i] : found.indptr[i + 1]]
    )
    precision = n_right / found.nnz if found.nnz else float("nan")
    recall = n_right / len(wanted) if wanted else float("nan")
    f1 = 2 * n_right / (found.nnz + len(wanted)) if found.nnz or wanted else float("nan")
    return Answered(precision, recall, f1)


def settled(found: float | None, data: Dataset) -> float:
    """Return the threshold of a tagger of these examples, if `found` is what pilots found best."""
    return USUAL if found is None or data.kind != "labels" else found
