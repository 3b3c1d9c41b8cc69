"""Minwise hashes, of sets."""

from __future__ import annotations

from dataclasses import dataclass

from ... import _core
from ...base.checks import check_integer
from ...base.options import option
from .family import Place
from .tables import Tables


@dataclass(frozen=True, kw_only=True, repr=False)
class MinHash(Tables):
    """Minwise hashes of the sets of positive coordinates, for sparse binary inputs (Li, Owen &
    Zhang, NIPS 2012; densified: Shrivastava, ICML 2017).

    Parameters
    ----------
    n_hashes, n_bits, n_tables : int
        Hashes per code, 1 to 16 (K), mixed to so many bits; and tables (L).
    rank, alpha, refresh, refresh_every, refresh_growth, drift
        As in `Tables`.

    >>> from fewfire import Hashed
    >>> Hashed(family=MinHash(n_bits=8)).family.n_tables
    50
    """

    n_hashes: int = option(1, check_integer, low=1, high=16)
    n_tables: int = option(50, check_integer, low=1, high=4096)
    n_bits: int = option(12, check_integer, low=1, high=24)

    def make_hash(self, place: Place) -> _core.MinHash:
        """Return the hash functions."""
        return _core.MinHash(place.n_columns, self.n_hashes, self.n_tables, self.n_bits, place.seed)
