"""The callbacks of one run: asked in turn, and as one into a checkpoint and out of it."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from ..base.checks import shortened
from ..base.files import Arrays, PathLike, refusing
from .callbacks import Callback, Record, Run, State

Described = Sequence[Mapping[str, Any]]  # in a checkpoint: the callbacks that have a state


class Watchers:
    """Callbacks, and whether they have stopped the run.

    Raises
    ------
    TypeError
        If one is no `Callback`.
    """

    def __init__(self, callbacks: Iterable[Callback]) -> None:
        self.callbacks = tuple(callbacks)
        if any(not isinstance(callback, Callback) for callback in self.callbacks):
            raise TypeError("callbacks must be Callback objects, such as EarlyStopping(...)")
        self._stopping: set[int] = set()  # which stopped the run
        self._past: list[tuple[Callback, State]] = []  # to go on from
        self._started: list[Callback] = []  # and not ended

    @property
    def stopped(self) -> bool:
        """Whether one has stopped the run."""
        return bool(self._stopping)

    @property
    def n_kept(self) -> int:
        """Snapshots that they hold, at most."""
        return sum(callback.keeps_model for callback in self.callbacks)

    def check(self, model: Any, columns: Collection[str]) -> None:
        """Raise if one cannot watch a training of `model` whose history has these columns."""
        for callback in self.callbacks:
            if callback.watches is not None and callback.watches not in columns:
                raise ValueError(
                    f"{type(callback).__name__}: {callback.watches!r} will not be in the history; "
                    f"there will be {', '.join(columns)}: give eval_sets for more"
                )
            callback.check(model)

    def start(self, run: Run) -> None:
        """Tell them that training begins or, after `take_over`, goes on."""
        for callback in self.callbacks:
            callback.on_fit_start(run)
            self._started.append(callback)
        for callback, state in self._past:
            callback.restore(state)
        self._past = []

    def end_epoch(self, run: Run, record: Record) -> None:
        """Tell them that an epoch ended."""
        for number, callback in enumerate(self.callbacks):
            if callback.on_epoch_end(run, record):
                self._stopping.add(number)
        for callback in self.callbacks:
            callback.after_epoch(run, stops=self.stopped)

    def end(self, run: Run) -> None:
        """Tell those that training ended who know that it began, whatever others make of it."""
        with ExitStack() as last_in_first_out:
            for callback in reversed(self._started):
                last_in_first_out.callback(callback.on_fit_end, run)
            self._started = []

    def state(self) -> tuple[list[dict[str, Any]], Arrays]:
        """Return what a checkpoint holds of them."""
        found: list[dict[str, Any]] = []
        arrays: Arrays = {}
        for place, (number, callback) in enumerate(self._stateful()):
            described, own = callback.state()
            found.append(
                {
                    "type": type(callback).__name__,
                    "settings": callback.settings(),
                    "state": described,
                    "stops": number in self._stopping,
                }
            )
            arrays |= {f"{_prefix(place)}{name}": array for name, array in own.items()}
        return found, arrays

    def check_alike(self, path: PathLike, there: Described) -> None:
        """Raise unless those with a state are the same as in a checkpoint, in the same order."""
        own = [  # as they would be in a file
            (type(x).__name__, json.loads(json.dumps(x.settings()))) for _, x in self._stateful()
        ]
        with refusing(f"{path}: the state of its callbacks is damaged"):
            others = [(str(x["type"]), dict(x["settings"])) for x in there]
            if not all({"state", "stops"} <= set(x) for x in there):
                raise ValueError("a callback has no state")
        if own != others:
            raise ValueError(
                f"{path} was trained with {_listed(others)} as callbacks, this run has "
                f"{_listed(own)}: a resumed run needs the same"
            )

    def take_over(self, there: Described, arrays: Arrays) -> None:
        """Make `start` go on from what `state` gave; both are alike."""
        for place, ((number, callback), described) in enumerate(
            zip(self._stateful(), there, strict=True)
        ):
            prefix = _prefix(place)
            own = {
                name.removeprefix(prefix): array
                for name, array in arrays.items()
                if name.startswith(prefix)
            }
            self._past.append((callback, (dict(described["state"]), own)))
            if described["stops"]:
                self._stopping.add(number)

    def _stateful(self) -> list[tuple[int, Callback]]:
        return [(i, x) for i, x in enumerate(self.callbacks) if x.settings() is not None]


def _prefix(place: int) -> str:
    return f"callbacks.{place}."


def _listed(callbacks: Sequence[tuple[str, Mapping[str, Any] | None]]) -> str:
    """Return callbacks in words.

    >>> _listed([("EarlyStopping", {"patience": 3})]), _listed([])
    ('EarlyStopping(patience=3)', 'none with a state')
    """
    told = [
        f"{name}({', '.join(f'{key}={value!r}' for key, value in (settings or {}).items())})"
        for name, settings in callbacks
    ]
    return shortened(", ".join(told), 150) or "none with a state"
