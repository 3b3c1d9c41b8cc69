"""Bytes of inputs: x_j = low_j + step_j q_j, q_j from 0 to 255."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..data import Dataset
from ..data.csr import make_csr
from ..data.features import Features

_CLOSE = 1e-4  # of a step


class Steps(NamedTuple):
    """How each input becomes a byte, (n_inputs,)."""

    low: NDArray[np.float32]
    step: NDArray[np.float32]

    @classmethod
    def of(cls, data: Dataset) -> Steps:
        """Return steps for the values of `data`: 1/255 or 1 where all are bytes at that, as pixels
        are; otherwise those of each input's own range."""
        n = data.n_features
        low, high = np.zeros(n, np.float32), np.zeros(n, np.float32)
        for window in data.windows():
            X = window.X
            if len(window) == 0:
                continue
            low = np.minimum(low, _dense(X.min(axis=0)))
            high = np.maximum(high, _dense(X.max(axis=0)))
        if data.is_sparse and low.any():
            raise ValueError(
                "a sparse input is negative: the bytes of a device begin at 0; "
                "give inputs that are 0 or more, or dense ones"
            )
        for step in (1 / 255, 1.0):
            fits = not low.any() and high.max(initial=0) <= 255.5 * step
            if fits and all(_are_bytes(window.X, step) for window in data.windows()):
                return cls(low, np.full(n, step, np.float32))
        return cls(low, np.where(high > low, (high - low) / 255, 1).astype(np.float32))

    @property
    def common(self) -> float | None:
        """The step of all inputs, where they share one that begins at 0."""
        is_one = not self.low.any() and (self.step == self.step[0]).all()
        return float(self.step[0]) if is_one else None

    def bytes_of(self, X: Features) -> Features:
        """Return the inputs as bytes; what is outside of their range becomes its end."""
        if isinstance(X, csr_array):
            values = _whole(X.data / self.step[X.indices])
            return make_csr(values, X.indices, X.indptr, X.shape)
        return _whole((X - self.low) / self.step)


def _whole(values: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.float32)


def _dense(row: object) -> NDArray[np.float32]:
    toarray = getattr(row, "toarray", None)
    return np.asarray(row if toarray is None else toarray(), np.float32).reshape(-1)


def _are_bytes(X: Features, step: float) -> bool:
    values = (X.data if isinstance(X, csr_array) else X) / np.float32(step)
    return bool((np.abs(values - np.rint(values)) < _CLOSE).all())
