"""Frames of pandas, polars or pyarrow as numbers, and the names of their columns.

No such library is imported: a frame is known by its columns, and read column by column.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..base.checks import shown

_HOW = "make numbers of it, with pandas.get_dummies or a pipeline (docs/tables.md)"


class Columns(NamedTuple):
    """Numbers, (n, columns), and the names of the columns, if all have one that is a word."""

    X: NDArray[Any] | csr_array
    names: tuple[str, ...] | None


def is_frame(X: Any) -> bool:
    """Whether this is a table whose columns have types of their own."""
    kind = type(X)  # to ask a frame that waits to be computed for its columns takes time
    return hasattr(kind, "column_names") or (hasattr(kind, "columns") and hasattr(kind, "dtypes"))


def read_frame(X: Any, wanted: tuple[str, ...] | None = None) -> Columns:
    """Return the numbers of a frame; of one with names those that are `wanted`, in that order.

    Raises
    ------
    ValueError
        For a column that is wanted and not there, or not wanted and there; that holds words,
        categories or dates; or lacks values.
    """
    if hasattr(X, "collect") and not hasattr(X, "__len__"):
        raise ValueError("X is a frame that is not computed yet: give X.collect()")
    found = list(X.column_names if hasattr(X, "column_names") else X.columns)
    names = tuple(found) if found and all(isinstance(name, str) for name in found) else None
    if names is not None:
        names = checked_feature_names(names)
    if wanted is not None and names is not None:
        _check_names(names, wanted)
        order = [names.index(name) for name in wanted]
        names = wanted
    else:
        order = list(range(len(found)))
    types = list(getattr(X, "dtypes", ()))
    if types and all(getattr(dtype, "fill_value", None) == 0 for dtype in types):  # sparse ones
        return Columns(csr_array(csr_array(X.sparse.to_coo())[:, order]), names)
    numbers = np.empty((len(X), len(order)), np.float64)
    columns = list(_columns(X))
    for place, number in enumerate(order):
        numbers[:, place] = _as_numbers(columns[number], found[number])
    return Columns(numbers, names)


def checked_feature_names(names: Any, n_features: int | None = None) -> tuple[str, ...]:
    """Return the names of `n_features` features; raise unless each has a word of its own."""
    found = checked_words(names, n_features)
    if len(set(found)) < len(found):
        twice = next(name for i, name in enumerate(found) if name in found[:i])
        raise ValueError(f"several features are named {shown(twice)}: give each its own name")
    return found


def checked_words(names: Any, n_features: int | None = None) -> tuple[str, ...]:
    """Return words for `n_features` features."""
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise TypeError(f"feature_names are words in the order of the features, got {shown(names)}")
    found = tuple(str(name) if isinstance(name, str) else name for name in names)
    if not all(isinstance(name, str) for name in found):
        raise TypeError("feature_names must be words")
    if n_features is not None and len(found) != n_features:
        raise ValueError(f"{len(found)} names for {n_features} features: give each one")
    return found


def _check_names(names: tuple[str, ...], wanted: tuple[str, ...]) -> None:
    here, there = set(names), set(wanted)
    missing = [name for name in wanted if name not in here]
    if missing:
        raise ValueError(f"X lacks {_listed(missing)} of the training set")
    other = [name for name in names if name not in there]
    if other:
        raise ValueError(f"X has {_listed(other)} that the training set had not: drop them")


def _listed(names: list[str]) -> str:
    few = ", ".join(repr(name) for name in names[:3]) + ", ..." * (len(names) > 3)
    return f"the column {few}" if len(names) == 1 else f"{len(names)} columns ({few})"


def _columns(X: Any) -> Iterator[Any]:
    if hasattr(X, "column_names"):  # pyarrow
        yield from (X.column(i) for i in range(len(X.column_names)))
    elif hasattr(X, "iloc"):  # pandas
        yield from (X.iloc[:, i] for i in range(X.shape[1]))
    else:  # polars
        yield from X.get_columns()


def _as_numbers(column: Any, name: Any) -> NDArray[np.float64]:
    kind = str(getattr(column, "dtype", None) or column.type).lower()
    if any(word in kind for word in ("categor", "enum", "dictionary")):
        raise ValueError(f"column {shown(name)} of X holds categories: {_HOW}")
    values = np.asarray(column)
    if values.ndim != 1 or values.dtype.names:
        raise ValueError(f"column {shown(name)} of X holds {kind}: {_HOW}")
    if values.dtype.kind == "O":
        values = np.array([_number(value, name) for value in values], np.float64)
    elif values.dtype.kind not in "biuf":
        what = "words" if values.dtype.kind in "UT" else f"{values.dtype}"
        raise ValueError(f"column {shown(name)} of X holds {what}: {_HOW}")
    numbers = values.astype(np.float64)
    missing = np.isnan(numbers)
    if missing.any():
        raise ValueError(
            f"column {shown(name)} of X lacks {missing.sum():,} of {len(numbers):,} values, the "
            f"first in row {int(np.argmax(missing))}: fill them in, or drop the rows "
            "(docs/tables.md)"
        )
    return numbers


def _number(value: Any, name: Any) -> float:
    """Return a number or nan for a missing value; raise for a word or the like."""
    if value is None or type(value).__name__ == "NAType":
        return np.nan
    if isinstance(value, str | np.ndarray) or not hasattr(value, "__float__"):
        what = "words" if isinstance(value, str) else type(value).__name__
        raise ValueError(f"column {shown(name)} of X holds {what}: {_HOW}")
    return float(value)
