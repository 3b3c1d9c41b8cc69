"""Ctrl-C, and what else ends a program politely, heard when it does no harm."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def stops_as_interrupts() -> Iterator[list[int]]:
    """Let SIGTERM and SIGHUP do what Ctrl-C does; yield the list of those that are heard.

    What ignores them, as `nohup` does SIGHUP, goes on ignoring them.
    """
    heard: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        raise KeyboardInterrupt

    numbers = [number for number in STOPS if signal.getsignal(number) == signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        numbers = []  # only the main thread may ask for signals
    for number in numbers:
        signal.signal(number, interrupt)
    try:
        yield heard
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Hear Ctrl-C at the end of the block: nothing is left half changed or half written."""
    # A handler that is no function interrupts no Python code.
    handlers = {stop: each for stop in STOPS if callable(each := signal.getsignal(stop))}
    if not handlers or threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[tuple[int, FrameType | None]] = []
    for stop in handlers:
        signal.signal(stop, lambda number, frame: heard.append((number, frame)))
    try:
        yield
    finally:
        for stop, handler in handlers.items():
            signal.signal(stop, handler)
    if heard:
        number, frame = heard[0]
        handlers[signal.Signals(number)](number, frame)
