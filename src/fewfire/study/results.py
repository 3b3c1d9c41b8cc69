"""The lines of a study: one per cell, appended when the cell is done and never changed.

A process that is killed leaves at most half a line at the end, which is cut off when the file is
opened again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from .cells import Cell, cell_of
from .machine import commit, load, machine
from .speed import SpeedCell

AnyCell: TypeAlias = "Cell | SpeedCell"


def key(cell: AnyCell) -> str:
    """Return the cell as text: equal cells are equal texts."""
    return json.dumps(asdict(cell), sort_keys=True)


class Line(NamedTuple):
    """A cell, what came of it, and where."""

    cell: AnyCell
    figures: dict[str, Any]
    place: dict[str, Any]


class Results:
    """The cells that are done, on file.

    Parameters
    ----------
    path : Path
        Made if it does not exist.

    Raises
    ------
    ValueError
        If the file holds something else than lines of a study; it is left as it was.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: dict[str, Line] = {}
        whole = 0
        raw = path.read_bytes() if path.exists() else b""
        for number, text in enumerate(raw.splitlines(keepends=True), 1):
            if not text.endswith(b"\n"):
                break
            line = _parsed(path, number, text)
            self._lines[key(line.cell)] = line
            whole += len(text)
        if whole < len(raw):
            os.truncate(path, whole)

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines.values())

    def __contains__(self, cell: AnyCell) -> bool:
        return key(cell) in self._lines

    def __getitem__(self, cell: AnyCell) -> Line:
        return self._lines[key(cell)]

    def add(self, cell: AnyCell, figures: dict[str, Any]) -> None:
        """Append a line; it is on the disk when this returns."""
        finished = datetime.now(UTC).isoformat(timespec="seconds")
        place = {"commit": commit(), "machine": machine(), "load": load(), "finished": finished}
        with self.path.open("a", encoding="utf-8") as file:
            text = json.dumps({"cell": asdict(cell), "figures": figures, "place": place})
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._lines[key(cell)] = Line(cell, figures, place)


def _parsed(path: Path, number: int, text: bytes) -> Line:
    try:
        parts = json.loads(text)
        fields = parts["cell"]
        cell = SpeedCell(**fields) if fields["part"] == "speed" else cell_of(fields)
        return Line(cell, dict(parts["figures"]), dict(parts["place"]))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path}, line {number}, is no line of a study ({error}): "
            "give another --out, or take the line out"
        ) from error
