"""Text in pieces: each is parsed for itself, and its errors count the lines of the whole."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ... import _core
from ...base.checks import LARGEST_ID, thread_count
from ...base.files import PathLike
from .shared import text
from .text import Header, has_lists

PIECE = 1 << 24  # bytes that are parsed at a time, and the longest line


def pieces(path: PathLike, *, header: bool) -> Iterator[tuple[int, bytes]]:
    """Go through the examples, cut where lines end, with the number of lines before each piece."""
    with text(path) as file:
        lines = 0
        if header:
            _check_header(file.readline(PIECE))
            lines = 1
        while piece := file.read(PIECE):
            rest = b"" if piece.endswith(b"\n") else file.readline(PIECE)
            piece += rest
            if len(rest) == PIECE and not rest.endswith(b"\n"):
                line = lines + piece.count(b"\n") + 1
                raise ValueError(f"line {line} is longer than {PIECE >> 20} MiB")
            yield lines, piece
            lines += piece.count(b"\n")


def any_lists(path: PathLike) -> bool:
    """Whether examples have lists of labels."""
    return any(has_lists(piece) for _, piece in pieces(path, header=False))


def _check_header(line: bytes) -> None:
    """Raise for a header that the parser refuses, which must not miss the examples."""
    n_rows, *_ = line.split()
    if int(n_rows) < LARGEST_ID:
        line = line.replace(n_rows, b"0" * len(n_rows), 1)
    _parse_text(line, lists=True, header=True)


def parse_piece(
    piece: bytes, lines_before: int, lists: bool, header: Header | None
) -> tuple[Any, ...]:
    """Parse a piece of text; errors count its lines from the start of the file."""
    try:
        found = _parse_text(piece, lists=lists)
        if header is None or (found[6] <= header.n_features and found[7] <= header.n_labels):
            return found
        raise ValueError("an id is beyond the sizes that the header states")
    except ValueError as error:
        failure = error
    if header is not None:  # with a header of its own the parser knows which error comes first
        lines_before -= 1
        sizes = b"0 %d %d\n" % (header.n_features, header.n_labels)
        try:
            _parse_text(sizes + piece, lists=True, header=True)
        except ValueError as error:
            failure = error
    raise ValueError(
        re.sub(r"^line (\d+)", lambda m: f"line {int(m[1]) + lines_before}", str(failure))
    )


def _parse_text(lines: bytes, *, lists: bool, header: bool = False) -> tuple[Any, ...]:
    return _core.parse_text(
        np.frombuffer(lines, np.uint8), header=header, labels=lists, n_threads=thread_count(None)
    )
