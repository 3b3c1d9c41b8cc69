"""What families that fill hash tables share: how found rows are ranked, and when codes are made
again."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from ... import _core
from ...base.checks import check_choice, check_integer, check_number
from ...base.options import option
from .family import Family, Place

REFRESHES = ("full", "touched", "rolling", "drift")
_DRIFT = 0.05


@dataclass(frozen=True, kw_only=True, repr=False)
class Tables(Family):
    """What every family that fills hash tables takes besides its own options.

    Parameters
    ----------
    rank : {"count", "union", "hamming", "sign"}
        Which of the rows found in the buckets become candidates: those in the most of them; the
        first found; those whose codes differ in the fewest bits (`SimHash` alone); those with the
        best sign sums (see `Sign`).
    alpha : float, optional
        `rank="sign"`: weight of the sign sum against the bias. None: 0.03 in a network's first
        layer, 0.1 later.
    refresh : {"full", "touched", "rolling", "drift"}
        What happens every `refresh_every` steps. "full": all rows are hashed again. "touched":
        those that changed since the last time. "rolling": the same, but a 16th of the rows at a
        time, spread over the steps between. "drift": all rows, if of a sample of 256 more than
        `drift` of the bits (of the codes, in families without bits) are stale. All rows are hashed
        at the end of each epoch in any case.
    refresh_every : int
        Training steps between two refreshes, the first two if pauses grow.
    refresh_growth : float
        Each pause is this many times longer than the one before; 1 for "rolling".
    drift : float
        `refresh="drift"`: the share above which tables are refreshed.

    Examples
    --------
    >>> from fewfire import Linear, gates
    >>> simhash = gates.SimHash(rank="sign", refresh="touched", refresh_every=500)
    >>> isinstance(simhash, Tables)
    True
    >>> Linear(64, 400, activation="relu", gate=gates.Hashed(density=0.1, family=simhash)).gate
    Hashed(density=0.1, family=SimHash(rank='sign', refresh='touched', refresh_every=500))
    """

    rank: str = "count"
    alpha: float | None = option(None, check_number, above=0.0)
    refresh: str = option("full", check_choice, choices=REFRESHES)
    refresh_every: int = option(1000, check_integer, low=1)
    refresh_growth: float = option(1.0, check_number, low=1.0, high=100.0)
    drift: float = option(_DRIFT, check_number, low=0.0, below=1.0)

    RANKS: ClassVar[tuple[str, ...]] = ("count", "union", "sign")
    RANKED: ClassVar[int] = 0  # rows that `rank="sign"` ranks, for each candidate; 0: all found

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rank != type(self).rank:
            check_choice("rank", self.rank, self.RANKS)
        if self.alpha is not None and self.rank != "sign":
            raise ValueError('alpha weighs sign sums: it needs rank="sign"')
        if self.drift != _DRIFT and self.refresh != "drift":
            raise ValueError('drift needs refresh="drift"')
        if self.refresh == "rolling" and self.refresh_growth not in (None, 1.0):
            raise ValueError('refresh="rolling" goes round evenly: leave refresh_growth out')

    @property
    def redraw_period(self) -> int | None:
        """Training steps after which the next table gets new hash functions; None: they stay."""
        return None

    def make_index(self, place: Place) -> _core.TableIndex:
        """Return empty tables."""
        alpha = self.alpha or place.alpha
        hashing = self.make_hash(place)
        return _core.TableIndex(hashing, place.n_rows, self.rank, place.seed, alpha, self.RANKED)

    @abstractmethod
    def make_hash(self, place: Place) -> _core.Hash:
        """Return the hash functions."""
