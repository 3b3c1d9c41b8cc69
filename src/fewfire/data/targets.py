"""Targets, checked once: class ids with their names, lists of labels, or values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..base.checks import said
from .csr import canonical, checked_csr, make_csr, read_only
from .features import finite_floats
from .label_names import checked_names


def as_array(y: Any) -> NDArray[Any]:
    """Return `y` as an array."""
    try:
        return np.asarray(y)
    except ValueError as error:  # rows of different lengths
        raise ValueError(
            "y is neither a 1-D nor a 2-D array; "
            "several labels per example go into a scipy.sparse.csr_array"
        ) from error


def labels_of(y: Any, n_labels: int | None) -> tuple[csr_array, int]:
    """Return lists of labels as CSR of ones, and how many labels there are."""
    csr = checked_csr(y, "y")
    csr.data = csr.data != 0
    labels = canonical(csr)
    n_columns = int(labels.shape[1])
    if n_labels is not None and n_columns > n_labels:
        raise ValueError(
            f"y has {n_columns} columns but there are {n_labels} labels; "
            "name every label, or read both files with one encoder: like=train"
        )
    width = n_columns if n_labels is None else n_labels
    ones = np.ones(labels.nnz, np.float32)
    return make_csr(ones, labels.indices, labels.indptr, (labels.shape[0], width)), width


def values_of(y: NDArray[Any], n_columns: int | None, first_row: int = 0) -> NDArray[np.float32]:
    """Return values as float32 (n, columns)."""
    values = finite_floats("y", y.reshape(len(y), 1) if y.ndim == 1 else y, first_row)
    if n_columns is not None and values.shape[1] != n_columns:
        raise ValueError(f"y has {values.shape[1]} columns of values, {n_columns} are expected")
    return read_only(values)


def weights_of(weights: Any, n: int) -> NDArray[np.float32]:
    """Return what each of `n` examples counts for as float32 (n,)."""
    found = np.asarray(weights)
    if found.shape != (n,) or found.dtype.kind not in "biuf":
        raise ValueError(
            f"sample_weight holds {found.dtype} in the shape {found.shape}, and there are {n} "
            "examples: give a number for each"
        )
    checked = finite_floats("sample_weight", found.reshape(n, 1), 0).ravel()
    if (checked < 0).any():
        row = int(np.flatnonzero(checked < 0)[0])
        raise ValueError(f"sample_weight is {checked[row]:g} in row {row}: weights are 0 or more")
    return read_only(checked)


def classes_of(
    y: NDArray[Any], n_labels: int | None, names: tuple[Any, ...] | None, first_row: int = 0
) -> tuple[NDArray[np.int32], int, tuple[Any, ...] | None]:
    """Class ids, how many there are, and their names if these are not the ids themselves.

    Errors count rows from `first_row`.
    """
    if y.dtype.kind not in "biufOUT":
        raise ValueError(f"y holds {y.dtype}; give words or whole numbers: y.astype(str)")
    whole = y.dtype.kind in "biuf"
    if y.dtype == bool and n_labels is None:
        n_labels = 2
    if whole and (names is None or not all(_is_whole(name) for name in names)):
        if n_labels is None:
            numbers = class_numbers(np.unique(y))
            if not isinstance(numbers, int):
                return _look_up(y, numbers, first_row)
            n_labels = numbers
        wrong = (y < 0) | (y >= n_labels)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(
                f"y holds label {y[row]} in row {first_row + row}, but only 0 to {n_labels - 1} "
                "are known; give n_labels, or drop the example"
            )
        return read_only(y.astype(np.int32)), n_labels, names
    if names is None and n_labels is not None:
        raise ValueError(
            f"y holds words, but the {n_labels} labels have no names; give whole numbers from 0, "
            "y.astype(int), or label_names"
        )
    return _look_up(y, checked_names(_sorted_names(y)) if names is None else names, first_row)


def class_numbers(found: NDArray[Any]) -> int | tuple[int, ...]:
    """How many classes these ascending whole numbers are if they are 0, 1, ..., else their names.

    >>> class_numbers(np.array([0, 1, 2])), class_numbers(np.array([-1, 1]))
    (3, (-1, 1))
    """
    if len(found) == 0 or found[0] != 0 or found[-1] != len(found) - 1:
        return tuple(int(name) for name in found)
    return len(found)


def _is_whole(name: Any) -> bool:
    return isinstance(name, int | np.integer) and not isinstance(name, bool)


def _sorted_names(y: NDArray[Any]) -> Iterable[Any]:
    entries = y.tolist()
    for row, entry in enumerate(entries):
        if entry is None or entry != entry:
            raise ValueError(
                f"y holds {entry} in row {row}; give every example a label, or drop it"
            )
    try:
        return sorted(set(entries))
    except TypeError as error:
        raise ValueError(
            f"y holds labels that cannot be sorted ({said(error)}); make them all strings"
        ) from error


def _look_up(
    y: NDArray[Any], names: Iterable[Any], first_row: int
) -> tuple[NDArray[np.int32], int, tuple[Any, ...]]:
    ids = {name: i for i, name in enumerate(names)}
    found = np.array([ids.get(entry, -1) for entry in y.tolist()], dtype=np.int32)
    if (found < 0).any():
        row = int(np.argmax(found < 0))
        values = '; numbers to predict are kind="values" (--loss squared)' * (y.dtype.kind in "iuf")
        raise ValueError(
            f"y holds label {y[row]!s} in row {first_row + row}, which is none of the {len(ids)} "
            f"known labels; drop the example, or read the data set that has it first{values}"
        )
    return read_only(found), len(ids), tuple(ids)
