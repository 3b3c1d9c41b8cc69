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
_ONE_UNIT = 0.1  # the median of these distances is a tenth of the largest: as in images
_MOST = 1e30  # scale, of what varies by next to nothing
_DEVIATION = 0.28  # root mean square of what is left, as of the pixels of MNIST


class Standards(NamedTuple):
    """What standardised inputs are made by: (x - mean) * sqrt(scale)."""

    mean: NDArray[np.float32]
    scale: NDArray[np.float32]


def standards(data: Dataset, random_state: int) -> Standards:
    """Return the mean of each feature, and how its distance from it is scaled.

    Features in one unit, as pixels are, stay as they are to each other: those that vary little
    would else be blown up. Where the distances of features differ in size by far, each is divided
    by sqrt(deviation^2 + floor^2), where the floor is a tenth of its largest. All are then scaled
    by one number, so that learning rates mean the same for any data.
    """
    rng = np.random.default_rng([random_state, len(data)])
    ids = np.sort(rng.permutation(len(data))[:_EXAMPLES])
    sums, squares = np.zeros(data.n_features), np.zeros(data.n_features)
    low, high = np.full(data.n_features, np.inf), np.full(data.n_features, -np.inf)
    for X in _parts(data, ids):
        sums += X.sum(axis=0, dtype=np.float64)
        squares += X.power(2).sum(axis=0, dtype=np.float64)
        low = np.minimum(low, X.min(axis=0).toarray().ravel())
        high = np.maximum(high, X.max(axis=0).toarray().ravel())
    mean = sums / len(ids)
    variance = np.maximum(squares / len(ids) - mean**2, 0.0)
    varies = variance > 0
    if not varies.any():
        return Standards(mean.astype(np.float32), np.ones(len(mean), np.float32))
    largest = np.maximum(high - mean, mean - low)[varies]
    if np.median(largest) >= _ONE_UNIT * largest.max():
        divisor = np.full(len(largest), variance.sum() / data.n_features)
    else:
        divisor = variance[varies] + (_FLOOR * largest) ** 2
    scale = np.zeros(len(mean))
    scale[varies] = 1 / divisor
    scale *= _DEVIATION**2 * data.n_features / (variance * scale).sum()
    scale = np.minimum(scale, _MOST)
    return Standards(mean.astype(np.float32), scale.astype(np.float32))


def _parts(data: Dataset, ids: NDArray[np.int64]) -> Iterator[csr_array]:
    """Yield the features of these examples, window by window; dense ones as sparse, for the same
    sums to the bit."""
    first = 0
    for window in data.windows():
        own = ids[np.searchsorted(ids, first) : np.searchsorted(ids, first + len(window))]
        if len(own):
            yield csr_array(window[own - first].X).astype(np.float64)
        first += len(window)
