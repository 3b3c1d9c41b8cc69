"""Features as trees read them: powers, rows of unit length, and pairs of the largest.

Where training has few of the features that there may be, as with hashed words, those it has are
numbered one after the other: trees, their files and what training takes then depend on these alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

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
_WIDE, _FEW = 2**16, 1 / 4  # features, and the share of them below which they are renumbered


class Expansion:
    """How examples of `n_features` become inputs of trees.

    Features that are not `known` are left out, and the others renumbered. A value x becomes sign(x)
    abs(x)^power, and each row of unit length. Then, if there are pairs, each of them that the row
    has is a feature of its own, behind the others. The row is brought to unit length again.

    Parameters
    ----------
    n_features : int
    power : float
    largest : int
        Features of an example, its largest, whose pairs are looked for.
    keys : ndarray of uint64, optional
        Known pairs: the lower feature << 32 | the higher one, as trees number them, ascending.
    known : ndarray of int32, optional
        The features that are read, ascending; None: all, as they are.
    """

    def __init__(
        self,
        n_features: int,
        power: float,
        largest: int,
        keys: NDArray[np.uint64] | None = None,
        known: NDArray[np.int32] | None = None,
    ) -> None:
        self.n_features, self.power, self.largest, self.known = n_features, power, largest, known
        self.keys = np.empty(0, np.uint64) if keys is None else keys
        read = np.empty(0, np.uint64) if known is None else known.astype(np.uint64)
        self._core = _core.Expansion(power, largest, PAIR_SCALE, self.keys, read)

    @classmethod
    def learn(cls, data: Dataset, settings: Settings, n_threads: int) -> Expansion:
        """Return the expansion for a training set, whose frequent pairs it knows."""
        own = data.n_features, settings.power, settings.in_pairs
        plain = cls(*own, known=_few_features(data))
        if not settings.pairs:
            return plain
        inputs = core_inputs(data) if plain.known is None else plain.inputs(data)
        keys = _core.count_pairs(inputs, settings.in_pairs, LEAST_ROWS, n_threads)
        return cls(*own, keys[: LARGEST_ID - plain.n_read], plain.known)

    def __reduce__(self) -> Any:
        own = self.n_features, self.power, self.largest, self.keys, self.known
        return Expansion, own

    def without_pairs(self) -> Expansion:
        """Return the same without pairs."""
        return Expansion(self.n_features, self.power, self.largest, known=self.known)

    @property
    def n_read(self) -> int:
        """Features that trees read, without pairs."""
        return self.n_features if self.known is None else len(self.known)

    @property
    def width(self) -> int:
        """Features that trees read, and pairs."""
        return self.n_read + len(self.keys)

    def inputs(self, data: Dataset) -> _core.Inputs:
        """Return the core's view of examples, expanded when they are read."""
        return self.over(core_inputs(data))

    def over(self, examples: _core.Inputs) -> _core.Inputs:
        """Return the same of the core's view of them as they are."""
        return _core.Expanded(examples, self._core)

    def n_values(self, data: Dataset, n_threads: int) -> int:
        """Return how many values `rows` will have."""
        return _core.count_values(self.inputs(data), n_threads)

    def rows(self, data: Dataset, n_threads: int) -> csr_array:
        """Return all examples expanded, (n, width)."""
        indptr, indices, values = _core.copy_rows(self.inputs(data), n_threads)
        return make_csr(values, indices, indptr, (len(data), self.width))

    def as_given(self, features: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Return the numbers in examples of features that trees read; pairs are behind them."""
        ids = features.astype(np.int64)
        if self.known is None:
            return ids
        is_pair = ids >= self.n_read
        given = self.known[np.where(is_pair, 0, ids)]
        return np.where(is_pair, ids - self.n_read + self.n_features, given)

    def name(self, feature: int, names: tuple[str, ...] | None) -> str:
        """Return what a feature is called, or a pair, numbered as `as_given` does: by name or
        number, pairs as "a + b"."""
        if feature < self.n_features:
            return names[feature] if names is not None else str(feature)
        key = int(self.keys[feature - self.n_features])
        both = self.as_given(np.array([key >> 32, key & 0xFFFFFFFF]))
        return " + ".join(self.name(int(own), names) for own in both)


def _few_features(data: Dataset) -> NDArray[np.int32] | None:
    """Return the features that examples have, ascending, if these are few of many."""
    if data.n_features <= _WIDE or isinstance(data.X, np.ndarray):
        return None
    has = np.zeros(data.n_features, bool)
    for part in data.windows():
        has[csr_array(part.X).indices] = True
    known = np.flatnonzero(has).astype(np.int32)
    return known if 0 < len(known) < _FEW * data.n_features else None


def expansions_of(settings: Settings, expansion: Expansion) -> list[Expansion]:
    """Return how each tree of a forest reads examples: the first `settings.pairs` with pairs."""
    plain = expansion
    if settings.pairs < settings.n_trees:
        plain = expansion.without_pairs()
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
