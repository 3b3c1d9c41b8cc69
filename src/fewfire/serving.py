"""What a network is like in use: how fast it answers, and what its gates leave out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from . import _core
from .data import Dataset
from .evaluation import core_inputs, evaluate

_EXAMPLES, _EXACT_EXAMPLES = 1000, 200  # that are timed alone


@dataclass(frozen=True)
class Serving:
    """Figures of single examples, in one thread, from features to the best rows.

    Attributes
    ----------
    k : int
        Best rows asked for.
    recall : float
        Share of the k best of all rows that are among the k best through the gates.
    candidates : float
        Rows of the last layer that are scored, on average.
    p50, p99 : float
        Microseconds through the gates, the median and what one example in a hundred exceeds.
    exact_p50, exact_p99 : float
        The same with every row computed.
    n_examples : int
        How many examples were looked at; for exact times up to 200 of them.
    """

    k: int
    recall: float
    candidates: float
    p50: float
    p99: float
    exact_p50: float
    exact_p99: float
    n_examples: int


def serving(model: _core.Model, n_layers: int, data: Dataset, k: int, n_threads: int) -> Serving:
    """Look at the first 1000 examples of `data`."""
    data = data[:_EXAMPLES]
    gated = evaluate(model, n_layers, data, k, exact=False, n_threads=n_threads)
    best = evaluate(model, n_layers, data, k, exact=True, n_threads=n_threads).top.indices
    pairs = zip(gated.top.indices, best, strict=True)
    recall = np.mean([np.isin(wanted, found).mean() for found, wanted in pairs])
    n_scored = gated.ledger.layers[-1].rows_touched
    p50, p99 = _microseconds(model, data, k, exact=False)
    exact_p50, exact_p99 = _microseconds(model, data[:_EXACT_EXAMPLES], k, exact=True)
    return Serving(
        k, float(recall), n_scored / len(data), p50, p99, exact_p50, exact_p99, len(data)
    )


def _microseconds(model: _core.Model, data: Dataset, k: int, *, exact: bool) -> NDArray[np.float64]:
    ids = np.arange(len(data), dtype=np.int64)
    seconds = np.asarray(_core.latencies(model, core_inputs(data), ids, k, exact))
    return np.asarray(1e6 * np.percentile(seconds, [50, 99]))
