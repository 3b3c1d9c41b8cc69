"""In which order the labels that were found are answered: the likeliest first, or those that would
count most as hits.

A hit of label l counts 1 / p_l in PSP@k, p_l its propensity. So the order that is best for it is
that of likelihood x (1 / p_l)^a with a = 1; a = 0 is best for P@k, and numbers between trade one
for the other, without training again (Wydmuch et al., SIGIR 2021).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..base.checks import check_number
from .result import TopKResult

RankBy = str | float
EXPONENTS = {"precision": 0.0, "propensity": 1.0}
_DEPTH, _LEAST = 10, 100  # labels that are looked at for each that is answered, and in all


def exponent_of(rank_by: RankBy) -> float:
    """Return a; raise unless it is a name or 0 to 1.

    >>> exponent_of("propensity"), exponent_of(0.1)
    (1.0, 0.1)
    """
    if isinstance(rank_by, str):
        if rank_by not in EXPONENTS:
            raise ValueError(
                f'rank_by must be "precision", "propensity" or a number between, 0 to 1, '
                f"got {rank_by!r}"
            )
        return EXPONENTS[rank_by]
    return check_number("rank_by", rank_by, low=0.0, high=1.0)


@dataclass(frozen=True, eq=False)
class Ranking:
    """An order of labels.

    Parameters
    ----------
    log_weights : ndarray, (n_outputs,), optional
        Of each label, beside the logarithm of its likelihood; None: all alike.
    """

    log_weights: NDArray[np.float64] | None = None

    @classmethod
    def by_propensity(cls, propensities: NDArray[np.float64], exponent: float) -> Ranking:
        """Return the order of likelihood x (1 / propensity)^exponent."""
        return cls(-exponent * np.log(propensities))

    def depth(self, k: int, n_outputs: int) -> int:
        """Return how many of the likeliest labels to look at for the k best of the order."""
        return k if self.log_weights is None else min(n_outputs, max(_LEAST, _DEPTH * k))

    def best(
        self,
        top: TopKResult,
        log_likelihoods: Callable[[NDArray[np.float32]], NDArray[np.floating]],
        k: int,
    ) -> TopKResult:
        """Return the first k of what was found, with their own scores."""
        if self.log_weights is None:
            return top
        values = log_likelihoods(top.scores) + self.log_weights[top.indices]
        value = np.where(top.indices >= 0, values, -np.inf)
        order = np.argsort(-value, axis=1, kind="stable")[:, :k]
        return TopKResult(
            np.take_along_axis(top.indices, order, axis=1),
            np.take_along_axis(top.scores, order, axis=1),
        )
