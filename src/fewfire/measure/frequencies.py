"""How often labels occur in training, and what follows: propensities, and groups of labels.

`label_counts` (rows,) says in how many of the training examples each label occurs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.checks import check_integer, check_number
from .given import Labels, best_rows, counts, label_lists
from .metrics import Weights, counts_of, hits, owners

GROUPS = ("head", "torso", "tail")


def propensities(
    label_counts: NDArray[np.int64], n_examples: int, a: float = 0.55, b: float = 1.5
) -> NDArray[np.float64]:
    """Return how probable it is that a label which applies was noted, (rows,), by its frequency.

    p_l = 1 / (1 + C exp(-a log(N_l + b))), C = (log N - 1) (b + 1)^a, with N_l the training
    examples of label l among all N (Jain, Prabhu & Varma, KDD 2016). Their a, b are 0.5, 0.4 for
    Wikipedia and 0.6, 2.6 for Amazon; the defaults are for all else.

    Parameters
    ----------
    label_counts : ndarray of int64, (rows,)
    n_examples : int
        At least 3: fewer give C < 0, which is not a propensity.
    a : float
        At least 0.
    b : float
        Above 0.

    >>> propensities(np.array([0, 10, 1000]), 1000).round(3)
    array([0.113, 0.282, 0.821])
    """
    n_examples = check_integer("n_examples", n_examples, low=3)
    check_number("a", a, low=0.0)
    check_number("b", b, above=0.0)
    label_counts = counts(label_counts)
    if ((label_counts < 0) | (label_counts > n_examples)).any():
        raise ValueError(
            f"label_counts must be 0 to n_examples = {n_examples}, "
            f"got {label_counts.min()} to {label_counts.max()}"
        )
    scale = (np.log(n_examples) - 1) * (b + 1) ** a
    return np.asarray(1 / (1 + scale * (label_counts + float(b)) ** -a), np.float64)


@dataclass(frozen=True)
class LabelGroup:
    """Labels of about one frequency, and how well they were found.

    Attributes
    ----------
    n_labels : int
    n_occurrences : int
        Pairs of an example and a label of this group, in the data measured on.
    recall : float
        Share of these pairs whose label is among the example's best rows, each pair counting for
        the weight of its example; nan without pairs.

    Examples
    --------
    >>> from fewfire import Dataset, Tagger
    >>> X, y = [[1, 0], [0, 1]] * 5, ["cat", "dog"] * 5
    >>> head = Tagger("fast", n_jobs=1).fit(X, y).recall_by_group(Dataset(X, y), k=1)["head"]
    >>> head.n_labels, head.n_occurrences, head.recall
    (1, 5, 1.0)
    """

    n_labels: int
    n_occurrences: int
    recall: float


def label_groups(label_counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the group of each label, (rows,): 0 head, 1 torso, 2 tail.

    Labels are sorted by training frequency, the most frequent first, equal ones by id. A label is
    of the head if those before it hold less than a third of all label occurrences of the training
    set. It is of the torso if they hold less than two thirds, and else of the tail. So head and
    torso hold a third each, but for the label that crosses the line; labels never seen are of the
    tail.

    >>> label_groups(np.array([1, 4, 0, 2, 2, 3]))
    array([2, 0, 2, 1, 2, 1])
    """
    label_counts = counts(label_counts)
    total = int(label_counts.sum())
    if total == 0:
        raise ValueError("no label occurs in the training set: there is nothing to group by")
    order = np.argsort(-label_counts, kind="stable")
    before = np.cumsum(label_counts[order]) - label_counts[order]
    groups = np.empty(len(order), np.int64)
    groups[order] = np.minimum(3 * before // total, 2)
    return groups


def recall_by_group(
    k: int,
    top: NDArray[np.int32],
    labels: Labels,
    label_counts: NDArray[np.int64],
    sample_weight: Weights = None,
) -> dict[str, LabelGroup]:
    """Return recall@k of head, torso and tail, the groups of `label_groups`.

    Parameters
    ----------
    k : int
    top : ndarray of int32, (n, any width)
        Rows, best first; -1 where fewer were computed.
    labels : indptr (n + 1,) and label ids
    label_counts : ndarray of int64, (rows,)
        Of the training set.
    sample_weight : array_like, (n,), optional
        As how often each example comes; None: once.

    >>> top = np.array([[0, 1], [0, 2]], np.int32)
    >>> labels = np.array([0, 2, 3]), np.array([0, 1, 1])
    >>> recall_by_group(2, top, labels, np.array([4, 4, 1]))["torso"]
    LabelGroup(n_labels=1, n_occurrences=2, recall=0.5)
    """
    k = check_integer("k", k, low=1)
    indptr, ids = label_lists(labels)
    top, label_counts = best_rows(top, len(indptr) - 1), counts(label_counts)
    if len(label_counts) <= ids.max(initial=-1):
        raise ValueError(
            f"there are {len(label_counts)} label_counts but label {ids.max()}: give one for each"
        )
    weights = counts_of(sample_weight, len(indptr) - 1)
    is_hit = hits(k, top, (indptr, ids))
    groups = label_groups(label_counts)

    def summed(own: NDArray[Any], weights: NDArray[np.float64] | None = None) -> list[Any]:
        return list(np.bincount(groups[own], weights, minlength=len(GROUPS)).tolist())

    n_labels, n_pairs = summed(np.arange(len(groups))), summed(ids)
    of_pairs = summed(ids, weights[owners(indptr)])
    of_hits = summed(top[:, :k][is_hit], weights[np.nonzero(is_hit)[0]])
    return {
        name: LabelGroup(size, n, found / total if total else float("nan"))
        for name, size, n, total, found in zip(
            GROUPS, n_labels, n_pairs, of_pairs, of_hits, strict=True
        )
    }
