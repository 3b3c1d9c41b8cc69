"""Where a last layer starts: at the frequencies of labels, or at the mean and the size of values.

What a constant answers is not learned step by step then, and learning rates mean the same for
values in any unit.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..base.ledger import Ledger
from ..data import Dataset
from ..data.class_weights import Weights
from ..network.network import Network
from .optimizers import SGD, Optimizer

_RESOLUTION = 1e-7  # of float32
_SIZES = 1e-15, 1e15  # whose squares float32 holds


def is_untrained(net: Network) -> bool:
    """Whether nothing has set the biases of the last layer."""
    last = net.layers[-1]
    return last.settings.bias and not last.bias.any()


class Unit(NamedTuple):
    """What values are learned in: as if their mean had been taken away, and they had been divided
    by `size`, the root mean square of what is left."""

    mean: NDArray[np.float64]
    size: float

    @classmethod
    def of(cls, data: Dataset, loss: str, weights: Weights) -> Unit:
        """Measure values; classes and labels are learned as they are."""
        return cls(*_mean_and_size(data, weights)) if loss == "squared" else cls(np.zeros(1), 1.0)

    @property
    def loss_scale(self) -> float:
        """What gradients of the loss are multiplied by."""
        return 1 / self.size**2

    def pace(self, optimizer: Optimizer) -> float:
        """Return by how much faster the last layer moves. Steps of plain SGD grow with the
        gradient, which is that of divided values divided by the size."""
        return self.size**2 if isinstance(optimizer, SGD) else self.size


def start_outputs(
    net: Network, data: Dataset, weights: Weights, unit: Unit, n_threads: int = 1
) -> Ledger:
    """Let an untrained last layer answer what is known of `data` before anything is learned.

    Softmax: the log of a label's share of all occurrences; logistic: the log-odds of its share of
    the examples; each label is counted half a time more often than it occurred, so that no
    logarithm is of 0. Values: their mean, and weights of their size.

    Returns
    -------
    Ledger
        What the codes of the layer cost, made again because they depend on the biases.
    """
    last = net.layers[-1]
    with net.access.changing():
        if data.kind == "values":
            last.weights = last.weights * np.float32(unit.size)
            last.bias[...] = unit.size * last.bias + unit.mean
        else:
            counts, total = _counted(data, weights, len(last.bias))
            last.bias += _log_priors(counts + 0.5, net.loss, total)
    return net.refresh(n_threads, positions=[len(net.layers) - 1])


def _log_priors(counts: NDArray[Any], loss: str | None, n: float) -> NDArray[Any]:
    share = np.minimum(counts / (n if loss == "logistic" else counts.sum()), 0.99)
    return np.log(share / (1 - share)) if loss == "logistic" else np.log(share)


def _counted(data: Dataset, weights: Weights, n_labels: int) -> tuple[NDArray[np.float64], float]:
    """Return the weight of each label's examples, and that of all, which is their number: on
    average an example weighs 1."""
    counts, total = np.zeros(n_labels), 0.0
    for part in data.windows():
        own = weights.all_of(part)
        indptr, ids = part.label_lists()
        counts += np.bincount(ids, np.repeat(own, np.diff(indptr)), n_labels)
        total += float(own.sum(dtype=np.float64))
    return counts * (len(data) / total), float(len(data))


def _mean_and_size(data: Dataset, weights: Weights) -> tuple[NDArray[np.float64], float]:
    """Return the mean of each value, and the size of what is left, 1 where nothing is."""
    sums, squares, total = np.zeros(data.n_labels), np.zeros(data.n_labels), 0.0
    for part in data.windows():
        own = weights.all_of(part).astype(np.float64)
        sums += own @ np.asarray(part.y, np.float64)
        total += own.sum()
    mean = sums / total
    for part in data.windows():
        squares += weights.all_of(part) @ (np.asarray(part.y, np.float64) - mean) ** 2
    size = math.sqrt(float(squares.sum()) / (total * data.n_labels))
    if size <= _RESOLUTION * np.abs(mean).max():  # rounding is all that is left
        return mean, 1.0
    return mean, float(np.clip(size, *_SIZES))
