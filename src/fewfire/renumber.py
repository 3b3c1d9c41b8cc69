"""Rows of hidden layers, renumbered by use.

A step reads a few columns of a few rows. Which row has which number means nothing, so the rows that
are used most get the lowest numbers: the columns that they are in the next layer then share cache
lines, and what a step touches takes a fraction of the cache it took.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .hashed import Hashed
from .interrupts import deferred_interrupts
from .layers import Layer
from .ledger import Ledger
from .moments import Moments
from .network import Network

_FREE = ("sign", "centroid")  # families whose codes are found anew from any order of weights


def renumber(net: Network, moments: Moments, usage: Sequence[NDArray[np.int64]]) -> Ledger:
    """Sort the rows of hidden layers by `usage`, most used first; return what new codes cost.

    Only layers hashed by signs or cells are sorted, and not below a layer whose hash functions
    belong to its columns. Cells and centroids move along.

    Parameters
    ----------
    net : Network
    moments : Moments
        Move with their rows.
    usage : sequence of ndarray (rows,)
        For each layer, how often each row was chosen.
    """
    ledger = Ledger.empty(len(net.layers))
    for position, (layer, above) in enumerate(zip(net.layers, net.layers[1:], strict=False)):
        if _family(layer) not in _FREE or _family(above) not in (None, *_FREE):
            continue
        order = np.argsort(-usage[position], kind="stable")
        with deferred_interrupts():
            for rows in moments.of_rows(position):
                rows[...] = rows[order]
            for columns in moments.of_columns(position + 1):
                columns[...] = columns[:, order]
            ledger.add_to_layer(position, layer.reorder(rows=order))
            ledger.add_to_layer(position + 1, above.reorder(columns=order))
    return ledger


def _family(layer: Layer) -> str | None:
    selector = layer.settings.selector
    return selector.family if isinstance(selector, Hashed) else None
