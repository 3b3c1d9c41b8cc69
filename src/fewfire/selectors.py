"""What chooses the rows of a layer that are computed for an example.

All selectors sit on one seam, so they can be compared on equal terms. `density` is the active
fraction of a layer's rows.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from .config import check_choice, check_flag, check_integer, check_number


def check_density(density: float) -> None:
    """Raise unless `density` is a fraction above 0."""
    check_number("density", density, above=0.0, high=1.0)


def check_soft(soft: bool | None, differentiate: bool | None) -> None:
    """Raise for a threshold's gradient without a threshold; None leaves it to the layer."""
    for name, flag in (("soft", soft), ("differentiate", differentiate)):
        if flag is not None:
            check_flag(name, flag)
    if differentiate and soft is False:
        raise ValueError("differentiate=True needs soft=True: a hard gate has no threshold")


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


FAMILIES = ("sign", "simhash")
_OWN_OPTIONS: dict[str, dict[str, Any]] = {
    "sign": {"alpha": None},
    "simhash": {"n_bits": 6, "n_tables": 50, "rank": "count", "refresh_every": 1000},
}


@dataclass(frozen=True)
class Hashed:
    """Compute the rows that an index of hash codes proposes.

    The index proposes `rerank` x the budget; their exact scores are computed, and the best are
    kept: `density` x the rows of the layer.

    Parameters
    ----------
    density : float
        Share of the rows that are kept.
    family : {"sign", "simhash"}
        "sign": the sign bits of the live weights, never stale, the default for hidden layers.
        "simhash": signed Gaussian projections in hash tables (Charikar, STOC 2002), the paper's.
    rerank : float
        Candidates per kept row, at least 1.
    soft, differentiate : bool, optional
        As in `TopK`. None: both on for a layer with `activation="relu"`, off for any other.
    alpha : float, optional
        "sign" only: weight of the sign sum against the bias, s_i = alpha (2 sum_{w_ij > 0} x_j -
        sum_j x_j) + b_i. None: 0.03 in a network's first layer, 0.1 later.
    n_bits, n_tables : int, optional
        "simhash" only: bits per code (K, default 6) and tables (L, default 50).
    rank : {"count", "union"}, optional
        "simhash" only: candidates by the number of buckets shared (default), or any that share one
        until there are enough.
    refresh_every : int, optional
        "simhash" only: training steps between two fillings of the tables (default 1000).

    Raises
    ------
    ValueError
        For a value out of range, or an option that the family does not use.

    >>> Hashed(density=0.05).family
    'sign'
    >>> Hashed(family="sign", n_bits=4)
    Traceback (most recent call last):
        ...
    ValueError: family "sign" does not use n_bits; leave it out, or choose family="simhash"
    """

    density: float = 0.05
    family: str = "sign"
    rerank: float = 3.0
    soft: bool | None = None
    differentiate: bool | None = None
    alpha: float | None = None
    n_bits: int | None = None
    n_tables: int | None = None
    rank: str | None = None
    refresh_every: int | None = None

    def __post_init__(self) -> None:
        check_density(self.density)
        check_choice("family", self.family, FAMILIES)
        check_number("rerank", self.rerank, low=1.0, high=1e6)
        check_soft(self.soft, self.differentiate)
        self._fill_in_options()
        if self.alpha is not None:
            check_number("alpha", self.alpha, above=0.0)
        if self.family == "simhash":
            check_integer("n_bits", self.n_bits or 0, low=1, high=24)
            check_integer("n_tables", self.n_tables or 0, low=1, high=4096)
            check_choice("rank", self.rank or "", ("count", "union"))
            check_integer("refresh_every", self.refresh_every or 0, low=1)

    def __repr__(self) -> str:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        shown = [f"{name}={value!r}" for name, value in given.items() if value is not None]
        return f"Hashed({', '.join(shown)})"

    def _fill_in_options(self) -> None:
        own = _OWN_OPTIONS[self.family]
        for family, options in _OWN_OPTIONS.items():
            for name in options:
                if name not in own and getattr(self, name) is not None:
                    raise ValueError(
                        f'family "{self.family}" does not use {name}; '
                        f'leave it out, or choose family="{family}"'
                    )
        for name, default in own.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)


Selector = All | Dropout | AdaptiveDropout | TopK | Hashed
SELECTORS: dict[str, type[Selector]] = {
    kind.__name__: kind for kind in (All, Dropout, AdaptiveDropout, TopK, Hashed)
}


def active_rows(selector: Selector, n_rows: int) -> int:
    """Return how many of `n_rows` rows the selector keeps: at least 1, all if it has no budget."""
    if isinstance(selector, All | AdaptiveDropout):
        return n_rows
    return max(1, round(selector.density * n_rows))
