"""How true a gate is: what its tables hold, what it chooses, and what it misses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..data import Dataset
from ..data.core_views import core_inputs
from .answers import core_model, predict
from .codes import TableCodes
from .gates import family_of
from .layer import Layer


@dataclass(frozen=True)
class TableStats:
    """The index of one hashed layer, and its gate on some examples.

    Attributes
    ----------
    layer : int
        Position in the network.
    family : str
    n_tables, n_buckets : int
        Hash tables, and buckets of each; 0 for families without.
    load_histogram : ndarray of int64
        Entry i: how many buckets, of all tables, hold i rows.
    n_examples : int
        How many examples the rest was measured on; without any it is empty or NaN.
    usage : ndarray of int64, (rows,)
        Examples that chose each row.
    recall, recall_best : float
        Share of the truly best rows, as many as the gate keeps, that it chose; share of examples
        whose single best row it chose. Inputs are those that reach the layer through the gates.
    cost_share : float
        Share of the layer's multiplications that found rows: hashing and ranking.
    chosen : ndarray of int32, (n_examples, kept rows)
        What each example chose, the highest score first; -1 where there were fewer.
    origins : ndarray of uint32, (rows,)
        The number of each row when the network was made: training renumbers by use.

    Examples
    --------
    >>> from fewfire import Hashed, Linear, Network
    >>> gate = Hashed(density=0.1, family="simhash")
    >>> net = Network(Linear(20, 100, activation="relu", gate=gate), Linear(100, 2), random_state=0)
    >>> stats = net.table_stats(Dataset(np.eye(20, dtype=np.float32), [0, 1] * 10))[0]
    >>> stats.family, stats.n_tables, stats.chosen.shape
    ('simhash', 50, (20, 10))
    """

    layer: int
    family: str
    n_tables: int
    n_buckets: int
    load_histogram: NDArray[np.int64]
    n_examples: int
    usage: NDArray[np.int64]
    recall: float
    recall_best: float
    cost_share: float
    chosen: NDArray[np.int32]
    origins: NDArray[np.uint32]

    @property
    def empty_buckets(self) -> float:
        """Share of all buckets that hold no row."""
        total = int(self.load_histogram.sum())
        return float(self.load_histogram[0]) / total if total else float("nan")

    @property
    def largest_bucket(self) -> int:
        """Rows in the fullest bucket."""
        return max(0, len(self.load_histogram) - 1)

    @property
    def never_chosen(self) -> int:
        """Rows that no example chose."""
        return int((self.usage == 0).sum())

    def consistency(self, earlier: TableStats) -> float:
        """Return the mean share of an example's rows that it had chosen `earlier`, too.

        Both must be of the same network, or of what was trained or loaded from it.

        Raises
        ------
        ValueError
            If the two were not measured on the same number of examples.
        """
        if earlier.chosen.shape != self.chosen.shape:
            raise ValueError(
                f"choices of {earlier.chosen.shape} and of {self.chosen.shape} do not compare: "
                "measure both on the same examples and the same layer"
            )
        return _overlap(self._chosen_origins(), earlier._chosen_origins())

    def _chosen_origins(self) -> NDArray[np.int64]:
        return np.where(self.chosen < 0, np.int64(-1), self.origins[self.chosen])

    def to_dict(self) -> dict[str, Any]:
        """Return the figures for JSON, the choices left out."""
        return {
            "layer": self.layer,
            "family": self.family,
            "n_tables": self.n_tables,
            "n_buckets": self.n_buckets,
            "load_histogram": self.load_histogram.tolist(),
            "empty_buckets": self.empty_buckets,
            "largest_bucket": self.largest_bucket,
            "n_examples": self.n_examples,
            "usage": self.usage.tolist(),
            "never_chosen": self.never_chosen,
            "recall": self.recall,
            "recall_best": self.recall_best,
            "cost_share": self.cost_share,
        }


def table_stats(
    layers: Sequence[Layer],
    data: Dataset | None,
    n_threads: int,
    columns: NDArray[np.int32] | None = None,
) -> list[TableStats]:
    """Return what `Network.table_stats` does; nobody may change the layers meanwhile."""
    hashed = [position for position, layer in enumerate(layers) if layer.codes is not None]
    if data is None or len(data) == 0:
        return [_unused(position, layers[position]) for position in hashed]
    model, inputs = core_model(layers, None), core_inputs(data, columns)
    ids = np.arange(len(data), dtype=np.int64)
    result = predict(
        model, len(layers), data, 1, exact=False, n_threads=n_threads, counts_rows=True,
        columns=columns,
    )  # fmt: skip
    stats = []
    for position in hashed:
        chosen, best = _core.choices(model, position, inputs, ids, n_threads)
        ledger = result.ledger.layers[position]
        found = ledger.hashing + ledger.ranking
        stats.append(
            TableStats(
                **_tables_of(position, layers[position]),
                n_examples=len(data),
                usage=result.usage[position],
                recall=_overlap(best, chosen),
                recall_best=_overlap(best[:, :1], chosen),
                cost_share=found / ledger.total if ledger.total else 0.0,
                chosen=chosen,
            )
        )
    return stats


def _unused(position: int, layer: Layer) -> TableStats:
    nan = float("nan")
    return TableStats(
        **_tables_of(position, layer),
        n_examples=0,
        usage=np.zeros(len(layer.bias), np.int64),
        recall=nan,
        recall_best=nan,
        cost_share=nan,
        chosen=np.empty((0, layer.settings.active), np.int32),
    )


def _tables_of(position: int, layer: Layer) -> dict[str, Any]:
    family = family_of(layer.settings.gate)
    offsets = np.zeros((0, 1), np.int64)
    if isinstance(layer.codes, TableCodes):
        offsets = np.asarray(layer.codes.index.offsets)
    return {
        "layer": position,
        "family": "" if family is None else family.name,
        "n_tables": len(offsets),
        "n_buckets": offsets.shape[1] - 1,
        "load_histogram": np.bincount(np.diff(offsets, axis=1).ravel()),
        "origins": _origins(layer),
    }


def _origins(layer: Layer) -> NDArray[np.uint32]:
    if layer.origins is None:
        return np.arange(layer.settings.out_features, dtype=np.uint32)
    return layer.origins.copy()


def _overlap(wanted: NDArray[np.integer], found: NDArray[np.integer]) -> float:
    """Mean share of what an example wanted, -1 left out, that is among what it found."""
    shares = [
        np.isin(own[own >= 0], other).mean()
        for own, other in zip(wanted, found, strict=True)
        if (own >= 0).any()
    ]
    return float(np.mean(shares)) if shares else float("nan")
