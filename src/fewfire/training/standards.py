"""The mean and the deviation of each feature of a training set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..data import Dataset

_EXAMPLES = 20_000  # that are looked at
_FLOOR = 0.1  # of a deviation, as a share of the largest distance from the mean
_DEVIATION = 0.28  # root mean square of what is left, as of the pixels of MNIST


class Standards(NamedTuple):
    """What standardised inputs are made by: (x - mean) * sqrt(scale)."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]


def standards(data: Dataset, random_state: int) -> Standards:
    """Return the mean of each feature, and how its distance from it is scaled.

    Distances are divided by sqrt(deviation^2 + floor^2), where the floor is a tenth of the largest
    distance of the feature: one that is rarely anything else than its mean is not blown up. All are
    then scaled by one number, so that learning rates mean the same for any data.
    """
    rng = np.random.default_rng([random_state, len(data)])
    ids = np.sort(rng.permutation(len(data))[:_EXAMPLES])
    sums, squares, low, high = (np.zeros(data.n_features) for _ in range(4))
    for X in _parts(data, ids):
        sums += X.sum(axis=0, dtype=np.float64)
        squares += X.power(2).sum(axis=0, dtype=np.float64)
        low = np.minimum(low, X.min(axis=0).toarray().ravel())
        high = np.maximum(high, X.max(axis=0).toarray().ravel())
    mean = sums / len(ids)
    variance = np.maximum(squares / len(ids) - mean**2, 0.0)
    floored = variance + (_FLOOR * np.maximum(high - mean, mean - low)) ** 2
    varies = variance > 0
    scale = np.zeros_like(variance)
    scale[varies] = _DEVIATION**2 / floored[varies]
    scale /= (variance[varies] / floored[varies]).mean() if varies.any() else 1.0
    return Standards(mean.astype(np.float32), scale.astype(np.float32))


def _parts(data: Dataset, ids: NDArray[np.int64]) -> Iterator[csr_array]:
    """Yield the features of these examples, window by window; dense ones as sparse, for the same
    sums to the bit."""
    first = 0
    for window in data.windows():
        own = ids[np.searchsorted(ids, first) : np.searchsorted(ids, first + len(window))]
        if len(own):
            yield csr_array(window[own - first].X)
        first += len(window)
