"""Children of this process that do one thing."""

import os
import signal
import warnings
from collections.abc import Callable

from commands import HANG


def in_child(work: Callable[[], int]) -> int:
    """What `work` returns in a fork of this process; negative if a signal ended it, that of a child
    that is stuck included."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads run: that is the point
        child = os.fork()
    if child == 0:
        code = 99
        try:
            signal.alarm(HANG)
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
