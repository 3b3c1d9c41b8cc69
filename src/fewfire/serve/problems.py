"""What is wrong with a request, as RFC 9457 says it: `application/problem+json`."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import msgspec

from .reply import Reply

_AT = re.compile(r" - at `(key in )?\$(.*)`$")


class Problem(Exception):  # noqa: N818  # as RFC 9457 calls it
    """A request that is refused.

    Parameters
    ----------
    status : int
    detail : str
        What is wrong, and what to do.
    pointer : str, optional
        Which field of the body, as a JSON pointer.
    headers : pairs of bytes
        For the answer, besides its type.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        pointer: str | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.pointer, self.headers = status, detail, pointer, headers

    @property
    def body(self) -> dict[str, Any]:
        """What is answered; `error` is where clients of the Open Inference Protocol look."""
        found: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "error": self.detail,
        }
        if self.pointer is not None:
            found["errors"] = [{"pointer": f"#{self.pointer}", "detail": self.detail}]
        return found

    @property
    def reply(self) -> Reply:
        """The answer."""
        body = msgspec.json.encode(self.body)
        return Reply(self.status, b"application/problem+json", body, self.headers)


def busy(what: str) -> Problem:
    """Return the refusal of a request that may be made again a moment later."""
    return Problem(503, f"{what}: ask again", headers=((b"retry-after", b"1"),))


def of_decoding(error: Exception) -> Problem:
    """Return what is wrong with JSON that msgspec refused.

    >>> problem = of_decoding(ValueError("Expected `int`, got `str` - at `$.rows[3].k`"))
    >>> problem.status, problem.pointer, problem.detail
    (422, '/rows/3/k', 'Expected `int`, got `str`')
    """
    text = str(error) or "it is nested too deep"
    if isinstance(error, msgspec.DecodeError) and not isinstance(error, msgspec.ValidationError):
        return Problem(400, f"the body is not JSON: {text}")
    found = _AT.search(text)
    if found is None:
        return Problem(422 if isinstance(error, ValueError) else 400, text, "")
    place = re.sub(r"\[(\d+|\.\.\.)\]", r"/\1", found[2].replace(".", "/").replace("///", "..."))
    return Problem(422, text[: found.start()], place)
