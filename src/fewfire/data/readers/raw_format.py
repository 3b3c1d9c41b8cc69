"""Which kind of text with labels a file holds, by how it begins and by its name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, TypeAlias

from .shared import is_utf16

Format: TypeAlias = Literal["tsv", "csv", "json", "fasttext"]

PREFIX = "__label__"  # of fastText's labels
_BY_NAME: dict[str, Format] = {
    ".tsv": "tsv",
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}
_NUMBERS = re.compile(r"[-+.,:\deE]*")  # a word of svmlight


def format_of(path: Path, start: bytes, *, of_texts: bool = False) -> Format | None:
    """Return the format of a file that begins so; None if it holds no texts.

    With `of_texts`, a line of words is a text, also without a tab and labels.

    >>> format_of(Path("a.txt"), b"__label__pets a small cat")
    'fasttext'
    >>> format_of(Path("a.txt"), b"a small cat\\tpets"), format_of(Path("a.txt"), b"1 2:0.5")
    ('tsv', None)
    """
    first = _first_line(start)
    if any(word.startswith(PREFIX) for word in first.split()):
        return "fasttext"
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix in _BY_NAME:
        return _BY_NAME[suffix]
    if first.startswith(("{", '[{"')):
        return "json"
    is_of_numbers = all(map(_NUMBERS.fullmatch, _first_line(start, comments=False).split()))
    return "tsv" if not is_of_numbers and (of_texts or "\t" in first) else None


def _first_line(start: bytes, *, comments: bool = True) -> str:
    """Return the first line that is not blank, or a comment of text of numbers, or what of it is
    there; of no text, nothing."""
    text = start.decode("utf-16" if is_utf16(start) else "utf-8", errors="replace")
    if "\0" in text:
        return ""
    lines = (line.strip("\r ") for line in text.split("\n"))
    return next((line for line in lines if line and (comments or line[0] != "#")), "")
