"""Labels as trees compare them: by the mean direction of their examples."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .. import _core
from ..data.csr import make_csr
from .expansion import as_inputs


class ExamplesOfLabels:
    """The examples of each of `labels`, of which it is known what their centroids will take.

    rows: (n, width) expanded examples. lists: (n, all labels) of ones.
    """

    def __init__(self, rows: csr_array, lists: csr_array, labels: NDArray[np.int32]) -> None:
        own = csr_array(lists[:, labels].T.tocsr())
        self._inputs, self._width = as_inputs(rows), int(rows.shape[1])
        self._lists = np.asarray(own.indptr, np.int64), np.asarray(own.indices, np.int32)

    def centroid_bytes(self, n_threads: int) -> int:
        """Return what the centroids will take."""
        begins = _core.count_features(self._inputs, *self._lists, n_threads)
        return int(begins.nbytes + 8 * begins[-1])

    def centroids(self, n_threads: int) -> csr_array:
        """Return the mean direction of each label's examples, of unit length or empty."""
        indptr, indices, values = _core.centroids(self._inputs, *self._lists, n_threads)
        return make_csr(values, indices, indptr, (len(indptr) - 1, self._width))
