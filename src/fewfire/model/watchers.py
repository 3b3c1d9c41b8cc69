"""The callbacks of one run: asked in turn, and as one into a checkpoint and out of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Any

from ..base.checks import shortened
from ..base.files import Arrays, FormatError, PathLike, refusing
from ..data import Dataset
from ..data.encoding import Kind
from .callbacks import Callback, CheckSnapshot, Record, Run, State

Described = Sequence[Mapping[str, Any]]  # in a checkpoint: the callbacks that have a state


def _nothing() -> None:
    """Undo nothing."""


class Watchers:
    """Callbacks, and whether they have stopped the run.

    Raises
    ------
    TypeError
        If one is not a `Callback`.
    """

    def __init__(self, callbacks: Iterable[Callback]) -> None:
        self.callbacks = tuple(callbacks)
        if any(not isinstance(callback, Callback) for callback in self.callbacks):
            raise TypeError("callbacks must be Callback objects, such as EarlyStopping(...)")
        self._stopping: set[int] = set()  # which stopped the run
        self._path: PathLike = ""  # of the checkpoint to go on from
        self._past: list[tuple[Callback, State]] = []
        self._undo: Callable[[], None] = _nothing
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
        """Let them know that training begins or, after `take_over`, goes on."""
        for callback in self.callbacks:
            callback.on_fit_start(run)
            self._started.append(callback)
        for callback, state in self._past:
            try:
                with _restoring(self._path, callback):
                    callback.restore(state)
            except FormatError:
                self._undo()
                raise
        self._past, self._undo = [], _nothing

    def end_epoch(self, run: Run, record: Record) -> None:
        """Let them know that an epoch ended."""
        for number, callback in enumerate(self.callbacks):
            if callback.on_epoch_end(run, record):
                self._stopping.add(number)
        for callback in self.callbacks:
            callback.after_epoch(run, stops=self.stopped)

    def end(self, run: Run) -> None:
        """Let those know that training ended who know that it began, whatever others make of it."""
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

    def check_alike(
        self, path: PathLike, there: Described, arrays: Arrays, check_snapshot: CheckSnapshot
    ) -> None:
        """Raise unless those with a state are the same as in a checkpoint, in the same order, and
        can go on from the states there."""
        own = [  # as they would be in a file
            (type(x).__name__, json.loads(json.dumps(x.settings()))) for _, x in self._stateful()
        ]
        with refusing(f"{path}: the state of its callbacks is damaged"):
            others = [(str(x["type"]), dict(x["settings"])) for x in there]
            if any(type(x["state"]) is not dict or type(x["stops"]) is not bool for x in there):
                raise ValueError("a callback has no state")
        if own != others:
            raise ValueError(
                f"{path} was trained with {_listed(others)} as callbacks, this run has "
                f"{_listed(own)}: a resumed run needs the same"
            )
        for callback, state in self._states(there, arrays):
            with _restoring(path, callback):
                callback.check_state(state, check_snapshot)

    def take_over(
        self,
        path: PathLike,
        there: Described,
        arrays: Arrays,
        undo: Callable[[], None] = _nothing,
    ) -> None:
        """Make `start` go on from what `state` gave to a checkpoint; both are alike. Where one
        cannot, `undo` is called."""
        self._path, self._past, self._undo = path, list(self._states(there, arrays)), undo
        for (number, _), described in zip(self._stateful(), there, strict=True):
            if described["stops"]:
                self._stopping.add(number)

    def _states(self, there: Described, arrays: Arrays) -> Iterator[tuple[Callback, State]]:
        """Yield each callback that has a state with that of a checkpoint."""
        for place, ((_, callback), described) in enumerate(
            zip(self._stateful(), there, strict=True)
        ):
            prefix = _prefix(place)
            own = {
                name.removeprefix(prefix): array
                for name, array in arrays.items()
                if name.startswith(prefix)
            }
            yield callback, (dict(described["state"]), own)

    def _stateful(self) -> list[tuple[int, Callback]]:
        return [(i, x) for i, x in enumerate(self.callbacks) if x.settings() is not None]


def columns(
    eval_sets: Mapping[str, Dataset], metrics: Callable[[Kind], Iterable[str]]
) -> list[str]:
    """Return the columns of a history that are of `eval_sets`: `metrics` are those of targets of a
    kind."""
    return [f"{name}/{own}" for name, data in eval_sets.items() for own in metrics(data.kind)]


def _prefix(place: int) -> str:
    return f"callbacks.{place}."


def _restoring(path: PathLike, callback: Callback) -> AbstractContextManager[None]:
    """Name the callback and the file for whatever goes wrong, in callbacks of users too."""
    name = type(callback).__name__
    return refusing(f"{path}: the state of {name} cannot be restored", of=(Exception,))


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
