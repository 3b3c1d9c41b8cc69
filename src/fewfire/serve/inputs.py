"""Examples of requests, each checked by itself, so that those of several can be put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..base.checks import said
from ..data import Dataset
from ..data.features import finite_floats
from ..data.given import as_dataset
from .asked import SparseRow
from .models import Loaded
from .problems import Problem


@dataclass(frozen=True, eq=False)
class Texts:
    """Texts, of a model that was trained on text."""

    texts: list[str]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True, eq=False)
class Dense:
    """Rows with all their features, finite: float32 (n, n_features)."""

    rows: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True, eq=False)
class Sparse:
    """Rows by the features that are not 0: their numbers of features, and for all of them the
    features, in range, and their values, finite."""

    lengths: NDArray[np.int64]
    indices: NDArray[np.int64]
    values: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.lengths)


Inputs: TypeAlias = Texts | Dense | Sparse


def texts(given: list[str], loaded: Loaded, at: str) -> Texts:
    """Return texts; raise unless the model takes them."""
    if loaded.takes != "texts":
        raise Problem(
            422, f"{loaded.name!r} was not trained on text: give rows of {_width(loaded)}", at
        )
    return Texts(given)


def dense(given: Any, loaded: Loaded, at: str) -> Dense:
    """Return rows of numbers, (n, n_features); raise unless they are that."""
    n_features = loaded.n_features
    try:
        rows = np.asarray(given, np.float64)
    except (ValueError, TypeError):
        rows = np.empty(0)  # of different lengths: it is told below
    if rows.ndim != 2 or rows.shape[1] != n_features:
        lengths = [len(row) if isinstance(row, list) else 0 for row in given]
        wrong = next((i for i, n in enumerate(lengths) if n != n_features), 0)
        found = lengths[wrong] if isinstance(given, list) else rows.shape[-1]
        raise Problem(
            422,
            f"a row has {found} numbers, wanted {n_features}, a row per example",
            f"{at}/{wrong}",
        )
    return Dense(_finite(rows, at))


def sparse(given: Sequence[SparseRow], loaded: Loaded, at: str) -> Sparse:
    """Return sparse rows; raise unless features are in range, and there is a value for each."""
    for i, row in enumerate(given):
        if row.values is not None and len(row.values) != len(row.indices):
            raise Problem(
                422,
                f"{len(row.values)} values for {len(row.indices)} indices: give one each",
                f"{at}/{i}/values",
            )
    lengths = np.array([len(row.indices) for row in given], np.int64)
    try:
        indices = np.fromiter(chain.from_iterable(row.indices for row in given), np.int64)
    except OverflowError:
        raise Problem(422, f"indices are numbers of {_width(loaded)}", at) from None
    values = chain.from_iterable(
        [1.0] * len(row.indices) if row.values is None else row.values for row in given
    )
    return csr(lengths, indices, np.fromiter(values, np.float64), loaded, at)


def csr(
    lengths: NDArray[Any], indices: NDArray[Any], values: NDArray[Any], loaded: Loaded, at: str
) -> Sparse:
    """Return the rows that these arrays are; raise unless features are in range."""
    n_features = loaded.n_features
    wrong = (indices < 0) | (indices >= n_features)
    if wrong.any():
        place = int(np.argmax(wrong))
        row = int(np.searchsorted(np.cumsum(lengths), place, side="right"))
        raise Problem(
            422, f"feature {indices[place]}, but there are {_width(loaded)}, from 0", f"{at}/{row}"
        )
    return Sparse(lengths, indices.astype(np.int64), _finite(values[None], at)[0])


def together(parts: Sequence[Inputs], loaded: Loaded) -> Dataset:
    """Return the examples of several requests, of one kind, as the model reads them."""
    first = parts[0]
    if isinstance(first, Texts):
        joined = list(chain.from_iterable(part.texts for part in parts if isinstance(part, Texts)))
        return as_dataset(joined, loaded.model.encoding)
    if isinstance(first, Dense):
        arrays = [part.rows for part in parts if isinstance(part, Dense)]
        return Dataset(arrays[0] if len(arrays) == 1 else np.concatenate(arrays))
    some = [part for part in parts if isinstance(part, Sparse)]
    ends = np.cumsum(np.concatenate([part.lengths for part in some]))
    indices = np.concatenate([part.indices for part in some])
    values = np.concatenate([part.values for part in some])
    shape = (len(ends), loaded.n_features)
    return Dataset(csr_array((values, indices, np.concatenate([[0], ends])), shape=shape))


def _finite(rows: NDArray[Any], at: str) -> NDArray[np.float32]:
    try:
        return finite_floats(at.lstrip("/"), rows)
    except ValueError as error:
        raise Problem(422, said(error), at) from None


def _width(loaded: Loaded) -> str:
    return f"{loaded.n_features} features"
