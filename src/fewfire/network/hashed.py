"""The gate that asks an index of hash codes, and what each hash family can be told."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

from ..base.checks import (
    check_choice,
    check_density,
    check_flag,
    check_integer,
    check_number,
    check_soft,
)

# What a family can be told, with defaults; None: nothing, or found from the layer.
_SHARED_BY_TABLES: dict[str, Any] = {
    "rank": "count",
    "alpha": None,
    "refresh": "full",
    "refresh_every": 1000,
    "refresh_growth": None,
    "drift": None,
}
FAMILIES: dict[str, dict[str, Any]] = {
    "sign": {"alpha": None, "n_columns": None, "binary": None},
    "simhash": {
        "n_bits": 6,
        "n_tables": 50,
        "probes": 0,
        "projection": "gaussian",
        "mips": None,
        "norm_powers": None,
        "largest_norm": None,
        "center": False,
        "redraw_every": None,
        **_SHARED_BY_TABLES,
    },
    "dwta": {"n_hashes": 3, "n_tables": 50, **_SHARED_BY_TABLES},
    "minhash": {"n_hashes": 1, "n_tables": 50, "n_bits": 12, **_SHARED_BY_TABLES},
    "centroid": {  # the rest is fitted to the layer, see `for_layer`
        "n_cells": None,
        "probes": None,
        "spherical": None,
        **dict.fromkeys(_SHARED_BY_TABLES),
    },
}
_FITTED_TO_HIDDEN: dict[str, Any] = {
    "spherical": True,
    "rank": "sign",
    "refresh": "touched",
    "refresh_every": 1000,
    "refresh_growth": 1.3,
}
RERANK = 3.0  # candidates per kept row where the activation is not linear
RANKED = 16  # rows of the visited cells that are ranked, for each candidate
# What `auto` weighs (benchmarks/auto.py): the overhead of cells is a scan of so many sign bits, and
# a row that is ranked there costs so many rows of a scan.
_OVERHEAD_OF_CELLS, _ROW_OF_A_CELL = 200_000, 3
RANKS = ("count", "union", "hamming", "sign")
PROJECTIONS = ("gaussian", "sparse", "hadamard", "coordinates")
TRANSFORMS = ("sign-alsh", "simple")
REFRESHES = ("full", "touched", "rolling", "drift")


@dataclass(frozen=True)
class Hashed:
    """Compute the rows that an index of hash codes proposes.

    The index proposes `rerank` x the budget; their exact scores are computed, and the best are
    kept: `density` x the rows of the layer.

    Parameters
    ----------
    density : float, optional
        Share of the rows that are kept. None: 5 %, or 1000 rows of a layer with
        `activation="linear"`, such as the last.
    family : {"sign", "simhash", "dwta", "minhash", "centroid"}
        "sign": the sign bits of the live weights, never stale, the default for hidden layers.
        The others fill hash tables. "simhash": signs of random projections (Charikar, STOC 2002),
        the paper's. "dwta": places of the largest of 8 coordinates (winner take all: Yagnik et al.,
        ICCV 2011; densified: Chen & Shrivastava, UAI 2018); of wide inputs it reads 8 n_hashes
        n_tables columns. "minhash": minwise hashes of the sets of positive coordinates, for sparse
        binary inputs (Li, Owen & Zhang, NIPS 2012; densified: Shrivastava, ICML 2017).
        "centroid": cells of a k-means of the rows, for wide layers (Auvolat et al., 2015).
    rerank : float, optional
        Candidates per kept row, at least 1. None: 3, or 1 where the activation is linear.
    negatives : int, optional
        Of a last layer that ranks no candidates (`rerank=1`), above a layer without a gate:
        rows that training draws uniformly for each micro-batch, shared by its examples. They stand
        for all rows that are no candidates, each for as many as the inverse of its chance to be
        drawn (log-q correction: Jean et al., ACL 2015). None: 3072, at most half of the rows.
    thin : float, optional
        Of such a layer: gradients of scores below this are left out in training or enlarged to it,
        by lot, so that their means stay: most rows of a softmax have next to none, and need not be
        read again and changed. None: 0.001; 0: all gradients count.
    head : int, optional
        Of such a layer: the labels most frequent in the training set that are candidates of every
        example, as part of the rows that are kept. None: 256, at most a quarter of those rows.
    soft, differentiate : bool, optional
        As in `TopK`. None: both on for a layer with `activation="relu"`, off for any other.
    explore : float, optional
        Share of the kept rows that training draws from the quarter of the rows whose last training
        is longest ago, whatever their scores (default 0). Needs `soft=False`: a soft gate gives
        them value 0.
    alpha : float, optional
        Weight of the sign sum against the bias where sign bits rank ("sign", or `rank="sign"`):
        s_i = alpha (2 sum_{w_ij > 0} x_j - sum_j x_j) + b_i. None: 0.03 in a network's first layer,
        0.1 later.
    n_columns : int, optional
        "sign": a query reads the signs of so many columns, drawn once, and of its inputs in them:
        fewer additions where inputs have few zeros. None, or more than there are: all.
    binary : bool, optional
        "sign": a query counts each input that is not 0 as the mean of them: counts of bits instead
        of additions, several times faster where inputs are many, and exact where they are 0 or 1
        (default False).
    n_bits, n_tables : int, optional
        Bits per code ("simhash": K, default 6; "minhash": default 12) and tables (L, default 50).
    n_hashes : int, optional
        Hashes per code: "dwta", of 3 bits each, 1 to 8 (K, default 3); "minhash", mixed to n_bits,
        1 to 16 (K, default 1).
    probes : int, optional
        Buckets of each table that a query visits besides its own (default 0). "simhash": those that
        differ in the bits of the least certain projections (Lv et al., VLDB 2007). "centroid":
        those whose centroids have the largest inner products with the input; by default a quarter
        of all, at least 8, and 127 in a last layer. `rank="sign"` then ranks 16 rows for each
        candidate, of the first cells.
    projection : {"gaussian", "sparse", "hadamard", "coordinates"}, optional
        "simhash": standard normal entries (default); +1, 0, -1 with probabilities 1/6, 2/3, 1/6,
        additions only (Achlioptas, JCSS 2003); three rounds of signs and a fast Hadamard transform
        (Andoni et al., NIPS 2015); single coordinates, so that a code is the signs of a group of
        weights, and probes flip the bits of inputs that are 0 first (Indyk & Motwani, STOC 1998).
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
        "centroid": cells, no more than rows. None: 128, from 32,000 rows on 192, but 8 rows each;
        in a last layer about 14 root(rows), a power of 2.
    spherical : bool, optional
        "centroid": cluster rows by their directions, or by their distances. None: by directions, in
        a last layer by distances.
    rank : {"count", "union", "hamming", "sign"}, optional
        Which of the rows found in the buckets become candidates: those in the most of them
        (default), the first found, those whose codes differ in the fewest bits ("simhash"), those
        with the best sign sums. "centroid" has one table: "sign" (its default) or "union" (its
        default in a last layer).
    refresh : {"full", "touched", "rolling", "drift"}, optional
        Hash tables: what happens every `refresh_every` steps. "full" (default): all rows are hashed
        anew. "touched": those that changed since the last time. "rolling": the same, but a 16th of
        the rows at a time, spread over the steps between. "drift": all rows, if of a sample of 256
        more than `drift` of the bits (of the codes, in families without bits) are stale. All rows
        are hashed at the end of each epoch in any case. "centroid": "full" runs a k-means anew;
        with "touched", its default, and "rolling", its default in a last layer, the centroids
        follow the rows that changed. "rolling" also runs a k-means anew, of a sample, in its rounds
        1, 2, 4, 8, ...: its cells take over when all rows are in them.
    refresh_every : int, optional
        Training steps between two refreshes, the first two if pauses grow (default 1000; "centroid"
        in a last layer 1 for 640 rows, at least 100).
    refresh_growth : float, optional
        Each pause is this many times longer than the one before (default 1, "centroid" 1.3; not for
        "rolling").
    drift : float, optional
        `refresh="drift"`: the share above which tables are refreshed (default 0.05).
    redraw_every : int, optional
        "simhash", but not `projection="hadamard"`: every so many training steps one table, in turn,
        gets newly drawn hash functions, and all rows are hashed anew: rows that one draw hides from
        the inputs they suit get another chance. None (default): never. The gate is part of the
        model, and a redraw changes it: inputs get rows that were not trained for them.

    Raises
    ------
    ValueError
        For a value out of range, or an option that the family does not use.

    >>> Hashed(density=0.05).family
    'sign'
    >>> Hashed(family="sign", projection="sparse")
    Traceback (most recent call last):
        ...
    ValueError: family "sign" does not use projection; leave it out, or choose family="simhash"
    """

    density: float | None = None
    family: str = "sign"
    rerank: float | None = None
    soft: bool | None = None
    differentiate: bool | None = None
    explore: float | None = None
    alpha: float | None = None
    n_columns: int | None = None
    binary: bool | None = None
    n_bits: int | None = None
    n_tables: int | None = None
    n_hashes: int | None = None
    probes: int | None = None
    projection: str | None = None
    mips: str | None = None
    norm_powers: int | None = None
    largest_norm: float | None = None
    center: bool | None = None
    n_cells: int | None = None
    spherical: bool | None = None
    rank: str | None = None
    refresh: str | None = None
    refresh_every: int | None = None
    refresh_growth: float | None = None
    drift: float | None = None
    redraw_every: int | None = None  # training steps
    negatives: int | None = None  # rows
    head: int | None = None  # rows
    thin: float | None = None

    def __post_init__(self) -> None:
        if self.density is not None:
            check_density(self.density)
        check_choice("family", self.family, tuple(FAMILIES))
        check_soft(self.soft, self.differentiate)
        self._fill_in_options()
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            if value is not None:
                check(name, value)
        self._check_together()

    @classmethod
    def kdd2017(cls, density: float = 0.05) -> Hashed:
        """Return the gate of the paper (Spring & Shrivastava, KDD 2017, section 5).

        K = 6 bits, L = 5 tables, 10 further buckets of each, asymmetric sign projections, the union
        of what is found cut at `density`, no exact ranking. The paper puts changed rows back into
        the tables after every step; here every 100, which costs a tenth of the multiplications of
        a step instead of most of them (`refresh_every=1` is the paper's).

        >>> Hashed.kdd2017().n_tables
        5
        """
        return cls(
            density=density, family="simhash", rerank=1.0, soft=False, n_bits=6, n_tables=5,
            probes=10, mips="sign-alsh", rank="union", refresh="touched", refresh_every=100,
        )  # fmt: skip

    @classmethod
    def slide(cls, density: float = 0.005) -> Hashed:
        """Return the gate of SLIDE (Chen et al., MLSys 2020): for wide output layers.

        K = 9 bits, L = 50 tables of sparse projections, rows taken table by table until there are
        enough; tables are filled anew after 50 steps and then ever more rarely.

        >>> Hashed.slide().n_bits
        9
        """
        return cls(
            density=density, family="simhash", rerank=1.0, soft=False, n_bits=9, n_tables=50,
            projection="sparse", rank="union", refresh_every=50, refresh_growth=1.1,
        )  # fmt: skip

    @classmethod
    def auto(cls, in_features: int, out_features: int, density: float = 0.05) -> Hashed:
        """Return the gate that is fastest for a layer of this shape, of those that train well.

        A scan of sign bits costs a query every row; cells of a k-means cost it an overhead, and
        their rows, up to 16 for each candidate and a quarter of all, three times as much as in a
        scan. So cells pay in layers that are wide; in others the scan is faster, and the more
        accurate of the two.
        Tables of random hashes were neither on any width (`benchmarks/auto.py`,
        `benchmarks/widths.py`, `benchmarks/gates.py`). Cells, probes and refresh are those fitted
        to the width.

        Raises
        ------
        ValueError
            For a width below 1 or a density outside (0, 1].

        >>> Hashed.auto(784, 1000).family, Hashed.auto(784, 64_000, density=0.001).family
        ('sign', 'centroid')
        """
        check_integer("in_features", in_features, low=1)
        check_integer("out_features", out_features, low=1)
        cells = cls(density, family="centroid")
        ranked = min(0.25, RANKED * RERANK * density)  # share of the rows
        saved = in_features * out_features * (1 - _ROW_OF_A_CELL * ranked)
        return cells if saved >= _OVERHEAD_OF_CELLS else cls(density)

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
            if (name, self.refresh) != ("refresh_growth", "rolling"):
                self._default(name, default)
        if self.mips == "sign-alsh":
            self._default("norm_powers", 2)
            self._default("largest_norm", 0.75)
        if self.refresh == "drift":
            self._default("drift", 0.05)

    def for_layer(self, n_rows: int, *, compares: bool) -> Hashed:
        """Return these settings with what a layer decides filled in.

        Parameters
        ----------
        n_rows : int
        compares : bool
            Whether the layer's scores are compared with each other, as in a last layer.

        >>> Hashed(family="centroid").for_layer(16_000, compares=False).rank
        'sign'
        """
        if self.family != "centroid":
            return self
        fitted = _fitted_to_output(n_rows) if compares else _FITTED_TO_HIDDEN
        given = {name: getattr(self, name) for name in fitted if getattr(self, name) is not None}
        if compares and "refresh_growth" in given:
            fitted = {**fitted, "refresh": "touched"}  # a rolling refresh has no pauses that grow
        if given.get("refresh", fitted["refresh"]) == "rolling":
            fitted = {**fitted, "refresh_growth": None}
        elif fitted["refresh_growth"] is None:
            fitted = {**fitted, "refresh_growth": 1.0}
        return replace(self, **fitted | given)

    def _default(self, name: str, value: Any) -> None:
        if getattr(self, name) is None:
            object.__setattr__(self, name, value)

    def _check_together(self) -> None:
        """Raise for options that are fine alone."""
        if self.explore and self.soft is not False:
            raise ValueError(
                "explore needs soft=False: a soft gate gives rows below its threshold the value 0"
            )
        if self.n_bits and self.probes and self.probes >= 1 << self.n_bits:
            raise ValueError(
                f"probes must be below the buckets of a table, 2**n_bits = {1 << self.n_bits}; "
                f"got {self.probes}"
            )
        if self.family == "dwta" and self.n_hashes:
            check_integer("n_hashes", self.n_hashes, low=1, high=8)
        if self.mips != "sign-alsh" and (self.norm_powers, self.largest_norm) != (None, None):
            raise ValueError('norm_powers and largest_norm need mips="sign-alsh"')
        if self.rank == "hamming" and self.family != "simhash":
            raise ValueError(f'rank="hamming" needs family="simhash", not {self.family!r}')
        if self.drift is not None and self.refresh != "drift":
            raise ValueError('drift needs refresh="drift"')
        if self.redraw_every is not None and self.projection == "hadamard":
            raise ValueError(
                'redraw_every draws one table anew, but the tables of projection="hadamard" share '
                'their rotations: choose projection="gaussian" or "sparse"'
            )
        if self.refresh_growth is not None and self.refresh == "rolling":
            raise ValueError('refresh="rolling" goes round evenly: leave refresh_growth out')
        if self.rank == "count" and self.family == "centroid":
            raise ValueError('family="centroid" has one table: choose rank="sign" or "union"')
        if self.alpha is not None and self.family != "sign" and self.rank != "sign":
            raise ValueError('alpha weighs sign sums: it needs family="sign" or rank="sign"')


def _fitted_to_output(n_rows: int) -> dict[str, Any]:
    """What did best on debian-depends, and keeps upkeep below a tenth of training at 670,091 rows
    (docs/design.md): cells of about root(n) / 14 rows by distance, no ranking, a round in n / 640
    steps."""
    n_cells = 2 ** round(math.log2(max(1.0, 14 * math.sqrt(n_rows))))
    return {
        "n_cells": min(n_cells, max(1, n_rows // 8)),
        "probes": 127,
        "spherical": False,
        "rank": "union",
        "refresh": "rolling",
        "refresh_every": max(100, n_rows // 640),
        "refresh_growth": None,
    }


_CHECKS: dict[str, Callable[[str, Any], object]] = {
    "rerank": partial(check_number, low=1.0, high=1e6),
    "explore": partial(check_number, low=0.0, below=1.0),
    "negatives": partial(check_integer, low=0, high=2**31 - 1),
    "head": partial(check_integer, low=0, high=2**31 - 1),
    "thin": partial(check_number, low=0.0, high=1.0),
    "alpha": partial(check_number, above=0.0),
    "n_columns": partial(check_integer, low=1),
    "binary": check_flag,
    "n_bits": partial(check_integer, low=1, high=24),
    "n_tables": partial(check_integer, low=1, high=4096),
    "n_hashes": partial(check_integer, low=1, high=16),
    "probes": partial(check_integer, low=0, high=2**24),
    "projection": partial(check_choice, choices=PROJECTIONS),
    "mips": partial(check_choice, choices=TRANSFORMS),
    "norm_powers": partial(check_integer, low=1, high=16),
    "largest_norm": partial(check_number, above=0.0, below=1.0),
    "center": check_flag,
    "n_cells": partial(check_integer, low=1, high=2**20),
    "spherical": check_flag,
    "rank": partial(check_choice, choices=RANKS),
    "refresh": partial(check_choice, choices=REFRESHES),
    "refresh_every": partial(check_integer, low=1),
    "refresh_growth": partial(check_number, low=1.0, high=100.0),
    "drift": partial(check_number, low=0.0, below=1.0),
    "redraw_every": partial(check_integer, low=1),
}
