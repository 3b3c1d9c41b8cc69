"""Signs of random projections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ... import _core
from ...base.checks import check_choice, check_flag, check_integer, check_number
from ...base.options import option
from ..array_spec import ArraySpec
from .family import Place
from .tables import Tables

PROJECTIONS = ("gaussian", "sparse", "hadamard", "coordinates")
TRANSFORMS = ("sign-alsh", "simple")
_NORM_POWERS, _LARGEST_NORM = 2, 0.75


@dataclass(frozen=True, kw_only=True, repr=False)
class SimHash(Tables):
    """Signs of random projections (Charikar, STOC 2002): the family of the paper.

    Parameters
    ----------
    n_bits, n_tables : int
        Bits per code (K), and tables (L).
    probes : int
        Buckets of each table that a query visits besides its own: those that differ in the bits of
        the least certain projections (Lv et al., VLDB 2007).
    projection : {"gaussian", "sparse", "hadamard", "coordinates"}
        Standard normal entries; +1, 0, -1 with probabilities 1/6, 2/3, 1/6, additions only
        (Achlioptas, JCSS 2003); three rounds of signs and a fast Hadamard transform (Andoni et al.,
        NIPS 2015); single coordinates (Indyk & Motwani, STOC 1998). With these a code is the signs
        of a group of weights, and probes flip the bits of inputs that are 0 first.
    mips : {"sign-alsh", "simple"}, optional
        How an inner product of rows of unequal norms becomes an angle, the bias taken along as a
        coordinate: Sign-ALSH (Shrivastava & Li, UAI 2015) or Simple-LSH (Neyshabur & Srebro, ICML
        2015). None: the angle of weights and input.
    norm_powers, largest_norm : int and float
        `mips="sign-alsh"`: m and U.
    center : bool
        Take the mean row from rows and the mean input from inputs before hashing; the order of
        scores stays. The mean input is that of the training set.
    redraw_every : int, optional
        Not for `projection="hadamard"`: every so many training steps one table, in turn, gets newly
        drawn hash functions, and all rows are hashed again. Rows that one draw hides from the
        inputs they suit get another chance. None: never. The gate is part of the model, and a
        redraw changes it: inputs get rows that were not trained for them.
    rank, alpha, refresh, refresh_every, refresh_growth, drift
        As in `Tables`.

    >>> from fewfire import Hashed
    >>> Hashed(family=SimHash(n_bits=9, projection="sparse"))
    Hashed(family=SimHash(n_bits=9, projection='sparse'))
    """

    n_bits: int = option(6, check_integer, low=1, high=24)
    n_tables: int = option(50, check_integer, low=1, high=4096)
    probes: int = option(0, check_integer, low=0)
    projection: str = option("gaussian", check_choice, choices=PROJECTIONS)
    mips: str | None = option(None, check_choice, choices=TRANSFORMS)
    norm_powers: int = option(_NORM_POWERS, check_integer, low=1, high=16)
    largest_norm: float = option(_LARGEST_NORM, check_number, above=0.0, below=1.0)
    center: bool = option(False, check_flag)
    redraw_every: int | None = option(None, check_integer, low=1)

    RANKS: ClassVar[tuple[str, ...]] = ("count", "union", "hamming", "sign")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.probes >= 1 << self.n_bits:
            raise ValueError(
                f"probes must be below the buckets of a table, 2**n_bits = {1 << self.n_bits}; "
                f"got {self.probes}"
            )
        norms = self.norm_powers, self.largest_norm
        if self.mips != "sign-alsh" and norms != (_NORM_POWERS, _LARGEST_NORM):
            raise ValueError('norm_powers and largest_norm need mips="sign-alsh"')
        if self.redraw_every is not None and self.projection == "hadamard":
            raise ValueError(
                'redraw_every draws one table again, but the tables of projection="hadamard" share '
                'their rotations: choose projection="gaussian" or "sparse"'
            )

    @property
    def redraw_period(self) -> int | None:
        """Training steps after which the next table gets new hash functions; None: they stay."""
        return self.redraw_every

    def make_hash(self, place: Place) -> _core.SimHash:
        """Return the hash functions."""
        return _core.SimHash(
            place.n_columns,
            self.n_bits,
            self.n_tables,
            place.seed,
            n_visited=1 + self.probes,
            projection=self.projection,
            mips=self.mips or "none",
            norm_powers=self.norm_powers,
            largest_norm=self.largest_norm,
            center=self.center,
        )

    def arrays(self, n_rows: int, n_columns: int) -> dict[str, ArraySpec]:
        """Return what a layer keeps."""
        center = {"center": ArraySpec((n_columns,))} if self.center else {}
        if self.redraw_every is None:
            return center
        return {**center, "draws": ArraySpec((self.n_tables,), bound=1 << 32)}
