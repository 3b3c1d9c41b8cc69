"""What a model is like in use: how fast it answers, and what its gates or its router leave out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset
from .result import TopKResult

_EXAMPLES, _EXACT_EXAMPLES = 1000, 200  # that are timed alone


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

    Examples
    --------
    >>> from fewfire import Linear, Network
    >>> latency = Network(Linear(2, 3), random_state=0).latency([[1.0, 0.0], [0.0, 1.0]], k=2)
    >>> latency.k, latency.recall, latency.candidates, latency.p50 <= latency.p99
    (2, 1.0, 3.0, True)
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


Find: TypeAlias = Callable[[Dataset, bool], TopKResult]
Seconds: TypeAlias = Callable[[Dataset, bool], "NDArray[np.float64]"]


def measure_latency(
    data: Dataset,
    k: int,
    *,
    find: Find,
    seconds: Seconds,
    n_scored: Callable[[Dataset], float],
    leaves: int | None,
    exact_is_slow: bool,
) -> Latency:
    """Look at the first 1000 examples of `data`; raise if there are none.

    Parameters
    ----------
    data : Dataset
    k : int
    find : (examples, whether exactly) -> TopKResult
        The `k` best rows.
    seconds : (examples, whether exactly) -> ndarray (n,)
        What each example takes alone to its `k` best rows, in one thread.
    n_scored : (examples) -> float
        How many rows are scored for an example, on average.
    leaves : int or None
    exact_is_slow : bool
        Compare what is found with the best of all rows for 200 examples only.
    """
    if len(data) == 0:
        raise ValueError("the data set has no examples")
    data, some = data[:_EXAMPLES], data[:_EXACT_EXAMPLES]
    compared = some if exact_is_slow else data
    gated, best = (find(compared, exact).indices for exact in (False, True))
    is_found = [  # -1: there are fewer than k rows
        np.isin(wanted[wanted >= 0], found) for found, wanted in zip(gated, best, strict=True)
    ]
    recall = float(np.concatenate(is_found).mean())
    p50, p99 = _microseconds(seconds(data, False))
    exact_p50, exact_p99 = _microseconds(seconds(some, True))
    return Latency(k, recall, n_scored(data), leaves, p50, p99, exact_p50, exact_p99, len(data))


def _microseconds(seconds: NDArray[np.float64]) -> tuple[float, float]:
    """Return the median and what one in a hundred exceeds."""
    median, most = 1e6 * np.percentile(seconds, [50, 99])
    return float(median), float(most)
