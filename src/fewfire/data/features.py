"""Features, checked once: float32 C-contiguous arrays, or canonical CSR for the core."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, issparse

Features: TypeAlias = "NDArray[np.float32] | csr_array"
MAX_ID = np.iinfo(np.int32).max


def features(X: Any, n_features: int | None) -> Features:
    """Return features as the core reads them; raise unless they are finite and fit `n_features`."""
    checked = _sparse_features(X, n_features) if issparse(X) else _dense_features(X)
    if n_features is not None and checked.shape[1] != n_features:
        raise ValueError(
            f"X has {checked.shape[1]} features but the data set given as like= has {n_features}; "
            f"keep the columns known to both, X[:, :{n_features}], or read the wider one first"
        )
    return checked


def _dense_features(X: Any) -> NDArray[np.float32]:
    raw = np.asarray(X)
    if raw.ndim != 2:
        raise ValueError(
            f"X has {raw.ndim} dimensions; give 2, one row per example: X.reshape(len(X), -1)"
        )
    if raw.dtype.kind not in "biuf":
        raise ValueError(f"X holds {raw.dtype}; give real numbers: X.astype(np.float32)")
    return finite_floats("X", raw)


def _sparse_features(X: Any, n_features: int | None) -> csr_array:
    if X.dtype.kind not in "biuf":
        raise ValueError(f"X holds {X.dtype}; give real numbers: X.astype(np.float32)")
    with np.errstate(over="ignore"):
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
    with np.errstate(over="ignore"):  # what overflows float32 is reported below, with its place
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


def checked_csr(matrix: Any, name: str) -> csr_array:
    """Return a sparse matrix as CSR; raise if it is damaged or too wide."""
    if len(matrix.shape) != 2 or max(matrix.shape[1:]) > MAX_ID:
        raise ValueError(
            f"{name} has shape {matrix.shape}; give 2 dimensions and at most {MAX_ID} columns"
        )
    if hasattr(matrix, "check_format"):
        try:
            # A copy, because it changes the index types of what it checks.
            matrix.copy().check_format(full_check=True)
        except (ValueError, IndexError) as error:
            raise ValueError(f"{name} is a damaged sparse array: {error}") from error
    return csr_array(matrix)


def canonical(matrix: Any) -> csr_array:
    """Sorted, no duplicates, no stored zeros, the index types of the core; the input stays."""
    csr = csr_array(matrix, dtype=np.float32)
    if not csr.has_canonical_format or not csr.data.all():
        csr = csr.copy()
        csr.sum_duplicates()
        csr.eliminate_zeros()
    return make_csr(csr.data, csr.indices, csr.indptr, csr.shape)


def make_csr(values: Any, indices: Any, indptr: Any, shape: tuple[int, int]) -> csr_array:
    """Return CSR with the index types of the core; arrays that have them are borrowed."""
    csr: Any = csr_array(shape, dtype=np.float32)
    # Set afterwards: the constructor gives both index arrays one type, which copies one of them.
    csr.data = values
    csr.indptr = np.ascontiguousarray(indptr, dtype=np.int64)
    csr.indices = np.ascontiguousarray(indices, dtype=np.int32)
    csr.has_canonical_format = True
    made: csr_array = csr
    return made


def take_rows(csr: csr_array, chosen: slice | NDArray[np.int64]) -> csr_array:
    """Return some rows of canonical CSR, which borrow their entries if they are neighbours."""
    n_rows, n_columns = csr.shape
    if isinstance(chosen, slice) and chosen.step in (None, 1):
        first, last, _ = chosen.indices(n_rows)
        indptr = csr.indptr[first : max(first, last) + 1]
        begin, end = int(indptr[0]), int(indptr[-1])
        starts = indptr - begin if begin else indptr
        shape = (len(indptr) - 1, n_columns)
        return make_csr(csr.data[begin:end], csr.indices[begin:end], starts, shape)
    ids = np.arange(n_rows)[chosen]
    begins = csr.indptr[ids]
    lengths = csr.indptr[ids + 1] - begins
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    entries = np.arange(indptr[-1]) + np.repeat(begins - indptr[:-1], lengths)
    return make_csr(csr.data[entries], csr.indices[entries], indptr, (len(ids), n_columns))
