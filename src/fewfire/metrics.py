"""What an evaluation measures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .ledger import Ledger

Labels = tuple[NDArray[np.int64], NDArray[np.int32]]  # indptr and label ids, ascending in a row


@dataclass(frozen=True)
class Metrics(Mapping[str, float]):
    """Figures of an evaluation, by name; `metrics.loss` is `metrics["loss"]`.

    Attributes
    ----------
    figures : dict of str to float
    density : float
        Rows chosen / rows, over the layers with a selector; 1.0 where there is none.
    ledger : Ledger
    n_examples : int
    exact : bool
        Whether every row was computed.
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


def precision_at(k: int, top: NDArray[np.int32], labels: Labels) -> float:
    """Return P@k: the mean share of each example's k best rows that are labels of it.

    P@k = (1/n) sum_i |top_i[:k] intersected with labels_i| / k (Jain et al., KDD 2016). An example
    without labels counts as 0.

    Parameters
    ----------
    top : ndarray of int32, (n, >= k)
        Rows, best first; -1 where fewer were computed.
    labels : indptr (n + 1,) and label ids

    >>> precision_at(1, np.array([[2], [1]], np.int32), (np.array([0, 1, 2]), np.array([2, 0])))
    0.5
    """
    indptr, ids = labels
    width = int(max(ids.max(initial=0), top.max(initial=0))) + 1
    rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    known = rows.astype(np.int64) * width + ids
    best = top[:, :k].astype(np.int64)
    asked = np.arange(len(best))[:, None] * width + best
    hits = np.isin(asked, known) & (best >= 0)
    return float(hits.sum() / (k * max(1, len(best))))


def cutoffs(names: Sequence[str]) -> dict[str, int]:
    """Return the k of each metric name like "P@3"; raise for a name that is no metric.

    >>> cutoffs(["P@1", "P@5"])
    {'P@1': 1, 'P@5': 5}
    """
    found: dict[str, int] = {}
    for name in names:
        match = re.fullmatch(r"P@([1-9]\d*)", name)
        if not match and name not in ("accuracy", "loss"):
            raise ValueError(f"unknown metric {name!r}; there are accuracy, loss, P@1, P@3, ...")
        if match:
            found[name] = int(match.group(1))
    return found
