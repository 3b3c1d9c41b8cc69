"""The lines of a study: one per trial, appended when the trial is done and never changed.

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

from ..base.checks import said
from .machine import commit, load, machine
from .speed import SpeedTrial
from .trials import Trial, trial_of

AnyTrial: TypeAlias = "Trial | SpeedTrial"


def key(trial: AnyTrial) -> str:
    """Return the trial as text: equal trials are equal texts."""
    return json.dumps(asdict(trial), sort_keys=True)


class Line(NamedTuple):
    """A trial, what came of it, and where."""

    trial: AnyTrial
    figures: dict[str, Any]
    place: dict[str, Any]


class Results:
    """The trials that are done, on file.

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
            self._lines[key(line.trial)] = line
            whole += len(text)
        if whole < len(raw):
            os.truncate(path, whole)

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines.values())

    def __contains__(self, trial: AnyTrial) -> bool:
        return key(trial) in self._lines

    def __getitem__(self, trial: AnyTrial) -> Line:
        return self._lines[key(trial)]

    def add(self, trial: AnyTrial, figures: dict[str, Any]) -> None:
        """Append a line; it is on the disk when this returns."""
        finished = datetime.now(UTC).isoformat(timespec="seconds")
        place = {"commit": commit(), "machine": machine(), "load": load(), "finished": finished}
        with self.path.open("a", encoding="utf-8") as file:
            text = json.dumps({"cell": asdict(trial), "figures": figures, "place": place})
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._lines[key(trial)] = Line(trial, figures, place)


def _parsed(path: Path, number: int, text: bytes) -> Line:
    try:
        parts = json.loads(text)
        fields = parts["cell"]
        trial = SpeedTrial(**fields) if fields["part"] == "speed" else trial_of(fields)
        return Line(trial, dict(parts["figures"]), dict(parts["place"]))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(
            f"{path}, line {number}, is not a line of a study ({said(error)}): "
            "give another --out, or take the line out"
        ) from error
