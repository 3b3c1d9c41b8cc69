"""Scores are finite numbers: weights that are finite but huge may overflow where they meet inputs,
and no order among such scores means anything."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..measure.result import TopKResult

Words = Callable[[], str]  # that say where weights are largest


def check_best(top: TopKResult, largest: Words) -> None:
    """Raise unless the scores of all rows that were found are finite."""
    if not _are_finite(top.scores):
        is_wrong = (top.indices >= 0) & ~np.isfinite(top.scores)
        _check_rows(np.any(is_wrong, axis=1), largest)


def check_given(scores: NDArray[np.float32], indptr: NDArray[Any], largest: Words) -> None:
    """Raise unless the scores of given labels, those of each example in turn, are finite."""
    if not _are_finite(scores):
        n_wrong = np.concatenate([[0], np.cumsum(~np.isfinite(scores))])
        _check_rows(n_wrong[indptr[1:]] > n_wrong[indptr[:-1]], largest)


def check_all(scores: NDArray[np.float32], largest: Words) -> None:
    """Raise if a score of (examples x labels) is not a number or above all; -inf: not computed."""
    if scores.size and not scores.max() < np.inf:  # NaN is the largest of all
        _check_rows(np.asarray(~(scores.max(axis=1) < np.inf)), largest)


def _are_finite(scores: NDArray[np.float32]) -> bool:
    """Whether no score is infinite, or so large that its square is: it takes one call, and a single
    example is answered in a few microseconds."""
    return math.isfinite(np.vdot(scores, scores))


def _check_rows(is_wrong: NDArray[Any], largest: Words) -> None:
    rows = np.flatnonzero(is_wrong)
    if len(rows):
        raise ValueError(
            f"the scores of row {rows[0]} are not finite: the weights of the model are too large "
            f"({largest()}); it is damaged, or its training diverged"
        )
