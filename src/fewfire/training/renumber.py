"""Rows of hidden layers, renumbered by use.

A step reads a few columns of a few rows. Which row has which number means nothing, so the rows that
are used most get the lowest numbers: the columns that they are in the next layer then share cache
lines. What a step touches takes a fraction of the cache it took.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..base.interrupts import deferred_interrupts
from ..base.ledger import Ledger
from ..network.network import Network
from .optimizer_state import OptimizerState


def renumber(net: Network, moments: OptimizerState, usage: Sequence[NDArray[np.int64]]) -> Ledger:
    """Sort the rows of hidden layers by `usage`, most used first; return what new codes cost.

    Only layers hashed by signs or cells are sorted, and not below a layer whose hash functions
    belong to its columns. Cells and centroids move along.

    Parameters
    ----------
    net : Network
    moments : OptimizerState
        Move with their rows.
    usage : sequence of ndarray (rows,)
        For each layer, how often each row was chosen.
    """
    orders = {
        position: np.argsort(-usage[position], kind="stable")
        for position, (layer, above) in enumerate(pairwise(net.layers))
        if layer.origins is not None and (above.origins is not None or above.codes is None)
    }
    ledger = Ledger.empty(len(net.layers))
    with deferred_interrupts(), net.access.changing():
        for position in sorted({*orders, *(below + 1 for below in orders)}):
            rows, columns = orders.get(position), orders.get(position - 1)
            if rows is not None:
                for array in moments.of_rows(position):
                    array[...] = array[rows]
            if columns is not None:
                for array in moments.of_columns(position):
                    array[...] = array[:, columns]
            ledger.add_to_layer(position, net.layers[position].reorder(rows, columns))
    return ledger
