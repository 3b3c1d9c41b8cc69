"""An answer, before it is sent."""

from __future__ import annotations

from typing import NamedTuple


class Reply(NamedTuple):
    """Status, type and body of an answer, and further headers."""

    status: int
    content_type: bytes
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()
