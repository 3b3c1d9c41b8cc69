"""Arrays that nobody should hand over: damaged, foreign, extreme, or just unusual."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csc_array, csr_array, issparse

from .draw import Draw

DTYPES: list[Any] = [
    np.float64, np.float16, np.int8, np.int64, np.uint64, bool, np.complex64, ">f4", ">i8",
    np.longdouble, object, "U5", "S3", "M8[s]",
]  # fmt: skip
VALUES = [np.nan, np.inf, -np.inf, 1e38, -3e38, 1e-45, 1e300, -0.0, 2.0**31, 2.0**63, -1.0]
_POINTERS = [-1, 0, 1, 2, 10**4, 10**8, 2**31 - 1, 2**31, 2**62, -(2**31), -(2**63)]
_IDS = [-1, 0, 1, 10**4, 2**31 - 1, -(2**31)]
_INDEX_TYPES = [np.int32, np.int64, np.uint64, np.float32, np.float64, np.int16, np.uint8, bool]


def features(draw: Draw, n: int, width: int) -> Any:
    """Return features that may be fine, odd or wrong."""
    X = draw.normal(n, width)
    X[X < 0] = 0
    how = draw.below(4)
    if how == 0:
        return csr_array(X)
    return damaged_sparse(draw, csr_array(X)) if how == 1 else dense(draw, X)


def dense(draw: Draw, array: Any) -> Any:
    """Return a dense array in one of many ways."""
    how = draw.below(15)
    if how < 2:
        return array
    if how == 2:
        with np.errstate(all="ignore"):
            kind = draw.one_of(DTYPES)
            return array.astype(np.int64).astype(kind) if kind == "M8[s]" else array.astype(kind)
    if how == 3:
        changed = array.astype(draw.one_of([np.float32, np.float64]))
        if changed.size:
            with np.errstate(all="ignore"):
                changed.flat[draw.below(changed.size)] = draw.one_of(VALUES)
        return changed
    if how == 4:
        return array[..., ::-1] if draw.one_in(2) else np.asfortranarray(array)
    if how == 5:
        return array[:0] if draw.one_in(2) else array[..., :0]
    if how == 6:
        return draw.one_of([np.float32(1), np.array(1.0), array[None], array.reshape(-1)])
    if how == 7:
        array.flags.writeable = False
        return array
    if how == 8:
        return np.ma.masked_array(array, array > 1)
    if how == 9:
        return array.tolist()
    if how == 10:
        return draw.one_of(
            [None, "text", 7, {}, [], [[]], [[1], [2, 3]], [None], [["a"]], b"x", object()]
        )
    if how == 11:
        return np.broadcast_to(array[:1], array.shape)
    if how == 12:
        raw = np.zeros(array.nbytes + 1, np.uint8)[1:].view(array.dtype)  # not aligned
        raw[:] = array.reshape(-1)
        return raw.reshape(array.shape)
    if how == 13 and array.size:
        with tempfile.TemporaryFile() as file:
            mapped = np.memmap(file, array.dtype, "w+", shape=array.shape)
        mapped[...] = array
        return mapped
    return array.astype(object)


def csr_parts(draw: Draw, csr: Any) -> dict[str, Any]:
    """Return data, indices, indptr and shape of a sparse array, some of them damaged."""
    parts = {
        "data": csr.data.copy(),
        "indices": csr.indices.copy(),
        "indptr": csr.indptr.astype(np.int64),
        "shape": np.array(csr.shape),
    }
    for _ in range(draw.between(1, 2)):
        name, how = draw.one_of(["data", "indices", "indptr", "indptr", "shape"]), draw.below(6)
        part = parts[name]
        if how < 2 and part.size:
            at = draw.below(part.size)
            values = {"data": VALUES, "indices": _IDS}.get(name, _POINTERS)
            with np.errstate(all="ignore"):
                part.flat[at] = np.array(draw.one_of(values)).astype(part.dtype)
        elif how == 2:
            parts[name] = part[: draw.below(part.size + 1)]
        elif how == 3:
            parts[name] = np.concatenate([part, part[:1]])
        elif how == 4:
            with np.errstate(all="ignore"):
                parts[name] = part.astype(draw.one_of(_INDEX_TYPES))
        else:
            parts[name] = part[::-1].copy()
    return parts


def damaged_sparse(draw: Draw, csr: Any) -> Any:
    """Return a sparse array whose parts were changed after scipy had looked at them."""
    how = draw.below(6)
    if how == 0:
        return draw.one_of([csr.tocsc, csr.tocoo, csr.todok, csr.tolil, csr.tobsr, csr.todia])()
    if how == 1:
        coo = coo_array(csr)
        coo.coords = tuple(_ids(draw, ids) for ids in coo.coords)
        return coo
    kind = csr_array if how < 5 else csc_array
    made, parts = kind(csr), csr_parts(draw, kind(csr))
    for name in ("data", "indices", "indptr"):
        setattr(made, name, parts[name])
    if draw.one_in(3):
        made.has_canonical_format = True
    return made


def _ids(draw: Draw, ids: Any) -> Any:
    changed = ids.copy()
    if changed.size:
        changed[draw.below(changed.size)] = draw.one_of(_IDS)
    return changed


def targets(draw: Draw, n: int, n_labels: int) -> Any:
    """Return targets that may be fine, odd or wrong."""
    classes = draw.rng.integers(0, n_labels, n)
    how = draw.below(8)
    if how < 2:
        return classes
    if how == 2:
        return draw.one_of(
            [classes.astype(str), classes * 10, classes - 1, classes * 1.0, classes > 0]
        )
    if how == 3:
        return draw.normal(n, n_labels) if draw.one_in(2) else draw.normal(n)
    lists = csr_array(np.eye(n_labels, dtype=np.float32)[classes])
    if how == 4:
        return lists
    return damaged_sparse(draw, lists) if how == 5 else dense(draw, classes)


def shown(array: Any) -> str:
    """Return what a hostile array is, for a story."""
    kind = type(array).__name__
    if not issparse(array):
        return f"{kind} {array!r:.100}"
    names = [name for name in ("indptr", "indices", "data") if hasattr(array, name)]
    parts = [f"{name}={getattr(array, name)!r:.100}" for name in names]
    return f"{kind} {', '.join(parts)}"
