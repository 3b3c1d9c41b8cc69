"""What benchmarks share: one JSON line per result, with its commit, machine and load."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from fewfire.study.machine import machine


def report(benchmark: str, *, threads: int, **figures: Any) -> dict[str, Any]:
    """Print the settings and figures of one result, and where they were taken; return all that."""
    place = {"commit": commit(), "machine": machine(), "load": round(os.getloadavg()[0], 2)}
    line = {"benchmark": benchmark, **figures, "threads": threads, **place}
    print(json.dumps(line), flush=True)
    return line


def widths(text: str) -> list[int]:
    """An option's list of widths: `1000,1000`."""
    return [int(width) for width in text.split(",")]


def commit() -> str:
    """The commit of this checkout, with a + when tracked files differ from it."""
    command = ["git", "describe", "--always", "--exclude=*", "--dirty=+"]
    found = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True)
    return found.stdout.strip() or "unknown"
