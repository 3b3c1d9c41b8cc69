"""The real command line, in this process: what it printed, and with which code it ended."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from fewfire import cli
from fewfire.base.interrupts import STOPS

from .attempt import Attempt, FindingError
from .verdict import described

PATIENCE = (
    1.0  # seconds of the processor before somebody presses Ctrl-C, and again each further one
)
CODES = (0, 1, 2, *(128 + stop for stop in STOPS))  # of a fault it is 70


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def run(attempt: Attempt, folder: Path, *words: str) -> Ended:
    """Run a command in a folder; raise unless it ends as commands do."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    before, sys.argv = sys.argv, ["fewfire", *words]
    try:
        with (
            contextlib.chdir(folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
            interrupted(),
        ):
            cli.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException as error:
        raise FindingError(f"a traceback: {described(error)}") from error
    finally:
        sys.argv = before
    ended = Ended(code, out.getvalue(), err.getvalue())
    attempt.note(f"fewfire {' '.join(words)}: {code}\n{ended.err[-2000:]}")
    last = ended.err.strip().rpartition("\n")[2]
    attempt.demand(f"exit code {code}: {last}", code in CODES)
    attempt.demand("a traceback on stderr", "Traceback" not in ended.err)
    return ended


@contextlib.contextmanager
def interrupted() -> Iterator[None]:
    """End what takes long as a user would: by Ctrl-C, which keeps what was learned."""
    pressed = signal.signal(signal.SIGINT, signal.default_int_handler)
    alarm = signal.signal(signal.SIGPROF, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    signal.setitimer(signal.ITIMER_PROF, PATIENCE, PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGINT, pressed)
        signal.signal(signal.SIGPROF, alarm)
