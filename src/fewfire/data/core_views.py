"""A data set as the core borrows it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import _core
from . import Dataset
from .some_columns import columns_of


def core_inputs(data: Dataset, columns: NDArray[np.int32] | None = None) -> _core.Inputs:
    """Return the core's view of the examples: it shares the arrays, or holds copies of the
    `columns`, which ascend, where it is to see no others."""
    X = data.X if columns is None else columns_of(data.X, columns)
    if isinstance(X, np.ndarray):
        return _core.DenseInputs(X)
    return _core.SparseInputs(np.asarray(X.indptr, np.int64), X.indices, X.data, X.shape[1])


def core_targets(data: Dataset, weights: NDArray[np.float32] | None = None) -> _core.Targets:
    """Return the core's view of the targets, and of what each example counts for: it shares the
    arrays."""
    if data.kind == "values":
        targets = _core.ValueTargets(np.asarray(data.y, np.float32))
    else:
        targets = _core.LabelTargets(*data.label_lists())
    if weights is not None:
        targets.weigh(weights)
    return targets
