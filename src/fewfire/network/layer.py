"""What layers are made of: their arrays, what proposes rows, and what chooses among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..base.bfloat16 import is_bfloat16, nearest, widened
from ..base.checks import thread_count
from ..base.ledger import Ledger
from .architecture import Settings
from .arrays import layer_specs
from .bag import EmbeddingBag
from .core_gate import head_size, make_gate
from .core_index import make_index, n_cells
from .initial import seed_sequence


class Layer:
    """A layer of a network: its settings and its arrays.

    Attributes
    ----------
    settings : Linear or EmbeddingBag
    weights : ndarray of float32, (out_features, in_features); of an EmbeddingBag (n_features, dim)
        Of bfloat16 a copy that cannot be written to: assign an array, which is then rounded.
    stored : ndarray of float32 or uint16
        The weights as the core trains them; bfloat16 numbers as uint16, the upper halves of floats.
    bias : ndarray of float32, (out_features,)
    center : ndarray of float32, (in_features,), or None
        The mean input, of a layer with `Hashed(center=True)`; training sets it.
    draws : ndarray of uint32, (n_tables,), or None
        How often each table's hash functions were drawn anew, of a layer with
        `Hashed(redraw_every=...)`; training counts.
    retrieves : bool
        Whether it is a last layer that keeps every candidate and draws negatives.
    has_cells : bool
        Whether the index keeps centroids and cells that follow the rows.
    index : SignIndex, TableIndex or None
        What proposes rows to a hashed layer.
    origins : ndarray of uint32, (out_features,), or None
        The number of each row when the network was made, of a layer whose rows are renumbered.
    first_cost : ndarray of int64, (1, n_fields)
        What the codes that the layer started with cost.

    `random_state` of the network and `position` seed its hash functions and what its gate draws.
    `retrieves` says that it is a last layer which keeps every candidate (`architecture.retrieves`).
    """

    def __init__(
        self,
        settings: Settings,
        weights: NDArray[Any],
        bias: NDArray[np.float32],
        *others: NDArray[Any],
        random_state: int,
        position: int,
        retrieves: bool = False,
    ) -> None:
        seed = int(seed_sequence(random_state, position).generate_state(1, np.uint64)[0])
        self.settings = settings
        self.retrieves = retrieves
        self.stored = weights
        self.bias = bias
        given = dict(zip(layer_specs(settings), (weights, bias, *others), strict=False))
        self.origins = given.get("origins")
        self.center = given.get("center")
        self.draws = given.get("draws")
        self.has_cells = n_cells(settings.gate, settings.out_features) > 0
        shape = settings.out_features, settings.in_features
        self.index = make_index(settings.gate, shape, seed, is_first=position == 0)
        self.gate: _core.Gate | None = None
        if isinstance(settings, EmbeddingBag):
            self.core = _core.EmbeddingBag(
                weights, bias, settings.activation, settings.bias,
                settings.input_dropout, settings.dropout, seed,
            )  # fmt: skip
        else:
            self.gate = make_gate(settings, self.index, seed, retrieves=retrieves)
            self.core = _core.Linear(
                weights, bias, settings.activation, self.gate, settings.bias, seed
            )
        learned = others[len(self._held) - 2 :]
        self.first_cost = self.restore(*learned) if learned else self.refresh(thread_count(None))

    @property
    def weights(self) -> NDArray[np.float32]:
        """The weights, to look at; float32 ones also to change."""
        if not is_bfloat16(self.stored):
            return self.stored
        copy = widened(self.stored)
        copy.flags.writeable = False  # what is written to it would be lost
        return copy

    @weights.setter
    def weights(self, values: NDArray[np.float32]) -> None:
        self.stored[...] = nearest(values) if is_bfloat16(self.stored) else values

    @property
    def arrays(self) -> list[NDArray[Any]]:
        """What `array_specs` tells of, in its order; what an index has learned is a copy."""
        return [*self._held, *self.learned] if self.has_cells else self._held

    @property
    def _held(self) -> list[NDArray[Any]]:
        """The arrays that are not the index's."""
        arrays = (self.stored, self.bias, self.origins, self.center, self.draws)
        return [array for array in arrays if array is not None]

    @property
    def learned(self) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
        """Copies of the centroids and of the cell of each row, of a layer that has cells."""
        assert isinstance(self.index, _core.TableIndex)
        return np.asarray(self.index.learned), np.asarray(self.index.codes)

    def restore(
        self, centroids: NDArray[np.float32], cells: NDArray[np.uint32]
    ) -> NDArray[np.int64]:
        """Give a layer that has cells these; return what the rest of its index cost."""
        assert isinstance(self.index, _core.TableIndex)
        return np.asarray(self.index.restore(self.stored, centroids, cells))

    def set_arrays(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Take over what `arrays` of a layer like this returned."""
        held = self._held
        for to, array in zip(held, arrays, strict=False):
            to[...] = array
        if self.has_cells:
            self.restore(*arrays[len(held) :])
        else:
            self.refresh()

    def reorder(
        self, rows: NDArray[np.int64] | None = None, columns: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """Put the rows and columns in this order; return what making the codes anew cost.

        Not for a layer whose hash functions belong to its columns.
        """
        if rows is not None:
            assert self.origins is not None
            self.origins[...] = self.origins[rows]
            self.stored[...], self.bias[...] = self.stored[rows], self.bias[rows]
        if columns is not None:
            self.stored[...] = self.stored[:, columns]
        if not self.has_cells:
            return self.refresh()
        centroids, cells = self.learned
        if columns is not None:
            centroids = np.ascontiguousarray(centroids[:, [*columns, len(columns)]])
        return self.restore(centroids, cells if rows is None else cells[rows])

    def refresh(self, n_threads: int = 1) -> NDArray[np.int64]:
        """Recompute the codes of all rows; return the cost, (1, n_fields)."""
        if self.index is None:
            return Ledger.empty(1).counts
        if isinstance(self.index, _core.TableIndex):
            if self.center is not None:
                self.index.set_center(self.center)
            if self.draws is not None:
                self.index.set_draws(self.draws)
        return np.asarray(self.index.refresh(self.stored, self.bias, n_threads))

    def refresh_rows(self, rows: NDArray[np.int32], n_threads: int = 1) -> NDArray[np.int64]:
        """Recompute the codes of some rows of a layer with tables; return the cost."""
        assert isinstance(self.index, _core.TableIndex)
        return np.asarray(self.index.refresh_rows(self.stored, self.bias, rows, n_threads))

    def begin_refit(self, n_threads: int = 1) -> NDArray[np.int64]:
        """Begin to learn the cells anew, in pieces; return the cost."""
        assert isinstance(self.index, _core.TableIndex)
        return np.asarray(self.index.begin_refit(self.stored, self.bias, n_threads))

    def refit_rows(self, rows: NDArray[np.int32], n_threads: int = 1) -> NDArray[np.int64]:
        """Find the new cells of some rows; return the cost."""
        assert isinstance(self.index, _core.TableIndex)
        return np.asarray(self.index.refit_rows(self.stored, self.bias, rows, n_threads))

    def end_refit(self, n_threads: int = 1) -> NDArray[np.int64]:
        """Let the new cells, by now those of all rows, take over; return the cost."""
        assert isinstance(self.index, _core.TableIndex)
        return np.asarray(self.index.end_refit(self.stored, n_threads))

    def set_rare(self, rows: NDArray[np.int32]) -> None:
        """Tell a hashed layer with `explore` which rows to draw from."""
        assert isinstance(self.gate, _core.Hashed)
        self.gate.set_rare(rows, len(self.bias))

    def set_head(self, label_counts: NDArray[np.int64] | None) -> None:
        """Make the most frequent labels candidates of every example, if the layer has a head."""
        if isinstance(self.gate, _core.Retrieve):
            n_rows, rows = len(self.bias), np.empty(0, np.int32)
            if label_counts is not None:
                n_head = head_size(self.settings)
                rows = np.argsort(-label_counts, kind="stable")[:n_head].astype(np.int32)
            self.gate.set_head(rows, n_rows)

    def drift(self, rows: NDArray[np.int32], n_threads: int = 1) -> tuple[float, NDArray[np.int64]]:
        """Return how stale the codes of some rows are, a share of bits or codes, and the cost."""
        assert isinstance(self.index, _core.TableIndex)
        share, cost = self.index.drift(self.stored, self.bias, rows, n_threads)
        return float(share), np.asarray(cost)
