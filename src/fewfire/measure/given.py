"""What is measured, as callers give it: best rows, label lists and counts, checked at the door."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..base.checks import LARGEST_ID, said
from ..data.csr import check_lists

Labels: TypeAlias = "tuple[NDArray[np.int64], NDArray[np.int32]]"  # indptr and ids, ascending


def best_rows(top: Any, n_examples: int) -> NDArray[Any]:
    """Return rows, best first, of so many examples.

    >>> best_rows([[2, 0]], 1)
    array([[2, 0]])
    """
    found = integers("top", top)
    if found.ndim != 2 or len(found) != n_examples:
        raise ValueError(
            f"top has shape {found.shape} but there are label lists of {n_examples} examples; "
            "give one row of best rows for each"
        )
    return found


def label_lists(labels: Any) -> Labels:
    """Return the label lists of examples: `indptr` (n + 1,) and label ids."""
    if not isinstance(labels, tuple | list) or len(labels) != 2:
        raise TypeError(f"labels are a pair, indptr and label ids, not {type(labels).__name__}")
    indptr, ids = (integers("labels", part) for part in labels)
    if indptr.ndim != 1 or ids.ndim != 1 or not len(indptr):
        raise ValueError(f"labels have shapes {indptr.shape} and {ids.shape}, not (n + 1,), (m,)")
    try:
        check_lists(indptr, ids, len(indptr) - 1, LARGEST_ID)
    except ValueError as error:
        raise ValueError(f"labels are damaged label lists: {error}") from error
    return indptr, ids


def counts(label_counts: Any) -> NDArray[Any]:
    """Return how many training examples each label has."""
    found = integers("label_counts", label_counts)
    if found.ndim != 1:
        raise ValueError(f"label_counts has shape {found.shape}; give one number for each label")
    return found


def integers(name: str, values: Any) -> NDArray[Any]:
    """Return an array of integers; raise if it is none.

    >>> integers("top", [1, 2])
    array([1, 2])
    """
    try:
        array = np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{name} is not an array of integers: {said(error)}") from error
    if array.dtype.kind not in "iu" and array.size:
        raise TypeError(f"{name} holds {array.dtype}, not integers")
    return array if array.dtype.kind == "i" else array.astype(np.int64)
