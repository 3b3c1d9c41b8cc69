"""The sign bits of the live weights."""

from __future__ import annotations

from dataclasses import dataclass

from ... import _core
from ...base.checks import check_flag, check_integer, check_number
from ...base.options import option
from ..array_spec import ArraySpec
from .family import Family, Place, origins


@dataclass(frozen=True, kw_only=True, repr=False)
class Sign(Family):
    """The sign bits of the live weights, never stale: what hidden layers are hashed by.

    A query ranks every row by s_i = alpha_i (2 sum_{w_ij > 0} x_j - sum_j x_j) + c_i + b_i.

    Parameters
    ----------
    alpha : float, optional
        Weight of the sign sums against biases. None: of each row the mean of its abs(w_ij), with
        which its signs are nearest to it (Rastegari et al., ECCV 2016).
    center : bool
        Let c_i be what makes the score of the mean input exact: signs alone are far off where the
        mean input is large, and the same few rows would win for every input. The mean input is that
        of the training set. False: c_i is 0.
    n_columns : int, optional
        A query reads the signs of so many columns, drawn once, and of its inputs in them: fewer
        additions where inputs have few zeros. None, or more than there are: all.
    binary : bool
        A query counts each input that is not 0 as the mean of them: counts of bits instead of
        additions, several times faster where inputs are many, and exact where they are 0 or 1.

    >>> from fewfire import Hashed
    >>> Hashed(density=0.1, family=Sign(n_columns=196)).family
    Sign(n_columns=196)
    """

    alpha: float | None = option(None, check_number, above=0.0)
    center: bool = option(True, check_flag)
    n_columns: int | None = option(None, check_integer, low=1)
    binary: bool = option(False, check_flag)

    def make_index(self, place: Place) -> _core.SignIndex:
        """Return an empty index."""
        n_read = min(self.n_columns or place.n_columns, place.n_columns)
        return _core.SignIndex(
            place.n_rows, place.n_columns, self.alpha or 0.0, place.seed, n_read, self.binary
        )

    def arrays(self, n_rows: int, n_columns: int) -> dict[str, ArraySpec]:
        """Return what a layer keeps."""
        center = {"center": ArraySpec((n_columns,))} if self.center else {}
        return origins(n_rows) | center
