"""The gate that ranks what an index of hash codes proposes."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..base.checks import check_flag, check_integer, check_number, check_soft
from ..base.options import Options, option
from .families import Centroid, Family, Sign, SimHash, as_family

_RERANK, _RERANK_SIGN = 3.0, 1.75
_WEIGHTS = 320  # that are read of the candidates of a kept row, at least, where signs propose them
# What `auto` weighs (benchmarks/auto.py): the overhead of cells is a scan of so many sign bits, and
# a row that is ranked there costs so many rows of a scan.
_OVERHEAD_OF_CELLS, _ROW_OF_A_CELL = 200_000, 3


@dataclass(frozen=True, repr=False)
class Hashed(Options):
    """Compute the rows that an index of hash codes proposes.

    The index proposes `rerank` x the budget; their exact scores are computed, and the best are
    kept: `density` x the rows of the layer.

    Parameters
    ----------
    density : float
        Share of the rows that are kept.
    family : str or Sign, SimHash, Dwta, MinHash, Centroid
        How rows are found: "simhash" is `SimHash()`. `Sign` reads the sign bits of the live weights
        and is never stale; the others fill hash tables.
    rerank : float, optional
        Candidates per kept row, at least 1. None: 3; for `Sign`, whose order is near the exact one,
        1.75, or as many as 320 weights can score where inputs have fewer than 183 values: 6.4 of
        50 values; all rows of 16 values or fewer at a density of 0.05.
    soft : bool, optional
        As in `TopK`. None: on for a layer with `activation="relu"`, off for any other.
    differentiate : bool
        As in `TopK`.
    explore : float
        Share of the kept rows that training draws from the quarter of the rows whose last training
        is longest ago, whatever their scores. Needs `soft=False`: a soft gate gives them value 0.

    Raises
    ------
    ValueError
        For a value out of range.

    >>> Hashed(density=0.1)
    Hashed(density=0.1)
    >>> Hashed(family=SimHash(n_bits=9)).family.n_tables
    50
    """

    density: float = option(0.05, check_number, above=0.0, high=1.0)
    family: str | Family = field(default=Sign())
    rerank: float | None = option(None, check_number, low=1.0, high=1e6)
    soft: bool | None = option(None, check_flag)
    differentiate: bool = option(False, check_flag)
    explore: float = option(0.0, check_number, low=0.0, below=1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "family", as_family(self.family))
        check_soft(self.soft, self.differentiate)
        if self.explore and self.soft is not False:
            raise ValueError(
                "explore needs soft=False: a soft gate gives rows below its threshold the value 0"
            )

    @property
    def candidates_per_row(self) -> float:
        """`rerank`, or what it is at least where it was left out.

        >>> Hashed().candidates_per_row
        1.75
        """
        if self.rerank is not None:
            return self.rerank
        return _RERANK_SIGN if isinstance(self.family, Sign) else _RERANK

    @property
    def weights_per_row(self) -> int:
        """How many weights are read of the candidates of each kept row, at least.

        >>> Hashed().weights_per_row, Hashed(rerank=3).weights_per_row
        (320, 0)
        """
        return _WEIGHTS if self.rerank is None and isinstance(self.family, Sign) else 0

    @classmethod
    def kdd2017(cls, density: float = 0.05) -> Hashed:
        """Return the gate of the paper (Spring & Shrivastava, KDD 2017, section 5).

        K = 6 bits, L = 5 tables, 10 further buckets of each, asymmetric sign projections, the union
        of what is found cut at `density`, no exact ranking. The paper puts changed rows back into
        the tables after every step; here every 100, which costs a tenth of the multiplications of
        a step instead of most of them (`refresh_every=1` is the paper's).

        >>> Hashed.kdd2017().family.n_tables
        5
        """
        tables = SimHash(
            n_bits=6, n_tables=5, probes=10, mips="sign-alsh", rank="union", refresh="touched",
            refresh_every=100,
        )  # fmt: skip
        return cls(density, tables, rerank=1.0, soft=False)

    @classmethod
    def slide(cls, density: float = 0.005) -> Hashed:
        """Return the gate of SLIDE (Chen et al., MLSys 2020): for wide output layers.

        K = 9 bits, L = 50 tables of sparse projections, rows taken table by table until there are
        enough; tables are filled again after 50 steps and then ever more rarely. Like any `Hashed`
        it draws no negatives: a last layer that shall, has `Retrieve(family=SimHash(...))`.

        >>> Hashed.slide().family.n_bits
        9
        """
        tables = SimHash(
            n_bits=9, n_tables=50, projection="sparse", rank="union", refresh_every=50,
            refresh_growth=1.1,
        )  # fmt: skip
        return cls(density, tables, rerank=1.0, soft=False)

    @classmethod
    def auto(cls, in_features: int, out_features: int, density: float = 0.05) -> Hashed:
        """Return the gate that is fastest for a layer of this shape, of those that train well.

        A scan of sign bits costs a query every row; cells of a k-means cost it an overhead. Their
        rows, up to 16 for each candidate and a quarter of all, cost three times as much as in a
        scan. So cells pay in layers that are wide; in others the scan is faster, and the more
        accurate of the two. Tables of random hashes were neither on any width
        (`benchmarks/auto.py`, `benchmarks/widths.py`, `benchmarks/gates.py`). Cells, probes and
        refresh are those fitted to the width.

        Raises
        ------
        ValueError
            For a width below 1 or a density outside (0, 1].

        >>> Hashed.auto(784, 1000).family, Hashed.auto(784, 64_000, density=0.001).family
        (Sign(), Centroid())
        """
        check_integer("in_features", in_features, low=1)
        check_integer("out_features", out_features, low=1)
        cells = cls(density, "centroid")
        ranked = min(0.25, Centroid.RANKED * _RERANK * density)  # share of the rows
        saved = in_features * out_features * (1 - _ROW_OF_A_CELL * ranked)
        return cells if saved >= _OVERHEAD_OF_CELLS else cls(density)
