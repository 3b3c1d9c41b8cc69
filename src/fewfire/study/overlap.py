"""How often steps that run at the same time would change the same rows: a simulation.

The rows that examples choose are recorded from a trained net. As many examples as there are
threads, drawn at random, are taken to be in their steps at the same time. Each step starts and ends
together with the others. Real steps overlap in part and take turns on a busy machine, so this is
more than what threads meet with; the ledger's `conflicts` are counted, not simulated.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset
from ..network.network import Network

THREADS = (2, 4, 8, 16, 32, 64, 128, 256)
_DRAWS = 200

Sets = NDArray[np.bool_]  # (examples, rows): what each example chose


def overlaps(net: Network, data: Dataset, seed: int = 0) -> dict[str, dict[str, float]]:
    """Return, by number of threads, the share of rows and of parameters that another one changes.

    Parameters
    ----------
    net : Network
        All hidden layers hashed; its output layer, of which every step changes every row, is left
        out of the count.
    data : Dataset
        Dense examples to draw from.
    seed : int
        Seeds the draws.
    """
    layers = _chosen(net, data)
    rng = np.random.default_rng(seed)
    return {str(n): _overlap(layers, n, rng) for n in THREADS if n <= len(data)}


def _chosen(net: Network, data: Dataset) -> list[tuple[Sets, Sets]]:
    """Rows and columns that each example has in each hidden layer."""
    columns = np.asarray(data.X) != 0
    layers = []
    for stats in net.table_stats(data):
        rows = np.zeros((len(data), len(stats.usage)), dtype=bool)
        example, place = np.nonzero(stats.chosen >= 0)
        rows[example, stats.chosen[example, place]] = True
        layers.append((rows, columns))
        columns = rows
    return layers


def _overlap(
    layers: Sequence[tuple[Sets, Sets]], n_threads: int, rng: np.random.Generator
) -> dict[str, float]:
    met = np.zeros(2)
    changed = np.zeros(2)
    for _ in range(_DRAWS):
        mine, *others = rng.choice(len(layers[0][0]), n_threads, replace=False)
        for rows, columns in layers:
            theirs_rows = rows[others][:, rows[mine]].astype(np.float32)
            theirs_columns = columns[others][:, columns[mine]].astype(np.float32)
            both = theirs_rows.T @ theirs_columns > 0
            met += theirs_rows.any(axis=0).sum(), both.sum()
            changed += len(both), both.size
    row_share, parameter_share = met / np.maximum(changed, 1)
    return {"rows": float(row_share), "parameters": float(parameter_share)}
