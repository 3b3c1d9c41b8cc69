"""API keys: who has none of them is let in only to what shows nothing."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256

from .problems import Problem

OPEN = {"/", "/docs", "/openapi.json", "/v2/health/live", "/v2/health/ready"}


class Keys:
    """The keys of a server; without one everybody may ask everything.

    >>> Keys(("secret",)).check("/v1/topk", {b"authorization": b"Bearer secret"})
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._digests = [sha256(key.encode()).digest() for key in keys]

    def check(self, path: str, headers: Mapping[bytes, bytes]) -> None:
        """Raise unless a request may ask for this path."""
        if not self._digests or path in OPEN:
            return
        given = headers.get(b"x-api-key")
        scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
        if given is None and scheme.lower() == b"bearer":
            given = token.strip()
        # All keys are compared, as digests, so that the time taken tells nothing of them.
        found = sha256(given or b"").digest()
        fits = [hmac.compare_digest(found, digest) for digest in self._digests]
        if given is None or not any(fits):
            raise Problem(
                401,
                "this server needs a key: Authorization: Bearer KEY, or X-API-Key: KEY",
                headers=((b"www-authenticate", b"Bearer"),),
            )
