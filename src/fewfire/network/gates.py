"""What chooses the rows of a layer that are computed for an example.

All gates sit on one seam, so they can be compared on equal terms. `density` is the active
fraction of a layer's rows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..base.checks import check_flag, check_number, check_soft
from ..base.options import Options, option
from .families import Family, as_family
from .hashed import Hashed
from .retrieve import Retrieve


@dataclass(frozen=True, repr=False)
class All(Options):
    """Compute every row.

    >>> All()
    All()
    """


@dataclass(frozen=True, repr=False)
class Dropout(Options):
    """Compute uniformly random rows in training, every row in prediction.

    Parameters
    ----------
    density : float
        Share of the rows that a training example keeps; their values are divided by it
        (inverted dropout; Srivastava et al., JMLR 2014). The paper's baseline "VD".

    >>> Dropout(density=0.5).density
    0.5
    """

    density: float = option(0.05, check_number, above=0.0, high=1.0)


@dataclass(frozen=True, repr=False)
class AdaptiveDropout(Options):
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
    AdaptiveDropout(beta=-1.5)
    """

    alpha: float = option(1.0, check_number, low=0.0, high=1e6)
    beta: float = option(0.0, check_number, low=-1e6, high=1e6)


@dataclass(frozen=True, repr=False)
class TopK(Options):
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

    density: float = option(0.05, check_number, above=0.0, high=1.0)
    soft: bool = option(False, check_flag)
    differentiate: bool = option(False, check_flag)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_soft(self.soft, self.differentiate)


Gate = All | Dropout | AdaptiveDropout | TopK | Hashed | Retrieve
GATES: dict[str, type[Gate]] = {
    kind.__name__: kind for kind in (All, Dropout, AdaptiveDropout, TopK, Hashed, Retrieve)
}


def family_of(gate: Gate) -> Family | None:
    """Return the hash family that proposes rows to a gate; None without hashing."""
    return as_family(gate.family) if isinstance(gate, Hashed | Retrieve) else None


def fitted(gate: Gate, n_rows: int) -> Gate:
    """Return the gate with what a layer of so many rows decides filled in."""
    if not isinstance(gate, Hashed | Retrieve):
        return gate
    family, retrieves = as_family(gate.family), isinstance(gate, Retrieve)
    return replace(gate, family=family.for_layer(n_rows, retrieves=retrieves))


def active_rows(gate: Gate, n_rows: int) -> int:
    """Return how many of `n_rows` rows the gate keeps: at least 1, all if it has no budget."""
    if isinstance(gate, All | AdaptiveDropout):
        return n_rows
    if isinstance(gate, Retrieve):
        return min(gate.candidates, n_rows)
    return max(1, round(gate.density * n_rows))
