"""Winner take all: which coordinate is the largest."""

from __future__ import annotations

from dataclasses import dataclass

from ... import _core
from ...base.checks import check_integer
from ...base.options import option
from .family import Place
from .tables import Tables


@dataclass(frozen=True, kw_only=True, repr=False)
class Dwta(Tables):
    """Places of the largest of 8 coordinates (winner take all: Yagnik et al., ICCV 2011; densified:
    Chen & Shrivastava, UAI 2018).

    Of wide inputs it reads 8 n_hashes n_tables columns.

    Parameters
    ----------
    n_hashes, n_tables : int
        Hashes of 3 bits per code, 1 to 8 (K), and tables (L).
    rank, alpha, refresh, refresh_every, refresh_growth, drift
        As in `Tables`.

    >>> from fewfire import Hashed
    >>> Hashed(family=Dwta(n_hashes=2, n_tables=100)).family.n_hashes
    2
    """

    n_hashes: int = option(3, check_integer, low=1, high=8)
    n_tables: int = option(50, check_integer, low=1, high=4096)

    def make_hash(self, place: Place) -> _core.Dwta:
        """Return the hash functions."""
        return _core.Dwta(place.n_columns, self.n_hashes, self.n_tables, place.seed)
