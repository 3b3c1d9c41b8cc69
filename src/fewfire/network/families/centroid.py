"""Cells of a k-means of the rows."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from ... import _core
from ...base.checks import check_choice, check_flag, check_integer, check_number
from ...base.options import option
from ..array_spec import ArraySpec
from .family import Place, origins
from .tables import REFRESHES, Tables

_FITTED: Any = None  # by `for_layer`


@dataclass(frozen=True, kw_only=True, repr=False)
class Centroid(Tables):
    """Cells of a k-means of the rows, for wide layers (Auvolat et al., 2015).

    What is left out is fitted to the layer: to a hidden one, or to a last one with `Retrieve`.

    Parameters
    ----------
    n_cells : int
        Cells, no more than rows. By default 128, from 32,000 rows on 192, but 8 rows each; in a
        last layer about 14 root(rows), a power of 2.
    probes : int
        Cells that a query visits besides the nearest: those whose centroids have the largest inner
        products with the input. By default a quarter of all, at least 8, and 127 in a last layer.
    spherical : bool
        Cluster rows by their directions, the default, or by their distances, in a last layer.
    rank : {"sign", "union"}
        As in `Tables`; "union" is the default in a last layer. "sign" ranks 16 rows for each
        candidate, of the first cells.
    alpha : float, optional
        As in `Tables`.
    refresh : {"touched", "rolling", "full", "drift"}
        As in `Tables`, but "full" runs a k-means again; with the others the centroids follow the
        rows that changed. The default is "touched", in a last layer "rolling".
        "rolling" also runs a k-means again, of a sample, in its rounds 1, 2, 4, 8, ...: its cells
        take over when all rows are in them.
    refresh_every : int
        As in `Tables`; by default 1000, in a last layer 1 for 640 rows, at least 100.
    refresh_growth : float
        As in `Tables`; by default 1.3, in a last layer 1.
    drift : float
        As in `Tables`.

    >>> Centroid().for_layer(16_000, retrieves=False).n_cells
    128
    >>> Centroid(probes=31).for_layer(16_000, retrieves=True).rank
    'union'
    """

    n_cells: int = option(_FITTED, check_integer, low=1, high=2**20)
    probes: int = option(_FITTED, check_integer, low=0, high=2**24)
    spherical: bool = option(_FITTED, check_flag)
    rank: str = _FITTED
    refresh: str = option(_FITTED, check_choice, choices=REFRESHES)
    refresh_every: int = option(_FITTED, check_integer, low=1)
    refresh_growth: float = option(_FITTED, check_number, low=1.0, high=100.0)

    RANKS: ClassVar[tuple[str, ...]] = ("sign", "union")
    RANKED: ClassVar[int] = 16

    def for_layer(self, n_rows: int, *, retrieves: bool) -> Centroid:
        """Return these options with those filled in that were left out."""
        own = _cells_of_last(n_rows) if retrieves else _cells_of_hidden(n_rows)
        n_cells = min(self.n_cells or own, n_rows)
        fitted = _fitted_to_last(n_rows) if retrieves else _fitted_to_hidden(n_cells)
        given = {name: getattr(self, name) for name in fitted if getattr(self, name) is not None}
        if "refresh_growth" in given:
            fitted["refresh"] = "touched"  # a rolling refresh has no pauses that grow
        if given.get("refresh") == "rolling":
            fitted["refresh_growth"] = 1.0
        return replace(self, n_cells=n_cells, **fitted | given)

    def make_hash(self, place: Place) -> _core.Centroids:
        """Return cells without rows."""
        many = self.n_cells > 256  # then a k-means must not hold up training
        return _core.Centroids(
            place.n_columns,
            self.n_cells,
            place.seed,
            n_visited=1 + self.probes,
            spherical=self.spherical,
            sample_per_cell=min(32, max(8, 16_384 // self.n_cells)),
            n_iterations=2 if many else 4,
        )

    def arrays(self, n_rows: int, n_columns: int) -> dict[str, ArraySpec]:
        """Return what a layer keeps."""
        return {
            **origins(n_rows),
            "centroids": ArraySpec((self.n_cells, n_columns + 1)),
            "cells": ArraySpec((n_rows, 1), bound=self.n_cells),
        }


def _cells_of_hidden(n_rows: int) -> int:
    """Small cells choose better, but an input is compared with all: what did best on MNIST with
    1,000 to 64,000 rows, 50 of them active (docs/design.md)."""
    return min(max(1, n_rows // 8), 128 if n_rows < 32_000 else 192)


def _cells_of_last(n_rows: int) -> int:
    n_cells: int = 2 ** round(math.log2(max(1.0, 14 * math.sqrt(n_rows))))
    return min(n_cells, max(1, n_rows // 8))


def _fitted_to_hidden(n_cells: int) -> dict[str, Any]:
    return {
        "probes": min(n_cells, max(8, n_cells // 4)) - 1,
        "spherical": True,
        "rank": "sign",
        "refresh": "touched",
        "refresh_every": 1000,
        "refresh_growth": 1.3,
    }


def _fitted_to_last(n_rows: int) -> dict[str, Any]:
    """What did best on debian-depends, and keeps upkeep below a tenth of training at 670,091 rows
    (docs/design.md): cells of about root(n) / 14 rows by distance, no ranking, a round in n / 640
    steps."""
    return {
        "probes": 127,
        "spherical": False,
        "rank": "union",
        "refresh": "rolling",
        "refresh_every": max(100, n_rows // 640),
        "refresh_growth": 1.0,
    }
