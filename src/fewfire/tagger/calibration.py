"""Likelihoods of trees as probabilities: how often labels are right that are as likely."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..base.checks import check_number


class Calibration(NamedTuple):
    """A map of likelihoods p to probabilities q that keeps their order: logit q = a ln p -
    b ln(1 - p) + c, with a and b above 0 (beta calibration: Kull, Silva Filho and Flach, AISTATS
    2017, section 4).

    >>> PLAIN(np.array([0.25, 0.5], np.float32))
    array([0.25, 0.5 ], dtype=float32)
    """

    a: float
    b: float
    c: float

    def __call__(self, likelihoods: NDArray[np.float32]) -> NDArray[np.float32]:
        """Make likelihoods probabilities, in place, and return them; -inf stays."""
        if self != PLAIN:
            _core.calibrate(likelihoods.reshape(-1), *self)
        return likelihoods

    @classmethod
    def from_file(cls, described: Sequence[Any]) -> Calibration:
        """Make what a file describes; raise `ValueError` or the like if it is damaged."""
        a, b, c = described
        for name, value in (("a", a), ("b", b)):
            check_number(name, value, above=0.0)
        return cls(float(a), float(b), check_number("c", c))


PLAIN = Calibration(1.0, 1.0, 0.0)
