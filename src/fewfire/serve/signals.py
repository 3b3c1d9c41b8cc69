"""Signals that come while a process starts: they wait until it has handlers for them.

Without that SIGHUP would end it, as it ends what does not ask for it.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator

ENDS = (signal.SIGTERM, signal.SIGINT)
_HANDLED = (*ENDS, signal.SIGHUP)


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Hold signals back from this thread; a process that starts in here has them held."""
    old = signal.pthread_sigmask(signal.SIG_BLOCK, _HANDLED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, old)


def release_signals() -> None:
    """Let signals through that were held back."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANDLED)
