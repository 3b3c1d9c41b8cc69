"""Ctrl-C, heard when it does no harm."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Hear Ctrl-C at the end of the block, so that arrays are never left half changed."""
    handler = signal.getsignal(signal.SIGINT)
    # Only the main thread hears signals; a handler that is no function interrupts no Python code.
    if not callable(handler) or threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: heard.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if heard:
        handler(*heard[0])
