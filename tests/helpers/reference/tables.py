"""Hash tables of rows, filled by SimHash, and the ranks of rows in the buckets of a query."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from reference.nets import Layer
from reference.signs import SignIndex
from reference.simhash import probe_codes, simhash_codes
from reference.vectors import Vector


def build_table(codes: np.ndarray, n_buckets: int) -> tuple[np.ndarray, np.ndarray]:
    """Counting sort: rows[offsets[c] : offsets[c + 1]] are the rows of code c, ascending."""
    offsets = np.zeros(n_buckets + 1, np.int64)
    for code in codes:
        offsets[code + 1 :] += 1
    rows, next_slot = np.empty(len(codes), np.int32), offsets.copy()
    for row, code in enumerate(codes):
        rows[next_slot[code]] = row
        next_slot[code] += 1
    return offsets, rows


@dataclass
class TableIndex:
    """SimHash codes as they were at the last refresh, and their buckets."""

    projections: np.ndarray  # (d, n_tables * n_bits), the core's
    n_bits: int
    rank: str  # "union", "count", "hamming" or "sign"
    seed: int = 0  # of the core's projections
    probes: int = 0
    alpha: float = 0.1
    codes: np.ndarray = field(init=False)  # (n_tables, n_rows)
    tables: list[tuple[np.ndarray, np.ndarray]] = field(init=False)

    @property
    def n_tables(self) -> int:
        return self.projections.shape[1] // self.n_bits

    def refresh(self, weights: np.ndarray) -> None:
        self.codes = simhash_codes(weights @ self.projections.astype(float), self.n_bits).T
        self.tables = [build_table(codes, 2**self.n_bits) for codes in self.codes]

    def visited(self, x: Vector) -> np.ndarray:
        """The codes that x visits in each table, the likeliest first: (n_tables, 1 + probes)."""
        products = x.values @ self.projections[x.ids].astype(float)
        return np.array(
            [probe_codes(own, 1 + self.probes) for own in products.reshape(-1, self.n_bits)]
        )

    def buckets(self, x: Vector) -> list[np.ndarray]:
        """The buckets that x visits, table by table."""
        return [
            rows[offsets[code] : offsets[code + 1]]
            for (offsets, rows), codes in zip(self.tables, self.visited(x), strict=True)
            for code in codes
        ]

    def rated(self, layer: Layer, x: Vector) -> tuple[np.ndarray, np.ndarray]:
        """The rows in the buckets that x visits, and how well each ranks."""
        found, votes = np.unique(np.concatenate(self.buckets(x)), return_counts=True)
        if self.rank == "count":
            return found, votes
        if self.rank == "hamming":
            differing = self.codes[:, found] ^ self.visited(x)[:, :1].astype(np.uint32)
            bits = differing[..., None] >> np.arange(self.n_bits) & 1
            return found, -bits.sum(axis=(0, 2)).astype(float)
        if self.rank == "sign":
            return found, SignIndex(self.alpha).scores(layer, x)[found]
        return found, np.zeros(len(found))
