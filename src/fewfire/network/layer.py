"""What layers are made of: their arrays, what proposes rows, and what chooses among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..base.bfloat16 import is_bfloat16, nearest, widened
from ..base.checks import thread_count
from ..base.finite import check_finite
from ..base.ledger import Ledger
from .architecture import Settings
from .arrays import layer_specs
from .bag import EmbeddingBag
from .codes import CellCodes, make_codes
from .core_gate import make_gate
from .families import Place
from .gates import family_of
from .initial import seed_sequence
from .retrieve import Retrieve


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
        The mean input, of a layer whose family has `center=True`; training sets it.
    draws : ndarray of uint32, (n_tables,), or None
        How often each table's hash functions were drawn again, of a layer with
        `SimHash(redraw_every=...)`; training counts.
    codes : Codes, TableCodes, CellCodes or None
        Of the rows of a hashed layer, with the index that proposes them.
    origins : ndarray of uint32, (out_features,), or None
        The number of each row when the network was made, of a layer whose rows are renumbered.
    first_cost : ndarray of int64, (1, n_fields)
        What the codes that the layer started with cost.

    `random_state` of the network and `position` seed its hash functions and what its gate draws.
    """

    def __init__(
        self,
        settings: Settings,
        weights: NDArray[Any],
        bias: NDArray[np.float32],
        *others: NDArray[Any],
        random_state: int,
        position: int,
    ) -> None:
        seed = int(seed_sequence(random_state, position).generate_state(1, np.uint64)[0])
        self.settings = settings
        self.stored = weights
        self.bias = bias
        given = dict(zip(layer_specs(settings), (weights, bias, *others), strict=False))
        self.origins = given.get("origins")
        self.center = given.get("center")
        self.draws = given.get("draws")
        place = Place(settings.out_features, settings.in_features, seed, is_first=position == 0)
        family = family_of(settings.gate)
        self.codes = make_codes(family, place, weights, bias, self.center, self.draws)
        self.gate: _core.Gate | None = None
        if isinstance(settings, EmbeddingBag):
            self.core = _core.EmbeddingBag(
                weights, bias, settings.activation, settings.bias,
                settings.input_dropout, settings.dropout, seed,
            )  # fmt: skip
        else:
            self.gate = make_gate(settings, self.index, seed)
            self.core = _core.Linear(
                weights, bias, settings.activation, self.gate, settings.bias, seed
            )
        learned = others[len(self._held) - 2 :]
        self.first_cost = self._start(learned, thread_count(None))

    @property
    def index(self) -> _core.Index | None:
        """What proposes rows to a hashed layer."""
        return None if self.codes is None else self.codes.index

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
        given = np.asarray(values, np.float32)
        if given.shape != self.stored.shape:
            raise ValueError(f"weights are of the shape {given.shape}, wanted {self.stored.shape}")
        check_finite("weights", given)
        self.stored[...] = nearest(given) if is_bfloat16(self.stored) else given

    @property
    def arrays(self) -> list[NDArray[Any]]:
        """What `array_specs` says of, in its order; what an index has learned is a copy."""
        learned = self.codes.learned if isinstance(self.codes, CellCodes) else ()
        return [*self._held, *learned]

    @property
    def _held(self) -> list[NDArray[Any]]:
        """The arrays that are not the index's."""
        arrays = (self.stored, self.bias, self.origins, self.center, self.draws)
        return [array for array in arrays if array is not None]

    def set_arrays(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Take over what `arrays` of a layer like this returned."""
        held = self._held
        for to, array in zip(held, arrays, strict=False):
            to[...] = array
        self._start(arrays[len(held) :])

    def _start(self, learned: Sequence[NDArray[Any]], n_threads: int = 1) -> NDArray[np.int64]:
        """Make the codes from what the index had learned, if it is known; return the cost."""
        if isinstance(self.codes, CellCodes) and learned:
            return self.codes.restore(*learned)
        return self.refresh(n_threads)

    def reorder(
        self, rows: NDArray[np.int64] | None = None, columns: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """Put the rows and columns in this order; return what making the codes again cost.

        Not for a layer whose hash functions belong to its columns.
        """
        if rows is not None:
            assert self.origins is not None
            self.origins[...] = self.origins[rows]
            self.stored[...], self.bias[...] = self.stored[rows], self.bias[rows]
        if columns is not None:
            self.stored[...] = self.stored[:, columns]
            if self.center is not None:
                self.center[...] = self.center[columns]
        if not isinstance(self.codes, CellCodes):
            return self.refresh()
        centroids, cells = self.codes.learned
        if columns is not None:
            centroids = np.ascontiguousarray(centroids[:, [*columns, len(columns)]])
        return self.codes.restore(centroids, cells if rows is None else cells[rows])

    def refresh(self, n_threads: int = 1) -> NDArray[np.int64]:
        """Recompute the codes of all rows; return the cost, (1, n_fields)."""
        return Ledger.empty(1).counts if self.codes is None else self.codes.refresh(n_threads)

    def set_rare(self, rows: NDArray[np.int32]) -> None:
        """Let a layer that explores know which rows to draw from."""
        if isinstance(self.gate, _core.Hashed):
            self.gate.set_rare(rows, len(self.bias))

    def set_label_counts(self, counts: NDArray[np.int64] | None) -> None:
        """Let a layer that retrieves follow the frequencies of labels.

        The most frequent are candidates of every example, and half of the negatives follow them.
        """
        if isinstance(self.gate, _core.Retrieve) and isinstance(self.settings.gate, Retrieve):
            n_rows, rows, shares = len(self.bias), np.empty(0, np.int32), np.empty(0)
            if counts is not None:
                n_head = self.settings.gate.n_head(n_rows)
                rows = np.argsort(-counts, kind="stable")[:n_head].astype(np.int32)
                shares = self.settings.gate.shares_of_negatives(counts)
            self.gate.set_head(rows, n_rows)
            self.gate.set_draws(shares, n_rows)
