"""The mean inputs that hashing takes away before it looks at directions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..base.ledger import Ledger
from ..data import Dataset
from ..data.core_views import core_inputs
from .answers import core_model
from .layer import Layer


def learn_centers(
    layers: Sequence[Layer], data: Dataset, ids: NDArray[np.int64], n_threads: int = 1
) -> Ledger:
    """Set the mean inputs of a network's layers to those of some examples; return the cost.

    A `refresh` makes them count. Layers without `SimHash(center=True)` stay as they are.
    """
    if all(layer.center is None for layer in layers):
        return Ledger.empty(len(layers))
    some = data[ids]
    means, ledger = _core.mean_inputs(
        core_model(layers, None), core_inputs(some), np.arange(len(some)), n_threads
    )
    for layer, mean in zip(layers, means, strict=True):
        if layer.center is not None:
            layer.center[...] = mean
    return Ledger(ledger)
