"""Ctrl-C, and what else ends a program politely, noticed when it does no harm.

The stops are SIGINT, SIGTERM and SIGHUP. Handlers that are not functions interrupt no Python code
and stay as they are, and only the main thread has handlers.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, TypeAlias

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
Handler: TypeAlias = Callable[[int, FrameType | None], Any]


@dataclass(eq=False)
class Interrupter:
    """A handler that raises `KeyboardInterrupt`: for the first stop and each further Ctrl-C. Other
    stops behind the first ask for what is under way, as when a terminal is closed."""

    heard: list[int] = field(default_factory=list)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if self.heard and number != signal.SIGINT:
            return
        self.heard.append(number)
        raise KeyboardInterrupt


@contextlib.contextmanager
def stops_as_interrupts() -> Iterator[list[int]]:
    """Let SIGTERM and SIGHUP do what Ctrl-C does; yield the list of those that are noticed.

    What ignores them, as `nohup` does SIGHUP, goes on ignoring them. Inside of another such block
    the first stop is once more one that interrupts, and both get it.
    """
    interrupter = Interrupter()
    usual = (signal.SIG_DFL, signal.default_int_handler)
    before = {
        number: handler
        for number in STOPS
        if (handler := signal.getsignal(number)) in usual or isinstance(handler, Interrupter)
    }
    if threading.current_thread() is not threading.main_thread():
        before = {}
    for number in before:
        signal.signal(number, interrupter)
    try:
        yield interrupter.heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for outer in {handler for handler in before.values() if isinstance(handler, Interrupter)}:
            outer.heard.extend(interrupter.heard)


@contextlib.contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Take Ctrl-C at the end of the block, however it ends: nothing is left half changed or half
    written."""
    heard: list[tuple[Handler, int, FrameType | None]] = []
    try:
        with _in_place_of_handlers(lambda *stop: heard.append(stop)):
            yield
    finally:
        if heard:
            handler, number, frame = heard[0]
            handler(number, frame)


@dataclass
class Once:
    """Whether a block is ending, and stops only wait for its end; and whether one of them waited in
    vain."""

    is_ending: bool = False
    is_late: bool = False


@contextlib.contextmanager
def interrupted_once() -> Iterator[Once]:
    """Let Ctrl-C interrupt the block once, and not where it says that it `is_ending`: what comes
    later is noticed after the block and, because all is done by then, interrupts nothing."""
    once = Once()
    waiting: list[tuple[Handler, int, FrameType | None]] = []

    def hear(handler: Handler, number: int, frame: FrameType | None) -> None:
        if once.is_ending:
            waiting.append((handler, number, frame))
            return
        try:
            handler(number, frame)
        except KeyboardInterrupt:
            once.is_ending = True
            raise

    try:
        with _in_place_of_handlers(hear):
            yield once
    finally:
        for handler, number, frame in waiting:
            try:
                handler(number, frame)
            except KeyboardInterrupt:
                once.is_late = True


@contextlib.contextmanager
def _in_place_of_handlers(
    hear: Callable[[Handler, int, FrameType | None], object],
) -> Iterator[None]:
    """Let `hear` have the stops in the block, each with the handler that it would have had."""
    handlers = {stop: each for stop in STOPS if callable(each := signal.getsignal(stop))}
    if threading.current_thread() is not threading.main_thread():
        handlers = {}
    is_open = True

    def take(number: int, frame: FrameType | None) -> None:
        handler = handlers[signal.Signals(number)]
        if is_open:
            hear(handler, number, frame)
        else:  # what comes while handlers are put back may keep others from that
            handler(number, frame)

    try:
        for stop in handlers:
            signal.signal(stop, take)
        yield
    finally:
        is_open = False
        for stop, handler in handlers.items():
            signal.signal(stop, handler)
