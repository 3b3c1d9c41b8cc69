"""What a process of tries may take, and what it took: memory and seconds of the processor."""

from __future__ import annotations

import os
import resource
from pathlib import Path

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
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(words[11]) + int(words[12])) / _TICKS
