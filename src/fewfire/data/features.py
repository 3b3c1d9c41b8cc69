"""Features, checked once: float32 C-contiguous arrays, or canonical CSR for the core."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

from .csr import canonical, checked_csr, make_csr, read_as_is, read_only

Features: TypeAlias = "NDArray[np.float32] | csr_array"


def features(X: Any, n_features: int | None) -> Features:
    """Return features as the core reads them; raise unless they are finite and fit `n_features`."""
    checked = _sparse_features(X, n_features) if issparse(X) else _dense_features(X)
    if n_features is not None and checked.shape[1] != n_features:
        raise ValueError(
            f"X has {checked.shape[1]} features but the data set given as like= has {n_features}; "
            f"keep the columns known to both, X[:, :{n_features}], or read the wider one first"
        )
    return checked


def label_features_of(given: Any, kind: str | None, wanted: tuple[int, int]) -> csr_array:
    """Return what describes labels, (n_labels, n_features); raise unless there are labels, and a
    row for each, with the features of an example."""
    if kind not in ("labels", "classes"):
        held = "no targets" if kind is None else kind
        raise ValueError(f"label_features describe labels, and y holds {held}")
    described = csr_array(features(given, None))
    if described.shape != wanted:
        raise ValueError(
            f"label_features have the shape {described.shape}, but there are {wanted[0]} labels "
            f"and {wanted[1]} features: give a row for each label, of zeros where it has no text"
        )
    return described


def _dense_features(X: Any) -> NDArray[np.float32]:
    try:
        raw = np.asarray(X)
    except ValueError as error:
        raise ValueError(
            "X is not an array: its rows are of different lengths; give each example all features, "
            "or a scipy.sparse.csr_array"
        ) from error
    if raw.ndim != 2:
        raise ValueError(
            f"X has {raw.ndim} dimensions; give 2, one row per example: X.reshape(len(X), -1)"
        )
    if raw.dtype.kind not in "biuf":
        raise ValueError(f"X holds {raw.dtype}; give real numbers: X.astype(np.float32)")
    return read_only(finite_floats("X", raw))


def _sparse_features(X: Any, n_features: int | None) -> csr_array:
    sparse = read_as_is(X)
    if sparse is None:
        with np.errstate(over="ignore", invalid="ignore"):
            sparse = canonical(checked_csr(X, "X"))
        finite = np.isfinite(sparse.data)
        if not finite.all():
            place = int(np.argmin(finite))
            row = int(np.searchsorted(sparse.indptr, place, side="right")) - 1
            raise _not_finite("X", sparse.data[place], row, int(sparse.indices[place]))
    if n_features is not None and sparse.shape[1] < n_features:
        sparse = make_csr(sparse.data, sparse.indices, sparse.indptr, (sparse.shape[0], n_features))
    return sparse


def finite_floats(name: str, values: NDArray[Any], first_row: int = 0) -> NDArray[np.float32]:
    """Return a 2-D array as float32, C-contiguous; raise if a value is not finite.

    Errors count rows from `first_row`.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # is said below, with its place
        floats: NDArray[np.float32] = np.ascontiguousarray(values, dtype=np.float32)
    finite = np.isfinite(floats)
    if not finite.all():
        row, column = (int(i) for i in np.argwhere(~finite)[0])
        raise _not_finite(name, values[row, column], first_row + row, column)
    return floats


def _not_finite(name: str, value: Any, row: int, column: int) -> ValueError:
    return ValueError(
        f"{name} holds {value} in row {row}, column {column}, which is not a finite float32; "
        "replace it or drop the row"
    )
