"""The gates of `xc_index.py`: a last layer of fewfire on given rows, and the settings compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fewfire as ff
from fewfire.gates import Centroid, Dwta, Retrieve, SimHash
from fewfire.network.answers import core_model, predict
from fewfire.network.arrays import array_specs
from fewfire.network.codes import CellCodes, TableCodes
from xc_rows import Case, K


class Gate:
    """The rows as a last layer that a gate gates, above a bag that passes queries on."""

    can_update = True
    share: float | None = None

    def __init__(
        self, settings: Sequence[Retrieve], case: Case, threads: int, *, exact: bool = False
    ) -> None:
        self.case, self.settings, self.exact = case, settings, exact
        self.learned: dict[str, NDArray[Any]] = {}
        self.set(settings[0], threads)
        codes = self.net.layers[1].codes
        if isinstance(codes, CellCodes):
            self.learned = dict(zip(("centroids", "cells"), codes.learned, strict=True))

    def set(self, gate: Retrieve, threads: int = 1) -> None:
        """Make the net; cells that one setting has learned serve the others."""
        n_rows, dim = self.case.rows.shape
        layers = [
            ff.EmbeddingBag(dim, dim, activation="linear"),
            ff.Linear(dim, n_rows, gate=gate),
        ]
        known = {
            "0.weights": np.eye(dim, dtype=np.float32),
            "1.weights": self.case.rows,
            "1.bias": self.case.bias,
            "1.origins": np.arange(n_rows, dtype=np.uint32),
            "1.center": self.case.queries.mean(axis=0),  # a net has that of its training set
            **{f"1.{name}": array for name, array in self.learned.items()},
        }
        arrays = [
            known.get(name.removeprefix("layers."), np.zeros(spec.shape, spec.dtype))
            for name, spec in array_specs(layers).items()
        ]
        self.net = ff.Network.from_arrays(layers, arrays)
        self.net.layers[1].set_head(self.case.label_counts)
        if not self.learned:
            self.net.layers[1].refresh(threads)

    def prepare(self, queries: NDArray[np.float32]) -> NDArray[np.float32]:
        return queries

    def search(self, queries: NDArray[np.float32]) -> NDArray[Any]:
        data = ff.Dataset(queries)
        found = predict(
            core_model(self.net.layers, None), 2, data, K, exact=self.exact, n_threads=1
        )
        self.share = float(found.usage[1].sum() / len(queries) / len(self.case.rows))
        return found.top.indices

    def update(self) -> None:
        layer = self.net.layers[1]
        layer.weights[self.case.changed] = self.case.new_rows
        if isinstance(layer.codes, TableCodes):
            layer.codes.refresh_rows(self.case.changed)
        else:
            layer.refresh()


def grid(n_rows: int) -> dict[str, list[Retrieve]]:
    """The settings of our own, by series; the first word of a series is its family."""
    returned = [n for n in (round(2 ** (i / 2)) for i in range(12, 29)) if n <= n_rows / 8]
    few, ranked = returned[::4], returned[:9:2]
    cells = [2 ** round(np.log2(factor * np.sqrt(n_rows))) for factor in (1, 4, 8, 16)]
    n_bits = round(np.log2(n_rows / 64))

    def centroid(
        candidates: list[int], n: int, head: int | None = None, **options: Any
    ) -> list[Retrieve]:
        """More than twice the cells that hold what is returned, on average, or looked at to rank
        it."""
        wanted = 2 * n / n_rows * (Centroid.RANKED if options.get("rank") == "sign" else 1)
        options = {"rank": "union", "n_cells": n, "spherical": True, **options}
        return [
            Retrieve(x, Centroid(probes=min(n, 128 + round(wanted * x)) - 1, **options), head=head)
            for x in candidates
        ]

    def simhash(**options: Any) -> list[Retrieve]:
        return [Retrieve(x, SimHash(**{"n_bits": n_bits, **options})) for x in few]

    return {
        "exact": [Retrieve(K, Centroid(n_cells=1))],
        **{f"centroid {n}": centroid(returned, n) for n in cells},
        f"centroid no head {cells[1]}": centroid(returned, cells[1], head=0),
        **{f"centroid distance {n}": centroid(returned, n, spherical=False) for n in cells[1:]},
        f"centroid distance no head {cells[2]}": centroid(
            returned, cells[2], spherical=False, head=0
        ),
        **{f"centroid sign {n}": centroid(ranked, n, rank="sign") for n in cells[1::2]},
        "simhash": simhash(),
        "simhash union": simhash(rank="union"),
        "simhash sign-alsh": simhash(mips="sign-alsh"),
        "simhash simple": simhash(mips="simple"),
        "simhash center": simhash(center=True),
        "simhash center probes": simhash(center=True, probes=8),
        "simhash center sign": simhash(center=True, probes=8, n_tables=16, rank="sign"),
        "dwta": [Retrieve(x, Dwta(n_hashes=max(1, round(n_bits / 3)))) for x in few],
        "sign": [Retrieve(x, "sign") for x in ranked],
    }
