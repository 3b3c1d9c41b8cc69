"""A run of many tries, on several processes, and what came of it."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from .areas import AREAS
from .batch import Batch, Found

SIZE = 250  # tries of a batch
_SHOWN = 3  # findings of one cause that are told
_TICK = 0.05  # seconds


class Part(NamedTuple):
    """Tries of an area that are to be done."""

    area: str
    numbers: range


def finite(areas: Sequence[str], first: int, n_tries: int) -> Iterator[Part]:
    """Return so many tries of each area, in turns."""
    for begin in range(first, first + n_tries, SIZE):
        for area in areas:
            yield Part(area, range(begin, min(begin + SIZE, first + n_tries)))


def until(areas: Sequence[str], first: int, seconds: float) -> Iterator[Part]:
    """Return tries of each area, in turns, until time is up."""
    end = time.monotonic() + seconds
    for begin in count(first, SIZE):
        for area in areas:
            if time.monotonic() > end:
                return
            yield Part(area, range(begin, begin + SIZE))


class Result:
    """What came of a run."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[str]] = {}
        self.causes: dict[str, list[Found]] = {}

    def add(self, batch: Batch) -> None:
        """Count a batch, and tell what it found, unless much of the kind was told before."""
        of_area = self.counts.setdefault(batch.area, Counter())
        of_area["tries"] += batch.n_done
        of_area["accepted"] += batch.n_accepted
        of_area["refused"] += batch.n_refused
        of_area["findings"] += len(batch.found)
        of_area["milliseconds"] += round(1000 * batch.seconds)
        for one in batch.found:
            alike = self.causes.setdefault(re.sub(r"\d+", "0", one.what)[:120], [])
            alike.append(one)
            if len(alike) <= _SHOWN or batch.area == "seeds":
                print(f"{one.area}:{one.number}: {one.what}", flush=True)

    def table(self) -> str:
        """Return the counts of each area."""
        names = ("tries", "accepted", "refused", "findings")
        lines = [f"{'area':<10}{''.join(f'{name:>10}' for name in names)}{'a CPU s':>10}"]
        for area, of_area in self.counts.items():
            rate = 1000 * of_area["tries"] / max(1, of_area["milliseconds"])
            figures = [*(of_area[name] for name in names), round(rate)]
            lines.append(f"{area:<10}{''.join(f'{figure:>10,}' for figure in figures)}")
        return "\n".join(lines)

    def kinds(self) -> str:
        """Return a line for each kind of finding: how many, and the first of them."""
        most_first = sorted(self.causes.values(), key=len, reverse=True)
        return "\n".join(
            f"{len(alike):>7,} as {alike[0].area}:{alike[0].number}: {alike[0].what}"
            for alike in most_first
        )


def run(parts: Iterable[Part], n_jobs: int, keep: Path) -> Result:
    """Do all tries, a batch of them in each process; Ctrl-C ends it after those that are begun."""
    result = Result()
    with tempfile.TemporaryDirectory(dir=fast_folder(), prefix="fuzz-") as scratch:
        names, running = count(), list[Batch]()
        with contextlib.suppress(KeyboardInterrupt):
            for part in parts:
                AREAS[part.area].prepare()  # once; its processes then have what it made
                folder = Path(scratch) / str(next(names))
                running.append(Batch(*part, folder, keep))
                _finish(running, n_jobs - 1, result)
        _finish(running, 0, result)
    return result


def fast_folder() -> str | None:
    """Return a folder that is not a disk, if there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _finish(running: list[Batch], most: int, result: Result) -> None:
    """Wait until only so many batches run."""
    while len(running) > most:
        for batch in [batch for batch in running if batch.ended()]:
            running.remove(batch)
            result.add(batch)
        time.sleep(_TICK)
