"""What a server writes down: a line of JSON for each request, and events as lines to stderr."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from typing import IO, Any

import msgspec

from ..base.printable import visible

_EVERY = 0.2  # seconds in which lines are written together


class AccessLog:
    """Lines of JSON, written some times a second and at the end.

    Parameters
    ----------
    place : str
        A file that is appended to, "-" for standard output, "" for none.
    with_contents : bool
        Whether lines hold what was asked.
    """

    def __init__(self, place: str, *, with_contents: bool = False) -> None:
        self._file: IO[bytes] | None = None
        if place == "-":
            self._file = sys.stdout.buffer
        elif place:
            self._file = open(place, "ab")  # noqa: SIM115  # as long as the server
        self.with_contents = with_contents
        self._lines: list[bytes] = []
        self._encode = msgspec.json.Encoder().encode

    @property
    def is_on(self) -> bool:
        """Whether lines are wanted."""
        return self._file is not None

    def add(self, line: dict[str, Any]) -> None:
        """Write a line down, a moment later."""
        if not self._lines:
            asyncio.get_running_loop().call_later(_EVERY, self.flush)
        self._lines.append(self._encode({"time": round(time.time(), 6), **line}))

    def flush(self) -> None:
        """Write what is not written yet; what nobody takes any more is let go."""
        if self._file is None or not self._lines:
            return
        lines, self._lines = self._lines, []
        try:
            self._file.write(b"\n".join([*lines, b""]))
            self._file.flush()
        except (OSError, ValueError) as error:
            self._file = None
            tell(f"the access log ends: {error}")


def tell(event: str) -> None:
    """Say what happened, on standard error."""
    with contextlib.suppress(OSError):
        print(visible(f"fewfire: {event}"), file=sys.stderr, flush=True)
