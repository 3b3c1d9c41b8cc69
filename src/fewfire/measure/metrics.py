"""What an evaluation measures, by the formulae of the Extreme Classification Repository.

A figure of the k best rows takes `top`, rows best first, and the label lists of the same examples;
an example without labels counts as 0. With `sample_weight`, (n,), an example counts as if it came
so often; without, each comes once. In formulae n(S) is how many members the set S has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..base.checks import check_integer
from ..base.ledger import Ledger
from ..data.targets import weights_of
from .given import Labels, best_rows, label_lists

Weights: TypeAlias = "ArrayLike | None"
_NOTHING = "sample_weight is 0 for all examples: there is nothing to measure"


@dataclass(frozen=True)
class Metrics(Mapping[str, float]):
    """Figures of an evaluation, by name; `metrics.loss` is `metrics["loss"]`.

    Attributes
    ----------
    figures : dict of str to float
    density : float
        Rows chosen / rows, over the layers with a gate; 1.0 where there is none.
    ledger : Ledger
    n_examples : int
    exact : bool
        Whether every row was computed.

    Examples
    --------
    >>> metrics = Metrics({"accuracy": 0.9, "P@3": 0.5}, 1.0, Ledger.empty(1), 10, exact=False)
    >>> metrics.accuracy, metrics["P@3"], dict(metrics)
    (0.9, 0.5, {'accuracy': 0.9, 'P@3': 0.5})
    """

    figures: dict[str, float]
    density: float
    ledger: Ledger
    n_examples: int
    exact: bool

    def __getitem__(self, name: str) -> float:
        return self.figures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.figures)

    def __len__(self) -> int:
        return len(self.figures)

    def __getattr__(self, name: str) -> float:
        if name.startswith("_") or name not in self.figures:
            raise AttributeError(f"no metric {name!r}; there are {', '.join(self.figures)}")
        return self.figures[name]


def hits(k: int, top: NDArray[np.int32], labels: Labels) -> NDArray[np.bool_]:
    """Return which of each example's k best rows are labels of it, (n, min(k, width of top)).

    Parameters
    ----------
    k : int
    top : ndarray of int32, (n, any width)
        Rows, best first; -1 where fewer were computed.
    labels : indptr (n + 1,) and label ids

    >>> hits(2, np.array([[2, 0], [1, 2]], np.int32), (np.array([0, 1, 2]), np.array([2, 0])))
    array([[ True, False],
           [False, False]])
    """
    k = check_integer("k", k, low=1)
    indptr, ids = label_lists(labels)
    top = best_rows(top, len(indptr) - 1)
    width = int(max(ids.max(initial=0), top.max(initial=0))) + 1
    known = owners(indptr) * width + ids
    best = top[:, :k].astype(np.int64)
    asked = np.arange(len(best))[:, None] * width + best
    return np.isin(asked, known) & (best >= 0)


def owners(indptr: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the example of each entry of label lists.

    >>> owners(np.array([0, 2, 2, 3]))
    array([0, 0, 2])
    """
    return np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))


def precision_at(
    k: int, top: NDArray[np.int32], labels: Labels, sample_weight: Weights = None
) -> float:
    """Return P@k: the mean share of each example's k best rows that are labels of it.

    P@k = (1/n) sum_i n(top_i[:k] and labels_i) / k (Jain et al., KDD 2016).

    >>> precision_at(1, np.array([[2], [1]], np.int32), (np.array([0, 1, 2]), np.array([2, 0])))
    0.5
    """
    return _mean(hits(k, top, labels).sum(axis=1) / k, sample_weight)


def recall_at(
    k: int, top: NDArray[np.int32], labels: Labels, sample_weight: Weights = None
) -> float:
    """Return R@k: the mean share of each example's labels that are among its k best rows.

    R@k = (1/n) sum_i n(top_i[:k] and labels_i) / n(labels_i).

    >>> recall_at(1, np.array([[2], [1]], np.int32), (np.array([0, 2, 3]), np.array([0, 2, 1])))
    0.75
    """
    found, n_labels = hits(k, top, labels), np.diff(label_lists(labels)[0])
    return _mean(found.sum(axis=1) / np.maximum(n_labels, 1), sample_weight)


def f1_at(k: int, top: NDArray[np.int32], labels: Labels, sample_weight: Weights = None) -> float:
    """Return F1@k: the mean of each example's harmonic mean of its P@k and R@k.

    F1@k = (1/n) sum_i 2 n(top_i[:k] and labels_i) / (k + n(labels_i)).

    >>> f1_at(1, np.array([[2], [1]], np.int32), (np.array([0, 3, 4]), np.array([0, 2, 4, 1])))
    0.75
    """
    found, n_labels = hits(k, top, labels), np.diff(label_lists(labels)[0])
    return _mean(2 * found.sum(axis=1) / (float(k) + n_labels), sample_weight)


def macro_precision_at(
    k: int, top: NDArray[np.int32], labels: Labels, sample_weight: Weights = None
) -> float:
    """Return macroP@k: of each label that occurs, the share of its answers that are right; their
    mean.

    A label that is among the k best rows of no example counts 0 (Schultheis et al., NeurIPS 2023,
    section 3, there over all labels).

    >>> macro_precision_at(1, np.array([[2], [2]], np.int32), (np.arange(3), np.array([0, 2])))
    0.25
    """
    answered, right = _by_label(k, top, labels, sample_weight)
    shares = right / np.where(answered > 0, answered, 1.0)
    return float(shares.mean()) if len(right) else 0.0


def coverage_at(
    k: int, top: NDArray[np.int32], labels: Labels, sample_weight: Weights = None
) -> float:
    """Return coverage@k: the share of the labels that occur that are found at least once.

    Found: among the k best rows of an example whose label it is (Schultheis et al., NeurIPS 2023,
    section 3).

    >>> coverage_at(1, np.array([[2], [2]], np.int32), (np.arange(3), np.array([0, 2])))
    0.5
    """
    _, right = _by_label(k, top, labels, sample_weight)
    return float((right > 0).mean()) if len(right) else 0.0


def _by_label(
    k: int, top: NDArray[np.int32], labels: Labels, sample_weight: Weights
) -> tuple[NDArray[np.number], NDArray[np.number]]:
    """Return of each label that occurs how often it is answered, and how often rightly."""
    found = hits(k, top, labels)
    indptr, ids = label_lists(labels)
    weights = counts_of(sample_weight, len(indptr) - 1)
    best, occurring = (
        best_rows(top, len(indptr) - 1)[:, :k],
        np.unique(ids[weights[owners(indptr)] > 0]),
    )
    of_all = np.broadcast_to(weights[:, None], best.shape)
    is_known = np.isin(best, occurring)
    answered, right = (
        np.bincount(np.searchsorted(occurring, best[some]), of_all[some], len(occurring))
        for some in (is_known, is_known & found)
    )
    return answered, right


def _mean(values: NDArray[np.floating], sample_weight: Weights) -> float:
    """Return the mean of a figure of each example."""
    weights = counts_of(sample_weight, len(values))
    if len(values) and not weights.any():
        raise ValueError(_NOTHING)
    return float((values * weights).sum() / weights.sum()) if len(values) else 0.0


def counts_of(sample_weight: Weights, n: int) -> NDArray[np.float64]:
    """Return how often each of `n` examples comes.

    >>> counts_of(None, 2), counts_of([0.5, 2], 2)
    (array([1., 1.]), array([0.5, 2. ]))
    """
    return np.ones(n) if sample_weight is None else weights_of(sample_weight, n).astype(np.float64)


def r2(values: ArrayLike, targets: ArrayLike, sample_weight: Weights = None) -> float:
    """Return R2, the share of the variance of values that predictions explain: the mean over the
    columns, as `sklearn.metrics.r2_score`.

    R2 = 1 - sum_i (y_i - f_i)^2 / sum_i (y_i - mean y)^2. Of a column that does not vary it is 1
    if all predictions are right, else 0.

    Parameters
    ----------
    values : array_like, (n,) or (n, columns)
        What was predicted, f.
    targets : array_like of the same shape
        What is true, y.

    >>> r2([1.0, 2.0, 2.0], [1.0, 2.0, 3.0])
    0.5
    """
    sums = Explained()
    sums.add(values, targets, sample_weight)
    return sums.share


class Explained:
    """The share of the variance of values that predictions explain, part by part: sums of squares
    about a mean are brought together as by Chan, Golub & LeVeque (1983)."""

    def __init__(self) -> None:
        self._weight = 0.0
        self._mean: Any = 0.0  # of each column
        self._varied: Any = 0.0
        self._missed: Any = 0.0

    def add(self, values: ArrayLike, targets: ArrayLike, sample_weight: Weights) -> None:
        """Add some examples."""
        found, true = (np.asarray(x, np.float64) for x in (values, targets))
        if found.shape != true.shape or found.ndim not in (1, 2) or not len(found):
            raise ValueError(
                f"values have the shape {found.shape} and targets {true.shape}: give the same, "
                "(n,) or (n, columns), of an example at least"
            )
        found, true = (x.reshape(len(x), -1) for x in (found, true))
        weights = counts_of(sample_weight, len(true))
        own = float(weights.sum())
        if own == 0:
            return
        mean, total = weights @ true / own, self._weight + own
        apart = (mean - self._mean) ** 2 * (self._weight * own / total)
        self._varied = self._varied + weights @ (true - mean) ** 2 + apart
        self._missed = self._missed + weights @ (true - found) ** 2
        self._mean = self._mean + (mean - self._mean) * (own / total)
        self._weight = total

    @property
    def share(self) -> float:
        """R2 of all that was added."""
        if self._weight == 0:
            raise ValueError(_NOTHING)
        at_rest = np.asarray(self._missed > 0, np.float64)
        return float(
            np.mean(1 - np.divide(self._missed, self._varied, out=at_rest, where=self._varied > 0))
        )


def ndcg_at(k: int, top: NDArray[np.int32], labels: Labels, sample_weight: Weights = None) -> float:
    """Return nDCG@k: like P@k, but a hit at rank r counts 1 / log2(r + 1).

    nDCG@k = (1/n) sum_i DCG_i / best_i, with DCG_i = sum of 1 / log2(r + 1) over the ranks r <= k
    that hit. And best_i is the same sum over the ranks r <= min(k, n(labels_i)).

    >>> top, labels = np.array([[2, 0], [1, 0]], np.int32), (np.array([0, 1, 2]), np.array([2, 0]))
    >>> round(ndcg_at(2, top, labels), 4)  # 1 and 1 / log2(3)
    0.8155
    """
    found, n_labels = hits(k, top, labels), np.diff(label_lists(labels)[0])
    k = min(k, max(found.shape[1], n_labels.max(initial=1)))  # no rank counts behind these
    discounts = 1 / np.log2(np.arange(2, k + 2))
    n_wanted = np.minimum(n_labels, k)
    best = np.cumsum(discounts)[np.maximum(n_wanted, 1) - 1]
    return _mean(found @ discounts[: found.shape[1]] / best, sample_weight)


def psp_at(
    k: int,
    top: NDArray[np.int32],
    labels: Labels,
    propensities: NDArray[np.float64],
    sample_weight: Weights = None,
) -> float:
    """Return PSP@k: a hit of label l counts 1 / propensities[l], as a share of the best attainable.

    PSP@k = sum_i sum_{l in top_i[:k], a label of i} 1 / p_l, divided by the largest value that any
    ranking reaches: the min(k, n(labels_i)) largest 1 / p_l of each example's labels, summed
    likewise (Jain et al., KDD 2016).

    Parameters
    ----------
    propensities : ndarray of float64, (rows,)
        Above 0; `fewfire.metrics.propensities` computes them.

    >>> labels = np.array([0, 2, 3]), np.array([0, 1, 1])
    >>> psp_at(1, np.array([[0], [1]], np.int32), labels, np.array([1.0, 0.25]))  # (1+4) / (4+4)
    0.625
    """
    indptr, ids = label_lists(labels)
    top = best_rows(top, len(indptr) - 1)
    propensities = _above_zero(propensities)
    if len(propensities) <= ids.max(initial=-1):
        raise ValueError(
            f"there are {len(propensities)} propensities but label {ids.max()}: give one for each"
        )
    found = hits(k, top, (indptr, ids))
    gains = 1 / propensities
    rows = owners(indptr)
    best_first = ids[np.lexsort((-gains[ids], rows))]
    rank = np.arange(len(ids)) - indptr[rows]
    weights = counts_of(sample_weight, len(indptr) - 1)
    attainable = (gains[best_first] * weights[rows])[rank < k].sum()
    reached = (gains[top[:, :k][found]] * weights[np.nonzero(found)[0]]).sum()
    return float(reached / attainable) if attainable > 0 else 0.0


def _above_zero(propensities: Any) -> NDArray[np.float64]:
    array = np.asarray(propensities)
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        raise TypeError(f"propensities are numbers, one for each label, not {array.dtype}")
    if not (array > 0).all():
        raise ValueError("propensities are above 0: a label divides by its own")
    return array


Formula: TypeAlias = Callable[..., float]  # k, top, labels, sample_weight=
MEANS: dict[str, Formula] = {  # over examples
    "P": precision_at,
    "R": recall_at,
    "F1": f1_at,
    "nDCG": ndcg_at,
}
OF_ALL: dict[str, Formula] = {"macroP": macro_precision_at, "coverage": coverage_at}
MEASURES = (*MEANS, "PSP", *OF_ALL)  # of the k best rows
OF_VALUES = ("R2",)
NAMES = ", ".join(f"{measure}@k" for measure in MEASURES)


class Cutoff(NamedTuple):
    """What a name like "PSP@5" asks for."""

    measure: str  # "P", "nDCG", "PSP", ...
    k: int


def cutoffs(names: Collection[str]) -> dict[str, Cutoff]:
    """Return what each name asks of the best rows: accuracy is P@1, the loss and R2 ask nothing.

    >>> cutoffs(["accuracy", "loss", "nDCG@3"])
    {'accuracy': Cutoff(measure='P', k=1), 'nDCG@3': Cutoff(measure='nDCG', k=3)}
    """
    are_many = isinstance(names, Collection) and not isinstance(names, str)
    if not are_many or not all(isinstance(name, str) for name in names):
        raise TypeError(f"metrics are a list of names, such as ['P@1', 'nDCG@3'], not {names!r}")
    return {name: _cutoff(name) for name in names if name not in ("loss", *OF_VALUES)}


def _cutoff(name: str) -> Cutoff:
    if name == "accuracy":
        return Cutoff("P", 1)
    match = re.fullmatch(rf"({'|'.join(MEASURES)})@([1-9]\d*)", name)
    if match is None:
        raise ValueError(
            f"unknown metric {name!r}; there are accuracy, loss, R2, and {NAMES}, as in P@3"
        )
    return Cutoff(match[1], int(match[2]))
