"""The count of work done: multiplications by purpose, cheaper operations, the dense net's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .._core import LEDGER_FIELDS

_MULTIPLICATIONS = ("forward", "backward", "optimizer", "hashing", "ranking", "refresh")
_DENSE = [LEDGER_FIELDS.index(name) for name in ("dense", "dense_nonzero")]


class Ledger:
    """Counts of operations, in total and per layer.

    Every field is an int:

    - `forward`, `backward`, `optimizer`, `hashing`, `ranking`, `refresh`: multiplications;
      divisions and roots count as one each;
    - `dense`: multiplications of the dense net for the same examples, no zero skipped and its
      optimizer not counted;
    - `dense_nonzero`: the same with the zeros of the data skipped;
    - `additions`, `comparisons`, `popcounts`, `rows_touched`, `parameters_touched`;
    - `rows_updated`: once for each step that changed the row;
    - `conflicts`: those of them that another thread's step had changed while this one ran.

    Parameters
    ----------
    counts : ndarray of int64, (n_layers, n_fields)

    >>> ledger = Ledger(np.ones((2, len(LEDGER_FIELDS)), dtype=np.int64))
    >>> ledger.forward, ledger.total, ledger.share
    (2, 12, 6.0)
    """

    def __init__(self, counts: NDArray[np.int64] | Sequence[Sequence[int]]) -> None:
        self.counts = np.array(counts, dtype=np.int64).reshape(-1, len(LEDGER_FIELDS))

    @classmethod
    def empty(cls, n_layers: int) -> Ledger:
        """Return a ledger of zeros."""
        return cls(np.zeros((n_layers, len(LEDGER_FIELDS)), dtype=np.int64))

    @classmethod
    def of_dense(cls, dense: int, dense_nonzero: int) -> Ledger:
        """Return the ledger of one layer that did no work, beside what the dense one would do."""
        ledger = cls.empty(1)
        ledger.counts[0, _DENSE] = dense, dense_nonzero
        return ledger

    @classmethod
    def beside(cls, *ledgers: Ledger) -> Ledger:
        """Return the ledger of models that work side by side: the layers of one, then the next's.

        >>> Ledger.beside(Ledger.empty(1), Ledger.of_dense(6, 3)).layers[1].dense_nonzero
        3
        """
        return cls(np.concatenate([ledger.counts for ledger in ledgers]))

    def without_dense(self) -> Ledger:
        """Return the work alone: of another look at examples that are counted already."""
        ledger = Ledger(self.counts)
        ledger.counts[:, _DENSE] = 0
        return ledger

    def __getattr__(self, name: str) -> int:
        if name not in LEDGER_FIELDS:
            raise AttributeError(f"a ledger has no field {name!r}")
        return int(self.counts[:, LEDGER_FIELDS.index(name)].sum())

    def add(self, other: Ledger) -> None:
        """Add the counts of another ledger to this one, in place.

        >>> work, more = Ledger.empty(1), Ledger.of_dense(6, 3)
        >>> work.add(more)
        >>> work.dense, more.dense
        (6, 6)
        """
        self.counts += other.counts

    def __add__(self, other: Ledger) -> Ledger:
        return Ledger(self.counts + other.counts)

    def add_to_layer(self, layer: int, counts: NDArray[np.int64]) -> None:
        """Add the counts of one layer, (1, n_fields)."""
        self.counts[layer] += counts[0]

    @property
    def layers(self) -> list[Ledger]:
        """The ledger of each layer."""
        return [Ledger(counts) for counts in self.counts]

    @property
    def total(self) -> int:
        """Multiplications for any purpose."""
        return sum(getattr(self, name) for name in _MULTIPLICATIONS)

    @property
    def bytes(self) -> int:
        """Bytes of weights and codes that were read and written, computed from the counts.

        A product of forward pass, ranking, hashing or refresh takes 4; a parameter that was
        changed takes 8, an addition a bit, and a word whose bits were counted 8.

        >>> Ledger(np.full((1, len(LEDGER_FIELDS)), 8)).bytes
        257
        """
        products = self.forward + self.ranking + self.hashing + self.refresh
        changed = self.parameters_touched + self.popcounts
        return 4 * products + 8 * changed + self.additions // 8

    @property
    def share(self) -> float:
        """Multiplications relative to the dense net's, no zero skipped."""
        return self.total / self.dense if self.dense else 0.0

    @property
    def share_nonzero(self) -> float:
        """Multiplications relative to the dense net's with the zeros of the data skipped."""
        return self.total / self.dense_nonzero if self.dense_nonzero else 0.0

    def to_dict(self) -> dict[str, float]:
        """Return totals by name, `total`, `bytes` and the shares included."""
        counts = {name: getattr(self, name) for name in LEDGER_FIELDS}
        shares = {"share": self.share, "share_nonzero": self.share_nonzero}
        return {**counts, "total": self.total, "bytes": self.bytes, **shares}

    def __repr__(self) -> str:
        return (
            f"Ledger(total={self.total:.4g}, dense={self.dense:.4g}, share={self.share:.2%}, "
            f"additions={self.additions:.4g})"
        )
