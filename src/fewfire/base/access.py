"""Threads beside each other on one model: who reads it, who changes it, who trains it."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from weakref import ref

from .. import _core


class Access:
    """What the threads of a process that use one model agree by.

    Who reads what others may change is `reading`, for a bounded piece of work; the core is by
    itself, for each slice of a training and each micro-batch of a prediction. Who changes more than
    weights, biases and what optimizers keep of them is `changing`, and alone then. Inside of either
    the core must not be called with a model that has the turnstile: nobody goes through it twice.

    A training is `training` from its start to its end, and a second one waits: it would not see
    that rows have other numbers. In the same thread, from a callback, it would wait for itself, and
    is refused. It takes the others inside, never the other way round.

    A process forks only when nobody is `changing`: the child has no thread that would end it. A
    fork is the only one to hold several models, in the order in which they were made; two that each
    wait for a model of the other's would wait for ever.
    """

    def __init__(self) -> None:
        self.turnstile = _core.Turnstile()
        self._training = threading.Lock()
        self._trainer: int | None = None  # the thread that is training
        self._number = next(_numbers)
        _known.add(ref(self, _known.discard))

    def reading(self) -> _core.Passage:
        """Return a context in which nothing but weights may change."""
        return self.turnstile.reading()

    def changing(self) -> _core.Passage:
        """Return a context in which nobody reads, and nobody else changes anything."""
        return self.turnstile.changing()

    @contextmanager
    def training(self) -> Iterator[None]:
        """Return a context in which nobody else trains; raise `RuntimeError` inside of it."""
        if self._trainer == threading.get_ident():
            raise RuntimeError(
                "this thread is training the model already, and may not train it again meanwhile, "
                "from a callback: train a copy.deepcopy of it, or wait for the end"
            )
        with self._training:
            try:
                self._trainer = threading.get_ident()
                yield
            finally:
                self._trainer = None

    def __reduce__(self) -> tuple[type[Access], tuple[()]]:
        return Access, ()  # others use a copy of the model

    def renew(self) -> None:
        """Forget who held what: the other threads of the parent."""
        self.turnstile.renew()
        self._training = threading.Lock()
        self._trainer = None


_numbers = itertools.count()
_known: set[ref[Access]] = set()
_forking = threading.local()


def _all() -> list[Access]:
    """Return all there are, in the order in which they were made."""
    found = [access for each in list(_known) if (access := each()) is not None]
    return sorted(found, key=lambda access: access._number)


def _before_fork() -> None:
    _forking.held = ExitStack()
    for access in _all():
        _forking.held.enter_context(access.reading())


def _after_fork() -> None:
    _forking.held.close()


def _in_child() -> None:
    for access in _all():
        access.renew()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_in_child)
