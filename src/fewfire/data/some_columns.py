"""Some columns of features, of dense rows as of sparse ones: for models that read no others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .csr import make_csr
from .dataset import Dataset
from .features import Features


def columns_of(X: Features, columns: NDArray[np.int32]) -> Features:
    """Return these columns, which ascend, as features of their own.

    >>> columns_of(np.eye(3, dtype=np.float32), np.array([0, 2], np.int32))
    array([[1., 0.],
           [0., 0.],
           [0., 1.]], dtype=float32)
    """
    if isinstance(X, np.ndarray):
        return np.ascontiguousarray(X[:, columns])
    place = np.full(X.shape[1], -1, np.int32)
    place[columns] = np.arange(len(columns), dtype=np.int32)
    new = place[X.indices]
    kept = new >= 0
    ends = np.concatenate([[0], np.cumsum(kept)])
    return make_csr(X.data[kept], new[kept], ends[X.indptr], (X.shape[0], len(columns)))


def used_columns(data: Dataset) -> NDArray[np.int32]:
    """Return the columns in which some example has a value that is not 0, ascending.

    >>> used_columns(Dataset([[0, 1, 0], [0, 2, 3]]))
    array([1, 2], dtype=int32)
    """
    used = np.zeros(data.n_features, bool)
    for window in data.windows():
        X = window.X
        if isinstance(X, np.ndarray):
            used |= X.any(axis=0)
        else:
            used[X.indices] = True
    return np.flatnonzero(used).astype(np.int32)
