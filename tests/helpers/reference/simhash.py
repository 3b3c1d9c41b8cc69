"""SimHash: a bit of a code is the sign of a random projection (Charikar, STOC 2002).

Rows and queries are transformed first where inner products are wanted instead of angles: Simple-LSH
(Neyshabur & Srebro, ICML 2015) or Sign-ALSH (Shrivastava & Li, UAI 2015). Further buckets are
visited in the order of Lv et al. (VLDB 2007).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def simhash_codes(projected: np.ndarray, n_bits: int) -> np.ndarray:
    """Bit b of table t's code is the sign of projection t * n_bits + b: (..., n_tables) uint32."""
    bits = projected.reshape(*projected.shape[:-1], -1, n_bits) > 0
    return (bits << np.arange(n_bits)).sum(-1).astype(np.uint32)


def probe_codes(products: np.ndarray, n: int) -> np.ndarray:
    """The n codes with the least sum of the squares of the products whose sign they flip."""
    code = int(simhash_codes(products, len(products))[0])
    flips = np.arange(2 ** len(products))
    cost = (flips[:, None] >> np.arange(len(products)) & 1) @ products**2
    return code ^ np.argsort(cost, kind="stable")[:n]


@dataclass
class Transform:
    """Rows (w, b) and queries (x, 1) as simhash projects them; formulae in core/hash/simhash.h."""

    mips: str
    center: bool
    mean_input: np.ndarray
    powers: int = 2
    largest: float = 0.75

    def fit(self, rows: np.ndarray) -> None:
        self.mean_row = self._shifted(rows).mean(axis=0) if self.center else 0
        longest = np.linalg.norm(self._centred(rows), axis=1).max()
        goal = {"none": longest, "simple": 1, "sign-alsh": self.largest}[self.mips]
        self.scale = goal / longest if longest > 0 else 1

    def rows(self, rows: np.ndarray) -> np.ndarray:
        if self.mips == "none":
            return self._centred(rows) if self.center else rows[:, :-1]
        v = self._centred(rows) * self.scale
        norm = (v**2).sum(axis=1, keepdims=True)
        if self.mips == "simple":
            return np.hstack([v, np.sqrt(np.maximum(0, 1 - norm))])
        return np.hstack([v, *(0.5 - norm ** (2**i) for i in range(self.powers))])

    def queries(self, X: np.ndarray) -> np.ndarray:
        if self.mips == "none" and not self.center:
            return X.astype(float)
        n_zeros = {"none": 0, "simple": 1, "sign-alsh": self.powers}[self.mips]
        shifted = X - (self.mean_input if self.center else 0)
        return np.hstack([shifted, np.ones((len(X), 1)), np.zeros((len(X), n_zeros))])

    def _shifted(self, rows: np.ndarray) -> np.ndarray:
        """The bias takes over what the mean input gives: w x + b = w (x - c) + (b + w c)."""
        bias = rows[:, -1:] + (rows[:, :-1] @ self.mean_input)[:, None] * self.center
        return np.hstack([rows[:, :-1], bias])

    def _centred(self, rows: np.ndarray) -> np.ndarray:
        return self._shifted(rows) - self.mean_row
