"""Names of labels: a text file, gzipped or not, whose line i, counted from 0, names label i."""

from __future__ import annotations

from ...base.files import PathLike
from .shared import content, reading


def read_names(path: PathLike) -> tuple[str, ...]:
    """Read names of labels, one per line, in UTF-8."""
    with reading(path, "names of labels"):
        lines = content(path).split(b"\n")
        if lines[-1] == b"":
            lines.pop()
        names = tuple(_name(line, number) for number, line in enumerate(lines, 1))
        if len(set(names)) < len(names):
            raise ValueError(_twice(names))
    return names


def _name(line: bytes, number: int) -> str:
    try:
        name = line.decode().removesuffix("\r")
    except UnicodeDecodeError as error:
        raise ValueError(f"line {number} is not UTF-8 text") from error
    if not name.strip():
        raise ValueError(f"line {number} is empty")
    if "\t" in name:
        raise ValueError(f"line {number} holds a tab, which separates columns: make it a blank")
    return name


def _twice(names: tuple[str, ...]) -> str:
    first: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if name in first:
            return f"lines {first[name]} and {number} are the same name, {name[:80]!r}"
        first[name] = number
    raise AssertionError("all names are distinct")
