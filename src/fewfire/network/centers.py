"""The mean inputs of layers, and those that hashing takes away before it looks at directions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..base.ledger import Ledger
from ..data import Dataset
from ..data.core_views import core_inputs
from .network import Network


def mean_inputs(
    net: Network, data: Dataset, ids: NDArray[np.int64], n_threads: int = 1
) -> tuple[list[NDArray[np.float32]], Ledger]:
    """Return the mean input of each layer over some examples, and the cost."""
    some = data[ids]
    means, ledger = _core.mean_inputs(net.core, core_inputs(some), np.arange(len(some)), n_threads)
    return means, Ledger(ledger)


def learn_centers(
    net: Network, data: Dataset, ids: NDArray[np.int64], n_threads: int = 1
) -> Ledger:
    """Set the mean inputs of a network's layers to those of some examples; return the cost.

    A `refresh` makes them count. Layers whose family takes no mean away stay as they are.
    """
    if all(layer.center is None for layer in net.layers):
        return Ledger.empty(len(net.layers))
    means, ledger = mean_inputs(net, data, ids, n_threads)
    with net.access.changing():
        for layer, mean in zip(net.layers, means, strict=True):
            if layer.center is not None:
                layer.center[...] = mean
    return ledger
