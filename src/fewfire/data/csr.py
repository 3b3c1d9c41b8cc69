"""Sparse arrays, checked by their parts before scipy computes with them: it believes what it is
given, and writes outside its arrays where that is damaged.

Every sparse array that comes from outside, be it an argument or a file, goes through `checked_csr`
or `csr_of`. The checks are a few passes over the entries, and copy none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import lru_cache
from itertools import chain
from operator import index
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import bsr_array, coo_array, csc_array, csr_array, dia_array

from .. import _core
from ..base.checks import LARGEST_ID, check_memory, said

Array: TypeAlias = NDArray[Any]
_INDEX_TYPES = (np.dtype(np.int32), np.dtype(np.int64))


def checked_csr(matrix: Any, name: str) -> csr_array:
    """Return a scipy sparse array of any format as CSR; raise if it is damaged or too wide.

    Rows may hold a column twice, in any order. Arrays are borrowed where they need no conversion.

    >>> checked_csr(coo_array([[0, 2.5]]), "X").indices
    array([1], dtype=int32)
    """
    return csr_of(matrix.format, matrix, matrix.shape, name)


def csr_of(kind: str, parts: Any, shape: Any, name: str) -> csr_array:
    """Return as CSR what a format of scipy's, "csr" or "coo", makes of `parts`, which has the
    attributes of an array of that format; raise as `checked_csr` does."""
    extents = _extents(shape, name)
    if kind not in _FORMATS:
        raise ValueError(f"{name} is a sparse array of unknown format {kind!r}")
    try:
        check_memory("it", 8 * extents[0])
        csr = _FORMATS[kind](parts, *extents)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{name} is a damaged sparse array: {said(error)}") from error
    if csr.data.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} holds {csr.data.dtype}; give real numbers: {name}.astype(np.float32)"
        )
    return csr


def read_as_is(csr: Any) -> csr_array | None:
    """Return a sparse array as the core reads it, borrowed, if it is canonical CSR of finite
    float32 already; None where it has to be looked at more closely, or is damaged."""
    if not isinstance(csr, csr_array) or csr.ndim != 2 or csr.shape[1] > LARGEST_ID:
        return None
    data, indices, indptr = csr.data, csr.indices, csr.indptr
    for array in (data, indices, indptr):
        if type(array) is not np.ndarray or array.ndim != 1 or not array.flags.c_contiguous:
            return None
    if data.dtype != np.float32 or len(indptr) != csr.shape[0] + 1:
        return None
    if indices.dtype not in _INDEX_TYPES or indptr.dtype not in _INDEX_TYPES:
        return None
    ids = indices.astype(np.int32, copy=False)
    if ids is not indices and not (ids == indices).all():
        return None
    begins = indptr.astype(np.int64, copy=False)
    if not _core.is_canonical(begins, ids, data, csr.shape[1]):
        return None
    return make_csr(data, ids, begins, csr.shape)


def check_lists(indptr: Array, indices: Array, n_rows: int, n_columns: int) -> None:
    """Raise unless these are ascending ids below `n_columns` for each row."""
    _check_begins(indptr, n_rows, len(indices))
    _check_ids("labels", indices, n_columns)
    if indptr[-1] != len(indices) or not _ascend(indptr, indices):
        raise ValueError("the ids of a row do not ascend")


def _check_begins(indptr: Array, n: int, n_entries: int) -> None:
    """Raise unless these are the begins of `n` rows among entries, and their end."""
    if len(indptr) != n + 1:
        raise ValueError(f"indptr has {len(indptr)} entries for {n} rows, wanted {n + 1}")
    if indptr[0] != 0:
        raise ValueError(f"indptr begins with {indptr[0]}, not 0")
    falls = indptr[1:] < indptr[:-1]
    if falls.any():
        row = int(np.argmax(falls))
        raise ValueError(f"indptr falls from {indptr[row]} to {indptr[row + 1]} in row {row}")
    if indptr[-1] > n_entries:
        raise ValueError(f"indptr ends at {indptr[-1]}, but there are {n_entries} entries")


def canonical(csr: csr_array) -> csr_array:
    """Return checked CSR as the core reads it: ascending, no duplicates, no stored zeros, float32.

    The input stays as it is; its arrays are borrowed if they are so already.
    """
    values = np.ascontiguousarray(csr.data, np.float32)
    if not _ascend(csr.indptr, csr.indices) or not values.all():
        own = csr_array((values, csr.indices, csr.indptr), shape=csr.shape, copy=True)
        own.sum_duplicates()
        own.eliminate_zeros()
        return make_csr(own.data, own.indices, own.indptr, own.shape)
    return make_csr(values, csr.indices, csr.indptr, csr.shape)


def make_csr(values: Any, indices: Any, indptr: Any, shape: tuple[int, int]) -> csr_array:
    """Return canonical CSR with the index types of the core, of read-only views where arrays have
    them already."""
    csr = _bare(values, np.asarray(indices, np.int32), np.asarray(indptr, np.int64), shape)
    csr.data, csr.indices, csr.indptr = map(read_only, (csr.data, csr.indices, csr.indptr))
    csr.has_canonical_format = True
    return csr


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
    begins, ends = csr.indptr[ids], csr.indptr[ids + 1]
    if ((begins < 0) | (ends < begins) | (ends > len(csr.indices))).any():
        raise ValueError("the rows are damaged: indptr was changed after it was checked")
    lengths = ends - begins
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    entries = np.arange(indptr[-1]) + np.repeat(begins - indptr[:-1], lengths)
    return make_csr(csr.data[entries], csr.indices[entries], indptr, (len(ids), n_columns))


def read_only(array: Array) -> Array:
    """Return a view that nobody writes through; the array itself stays as it is."""
    view = array.view()
    view.flags.writeable = False
    return view


def _bare(values: Array, indices: Array, indptr: Array, shape: tuple[int, int]) -> csr_array:
    csr: Any = copy(_shell(shape, values.dtype))
    # Set afterwards: the constructor gives both index arrays one type, which copies one of them.
    csr.data, csr.indices, csr.indptr = values, indices, indptr
    made: csr_array = csr
    return made


@lru_cache(maxsize=256)
def _shell(shape: tuple[int, int], dtype: Any) -> csr_array:
    """Return an array to copy, without its own arrays: to construct one takes 100 microseconds,
    as long as to answer an example."""
    csr: Any = csr_array(shape, dtype=dtype)
    csr.data = csr.indices = csr.indptr = np.empty(0, dtype)
    shell: csr_array = csr
    return shell


def _extents(shape: Any, name: str) -> tuple[int, int]:
    try:
        extents = tuple(index(extent) for extent in shape)
    except TypeError as error:
        raise ValueError(f"{name} has no shape: {said(error)}") from error
    if len(extents) != 2 or min(extents) < 0 or extents[1] > LARGEST_ID:
        raise ValueError(
            f"{name} has shape {extents}; give 2 dimensions and at most {LARGEST_ID} columns"
        )
    return extents


def _whole(name: str, numbers: Any) -> Array:
    array = np.asarray(numbers)
    if array.ndim != 1 or (array.dtype.kind not in "iu" and array.size):
        raise ValueError(f"{name} is {array.dtype}{array.shape}, wanted whole numbers in a row")
    return array


def _check_ids(name: str, ids: Array, n: int) -> None:
    if len(ids) and not 0 <= ids.min() <= ids.max() < n:
        raise ValueError(f"{name} from {ids.min()} to {ids.max()}, beyond 0 to {n - 1}")


def _ascend(indptr: Array, indices: Array) -> bool:
    """Whether checked ids ascend inside each row, no two alike."""
    steps = indices[1:] > indices[:-1]
    begins = indptr[(indptr > 0) & (indptr < len(indices))]
    steps[begins - 1] = True  # from row to row they may fall
    return bool(steps.all())


def _compressed(
    parts: Any, n: int, n_ids: int, n_dimensions: int = 1
) -> tuple[Array, Array, Array]:
    """Return data, indices and indptr of `n` lists of ids below `n_ids`, checked.

    In-place operations of scipy leave room behind the last entry, which is cut off. Both index
    arrays are int32 if they can be: scipy computes with one type.
    """
    indptr, indices = _whole("indptr", parts.indptr), _whole("indices", parts.indices)
    data = _values(parts.data, n_dimensions)
    if len(indices) != len(data):
        raise ValueError(f"there are {len(indices)} indices for {len(data)} values")
    _check_begins(indptr, n, len(data))
    end = int(indptr[-1])
    data, indices = data[:end], indices[:end]
    _check_ids("indices", indices, n_ids)
    begins = indptr.astype(np.int32 if end <= LARGEST_ID else np.int64, copy=False)
    return data, indices.astype(np.int32, copy=False), begins


def _values(values: Any, n_dimensions: int = 1) -> Array:
    data = np.asarray(values)
    if data.ndim != n_dimensions:
        raise ValueError(f"data has {data.ndim} dimensions, wanted {n_dimensions}")
    return data.astype(np.float32) if data.dtype == np.float16 else data  # scipy knows no float16


def _of_csr(parts: Any, n_rows: int, n_columns: int) -> csr_array:
    return _bare(*_compressed(parts, n_rows, n_columns), (n_rows, n_columns))


def _of_csc(parts: Any, n_rows: int, n_columns: int) -> csr_array:
    checked = _compressed(parts, n_columns, n_rows)
    return csr_array(csc_array(checked, shape=(n_rows, n_columns)).tocsr())


def _of_bsr(parts: Any, n_rows: int, n_columns: int) -> csr_array:
    _, height, width = np.shape(parts.data)
    if n_rows % height or n_columns % width:
        raise ValueError(f"blocks of {height} x {width} do not fill the shape")
    checked = _compressed(parts, n_rows // height, n_columns // width, n_dimensions=3)
    return csr_array(bsr_array(checked, shape=(n_rows, n_columns)).tocsr())


def _of_coo(parts: Any, n_rows: int, n_columns: int) -> csr_array:
    return _of_places(parts.coords, parts.data, n_rows, n_columns)


def _of_dia(parts: Any, n_rows: int, n_columns: int) -> csr_array:
    offsets, data = _whole("offsets", parts.offsets), _values(parts.data, 2)
    if len(offsets) != len(data) or len(np.unique(offsets)) != len(offsets):
        raise ValueError(f"{len(offsets)} offsets for {len(data)} diagonals, or two alike")
    if len(offsets) and not -n_rows <= offsets.min() <= offsets.max() <= n_columns:
        raise ValueError(f"offsets are {offsets.min()} to {offsets.max()}, outside of the shape")
    return csr_array(dia_array((data, offsets), shape=(n_rows, n_columns)).tocsr())


def _of_lil(parts: Any, n_rows: int, n_columns: int) -> csr_array:
    if len(parts.rows) != n_rows or len(parts.data) != n_rows:
        raise ValueError(f"there are {len(parts.rows)} lists of columns for {n_rows} rows")
    lengths = [len(row) for row in parts.rows]
    if lengths != [len(row) for row in parts.data]:
        raise ValueError("a row has more columns than values, or fewer")
    columns, values = (_flat(lists) for lists in (parts.rows, parts.data))
    return _of_places((np.repeat(np.arange(n_rows), lengths), columns), values, n_rows, n_columns)


def _of_dok(parts: Any, n_rows: int, n_columns: int) -> csr_array:
    places = np.array(list(parts.keys())).reshape(-1, 2)
    return _of_places(tuple(places.T), np.array(list(parts.values())), n_rows, n_columns)


def _of_places(coords: Any, values: Any, n_rows: int, n_columns: int) -> csr_array:
    rows, columns = (_whole("coordinates", ids) for ids in coords)
    data = _values(values)
    if not len(rows) == len(columns) == len(data):
        raise ValueError(f"{len(data)} values at {len(rows)} rows and {len(columns)} columns")
    _check_ids("rows", rows, n_rows)
    _check_ids("columns", columns, n_columns)
    return csr_array(coo_array((data, (rows, columns)), shape=(n_rows, n_columns)).tocsr())


def _flat(lists: Any) -> Array:
    return np.array(list(chain.from_iterable(lists)))


_FORMATS: dict[str, Callable[[Any, int, int], csr_array]] = {
    "bsr": _of_bsr,
    "coo": _of_coo,
    "csc": _of_csc,
    "csr": _of_csr,
    "dia": _of_dia,
    "dok": _of_dok,
    "lil": _of_lil,
}
