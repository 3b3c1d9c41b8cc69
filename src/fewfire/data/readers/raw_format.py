"""Which kind of text with labels a file holds, by how it begins and by its name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, TypeAlias

from ..columns import LABELS, TEXTS, Columns
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
_NUMBERS = re.compile(r"[-+.,:\deE]*|qid:\d+")  # a word of svmlight
_OBJECT = re.compile(r'\[?\s*\{\s*"')
_QUOTED = re.compile(r'"(?:[^"]|"")*"')
_ROW = re.compile(r'"(?:[^"]|"")*"(?:[,;|\t]"(?:[^"]|"")*")+')
_CELLS = re.compile(r"[,;|\t]")


def format_of(
    path: Path, start: bytes, columns: Columns | None = None, *, of_texts: bool = False
) -> Format | None:
    """Return the format of a file that begins so; None if it holds no texts.

    With `of_texts`, a line of words is a text, also without a tab and labels. `columns` are those
    that a table may name in its first line.

    >>> format_of(Path("a.txt"), b"__label__pets a small cat")
    'fasttext'
    >>> format_of(Path("a.txt"), b"a small cat\\tpets"), format_of(Path("a.txt"), b"1 2:0.5")
    ('tsv', None)
    """
    lines = _lines(start)
    first = next(iter(lines), "")
    if any(word.startswith(PREFIX) for word in first.split()):
        return "fasttext"
    suffix = Path(path.name.lower().removesuffix(".gz")).suffix
    if suffix in _BY_NAME:
        return _BY_NAME[suffix]
    if _OBJECT.match(first):
        return "json"
    if _names_columns(first, columns or Columns()):
        return "tsv" if "\t" in first else "csv"
    if _are_quoted_cells(lines):
        return "csv"
    words = next((line for line in lines if line[0] != "#"), "").partition("#")[0].split()
    is_of_numbers = all(map(_NUMBERS.fullmatch, words))
    if of_texts:
        return None if is_of_numbers and any(":" in word for word in words) else "tsv"
    return "tsv" if "\t" in first and not is_of_numbers else None


def _names_columns(first: str, columns: Columns) -> bool:
    """Whether a first line holds the names of columns: those that are wanted, or usual ones."""
    cells = [cell.strip().strip('"') for cell in _CELLS.split(first)]
    if len(cells) < 2:
        return False
    lowered = [cell.lower() for cell in cells]
    has_usual = any(name in lowered for name in TEXTS) and any(name in lowered for name in LABELS)
    return has_usual or any(name in cells for name in columns.asked)


def _are_quoted_cells(lines: list[str]) -> bool:
    """Whether all lines are cells in quotes, two or more, as many in each.

    >>> _are_quoted_cells(['"a small, grey cat","pets"', '"a ""good"" dog","pets,dogs"'])
    True
    """
    whole = lines[:-1] or lines  # the last may be cut
    widths = {len(_QUOTED.findall(line)) for line in whole if _ROW.fullmatch(line)}
    return len(widths) == 1 and all(map(_ROW.fullmatch, whole))


def _lines(start: bytes) -> list[str]:
    """Return the lines that are not blank, or what of them is there; of no text, none."""
    text = start.decode("utf-16" if is_utf16(start) else "utf-8", errors="replace")
    if "\0" in text:
        return []
    return [line.strip("\r ") for line in text.split("\n") if line.strip()]
