"""Several labels for each example, as people have them: lists of names, or columns of 0 and 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .encoding import Kind
from .label_names import checked_names

_LISTS = (list, tuple, set, frozenset)


def are_lists(y: Any, kind: Kind) -> TypeGuard[Sequence[Any]]:
    """Whether `y` has a list of labels for each example.

    Lists of words are, and so are sets; numbers may be a row of values, unless the lists differ in
    length or `kind` says what they are.

    >>> are_lists([["a"], ["a", "b"], []], None), are_lists([[1.5], [2.0]], None)
    (True, False)
    """
    if isinstance(y, np.ndarray) and y.ndim == 1 and y.dtype == object:
        y = y.tolist()
    if not isinstance(y, list | tuple) or not all(_is_list(each) for each in y) or not len(y):
        return False
    if kind is not None:
        return kind == "labels"
    return (
        len({len(each) for each in y}) > 1
        or any(isinstance(each, set | frozenset) for each in y)
        or any(isinstance(label, str) for each in y for label in each)
    )


def lists_of(
    y: Sequence[Any], names: tuple[Any, ...] | None
) -> tuple[csr_array, tuple[Any, ...] | None]:
    """Return lists of labels as CSR of ones, and the names of the columns.

    Labels that are known by `names` are looked up. Whole numbers without names are ids; others are
    numbered in sorted order.

    >>> y, names = lists_of([["b"], ["a", "b"], []], None)
    >>> y.toarray().tolist(), names
    ([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]], ('a', 'b'))
    """
    lists = [sorted(set(map(_plain, each)), key=repr) for each in y]
    found = {label for labels in lists for label in labels}
    are_ids = all(isinstance(label, int) and not isinstance(label, bool) for label in found)
    if names is None and are_ids:
        if found and min(found) < 0:
            raise ValueError(f"y holds the label {min(found)}: ids of labels are 0 or more")
        ids = {label: label for label in found}
        width = max(found, default=-1) + 1
    else:
        try:
            names = checked_names(sorted(found)) if names is None else names
        except TypeError:
            raise ValueError("y holds labels that cannot be sorted; make them all words") from None
        ids, width = {name: i for i, name in enumerate(names)}, len(names)
    for row, labels in enumerate(lists):
        for label in labels:
            if label not in ids:
                raise ValueError(
                    f"y has the label {label!r} in row {row}, which is none of the {width} known "
                    "ones: drop it, or train on it"
                )
    indptr = np.cumsum([0, *map(len, lists)])
    indices = np.array([i for labels in lists for i in sorted(ids[x] for x in labels)], np.int32)
    ones = np.ones(len(indices), np.float32)
    return csr_array((ones, indices, indptr), shape=(len(lists), width)), names


def are_columns(y: NDArray[Any], kind: Kind) -> bool:
    """Whether `y` has a column of 0 and 1 for each label, as scikit-learn's `MultiLabelBinarizer`
    makes them. Raise where it may as well be values.

    >>> are_columns(np.eye(3, dtype=int), None), are_columns(np.eye(3) / 2, None)
    (True, False)
    """
    if y.ndim != 2 or kind not in (None, "labels") or y.dtype.kind not in "biuf":
        return False
    if not np.isin(y, (0, 1)).all():
        return False
    if kind is None and y.dtype.kind == "f" and y.shape[1] > 1 and y.min() < y.max():
        raise ValueError(
            f"y has {y.shape[1]} columns of 0.0 and 1.0: say what they are, "
            'kind="labels" or kind="values"'
        )
    return kind == "labels" or y.dtype.kind != "f"


def _is_list(each: Any) -> bool:
    return isinstance(each, _LISTS) or (isinstance(each, np.ndarray) and each.ndim == 1)


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
