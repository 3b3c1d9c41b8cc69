"""The gate of wide last layers, that keeps what an index proposes and draws negatives."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..base.checks import LARGEST_ID, check_integer, check_number
from ..base.options import Options, option
from .families import Centroid, Family, as_family

_HEAD = 256  # rows (docs/design.md)
_UNIFORM = 0.5  # the part of draws that does not follow counts: it bounds what a row stands for


@dataclass(frozen=True, repr=False)
class Retrieve(Options):
    """Compute the rows that an index of hash codes proposes, of a wide last layer.

    For the last layer of a network, with `activation="linear"`, above a layer without a gate, or
    alone: then inputs are read as a matrix, zeros and all. All candidates are kept. Training
    computes an example's labels besides, and rows that the examples of a micro-batch share.

    Parameters
    ----------
    candidates : int
        Rows that are kept, at most all.
    family : str or Sign, SimHash, Dwta, MinHash, Centroid
        How rows are found: "centroid" is `Centroid()`.
    negatives : int
        Rows that training draws for each micro-batch, at most half of all. They stand for
        all rows that are not candidates, each for as many as the inverse of its chance to be drawn
        (log-q correction: Jean et al., ACL 2015).
    ns_exponent : float
        Half of the draws of negatives are uniform. The others follow the counts of labels in the
        training set, to this power (Mikolov et al., NIPS 2013, section 2.2). 0: all are uniform.
    head : int, optional
        The labels most frequent in the training set that are candidates of every example, as part
        of those, at most all of them. None: 256, at most a quarter.
    thin : float
        Gradients of scores below this are left out in training or enlarged to it, at random, so
        that their means stay. Most rows of a softmax have next to none, and need not be read again
        and changed. 0: all gradients count.

    Raises
    ------
    ValueError
        For a value out of range.

    >>> from fewfire import EmbeddingBag, Linear, Network
    >>> last = Linear(16, 3000, gate=Retrieve(candidates=200, negatives=500))
    >>> net = Network(EmbeddingBag(1000, 16), last)
    >>> net.layers[-1].settings.gate.family.n_cells
    375
    """

    candidates: int = option(1000, check_integer, low=1, high=LARGEST_ID)
    family: str | Family = field(default=Centroid())
    negatives: int = option(3072, check_integer, low=0, high=LARGEST_ID)
    ns_exponent: float = option(0.75, check_number, low=0.0, high=2.0)
    head: int | None = option(None, check_integer, low=0, high=LARGEST_ID)
    thin: float = option(0.001, check_number, low=0.0, high=1.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "family", as_family(self.family))

    def n_negatives(self, n_rows: int) -> int:
        """Rows that a micro-batch draws of so many."""
        return min(self.negatives, n_rows // 2)

    def shares_of_negatives(self, counts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Shares by which rows are drawn, (n_rows,); none where all have the same."""
        if self.ns_exponent == 0.0 or not counts.any():
            return np.empty(0)
        powers = np.power(counts, self.ns_exponent, dtype=np.float64)
        shares: NDArray[np.float64] = powers / powers.sum()
        return _UNIFORM / len(counts) + (1.0 - _UNIFORM) * shares

    def n_head(self, n_rows: int) -> int:
        """Labels that are candidates of every example."""
        n_candidates = min(self.candidates, n_rows)
        return min(_HEAD, n_candidates // 4) if self.head is None else min(self.head, n_candidates)
