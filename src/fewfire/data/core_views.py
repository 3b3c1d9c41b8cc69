"""A data set as the core borrows it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import _core
from . import Dataset


def core_inputs(data: Dataset) -> _core.Inputs:
    """Return the core's view of the examples: it shares the arrays."""
    if isinstance(data.X, np.ndarray):
        return _core.DenseInputs(data.X)
    indptr = np.asarray(data.X.indptr, np.int64)
    return _core.SparseInputs(indptr, data.X.indices, data.X.data, data.n_features)


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
