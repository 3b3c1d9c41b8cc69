"""The body of a request, no larger and no slower than it may be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from .problems import Problem, busy
from .settings import Limits

Receive = Callable[[], Awaitable[Any]]


class Gone(Exception):  # noqa: N818  # no error of ours
    """The client is not there any more."""


class Bodies:
    """What a worker holds of requests that are still arriving."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._n_bytes = 0

    async def read(self, receive: Receive, headers: Mapping[bytes, bytes]) -> bytes:
        """Return a body; raise if it is larger than one may be, or all that arrive are."""
        most = self._limits.body_bytes
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise Problem(415, "the body is compressed: send it as it is")
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > most:
            raise _too_large(most)
        message = await _part(receive)
        if not message.get("more_body"):
            body: bytes = message.get("body", b"")
            if len(body) > most:
                raise _too_large(most)
            return body
        return await self._rest(receive, message.get("body", b""), most)

    async def _rest(self, receive: Receive, first: bytes, most: int) -> bytes:
        body = bytearray(first)
        self._n_bytes += len(first)
        try:
            more = True
            while more:
                if len(body) > most:
                    raise _too_large(most)
                if self._n_bytes > self._limits.unread_bytes:
                    raise busy("too many large requests arrive at the same time")
                message = await _part(receive)
                part: bytes = message.get("body", b"")
                body += part
                self._n_bytes += len(part)
                more = message.get("more_body", False)
            if len(body) > most:
                raise _too_large(most)
            return bytes(body)
        finally:
            self._n_bytes -= len(body)


async def _part(receive: Receive) -> Any:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Gone
    return message


def _too_large(most: int) -> Problem:
    return Problem(413, f"a body may have {most:,} bytes: send fewer examples at a time")
