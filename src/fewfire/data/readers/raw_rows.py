"""Texts and their labels from the files that people have: lines, tables, JSON, fastText's."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, TypeAlias

from ..columns import LABELS, TEXTS, Columns, places_of, usual_place, ways_to_say
from .raw_format import PREFIX, Format

Field: TypeAlias = str | tuple[str, ...] | None  # labels in one, apart already, or none at all
_DELIMITERS = ",;\t|"
_RECORDS = 20  # that decide the delimiter of a table


@dataclass
class Rows:
    """What a file holds, row by row, and the columns that it was found in."""

    columns: Columns
    may_lack_labels: bool  # a row of a table may have an empty cell, a line of text needs its tab
    texts: list[str] = field(default_factory=list)
    fields: list[Field] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)  # of the file, where rows begin

    def add(self, line: int, text: str, labels: Field) -> None:
        """Take a row."""
        self.texts.append(text)
        self.fields.append(labels)
        self.lines.append(line)


class Record(NamedTuple):
    """A row of a table."""

    line: int
    cells: Sequence[str]


def rows_of(text: str, kind: Format, wanted: Columns, *, remembered: bool) -> Rows:
    """Return the rows of a text in this format; raise `ValueError` for a line that is wrong.

    With `remembered`, `wanted` is what a training set had, and no order of the caller.
    """
    if kind == "tsv":
        return _of_table(list(_lines(text)), wanted, remembered=remembered, tabs=True)
    if kind == "csv":
        return _of_table(list(_records(text)), wanted, remembered=remembered, tabs=False)
    if kind == "json":
        return _of_json(text, wanted, remembered=remembered)
    return _of_fasttext(text, wanted)


def _lines(text: str) -> Iterator[Record]:
    for number, line in enumerate(_without_end(text).split("\n"), 1):
        cells = line.removesuffix("\r").split("\t")
        yield Record(number, [_unquoted(cell) for cell in cells])


def _without_end(text: str) -> str:
    return text.removesuffix("\n")


def _unquoted(cell: str) -> str:
    """Return a cell without the quotes that spreadsheets put around one.

    >>> _unquoted('"a ""small"" cat"'), _unquoted('"small" cats')
    ('a "small" cat', '"small" cats')
    """
    inner = cell[1:-1]
    if len(cell) >= 2 and cell[0] == cell[-1] == '"' and '"' not in inner.replace('""', ""):
        return inner.replace('""', '"')
    return cell


def _records(text: str) -> Iterator[Record]:
    """Go through the rows of a table whose cells may be quoted (RFC 4180)."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        delimiter = _delimiter(text)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        end = 0
        for cells in reader:
            yield Record(end + 1, cells or [""])
            end = reader.line_num
    except csv.Error as error:
        raise ValueError(f"line {end + 1} is not a row of a table: {error}") from error
    finally:
        csv.field_size_limit(before)


def _delimiter(text: str) -> str:
    """Return what stands between cells: what gives most of the first rows as many columns, two or
    more, and of equals what gives the most."""

    def likeness(delimiter: str) -> tuple[int, int]:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        widths = Counter(len(cells) for cells, _ in zip(reader, range(_RECORDS), strict=False))
        return max(((n, width) for width, n in widths.items() if width > 1), default=(0, 0))

    return max(_DELIMITERS, key=likeness)


def _of_table(records: list[Record], wanted: Columns, *, remembered: bool, tabs: bool) -> Rows:
    filled = [record for record in records if any(cell.strip() for cell in record.cells)]
    if not filled:
        raise ValueError("it is empty")
    first, widest = filled[0], max(filled, key=lambda record: len(record.cells))
    width = len(widest.cells)
    if tabs and width > 2 and len(first.cells) <= 2:
        raise ValueError(
            f"line {widest.line} has {width - 1} tabs, but one stands between the text and its "
            "labels: make the others spaces"
        )
    places = places_of(first.cells, width, wanted, remembered=remembered)
    columns = wanted
    if places.has_names:
        if len(first.cells) < width:
            raise ValueError(
                f"line {widest.line} has {width} columns, the first has {len(first.cells)}"
            )
        names = [cell.strip() for cell in first.cells]
        of_text = tuple(names[place] for place in places.texts)
        columns = replace(columns, text=of_text if len(of_text) > 1 else of_text[0])
        if places.labels is not None:
            columns = replace(columns, labels=names[places.labels])
    rows = Rows(columns, may_lack_labels=places.has_names or not tabs)
    for line, cells in records:
        if places.has_names and line <= first.line:
            continue
        text = " ".join(cells[place] for place in places.texts if place < len(cells))
        rows.add(line, text, _at(cells, places.labels))
    if not rows.texts:
        raise ValueError("it has names of columns and no rows beneath them")
    return rows


def _at(cells: Sequence[str], place: int | None) -> str | None:
    return None if place is None or place >= len(cells) else cells[place]


def _of_json(text: str, wanted: Columns, *, remembered: bool) -> Rows:
    entries = list(_objects(text))
    if not entries:
        raise ValueError("it is empty")
    names = list(dict.fromkeys(name for _, entry in entries[:_RECORDS] for name in entry))
    columns = _named_in(names, wanted, remembered=remembered)
    rows = Rows(columns, may_lack_labels=True)
    for line, entry in entries:
        texts = (_text_of(entry.get(str(name)), line) for name in columns.texts)
        rows.add(line, " ".join(texts), _labels_of(entry.get(str(columns.labels)), line))
    return rows


def _named_in(names: list[str], wanted: Columns, *, remembered: bool) -> Columns:
    """Return the columns among the names of objects: those wanted, or those with usual names."""

    def usual(of: Sequence[str]) -> str | None:
        place = usual_place(names, of)
        return None if place is None else names[place]

    found = replace(wanted, text=wanted.text or usual(TEXTS), labels=wanted.labels or usual(LABELS))
    told = ", ".join(map(repr, names[:_RECORDS]))
    for what, value in (("the text", found.text), ("the labels", found.labels)):
        if value is None and not (remembered and what == "the labels"):
            raise ValueError(f"which entry holds {what}? There are {told}: {ways_to_say(what)}")
    asked = [*found.texts, *[found.labels] * (not remembered)]
    lost = [name for name in asked if name is not None and str(name) not in names]
    if lost:
        raise ValueError(f"there is no entry {str(lost[0])!r}: there are {told}")
    return found


def _objects(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Go through the objects of JSON, one a line or in an array, with the lines of the former."""
    entries: Iterator[tuple[int, Any]]
    if text.lstrip().startswith("["):
        entries = enumerate(_parsed(text, 1), 1)
    else:
        lines = enumerate(text.split("\n"), 1)
        entries = ((number, _parsed(line, number)) for number, line in lines if line.strip())
    for number, entry in entries:
        if not isinstance(entry, dict):
            raise ValueError(f"line {number} is not a JSON object: write {{...}} in each line")
        yield number, entry


def _parsed(text: str, line: int) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"line {line} is not JSON: {error}") from error


def _text_of(value: Any, line: int) -> str:
    parts = value if isinstance(value, list) else [value]
    if all(part is None or isinstance(part, str | int | float) for part in parts):
        return " ".join(str(part) for part in parts if part is not None)
    raise ValueError(f"line {line} has no text, but {type(value).__name__}")


def _labels_of(value: Any, line: int) -> Field:
    if value is None or isinstance(value, str):
        return value
    parts = value if isinstance(value, list) else [value]
    parts = [part for part in parts if part is not None]
    if all(isinstance(part, str | int | float) for part in parts):
        return tuple(dict.fromkeys(str(part).strip() for part in parts if str(part).strip()))
    raise ValueError(f"line {line} has labels that are neither words nor numbers")


def _of_fasttext(text: str, wanted: Columns) -> Rows:
    """Labels are the words that begin with `__label__`."""
    rows = Rows(wanted, may_lack_labels=True)
    for number, line in enumerate(_without_end(text).split("\n"), 1):
        words = line.split()
        names = (word.removeprefix(PREFIX) for word in words if word.startswith(PREFIX))
        labels = tuple(dict.fromkeys(name for name in names if name))
        rest = " ".join(word for word in words if not word.startswith(PREFIX))
        rows.add(number, rest, labels or None)
    return rows
