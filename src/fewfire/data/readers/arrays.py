"""Numpy's npz and npy files."""

from __future__ import annotations

import gzip
import math
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ...base.checks import LARGEST_ID, check_memory
from ...base.files import PathLike
from ..csr import csr_of
from ..dataset import Dataset
from ..encoding import Encoding, Kind
from .shared import Pair, check_announced, dataset, flat, reading, unpacked, writing

_PARTS = ("data", "indices", "indptr", "shape")
_OF_SCIPY = ("format", "row", "col", "coords", "offsets")
_NAMES = {
    *("X", "y", "label_names", "n_labels", "x_train", "y_train", "x_test", "y_test"),
    *(f"{name}_{part}" for name in ("X", "y") for part in _PARTS),
    *_PARTS,
    *_OF_SCIPY,
}
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def read_npz(
    path: PathLike, like: Dataset | Encoding | None = None, *, kind: Kind = None
) -> Dataset | Pair:
    """Read an npz: `X`, `y`; `x_train`, `y_train`, `x_test`, `y_test`; or a scipy sparse array.

    Pictures, that is arrays of bytes with 3 or more dimensions, become rows from 0 to 1.
    """
    with reading(path, "an npz file"):
        arrays = _members(path)
        if {"format", "shape", "data"} <= arrays.keys():
            arrays = {"X": _of_scipy(arrays)}
        arrays = _joined(arrays)
        if not ({"X"} <= arrays.keys() or {"x_train", "x_test"} <= arrays.keys()):
            raise ValueError(
                f"it holds {', '.join(sorted(arrays)) or 'nothing'}; name the arrays X and y, or "
                "x_train, y_train, x_test and y_test"
            )
        names, n_labels = _names(arrays), _n_labels(arrays)
    if "X" in arrays:
        return _npz_dataset(
            path, arrays["X"], _targets(arrays, "y", like), names, n_labels, like, kind
        )
    y_train, y_test = (_targets(arrays, name, like) for name in ("y_train", "y_test"))
    train = dataset(path, flat(arrays["x_train"]), y_train, like=like, kind=kind)
    return train, dataset(path, flat(arrays["x_test"]), y_test, like=train)


def _targets(arrays: dict[str, Any], name: str, like: Dataset | Encoding | None) -> Any:
    """Return targets, unless features alone are of interest: of whatever kind they are."""
    of_features = isinstance(like, Encoding) and like.of_features() == like
    return None if of_features else arrays.get(name)


def _npz_dataset(
    path: PathLike,
    X: Any,
    y: Any,
    names: NDArray[Any] | None,
    n_labels: int | None,
    like: Dataset | Encoding | None,
    kind: Kind,
) -> Dataset:
    if not sparse.issparse(X):
        X = flat(X)
    if names is not None and y is not None and not sparse.issparse(y) and y.dtype.kind in "iu":
        if y.size and (y.min() < 0 or y.max() >= len(names)):
            raise ValueError(f"{path} holds label ids beyond its {len(names)} label_names")
        y = names[y]
    if like is not None or kind == "values":  # which have no names
        return dataset(path, X, y, like=like, kind=kind)
    label_names = None if names is None else names.tolist()
    return dataset(path, X, y, label_names=label_names, n_labels=n_labels, kind=kind)


def _members(path: PathLike) -> dict[str, Any]:
    """Return the arrays of an archive, of others than ours an empty one: they are not unpacked."""
    arrays: dict[str, Any] = {}
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = member.filename.removesuffix(".npy")
            arrays[name] = np.empty(0)
            if name in _NAMES:
                with archive.open(member) as file:
                    packed = member.compress_type != zipfile.ZIP_STORED
                    arrays[name] = _read_array(file, member.compress_size, packed=packed)
    return arrays


def _read_array(file: Any, n_packed: int, *, packed: bool) -> NDArray[Any]:
    """Read an npy array of numbers or text; its header is believed as far as the file is long."""
    version = np.lib.format.read_magic(file)
    if version not in _HEADERS:
        raise ValueError(f"npy of version {version}, which holds neither numbers nor text")
    shape, by_columns, dtype = _HEADERS[version](file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are never unpickled")
    if dtype.kind not in "biufcSU":
        raise ValueError(f"it holds {dtype}, neither numbers nor text")
    n_bytes = math.prod(shape) * dtype.itemsize
    check_announced(n_bytes, n_packed, packed)
    check_memory("it", n_bytes)
    raw = file.read(n_bytes)
    if len(raw) < n_bytes:
        raise ValueError(f"it ends early: {n_bytes:,} bytes were to come, {len(raw):,} did")
    if dtype.kind == "U" and raw:
        characters = np.frombuffer(raw, np.dtype(np.uint32).newbyteorder(dtype.byteorder))
        if characters.max() > sys.maxunicode:
            raise ValueError("it holds numbers as text that are not characters")
    array: NDArray[Any] = np.ndarray(shape, dtype, raw, order="F" if by_columns else "C")
    return array


def _of_scipy(arrays: dict[str, Any]) -> sparse.csr_array:
    """Return what `scipy.sparse.save_npz` wrote."""
    kind, places = arrays["format"].item(), (arrays.get("row"), arrays.get("col"))
    parts = SimpleNamespace(**{"coords": places, **arrays})
    return csr_of(kind.decode() if isinstance(kind, bytes) else kind, parts, arrays["shape"], "X")


def _joined(arrays: dict[str, Any]) -> dict[str, Any]:
    """Put the parts of CSR arrays together: `X_data`, `X_indices`, `X_indptr`, `X_shape` -> `X`."""
    for name in ("X", "y"):
        if f"{name}_indptr" in arrays:
            parts = {part: arrays.pop(f"{name}_{part}", None) for part in _PARTS}
            arrays[name] = csr_of("csr", SimpleNamespace(**parts), parts["shape"], name)
    return arrays


def _names(arrays: dict[str, Any]) -> NDArray[Any] | None:
    names = arrays.get("label_names")
    if names is not None and names.ndim != 1:
        raise ValueError(f"label_names has shape {names.shape}, wanted a row of names")
    return names


def _n_labels(arrays: dict[str, Any]) -> int | None:
    n_labels = arrays.get("n_labels")
    if n_labels is None:
        return None
    if n_labels.ndim or n_labels.dtype.kind not in "iu" or not 0 <= n_labels <= LARGEST_ID:
        raise ValueError(f"n_labels is {n_labels.dtype}{n_labels.shape}, wanted a number from 0")
    return int(n_labels)


def save_npz(path: PathLike, data: Dataset) -> None:
    """Write a data set with its labels and their names; `read_npz` gives the same one back.

    >>> save_npz("pets.npz", Dataset([[1.0], [2.0]], ["cat", "dog"]))
    >>> read_npz("pets.npz").label_names
    ('cat', 'dog')
    """
    data.check()
    data.check_known("be saved")
    if data.sample_weight is not None:
        raise ValueError(
            "npz holds no sample_weight: save Dataset(data.X, data.y, like=data), and the weights "
            "beside it"
        )
    arrays: dict[str, Any] = {}
    for name, values in (("X", data.X), ("y", data.y)):
        if isinstance(values, sparse.csr_array):
            for part in _PARTS:
                arrays[f"{name}_{part}"] = np.asarray(getattr(values, part))
        elif values is not None:
            arrays[name] = values
    if data.kind != "values" and data.n_labels:
        arrays["n_labels"] = np.int64(data.n_labels)
        if data.label_names is not None:
            names = np.array(data.label_names)
            if names.dtype.kind not in "iuU" or names.tolist() != list(data.label_names):
                raise ValueError("npz holds label_names that are all strings or all integers")
            arrays["label_names"] = names
    with writing(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_npy(path: PathLike, like: Dataset | Encoding | None = None) -> Dataset:
    """Read an npy array as examples without targets; pictures become rows, as in `read_npz`."""
    with reading(path, "an npy file"), unpacked(path) as file:
        size, packed = Path(path).stat().st_size, isinstance(file, gzip.GzipFile)
        features = _read_array(file, size, packed=packed)
    return dataset(path, flat(features), None, like=like)
