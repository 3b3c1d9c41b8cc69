"""What a file has beyond its training set: features that no model reads, labels that none finds."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ...base.files import PathLike
from ..csr import read_only
from ..dataset import Dataset
from ..encoding import Encoding
from .shared import dataset


def dataset_like(
    path: PathLike, X: csr_array, y: Any, like: Dataset | Encoding, **options: Any
) -> Dataset:
    """Make a data set of numbers from a file. Unknown features are left out, with a warning;
    unknown labels are kept as such."""
    X = _known_features(path, X, like.n_features)
    if like.n_labels == 0 or like.kind not in ("classes", "labels"):
        return dataset(path, X, y, like=like, **options)
    if isinstance(y, csr_array):
        data = dataset(path, X, y[:, : like.n_labels], like=like, **options)
        if y.shape[1] > like.n_labels:
            set_unknown(data, csr_array(y[:, like.n_labels :]))
        return data
    is_known = np.isin(y, _names(like)) | (y != np.rint(y))  # of fractions, another error
    if is_known.all() or not is_known.any():  # of no known class, another kind of data
        return dataset(path, X, y, like=like, **options)
    data = dataset(path, X, np.where(is_known, y, y[np.argmax(is_known)]), like=like, **options)
    ids = np.array(data.y, np.int32)
    ids[~is_known] = -1
    data._y = read_only(ids)
    others, column = np.unique(y[~is_known], return_inverse=True)
    rows = np.flatnonzero(~is_known)
    ones = np.ones(len(rows), np.float32)
    set_unknown(data, csr_array((ones, (rows, column)), (len(y), len(others))))
    return data


def set_unknown(data: Dataset, labels: csr_array) -> None:
    """Note the labels of examples that the training set lacks, (n, unknown labels)."""
    if labels.nnz:
        found, columns = np.unique(labels.indices, return_inverse=True)
        shape = (labels.shape[0], len(found))
        data._unknown = csr_array((np.ones(labels.nnz), columns, labels.indptr), shape=shape)


def _known_features(path: PathLike, X: csr_array, n_features: int) -> csr_array:
    if X.shape[1] <= n_features:
        return X
    n_unknown = int((X.indices >= n_features).sum())
    if n_unknown:
        warnings.warn(
            f"{path}: {n_unknown:,} of {X.nnz:,} values are of features from {n_features:,} on, "
            "which the training set lacks: they are left out",
            UserWarning,
            stacklevel=3,
        )
    return csr_array(X[:, :n_features])


def _names(like: Dataset | Encoding) -> NDArray[Any]:
    names = like.label_names
    if names is None or not all(isinstance(name, int | float) for name in names):
        return np.arange(like.n_labels)
    return np.array(names)
