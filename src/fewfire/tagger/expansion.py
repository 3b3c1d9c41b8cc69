"""Features as trees read them: powers, rows of unit length, and pairs of the largest."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .. import _core
from ..base.checks import LARGEST_ID
from ..data import Dataset
from ..data.core_views import core_inputs
from ..data.csr import make_csr
from .settings import LEAST_ROWS, PAIR_SCALE, Settings

T = TypeVar("T")


class Expansion:
    """How examples of `n_features` become inputs of trees.

    A value x becomes sign(x) |x|^power, and each row of unit length; then, if there are pairs, each
    of them that the row has is a feature of its own, behind the others, and the row is brought to
    unit length again.

    Parameters
    ----------
    n_features : int
    power : float
    largest : int
        Features of an example, its largest, whose pairs are looked for.
    keys : ndarray of uint64, optional
        Known pairs: the lower feature << 32 | the higher one, ascending.
    """

    def __init__(
        self,
        n_features: int,
        power: float,
        largest: int,
        keys: NDArray[np.uint64] | None = None,
    ) -> None:
        self.n_features, self.power, self.largest = n_features, power, largest
        self.keys = np.empty(0, np.uint64) if keys is None else keys
        self._core = _core.Expansion(power, largest, PAIR_SCALE, self.keys)

    @classmethod
    def learn(cls, data: Dataset, settings: Settings, n_threads: int) -> Expansion:
        """Return the expansion for a training set, whose frequent pairs it knows."""
        keys = None
        if settings.pairs:
            keys = _core.count_pairs(core_inputs(data), settings.in_pairs, LEAST_ROWS, n_threads)
            keys = keys[: LARGEST_ID - data.n_features]
        return cls(data.n_features, settings.power, settings.in_pairs, keys)

    @property
    def width(self) -> int:
        """Features and pairs."""
        return self.n_features + len(self.keys)

    def inputs(self, data: Dataset) -> _core.Inputs:
        """Return the core's view of examples, expanded when they are read."""
        return _core.Expanded(core_inputs(data), self._core)

    def n_values(self, data: Dataset, n_threads: int) -> int:
        """Return how many values `rows` will have."""
        return _core.count_values(self.inputs(data), n_threads)

    def rows(self, data: Dataset, n_threads: int) -> csr_array:
        """Return all examples expanded, (n, width)."""
        indptr, indices, values = _core.copy_rows(self.inputs(data), n_threads)
        return make_csr(values, indices, indptr, (len(data), self.width))

    def name(self, feature: int, names: tuple[str, ...] | None) -> str:
        """Return what a feature of the trees is called: by name or number, pairs as "a + b"."""
        if feature < self.n_features:
            return names[feature] if names is not None else str(feature)
        key = int(self.keys[feature - self.n_features])
        return f"{self.name(key >> 32, names)} + {self.name(key & 0xFFFFFFFF, names)}"


def expansions_of(settings: Settings, expansion: Expansion) -> list[Expansion]:
    """Return how each tree of a forest reads examples: the first `settings.pairs` with pairs."""
    plain = expansion
    if settings.pairs < settings.n_trees:
        plain = Expansion(expansion.n_features, expansion.power, expansion.largest)
    return [expansion if number < settings.pairs else plain for number in range(settings.n_trees)]


def for_each(expansions: list[Expansion], make: Callable[[Expansion], T]) -> list[T]:
    """Return what `make` makes of each; trees that read alike share one."""
    made = {own: make(own) for own in set(expansions)}
    return [made[own] for own in expansions]


def as_inputs(rows: csr_array) -> _core.SparseInputs:
    """Return the core's view of expanded rows."""
    return _core.SparseInputs(
        np.asarray(rows.indptr, np.int64),
        np.asarray(rows.indices, np.int32),
        np.asarray(rows.data, np.float32),
        int(rows.shape[1]),
    )
