"""How often labels occur in training, and what follows: propensities.

`label_counts` (rows,) says in how many of the training examples each label occurs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .config import check_integer, check_number


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
        At least 3: fewer give C < 0, which is no propensity.
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
    if ((label_counts < 0) | (label_counts > n_examples)).any():
        raise ValueError(
            f"label_counts must be 0 to n_examples = {n_examples}, "
            f"got {label_counts.min()} to {label_counts.max()}"
        )
    scale = (np.log(n_examples) - 1) * (b + 1) ** a
    return np.asarray(1 / (1 + scale * (label_counts + float(b)) ** -a), np.float64)
