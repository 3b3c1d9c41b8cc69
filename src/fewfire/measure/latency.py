"""What a model is like in use: how fast it answers, and what its gates or its router leave out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..base.ledger import Ledger
from ..data import Dataset
from .result import TopKResult

_EXAMPLES, EXACT_EXAMPLES = 1000, 200  # that are timed alone


@dataclass(frozen=True)
class Latency:
    """Figures of single examples, in one thread, from features to the best rows.

    A network is timed in the core; a tagger or a blend as its caller waits, Python's part included.

    Attributes
    ----------
    k : int
        Best rows asked for.
    recall : float
        Share of the k best of all rows that are among the k best through the gates, or of all
        leaves through the router.
    candidates : float
        Rows of the last layer that are scored, on average; labels of a tagger, and those that the
        parts of a blend find.
    leaves : int or None
        Leaves that a tagger, or that of a blend, opens in all its trees; None for a network.
    p50, p99 : float
        Microseconds through the gates or the router, the median and what one example in a hundred
        exceeds.
    exact_p50, exact_p99 : float
        The same with every row computed, or every leaf opened.
    n_examples : int
        How many examples were looked at; for exact times up to 200 of them, and for the recall of a
        tagger or a blend, for which opening every leaf is slow.
    """

    k: int
    recall: float
    candidates: float
    leaves: int | None
    p50: float
    p99: float
    exact_p50: float
    exact_p99: float
    n_examples: int


class Answering(Protocol):
    """What a model tells of single examples."""

    def find(
        self, data: Dataset, k: int, *, exact: bool, n_jobs: int | None
    ) -> tuple[TopKResult, Ledger]:
        """Return the `k` best rows of each example, and the work of finding them."""

    def n_scored(self, data: Dataset, k: int, *, n_jobs: int | None) -> float:
        """Return how many rows are scored to find the `k` best, on average."""

    def seconds(self, data: Dataset, k: int, *, exact: bool) -> NDArray[np.float64]:
        """Return what each example takes alone, in one thread."""


def measure_latency(
    model: Answering,
    data: Dataset,
    k: int,
    *,
    n_jobs: int | None,
    n_compared: int = _EXAMPLES,
    leaves: int | None = None,
) -> Latency:
    """Look at the first 1000 examples of `data`, and compare what is found for the first
    `n_compared` with the best of all rows; raise if there are none."""
    if len(data) == 0:
        raise ValueError("the data set has no examples")
    data = data[:_EXAMPLES]
    gated, best = (
        model.find(data[:n_compared], k, exact=exact, n_jobs=n_jobs)[0].indices
        for exact in (False, True)
    )
    is_found = [  # -1: there are fewer than k rows
        np.isin(wanted[wanted >= 0], found) for found, wanted in zip(gated, best, strict=True)
    ]
    recall = np.concatenate(is_found).mean()
    p50, p99 = _microseconds(model.seconds(data, k, exact=False))
    exact_p50, exact_p99 = _microseconds(model.seconds(data[:EXACT_EXAMPLES], k, exact=True))
    n_scored = model.n_scored(data, k, n_jobs=n_jobs)
    return Latency(k, float(recall), n_scored, leaves, p50, p99, exact_p50, exact_p99, len(data))


def _microseconds(seconds: NDArray[np.float64]) -> tuple[float, float]:
    """Return the median and what one in a hundred exceeds."""
    median, most = 1e6 * np.percentile(seconds, [50, 99])
    return float(median), float(most)
