"""Keeps the indexes of a network true while its rows change."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..base.history import History
from ..base.ledger import Ledger
from ..network.codes import CellCodes, TableCodes
from ..network.hashed import Hashed
from ..network.network import Network
from .optimizer_state import OptimizerState
from .table_upkeep import TableUpkeep


class Upkeep:
    """The refreshes of a training run; what they cost is added to its history."""

    def __init__(
        self,
        net: Network,
        moments: OptimizerState,
        steps_per_epoch: int,
        random_state: int,
        n_threads: int,
        first_step: int = 0,
    ) -> None:
        self.net = net
        self.moments = moments
        self.random_state = random_state
        self.n_threads = n_threads
        self.history = History([], Ledger.empty(len(net.layers)))
        self.tables = {
            position: TableUpkeep(
                layer.codes,
                net.access,
                moments.touched[position],
                steps_per_epoch,
                random_state,
                n_threads,
                partial(self._hash_all, [position]),
                partial(self._count, position),
                first_step,
            )
            for position, layer in enumerate(net.layers)
            if isinstance(layer.codes, TableCodes)
        }
        self._explores = [
            position
            for position, layer in enumerate(net.layers)
            if isinstance(layer.settings.gate, Hashed) and layer.settings.gate.explore
        ]

    def steps_to_next(self, step: int) -> int | None:
        """Steps from `step` to the next refresh or redraw that is due; None without tables."""
        if not self.tables:
            return None
        return min(table.next_due(step) for table in self.tables.values()) - step

    def start(self, step: int, history: History) -> None:
        """Begin after `step` steps.

        All codes must be true. Costs are added to the ledger of `history` from here on, first that
        of the codes that the layers came with.
        """
        self.history = history
        for table in self.tables.values():
            table.note_true_codes(step)
        if step == 0:
            for position, layer in enumerate(self.net.layers):
                history.ledger.add_to_layer(position, layer.first_cost)

    def keep_up(self, step: int) -> None:
        """Do what is due after `step` steps."""
        refreshed = [table.keep_up(step) for table in self.tables.values()]
        if any(refreshed):
            self.find_rare(step)

    def end_epoch(self, step: int) -> None:
        """Make the codes of all layers true at the end of an epoch, `step`.

        Cells that follow their rows are not a function of the weights: only rows that changed move.
        """
        whole = []
        for position, layer in enumerate(self.net.layers):
            codes = layer.codes
            if isinstance(codes, CellCodes) and codes.family.refresh != "full":
                self.tables[position].refresh_changed(step)
            else:
                whole.append(position)
        for table in self.tables.values():
            table.note_true_codes(step)
        self._hash_all(whole)

    def end_refits(self) -> None:
        """Let the cells of all refits take over."""
        for table in self.tables.values():
            table.end_refit()

    def find_rare(self, step: int) -> None:
        """Let layers that explore know which rows were trained longest ago, a quarter of all. Which
        of the rows that never were trained are in it is drawn at random."""
        for position in self._explores:
            layer, touched = self.net.layers[position], self.moments.touched[position]
            order = np.random.default_rng([self.random_state, step]).permutation(len(touched))
            order = order[np.argsort(touched[order], kind="stable")]
            n_rare = max(layer.settings.active, len(touched) // 4)
            with self.net.access.changing():
                layer.set_rare(order[:n_rare].astype(np.int32))

    def _hash_all(self, positions: Sequence[int]) -> None:
        """Hash all rows of these layers."""
        self.history.ledger.add(self.net.refresh(self.n_threads, positions=positions))

    def _count(self, position: int, cost: NDArray[np.int64]) -> None:
        self.history.ledger.add_to_layer(position, cost)
