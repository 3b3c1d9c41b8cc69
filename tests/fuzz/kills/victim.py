"""A training in a process of its own, that tells how far it is and can be killed."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
from pathlib import Path

from ..limits import ASLEEP, Sleep, seconds_of
from .kinds import Train

LONGEST = 600  # seconds of the processor, after which a training has failed


class Victim:
    """A child that trains: `moments` counts what it has told of."""

    def __init__(self, train: Train, folder: Path) -> None:
        self._read, write = os.pipe()
        self.moments, self.heard = 0, b""
        self._pid = os.fork()
        if self._pid == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os.dup2(write, 2)
            _train(train, folder)
        os.close(write)
        self._sleep = Sleep(self._pid)

    def live_until(self, moment: int, delay: float) -> None:
        """Wait until so many moments were told of, and a little longer; return at its end, too."""
        while self.moments < moment and not self._hangs():
            if not self._listen(1.0):
                return
        time.sleep(delay)

    def kill(self) -> None:
        """End it, whatever it does."""
        os.kill(self._pid, signal.SIGKILL)

    def wait(self) -> int:
        """Listen to its end, and return how it ended: 0, an exit code, or a signal below 0."""
        while self._listen(1.0):
            if self._hangs():
                self.kill()
        os.close(self._read)
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _hangs(self) -> bool:
        """Whether it takes, or sleeps, longer than any training does."""
        return self._sleep.seconds() > ASLEEP or seconds_of(self._pid) > LONGEST

    def _listen(self, seconds: float) -> bool:
        """Hear what is told; return whether more may come."""
        if not select.select([self._read], [], [], seconds)[0]:
            return True
        heard = os.read(self._read, 1 << 16)
        self.heard += heard
        self.moments += heard.count(b"\n")
        return bool(heard)


def _train(train: Train, folder: Path) -> None:
    """Train, and end the process."""
    code = 1
    try:
        train(folder)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        sys.__stderr__.flush()
        os._exit(code)
