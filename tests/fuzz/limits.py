"""What a process of tries may take, and what it took: memory and seconds of the processor."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

ASLEEP = 300  # seconds of the clock that may be waited for something other than the processor
MEMORY = 6 * 2**30  # bytes beyond what a process has at its start
_TICKS = os.sysconf("SC_CLK_TCK")


def limit_memory() -> None:
    """Let asking for more memory fail, as on a small machine; and write no cores."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def seconds_of(pid: int) -> float:
    """Return the seconds of the processor that a process took, in all its threads; 0 if it ended.

    A busy machine does not make them more, as it does those of the clock.
    """
    words = _words(Path(f"/proc/{pid}/stat"))
    return (int(words[11]) + int(words[12])) / _TICKS if words else 0.0


class Sleep:
    """How long a process has slept without a break, in seconds of the clock.

    One that is starved does not sleep: a busy machine does not make them more.
    """

    def __init__(self, pid: int) -> None:
        self._pid, self._took, self._since = pid, 0.0, time.monotonic()

    def seconds(self) -> float:
        """Return them: to be asked now and then."""
        now, took = time.monotonic(), seconds_of(self._pid)
        if took > self._took or not _sleeps(self._pid):
            self._took, self._since = took, now
        return now - self._since


def _sleeps(pid: int) -> bool:
    """Whether all threads of a process wait for something, and none for the processor."""
    threads = [_words(path) for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    return all(words[0] == "S" for words in threads if words)


def _words(path: Path) -> list[str]:
    """Return what follows the name in a `stat` of /proc: first the state; nothing if it ended."""
    try:
        return path.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
