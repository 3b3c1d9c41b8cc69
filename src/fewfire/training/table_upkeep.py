"""Keeps the hash tables of one layer true while its rows change: what is hashed or drawn again, and
at which steps.

What is due depends on the number of steps alone, so that neither slices of an epoch nor a resumed
run change it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.access import Access
from ..network.codes import CellCodes, TableCodes

_SAMPLE = 256  # rows that show a drift
_PARTS = 16  # of a layer, hashed in turn by a rolling refresh
_HURRY = 2 * _PARTS  # last steps of an epoch, after each of which a part of a wide layer is hashed


@dataclass
class Refit:
    """Cells that are learned again: since which step, and how many rows are in them."""

    codes: CellCodes
    since: int
    n_done: int = 0


class TableUpkeep:
    """The refreshes of one layer.

    Parameters
    ----------
    codes : TableCodes
        Their family says what is refreshed, and how often.
    access : Access
        Of the network: others may read it.
    touched : ndarray of int64, (rows,)
        The step that last changed each row.
    steps_per_epoch, random_state, n_threads, first_step : int
        Epochs begin with `first_step`.
    hash_all : callable
        Hashes all rows, with the mean inputs of the time, and counts that.
    count : callable
        Takes the cost of everything else, (1, n_fields).
    """

    def __init__(
        self,
        codes: TableCodes,
        access: Access,
        touched: NDArray[np.int64],
        steps_per_epoch: int,
        random_state: int,
        n_threads: int,
        hash_all: Callable[[], None],
        count: Callable[[NDArray[np.int64]], None],
        first_step: int = 0,
    ) -> None:
        self.codes = codes
        self.access = access
        self.tables = codes.family
        self.steps_per_epoch, self.first_step = steps_per_epoch, first_step
        self._touched = touched
        self._random_state = random_state
        self._n_threads = n_threads
        self._hash_all = hash_all
        self._count = count
        self._n_rows = len(codes.bias)
        self._hashed_at = np.zeros(_PARTS, np.int64)  # the step at which a part's codes were true
        self._refit: Refit | None = None  # under way
        is_rolling = self.tables.refresh == "rolling"
        self.period = max(1, self.tables.refresh_every // (_PARTS if is_rolling else 1))
        # A layer that is refreshed in turns may have so many rows that those which the end of an
        # epoch finds stale would hold it up: its rounds are then much longer than `_HURRY`.
        self.hurries = (
            isinstance(codes, CellCodes)
            and is_rolling
            and _PARTS * self.period >= 4 * _HURRY
            and steps_per_epoch > _HURRY
        )

    def next_due(self, step: int) -> int:
        """Return the first step after `step` at which there is something to do."""
        due = self._next_refresh(step)
        if every := self.tables.redraw_period:
            due = min(due, (step // every + 1) * every)
        return min(due, self._next_hurried(step)) if self.hurries else due

    def keep_up(self, step: int) -> bool:
        """Do what is due after `step` steps; return whether a refresh was."""
        every = self.tables.redraw_period
        is_redrawn = every is not None and step % every == 0
        is_refreshed = self._next_refresh(step - 1) == step
        if every is not None and is_redrawn:
            self._redraw(step // every - 1, step)
        elif is_refreshed:
            self._refresh(step)
        if self.hurries:
            self._hurry(step)
        return is_redrawn or is_refreshed

    def note_true_codes(self, step: int) -> None:
        """Take all codes for true as of `step`."""
        self._hashed_at[:] = step

    def refresh_changed(self, step: int) -> None:
        """Make the codes of all rows true, by hashing those that changed."""
        self.end_refit()
        self._refresh_stale(step, range(_PARTS))

    def end_refit(self) -> None:
        """Let the cells of a refit take over, if there is one, after the rows that are left."""
        if self._refit is not None:
            self._go_on(self._refit, self._n_rows)

    def state(self) -> dict[str, NDArray[Any]]:
        """Return where the upkeep is, to go on from later, to the bit."""
        if self._refit is None:
            return {"hashed_at": self._hashed_at.copy()}
        centroids, cells = self._refit.codes.refit
        return {
            "hashed_at": self._hashed_at.copy(),
            "refit": np.array([self._refit.since, self._refit.n_done]),
            "centroids": centroids,
            "cells": cells,
        }

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` returned, of a layer with the codes that it had."""
        self._hashed_at[:] = state["hashed_at"]
        self._refit = None
        if "refit" in state and isinstance(self.codes, CellCodes):
            self.codes.restore_refit(state["centroids"], state["cells"])
            since, n_done = map(int, state["refit"])
            self._refit = Refit(self.codes, since, n_done)

    def _next_refresh(self, step: int) -> int:
        growth = self.tables.refresh_growth
        if growth == 1.0:
            return (step // self.period + 1) * self.period
        due, pause = self.period, float(self.period)
        while due <= step:
            pause *= growth
            due += round(pause)
        return due

    def _redraw(self, number: int, step: int) -> None:
        """Draw the functions of one table again, the next in turn, and hash all rows."""
        self.codes.redraw(number)
        self._hashed_at[:] = step
        self._hash_all()

    def _refresh(self, step: int) -> None:
        if self.tables.refresh == "rolling":
            self._roll(step)
        elif self.tables.refresh == "touched":
            self._refresh_stale(step, range(_PARTS))
        elif self.tables.refresh != "drift" or self._drifted(step):
            self._hash_all()

    def _drifted(self, step: int) -> bool:
        """Whether more codes of a sample of rows are stale than may be."""
        rng = np.random.default_rng([self._random_state, step])
        rows = rng.permutation(self._n_rows)[:_SAMPLE].astype(np.int32)
        with self.access.reading():
            drift, cost = self.codes.drift(rows, self._n_threads)
        self._count(cost)
        return drift > self.tables.drift

    def _roll(self, step: int) -> None:
        """Refresh the next part of a layer. Cells are learned again in the rounds 1, 2, 4, 8, ...:
        each part is then hashed into the new ones, which take over when the round ends."""
        turn, number = divmod(step // self.period, _PARTS)
        if isinstance(self.codes, CellCodes) and number == 0 and turn.bit_count() == 1:
            self._refit = Refit(self.codes, step)
            with self.access.reading():
                self._count(self.codes.begin_refit(self._n_threads))
        if self._refit is not None:
            self._go_on(self._refit, _part(self._n_rows, number).stop)
        else:
            self._refresh_stale(step, [number])

    def _next_hurried(self, step: int) -> int:
        """The first step after `step` that is one of an epoch's last, but not the very last."""
        to_end = self.steps_per_epoch - (step - self.first_step) % self.steps_per_epoch
        wait = to_end - _HURRY if to_end > 1 else 1 + self.steps_per_epoch - _HURRY
        return step + max(1, wait)

    def _hurry(self, step: int) -> None:
        """Do a part of what the end of the epoch would have to do at once: of the rest of a refit,
        and then of the rows that changed."""
        to_end = (self.first_step - step) % self.steps_per_epoch
        if _PARTS < to_end <= _HURRY and self._refit is not None:
            done = self._refit.n_done
            self._go_on(self._refit, done + (self._n_rows - done) // (to_end - _PARTS))
        elif 0 < to_end <= _PARTS:
            self._refresh_stale(step, [_PARTS - to_end])

    def _go_on(self, refit: Refit, stop: int) -> None:
        """Hash the rows below `stop` into the cells of a refit, which take over after the last."""
        rows = np.arange(refit.n_done, stop, dtype=np.int32)
        with self.access.reading():
            self._count(refit.codes.refit_rows(rows, self._n_threads))
        refit.n_done = max(stop, refit.n_done)
        if stop == self._n_rows:
            with self.access.changing():
                self._count(refit.codes.end_refit(self._n_threads))
            self._hashed_at[:] = refit.since
            self._refit = None

    def _refresh_stale(self, step: int, parts: Iterable[int]) -> None:
        """Hash the rows of some parts that changed since their codes were true."""
        stale = []
        for number in parts:
            part = _part(self._n_rows, number)
            changed = self._touched[part] > self._hashed_at[number]
            stale.append(part.start + np.flatnonzero(changed))
            self._hashed_at[number] = step
        rows = np.concatenate(stale).astype(np.int32)
        with self.access.changing():
            self._count(self.codes.refresh_rows(rows, self._n_threads))


def _part(n_rows: int, number: int) -> slice:
    """The rows of a part of a layer."""
    return slice(n_rows * number // _PARTS, n_rows * (number + 1) // _PARTS)
