"""How data files are written for a try, and read."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from fewfire import datasets

from . import mutate
from .attempt import Attempt
from .draw import Draw


def read(attempt: Attempt, path: Path, like: Any = None, **options: Any) -> Any:
    """Ask for what is in a file."""
    return attempt.ask("load", lambda: datasets.load(path, like, **options), file=path)


def packed(draw: Draw, attempt: Attempt, path: Path, content: bytes) -> Path:
    """Write content, now and then as gzip, good or damaged."""
    if draw.one_in(5):
        content = gzip.compress(content, 1, mtime=0)
        if draw.one_in(2):
            content, done = mutate.content(draw, content)
            attempt.note(f"gzip: {done}")
        path = path.with_name(f"{path.name}.gz")
    path.write_bytes(content)
    return path
