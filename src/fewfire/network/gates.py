"""What chooses the rows of a layer that are computed for an example.

All gates sit on one seam, so they can be compared on equal terms. `density` is the active
fraction of a layer's rows.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..base.checks import check_density, check_number, check_soft
from .hashed import Hashed


@dataclass(frozen=True)
class All:
    """Compute every row.

    >>> All()
    All()
    """


@dataclass(frozen=True)
class Dropout:
    """Compute uniformly random rows in training, every row in prediction.

    Parameters
    ----------
    density : float
        Share of the rows that a training example keeps; their values are divided by it
        (inverted dropout; Srivastava et al., JMLR 2014). The paper's baseline "VD".

    >>> Dropout(density=0.5).density
    0.5
    """

    density: float = 0.05

    def __post_init__(self) -> None:
        check_density(self.density)


@dataclass(frozen=True)
class AdaptiveDropout:
    """Compute every row and keep each with a probability that grows with its score ("standout").

    In training row i is kept with probability p_i = sigmoid(alpha z_i + beta), z_i its score, and
    independently of the others. The labels of a last layer are always kept, and where no row is
    drawn the one with the largest score is. In prediction every row is, with its expectation
    act(z_i) p_i (Ba & Frey, NIPS 2013).

    Parameters
    ----------
    alpha : float
        How fast the probability grows with the score, at least 0. The paper's baseline "AD" uses 1.
    beta : float
        How many rows are kept: sigmoid(beta) of those whose score is 0.

    >>> AdaptiveDropout(beta=-1.5)
    AdaptiveDropout(alpha=1.0, beta=-1.5)
    """

    alpha: float = 1.0
    beta: float = 0.0

    def __post_init__(self) -> None:
        check_number("alpha", self.alpha, low=0.0, high=1e6)
        check_number("beta", self.beta, low=-1e6, high=1e6)


@dataclass(frozen=True)
class TopK:
    """Compute every row and keep the largest scores: exact winner-take-all, the oracle.

    Parameters
    ----------
    density : float
        Share of the rows that are kept. The paper's baseline "WTA".
    soft : bool
        Subtract the largest score that was not kept: a_i = max(0, z_i - t), so that a row's value
        starts at 0 when it enters the active set. Needs `activation="relu"`.
    differentiate : bool
        Let gradient flow through t to the row it came from.

    >>> TopK(density=0.1, soft=True).soft
    True
    """

    density: float = 0.05
    soft: bool = False
    differentiate: bool = False

    def __post_init__(self) -> None:
        check_density(self.density)
        check_soft(self.soft, self.differentiate)


Gate = All | Dropout | AdaptiveDropout | TopK | Hashed
GATES: dict[str, type[Gate]] = {
    kind.__name__: kind for kind in (All, Dropout, AdaptiveDropout, TopK, Hashed)
}


_DENSITY = 0.05  # of hidden layers
_CANDIDATES = 1000  # rows of an output layer


def active_rows(gate: Gate, n_rows: int, *, compares: bool = False) -> int:
    """Return how many of `n_rows` rows the gate keeps: at least 1, all if it has no budget.

    A hashed layer that is given no density keeps 5 %, or 1000 rows if its scores are compared.
    """
    if isinstance(gate, All | AdaptiveDropout):
        return n_rows
    if gate.density is None:
        return min(n_rows, _CANDIDATES) if compares else max(1, round(_DENSITY * n_rows))
    return max(1, round(gate.density * n_rows))
