"""What a training of trees takes of memory, and what it may take."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from ..data import Dataset
from .expansion import Expansion
from .layout import LevelSize

_SHARE_OF_MACHINE = 0.75  # that a training takes if nobody says
_KEPT = 1 / 16  # of the weights, for which packed trees have room


@dataclass(frozen=True)
class TaggerMemory:
    """Bytes of a training by purpose.

    Attributes
    ----------
    examples : int
        The training set as trees read it, and its labels.
    pairs : int
        The known pairs of features.
    centroids : int
        The mean examples of labels, and vocabularies being collected: gone before there are
        weights.
    trees : int
        Weights, vocabularies and tables of the trees that are trained side by side, at most, and
        vocabularies of the others.
    packed : int
        What is set aside for the trees as prediction reads them, which are made while there are
        still the others; and for those of the best epoch, where callbacks keep them.
    """

    examples: int
    pairs: int
    centroids: int
    trees: int
    packed: int

    @classmethod
    def of(
        cls,
        examples: int,
        pairs: int,
        centroids: int,
        sizes: Sequence[Sequence[LevelSize]],
        width: int,
        n_threads: int,
        n_at_once: int,
        n_forests: int = 1,
    ) -> TaggerMemory:
        """Return the memory of trees on `width` features whose levels have these sizes.
        `n_at_once` of them are trained at once, and packed ones are held `n_forests` times."""
        listed = [4 * sum(int(level.listed.sum()) for level in tree) for tree in sizes]
        # Where a feature's table and its list begin.
        grown = [sum(level.n_bytes + 16 * (width + 1) for level in tree) for tree in sizes]
        waiting = [n_bytes - own for n_bytes, own in zip(grown, listed, strict=True)]
        turns = [
            sum(waiting[begin : begin + n_at_once]) for begin in range(0, len(sizes), n_at_once)
        ]
        return cls(
            examples,
            pairs,
            # Vocabularies grow to twice their size; of features, sums of both halves, or marks.
            centroids + 2 * sum(listed) + 13 * width * n_threads,
            sum(listed) + max(turns, default=0),
            n_forests * sum(map(packed_bytes, sizes)),
        )

    @property
    def total(self) -> int:
        """What is held at once, at most."""
        return self.examples + self.pairs + max(self.centroids, self.trees + self.packed)

    @property
    def besides_packed(self) -> int:
        """What is held while trees are packed, without the packed ones."""
        return self.examples + self.pairs + self.trees

    def __str__(self) -> str:
        parts = ", ".join(
            f"{name} {getattr(self, name) / 1e6:,.1f}"
            for name in ("examples", "pairs", "trees", "packed")
        )
        before = f"before there are trees, centroids {self.centroids / 1e6:,.1f}"
        return f"memory: {self.total / 1e6:,.1f} MB ({parts}; {before})"


def memory_limit(memory: int | None) -> int:
    """Return the bytes that a training may take: those given, or three quarters of the machine."""
    if memory is not None:
        return memory
    if not hasattr(os, "sysconf"):
        return 2**62
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return int(_SHARE_OF_MACHINE * total)


def packed_bytes(sizes: Sequence[LevelSize]) -> int:
    """Return what is set aside for a tree of levels of these sizes when it is packed."""
    return sum(level.packed_bytes + int(4 * _KEPT * level.n_weights) for level in sizes)


class TooLittleMemoryError(MemoryError):
    """A training takes more than it may."""


def check_fits(n_bytes: int, limit: int) -> None:
    """Raise if a training takes more than it may."""
    if n_bytes > limit:
        raise TooLittleMemoryError(
            f"training takes {n_bytes / 1e6:,.1f} MB at least, {limit / 1e6:,.1f} MB are allowed"
        )


def data_bytes(data: Dataset) -> int:
    """Return what the arrays of a data set take.

    >>> data_bytes(Dataset(np.zeros((2, 3), np.float32), [0, 1]))
    32
    """
    X = data.X
    stored = X.nbytes if isinstance(X, np.ndarray) else 8 * X.nnz + X.indptr.nbytes
    _, ids = data.label_lists()
    return int(stored) + 4 * len(ids)


def all_example_bytes(
    expansions: Sequence[Expansion], n_values: Sequence[int], lists: csr_array
) -> int:
    """Return what examples take as trees read them, by these expansions, each with so many values;
    and their labels: the lists, and for each tree those as it numbers labels, an order of learning
    and the sizes of the examples."""
    n = int(lists.shape[0]) + 1
    kinds = dict(zip(map(id, expansions), n_values, strict=True))  # trees that read alike share
    labels = 8 * (lists.nnz + n) + len(expansions) * (4 * lists.nnz + 24 * n)
    return sum(8 * (own + n) for own in kinds.values()) + labels


def pair_bytes(expansion: Expansion) -> int:
    """Return what the known pairs take."""
    n = len(expansion.keys)
    return 8 * n + 16 * (1 << (2 * n).bit_length()) if n else 0  # keys, and a table half full
