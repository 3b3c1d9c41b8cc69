"""Keeps hash tables true while rows change: what is hashed or drawn anew, and at which steps.

What is due depends on the number of steps alone, so that neither slices of an epoch nor a resumed
run change it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..base.ledger import Ledger
from ..data import Dataset
from ..network.codes import CellCodes, TableCodes
from ..network.families import Tables
from ..network.hashed import Hashed
from ..network.network import Network
from .optimizer_state import OptimizerState

_SAMPLE = 256  # examples that a mean input is taken of, and rows that tell a drift
_PARTS = 16  # of a layer, hashed in turn by a rolling refresh
_HURRY = 2 * _PARTS  # last steps of an epoch, after each of which a part of a wide layer is hashed


@dataclass
class Refit:
    """Cells that are learned anew: since which step, and how many rows are in them."""

    codes: CellCodes
    since: int
    n_done: int = 0


class Upkeep:
    """The refreshes of a training run's tables."""

    def __init__(
        self,
        net: Network,
        train: Dataset,
        moments: OptimizerState,
        steps_per_epoch: int,
        random_state: int,
        n_threads: int,
    ) -> None:
        self.net = net
        self.train = train
        self.moments = moments
        self.steps_per_epoch = steps_per_epoch
        self.random_state = random_state
        self.n_threads = n_threads
        self.codes = {
            position: layer.codes
            for position, layer in enumerate(net.layers)
            if isinstance(layer.codes, TableCodes)
        }
        self.tables = {position: codes.family for position, codes in self.codes.items()}
        order = np.random.default_rng(random_state).permutation(len(train))
        self._examples = np.sort(order[:_SAMPLE])
        # For each part the step at which its codes were true.
        self._hashed_at = {i: np.zeros(_PARTS, np.int64) for i in self.tables}
        self._periods = {i: _period(tables) for i, tables in self.tables.items()}
        self._hurried = [i for i in self.tables if self._hurries(i)]
        self._refits: dict[int, Refit] = {}  # under way

    def steps_to_next(self, step: int) -> int | None:
        """Steps from `step` to the next refresh or redraw that is due; None without tables."""
        due = [_next_due(x, step) for x in self.tables.values()]
        if self._hurried:
            due.append(self._next_hurried(step))
        return min(due) - step if due else None

    def start(self, step: int) -> Ledger:
        """Begin after `step` steps; at the first, learn the mean inputs that hashing takes away.

        All codes must be true. Returns the cost, with that of the codes that the layers came with.
        """
        self._note_true_codes(step)
        ledger = Ledger.empty(len(self.net.layers))
        if step > 0:
            return ledger
        for position, layer in enumerate(self.net.layers):
            ledger.add_to_layer(position, layer.first_cost)
        layers = enumerate(self.net.layers)
        return ledger + self._all_rows([i for i, layer in layers if layer.center is not None])

    def end_epoch(self, step: int) -> Ledger:
        """Make the codes of all layers true at the end of an epoch, `step`; return the cost.

        Cells that follow their rows are no function of the weights: only rows that changed move.
        """
        ledger = Ledger.empty(len(self.net.layers))
        whole = []
        for position in range(len(self.net.layers)):
            codes = self.codes.get(position)
            if isinstance(codes, CellCodes) and codes.family.refresh != "full":
                ledger += self._end_refit(position)
                ledger += self._refresh_stale(position, step, range(_PARTS))
            else:
                whole.append(position)
        self._note_true_codes(step)
        return ledger + self._all_rows(whole)

    def _note_true_codes(self, step: int) -> None:
        for hashed_at in self._hashed_at.values():
            hashed_at[:] = step

    def _all_rows(self, positions: Sequence[int]) -> Ledger:
        """Hash all rows of these layers; return the cost."""
        ledger = Ledger.empty(len(self.net.layers))
        if any(self.net.layers[position].center is not None for position in positions):
            ledger += self.net.learn_centers(self.train, self._examples, self.n_threads)
        return ledger + self.net.refresh(self.n_threads, positions=positions)

    def keep_up(self, step: int) -> Ledger:
        """Do what is due after `step` steps; return the cost."""
        ledger = Ledger.empty(len(self.net.layers))
        due = [i for i, x in self.tables.items() if _next_due(x, step - 1) == step]
        for position in due:
            period = self.tables[position].redraw_period
            if period is not None and step % period == 0:  # its refresh is then the only one
                ledger += self._redraw(position, step // period - 1, step)
            else:
                ledger += self._refresh(position, step)
        for position in self._hurried:
            ledger += self._hurry(position, step)
        if due:
            self.find_rare(step)
        return ledger

    def find_rare(self, step: int) -> None:
        """Tell layers that explore which rows were trained longest ago, a quarter of all; who is
        in it among rows that never were is drawn by lot."""
        for position, layer in enumerate(self.net.layers):
            gate = layer.settings.gate
            if isinstance(gate, Hashed) and gate.explore:
                touched = self.moments.touched[position]
                order = np.random.default_rng([self.random_state, step]).permutation(len(touched))
                order = order[np.argsort(touched[order], kind="stable")]
                n_rare = max(layer.settings.active, len(touched) // 4)
                layer.set_rare(order[:n_rare].astype(np.int32))

    def _redraw(self, position: int, number: int, step: int) -> Ledger:
        """Draw the functions of one table anew, the next in turn, and hash all rows."""
        self.codes[position].redraw(number)
        self._hashed_at[position][:] = step
        return self._all_rows([position])

    def _refresh(self, position: int, step: int) -> Ledger:
        codes, tables = self.codes[position], self.tables[position]
        ledger = Ledger.empty(len(self.net.layers))
        if tables.refresh == "rolling":
            return self._roll(position, step)
        if tables.refresh == "touched":
            return self._refresh_stale(position, step, range(_PARTS))
        if tables.refresh == "drift":
            drift, cost = codes.drift(self._some_rows(len(codes.bias), step), self.n_threads)
            ledger.add_to_layer(position, cost)
            if drift <= tables.drift:
                return ledger
        return ledger + self._all_rows([position])

    def _roll(self, position: int, step: int) -> Ledger:
        """Refresh the next part of a layer. Cells are learned anew in the rounds 1, 2, 4, 8, ...:
        each part is then hashed into the new ones, which take over when the round ends."""
        ledger, codes = Ledger.empty(len(self.net.layers)), self.codes[position]
        turn, number = divmod(step // self._periods[position], _PARTS)
        if isinstance(codes, CellCodes) and number == 0 and turn.bit_count() == 1:
            self._refits[position] = Refit(codes, step)
            ledger.add_to_layer(position, codes.begin_refit(self.n_threads))
        if position in self._refits:
            return ledger + self._refit_to(position, _part(len(codes.bias), number).stop)
        return self._refresh_stale(position, step, [number])

    def _hurries(self, position: int) -> bool:
        """Whether a layer that is refreshed in turns has so many rows that those which the end of
        an epoch finds stale would hold it up: its rounds are then much longer than `_HURRY`."""
        return (
            isinstance(self.codes[position], CellCodes)
            and self.tables[position].refresh == "rolling"
            and _PARTS * self._periods[position] >= 4 * _HURRY
            and self.steps_per_epoch > _HURRY
        )

    def _next_hurried(self, step: int) -> int:
        """The first step after `step` that is one of an epoch's last, but not the very last."""
        to_end = self.steps_per_epoch - step % self.steps_per_epoch
        wait = to_end - _HURRY if to_end > 1 else 1 + self.steps_per_epoch - _HURRY
        return step + max(1, wait)

    def _hurry(self, position: int, step: int) -> Ledger:
        """Do a part of what the end of the epoch would have to do at once: of the rest of a refit,
        and then of the rows that changed."""
        to_end = -step % self.steps_per_epoch
        if _PARTS < to_end <= _HURRY and position in self._refits:
            done, n_rows = self._refits[position].n_done, len(self.codes[position].bias)
            return self._refit_to(position, done + (n_rows - done) // (to_end - _PARTS))
        if 0 < to_end <= _PARTS:
            return self._refresh_stale(position, step, [_PARTS - to_end])
        return Ledger.empty(len(self.net.layers))

    def end_refits(self) -> Ledger:
        """Let the cells of all refits take over; return the cost."""
        ledger = Ledger.empty(len(self.net.layers))
        for position in list(self._refits):
            ledger += self._end_refit(position)
        return ledger

    def _end_refit(self, position: int) -> Ledger:
        """Let the cells of a refit take over, if there is one, after the rows that are left."""
        if position not in self._refits:
            return Ledger.empty(len(self.net.layers))
        return self._refit_to(position, len(self.codes[position].bias))

    def _refit_to(self, position: int, stop: int) -> Ledger:
        """Hash the rows below `stop` into the cells of a refit, which take over after the last."""
        ledger, refit = Ledger.empty(len(self.net.layers)), self._refits[position]
        rows = np.arange(refit.n_done, stop, dtype=np.int32)
        ledger.add_to_layer(position, refit.codes.refit_rows(rows, self.n_threads))
        refit.n_done = max(stop, refit.n_done)
        if stop == len(refit.codes.bias):
            ledger.add_to_layer(position, refit.codes.end_refit(self.n_threads))
            self._hashed_at[position][:] = self._refits.pop(position).since
        return ledger

    def _refresh_stale(self, position: int, step: int, parts: Iterable[int]) -> Ledger:
        """Hash the rows of some parts that changed since their codes were true; return the cost."""
        ledger, codes = Ledger.empty(len(self.net.layers)), self.codes[position]
        touched, hashed_at = self.moments.touched[position], self._hashed_at[position]
        stale = []
        for number in parts:
            part = _part(len(codes.bias), number)
            stale.append(part.start + np.flatnonzero(touched[part] > hashed_at[number]))
            hashed_at[number] = step
        rows = np.concatenate(stale).astype(np.int32)
        ledger.add_to_layer(position, codes.refresh_rows(rows, self.n_threads))
        return ledger

    def _some_rows(self, n_rows: int, step: int) -> NDArray[np.int32]:
        rng = np.random.default_rng([self.random_state, step])
        return rng.permutation(n_rows)[:_SAMPLE].astype(np.int32)


def _period(tables: Tables) -> int:
    """Steps between two refreshes, the first two if they grow."""
    return max(1, tables.refresh_every // (_PARTS if tables.refresh == "rolling" else 1))


def _part(n_rows: int, number: int) -> slice:
    """The rows of a part of a layer."""
    return slice(n_rows * number // _PARTS, n_rows * (number + 1) // _PARTS)


def _next_due(tables: Tables, step: int) -> int:
    """The first step after `step` at which a refresh or a redraw is due."""
    due = _next_refresh(tables, step)
    every = tables.redraw_period
    return due if every is None else min(due, (step // every + 1) * every)


def _next_refresh(tables: Tables, step: int) -> int:
    period, growth = _period(tables), tables.refresh_growth
    if growth == 1.0:
        return (step // period + 1) * period
    due, pause = period, float(period)
    while due <= step:
        pause *= growth
        due += round(pause)
    return due
