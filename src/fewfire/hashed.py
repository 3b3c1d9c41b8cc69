"""The selector that asks an index of hash codes, and what each hash family can be told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from .config import (
    check_choice,
    check_density,
    check_flag,
    check_integer,
    check_number,
    check_soft,
)

# What a family can be told, with defaults; None: nothing, or found from the layer.
_SHARED_BY_TABLES: dict[str, Any] = {"rank": "count", "alpha": None, "refresh_every": 1000}
FAMILIES: dict[str, dict[str, Any]] = {
    "sign": {"alpha": None},
    "simhash": {
        "n_bits": 6,
        "n_tables": 50,
        "probes": 0,
        "projection": "gaussian",
        "mips": None,
        "norm_powers": None,
        "largest_norm": None,
        "center": False,
        **_SHARED_BY_TABLES,
    },
    "centroid": {
        "n_cells": None,
        "probes": 7,
        "spherical": True,
        "rank": "sign",
        "alpha": None,
        "refresh_every": 10_000,
    },
}
RANKS = ("count", "union", "hamming", "sign")
PROJECTIONS = ("gaussian", "sparse", "hadamard")
TRANSFORMS = ("sign-alsh", "simple")


@dataclass(frozen=True)
class Hashed:
    """Compute the rows that an index of hash codes proposes.

    The index proposes `rerank` x the budget; their exact scores are computed, and the best are
    kept: `density` x the rows of the layer.

    Parameters
    ----------
    density : float
        Share of the rows that are kept.
    family : {"sign", "simhash", "centroid"}
        "sign": the sign bits of the live weights, never stale, the default for hidden layers.
        "simhash": signs of random projections in hash tables (Charikar, STOC 2002), the paper's.
        "centroid": cells of a k-means of the rows, for wide layers (Auvolat et al., 2015).
    rerank : float
        Candidates per kept row, at least 1.
    soft, differentiate : bool, optional
        As in `TopK`. None: both on for a layer with `activation="relu"`, off for any other.
    alpha : float, optional
        Weight of the sign sum against the bias where sign bits rank ("sign", or `rank="sign"`):
        s_i = alpha (2 sum_{w_ij > 0} x_j - sum_j x_j) + b_i. None: 0.03 in a network's first layer,
        0.1 later.
    n_bits, n_tables : int, optional
        "simhash": bits per code (K, default 6) and tables (L, default 50).
    probes : int, optional
        Buckets of each table that a query visits besides its own (default 0). "simhash": those that
        differ in the bits of the least certain projections (Lv et al., VLDB 2007). "centroid"
        (default 7): those whose centroids have the largest inner products with the input.
    projection : {"gaussian", "sparse", "hadamard"}, optional
        "simhash": standard normal entries (default); +1, 0, -1 with probabilities 1/6, 2/3, 1/6,
        additions only (Achlioptas, JCSS 2003); three rounds of signs and a fast Hadamard transform
        (Andoni et al., NIPS 2015).
    mips : {"sign-alsh", "simple"}, optional
        "simhash": how an inner product of rows of unequal norms becomes an angle, the bias taken
        along as a coordinate: Sign-ALSH (Shrivastava & Li, UAI 2015) or Simple-LSH (Neyshabur &
        Srebro, ICML 2015). None (default): the angle of weights and input.
    norm_powers, largest_norm : int and float, optional
        `mips="sign-alsh"`: m (default 2) and U (default 0.75).
    center : bool, optional
        "simhash": take the mean row from rows and the mean input from inputs before hashing; the
        order of scores stays (default False). The mean input is that of the training set.
    n_cells : int, optional
        "centroid": cells, no more than rows. None: the power of two next to sqrt(rows), in
        16 .. 4096.
    spherical : bool, optional
        "centroid": cluster directions, rows scaled to norm 1 (default), or the rows themselves.
    rank : {"count", "union", "hamming", "sign"}, optional
        Which of the rows found in the buckets become candidates: those in the most of them
        (default), the first found, those whose codes differ in the fewest bits ("simhash"), those
        with the best sign sums. "centroid" has one table: "sign" (its default) or "union".
    refresh_every : int, optional
        Hash tables: training steps between two fillings (default 1000; "centroid": 10,000).

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
    probes: int | None = None
    projection: str | None = None
    mips: str | None = None
    norm_powers: int | None = None
    largest_norm: float | None = None
    center: bool | None = None
    n_cells: int | None = None
    spherical: bool | None = None
    rank: str | None = None
    refresh_every: int | None = None

    def __post_init__(self) -> None:
        check_density(self.density)
        check_choice("family", self.family, tuple(FAMILIES))
        check_number("rerank", self.rerank, low=1.0, high=1e6)
        check_soft(self.soft, self.differentiate)
        self._fill_in_options()
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            if value is not None:
                check(name, value)
        self._check_together()

    def __repr__(self) -> str:
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        shown = [f"{name}={value!r}" for name, value in given.items() if value is not None]
        return f"Hashed({', '.join(shown)})"

    def _fill_in_options(self) -> None:
        own = FAMILIES[self.family]
        for name in sorted({name for options in FAMILIES.values() for name in options} - {*own}):
            if getattr(self, name) is not None:
                families = [family for family, options in FAMILIES.items() if name in options]
                raise ValueError(
                    f'family "{self.family}" does not use {name}; leave it out, or choose '
                    + " or ".join(f'family="{family}"' for family in families)
                )
        for name, default in own.items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, default)
        if self.mips == "sign-alsh":
            object.__setattr__(self, "norm_powers", self.norm_powers or 2)
            object.__setattr__(self, "largest_norm", self.largest_norm or 0.75)

    def _check_together(self) -> None:
        """Raise for options that are fine alone."""
        if self.n_bits and self.probes and self.probes >= 1 << self.n_bits:
            raise ValueError(
                f"probes must be below the buckets of a table, 2**n_bits = {1 << self.n_bits}; "
                f"got {self.probes}"
            )
        if self.mips != "sign-alsh" and (self.norm_powers or self.largest_norm):
            raise ValueError('norm_powers and largest_norm need mips="sign-alsh"')
        if self.rank == "hamming" and self.family != "simhash":
            raise ValueError(f'rank="hamming" needs family="simhash", not {self.family!r}')
        if self.rank == "count" and self.family == "centroid":
            raise ValueError('family="centroid" has one table: choose rank="sign" or "union"')
        if self.alpha is not None and self.family != "sign" and self.rank != "sign":
            raise ValueError('alpha weighs sign sums: it needs family="sign" or rank="sign"')


_CHECKS: dict[str, Callable[[str, Any], object]] = {
    "alpha": partial(check_number, above=0.0),
    "n_bits": partial(check_integer, low=1, high=24),
    "n_tables": partial(check_integer, low=1, high=4096),
    "probes": partial(check_integer, low=0, high=2**24),
    "projection": partial(check_choice, choices=PROJECTIONS),
    "mips": partial(check_choice, choices=TRANSFORMS),
    "norm_powers": partial(check_integer, low=1, high=16),
    "largest_norm": partial(check_number, above=0.0, below=1.0),
    "center": check_flag,
    "n_cells": partial(check_integer, low=1, high=2**20),
    "spherical": check_flag,
    "rank": partial(check_choice, choices=RANKS),
    "refresh_every": partial(check_integer, low=1),
}
