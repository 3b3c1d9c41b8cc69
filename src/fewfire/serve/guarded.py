"""uvicorn's protocol, with an end to what a client may keep open: the head of a request must come
soon and be short, and connections are counted."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .problems import Problem

_HEAD_SECONDS = 10.0
_HEAD_BYTES = 64 << 10


class Guarded(HttpToolsProtocol):
    """A connection."""

    most_connections = 4096
    _head_timer: asyncio.TimerHandle | None = None
    _in_head = True
    _head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a request."""
        super().connection_made(transport)
        if len(self.connections) > self.most_connections:
            self._refuse(503, "too many connections: ask again")
            return
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._head_has_come()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > _HEAD_BYTES and not self.transport.is_closing():
            self._refuse(431, f"the head of a request may have {_HEAD_BYTES:,} bytes")

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._in_head = True
        self._wait_for_head()

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        self._in_head, self._head_bytes = False, 0
        self._head_has_come()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Count the bytes of the next head from here."""
        self._head_bytes = 0
        super().on_message_complete()

    def _wait_for_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(_HEAD_SECONDS, self._late)

    def _head_has_come(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _late(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing():
            self._refuse(408, f"the head of a request took more than {_HEAD_SECONDS:g} seconds")

    def _refuse(self, status: int, detail: str) -> None:
        reply = Problem(status, detail).reply
        head = (
            b"HTTP/1.1 %d refused\r\ncontent-type: %b\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n"
        )
        self.transport.write(head % (status, reply.content_type, len(reply.body)) + reply.body)
        self.transport.close()
