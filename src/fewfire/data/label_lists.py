"""Several labels for each example, as people have them: lists of names, or columns of 0 and 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..base.checks import LARGEST_ID
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
    y = as_lists(y)
    if not isinstance(y, list | tuple) or not all(_is_list(each) for each in y) or not len(y):
        return False
    if kind is not None:
        return kind == "labels"
    labels = [_plain(label) for each in y for label in each]
    if any(isinstance(label, str) for label in labels):
        return True
    are_whole = all(isinstance(label, int) for label in labels)
    has_sets = any(isinstance(each, set | frozenset) for each in y)
    return are_whole and (has_sets or len({len(each) for each in y}) > 1)


def as_lists(y: Any) -> Any:
    """Return a column of lists, such as that of a frame, as a list; others as they are."""
    holds_objects = getattr(getattr(y, "dtype", None), "kind", None) == "O"
    is_column = holds_objects and getattr(y, "ndim", 0) == 1
    return np.asarray(y, dtype=object).tolist() if is_column else y


def lists_of(
    y: Sequence[Any], names: tuple[Any, ...] | None, n_labels: int | None = None
) -> tuple[csr_array, tuple[Any, ...] | None]:
    """Return lists of labels as CSR of ones, and the names of the columns.

    Labels that are known by `names` are looked up. Whole numbers are ids, unless names are numbers
    themselves; others are numbered in sorted order, but not where `n_labels` have no names.

    >>> y, names = lists_of([["b"], ["a", "b"], []], None)
    >>> y.toarray().tolist(), names
    ([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]], ('a', 'b'))
    """
    lists = [sorted(set(map(_plain, each)), key=repr) for each in as_lists(y)]
    found = {label for labels in lists for label in labels}
    are_ids = all(isinstance(label, int) and not isinstance(label, bool) for label in found)
    if are_ids and not any(isinstance(name, int | float) for name in names or ()):
        width = max(found, default=-1) + 1 if names is None else len(names)
        if found and not 0 <= min(found) <= max(found) < LARGEST_ID:
            wrong = min(found) if min(found) < 0 else max(found)
            raise ValueError(
                f"y holds the label {wrong}: ids of labels are 0 to {LARGEST_ID - 1:,}"
            )
        ids = {label: label for label in found if label < width}
    elif names is None and n_labels is not None:
        raise ValueError(
            f"y holds words, but the {n_labels} labels have no names; give whole numbers from 0, "
            "or label_names"
        )
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
    if y.ndim != 2 or not y.size or kind not in (None, "labels") or y.dtype.kind not in "biuf":
        return False
    if kind is None and y.shape[1] == 1:
        return False  # a column of two classes, or of values
    if not np.isin(y, (0, 1)).all():
        return False
    if kind is None and y.dtype.kind == "f" and y.min() < y.max():
        raise ValueError(
            f"y has {y.shape[1]} columns of 0.0 and 1.0: say what they are, "
            'kind="labels" or kind="values"'
        )
    return kind == "labels" or y.dtype.kind != "f"


def _is_list(each: Any) -> bool:
    return isinstance(each, _LISTS) or (isinstance(each, np.ndarray) and each.ndim == 1)


def _plain(label: Any) -> Any:
    return label.item() if isinstance(label, np.generic) else label
