"""Numpy's npz and npy files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from ...base.files import PathLike
from ..dataset import Dataset
from ..encoding import Encoding
from .shared import Pair, content, dataset, flat, reading, writing


def read_npz(path: PathLike, like: Dataset | Encoding | None = None) -> Dataset | Pair:
    """Read an npz: `X`, `y`; `x_train`, `y_train`, `x_test`, `y_test`; or a scipy sparse array.

    Pictures, that is arrays of bytes with 3 or more dimensions, become rows from 0 to 1.
    """
    with reading(path, "an npz file"):
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        if {"format", "shape", "data"} <= arrays.keys():
            arrays = {"X": sparse.load_npz(Path(path))}
        arrays = _joined(arrays)
        if not ({"X"} <= arrays.keys() or {"x_train", "x_test"} <= arrays.keys()):
            raise ValueError(
                f"it holds {', '.join(sorted(arrays)) or 'nothing'}; name the arrays X and y, or "
                "x_train, y_train, x_test and y_test"
            )
    if "X" in arrays:
        return _npz_dataset(path, arrays, like)
    train = dataset(path, flat(arrays["x_train"]), arrays.get("y_train"), like=like)
    return train, dataset(path, flat(arrays["x_test"]), arrays.get("y_test"), like=train)


def _npz_dataset(
    path: PathLike, arrays: dict[str, Any], like: Dataset | Encoding | None
) -> Dataset:
    X, y, names = arrays["X"], arrays.get("y"), arrays.get("label_names")
    if not sparse.issparse(X):
        X = flat(X)
    if names is not None and y is not None and not sparse.issparse(y) and y.dtype.kind in "iu":
        if y.size and (y.min() < 0 or y.max() >= len(names)):
            raise ValueError(f"{path} holds label ids beyond its {len(names)} label_names")
        y = names[y]
    if like is not None:
        return dataset(path, X, y, like=like)
    n_labels = int(arrays["n_labels"]) if "n_labels" in arrays else None
    return dataset(
        path, X, y, label_names=None if names is None else names.tolist(), n_labels=n_labels
    )


def _joined(arrays: dict[str, Any]) -> dict[str, Any]:
    """Put the parts of CSR arrays together: `X_data`, `X_indices`, `X_indptr`, `X_shape` -> `X`."""
    for name in ("X", "y"):
        if f"{name}_indptr" in arrays:
            data, indices, indptr, shape = (
                arrays.pop(f"{name}_{part}") for part in ("data", "indices", "indptr", "shape")
            )
            n_rows, n_columns = (int(extent) for extent in shape)
            arrays[name] = sparse.csr_array((data, indices, indptr), shape=(n_rows, n_columns))
    return arrays


def save_npz(path: PathLike, data: Dataset) -> None:
    """Write a data set with its labels and their names; `read_npz` gives the same one back.

    >>> save_npz("pets.npz", Dataset([[1.0], [2.0]], ["cat", "dog"]))
    >>> read_npz("pets.npz").label_names
    ('cat', 'dog')
    """
    data.check()
    arrays: dict[str, Any] = {}
    for name, values in (("X", data.X), ("y", data.y)):
        if isinstance(values, sparse.csr_array):
            for part in ("data", "indices", "indptr", "shape"):
                arrays[f"{name}_{part}"] = np.asarray(getattr(values, part))
        elif values is not None:
            arrays[name] = values
    if data.kind in ("classes", "labels"):
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
    with reading(path, "an npy file"):
        features = np.load(io.BytesIO(content(path)), allow_pickle=False)
    return dataset(path, flat(features), None, like=like)
