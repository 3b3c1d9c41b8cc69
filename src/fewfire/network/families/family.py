"""What a hash family is: options, and how the index of a layer is made of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

from ... import _core
from ...base.options import Options
from ..array_spec import ArraySpec

_ALPHA_FIRST, _ALPHA_LATER = 0.03, 0.1  # fitted on MNIST (docs/design.md)

Self = TypeVar("Self", bound="Family")


class Place(NamedTuple):
    """Where an index is made: in a layer of this shape, the first of its network or a later one,
    with a seed of its own."""

    n_rows: int
    n_columns: int
    seed: int
    is_first: bool = False

    @property
    def alpha(self) -> float:
        """Weight of sign sums against the bias where none is given."""
        return _ALPHA_FIRST if self.is_first else _ALPHA_LATER


@dataclass(frozen=True, kw_only=True, repr=False)
class Family(Options, ABC):
    """How the rows of a layer become codes, and those of an input find rows again."""

    @property
    def name(self) -> str:
        """What a string calls the family: "simhash" is `SimHash()`."""
        return type(self).__name__.lower()

    def for_layer(self: Self, n_rows: int, *, retrieves: bool) -> Self:
        """Return these options with those filled in that the layer decides.

        Parameters
        ----------
        n_rows : int
        retrieves : bool
            Whether it is a last layer, gated by `Retrieve`.
        """
        return self

    @abstractmethod
    def make_index(self, place: Place) -> _core.Index:
        """Return an empty index."""

    def arrays(self, n_rows: int, n_columns: int) -> dict[str, ArraySpec]:
        """Return what a layer keeps besides its weights and bias, in the order of a file.

        "origins" is the first number of each row, where training may renumber them. "center" is
        the mean input, "draws" how often each table was redrawn; "centroids" and "cells" are those
        of `Centroid`.
        """
        return {}


def origins(n_rows: int) -> dict[str, ArraySpec]:
    """Return the array of a family whose codes follow rows in any order, from the weights alone."""
    return {"origins": ArraySpec((n_rows,), bound=n_rows, distinct=True)}
