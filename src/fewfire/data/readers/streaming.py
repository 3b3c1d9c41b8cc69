"""Text in pieces: each is parsed for itself, and its errors count the lines of the whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ... import _core
from ...base.checks import thread_count
from ...base.files import PathLike
from ..csr import MAX_ID
from ..dataset import Dataset
from ..encoding import Encoding
from .shared import unpacked
from .text import Header

PIECE = 1 << 24  # bytes that are parsed at a time, and the longest line


def pieces(path: PathLike, *, skip: bool) -> Iterator[tuple[int, bytes]]:
    """Go through the text, cut where lines end, with the number of lines before each piece.

    `skip` leaves out the first line.
    """
    lines = 0
    with unpacked(path) as file:
        if skip:
            file.readline()
            lines = 1
        while text := file.read(PIECE):
            rest = b"" if text.endswith(b"\n") else file.readline(PIECE)
            text += rest
            if len(rest) == PIECE and not rest.endswith(b"\n"):
                line = lines + text.count(b"\n") + 1
                raise ValueError(f"line {line} is longer than {PIECE >> 20} MiB")
            yield lines, text
            lines += text.count(b"\n")


def check_header(start: bytes, header: Header | None) -> None:
    """Raise, as the parser does, for a header with sizes beyond its ids."""
    if header is not None and max(header) >= MAX_ID:
        _parse_text(start.split(b"\n", 1)[0], lists=True, header=True)


def has_lists(path: PathLike, like: Dataset | Encoding | None) -> bool:
    """Whether examples have lists of labels: `like` tells, or a comma anywhere in the text."""
    if like is not None:
        return like.kind == "labels"
    with unpacked(path) as file:
        return any(b"," in block for block in iter(lambda: file.read(PIECE), b""))


def parse_piece(
    text: bytes, lines_before: int, lists: bool, header: Header | None
) -> tuple[Any, ...]:
    """Parse a piece of text; errors count its lines from the start of the file."""
    try:
        found = _parse_text(text, lists=lists)
        if header is None or (found[6] <= header.n_features and found[7] <= header.n_labels):
            return found
        raise ValueError("an id is beyond the sizes that the header states")
    except ValueError as error:
        failure = error
    if header is not None:  # with a header of its own the parser knows which error comes first
        lines_before -= 1
        sizes = b"0 %d %d\n" % (header.n_features, header.n_labels)
        try:
            _parse_text(sizes + text, lists=True, header=True)
        except ValueError as error:
            failure = error
    raise ValueError(
        re.sub(r"^line (\d+)", lambda m: f"line {int(m[1]) + lines_before}", str(failure))
    )


def _parse_text(text: bytes, *, lists: bool, header: bool = False) -> tuple[Any, ...]:
    return _core.parse_text(
        np.frombuffer(text, np.uint8), header=header, labels=lists, n_threads=thread_count(None)
    )
