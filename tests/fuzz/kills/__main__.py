"""Kills trainings and lets them go on: `python -m tests.fuzz.kills --tries 200`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fewfire as ff
from fewfire.base.files import Arrays, read_model

from ..draw import Draw
from .kinds import CHECKPOINT, KINDS, OUT, Train
from .victim import Victim

MOST = 3  # kills of a training


class Whole(NamedTuple):
    """What a training comes to that nobody kills."""

    arrays: Arrays
    moments: int
    seconds: float  # between two of them


class WrongError(Exception):
    """Something that a kill must not do."""


def main() -> int:
    """Kill as often as the command line asks for; return the exit code."""
    options = _options().parse_args()
    names = list(KINDS) if options.kinds is None else options.kinds.split(",")
    counts, wrong = {name: Counter[str]() for name in names}, 0
    with tempfile.TemporaryDirectory(prefix="kills-") as scratch:
        wholes = {name: whole(KINDS[name], Path(scratch) / name) for name in names}
        for number in range(options.seed, options.seed + options.tries):
            name, folder = names[number % len(names)], Path(scratch) / str(number)
            folder.mkdir()
            draw = Draw(number)
            try:
                counts[name]["tries"] += 1
                one_try(draw, KINDS[name], wholes[name], folder, counts[name])
                counts[name]["equal"] += 1
                shutil.rmtree(folder)
            except WrongError as error:
                wrong += 1
                kept = options.keep / f"kill-{number}"
                shutil.copytree(folder, kept, dirs_exist_ok=True)
                print(f"{number} ({name}): {error}; files in {kept}", flush=True)
    print(table(counts))
    return 1 if wrong else 0


def whole(train: Train, folder: Path) -> Whole:
    """Train without kills."""
    folder.mkdir()
    start = time.monotonic()
    victim = Victim(train, folder)
    code = victim.wait()
    if code != 0:
        raise SystemExit(f"{folder.name} ended with {code}:\n{victim.heard.decode()}")
    seconds = (time.monotonic() - start) / max(1, victim.moments)
    return Whole(read_model(folder / OUT)[1], victim.moments, seconds)


def one_try(
    draw: Draw, train: Train, wanted: Whole, folder: Path, counts: Mapping[str, int]
) -> None:
    """Kill a training a few times, let it go on, and compare."""
    n_kills = draw.between(1, MOST)
    for n_killed in range(n_kills + 1):
        counts["resumed"] += (folder / CHECKPOINT).exists()
        victim = Victim(train, folder)
        if n_killed < n_kills:
            moments = wanted.moments // (n_killed + 1)  # those that are left become fewer
            delay = wanted.seconds * draw.below(1000) / 1000
            victim.live_until(draw.below(max(1, moments)), delay)
            victim.kill()
        code = victim.wait()
        counts["kills"] += code == -9
        if code not in (0, -9):
            raise WrongError(f"ended with {code}: {victim.heard.decode()[-1500:]}")
        for name in (OUT, CHECKPOINT):
            check_whole(folder / name)
        if code == 0:
            break
    check_end(folder, wanted.arrays)


def check_whole(path: Path) -> None:
    """Raise unless a file is not there yet, or can be read."""
    try:
        if path.exists():
            ff.load(path)
    except ValueError as error:
        raise WrongError(f"a damaged file: {error}") from error


def check_end(folder: Path, wanted: Mapping[str, Any]) -> None:
    """Raise unless the model is that of a training without kills, and nothing else is left."""
    arrays = read_model(folder / OUT)[1]
    other = [
        name
        for name in wanted.keys() | arrays.keys()
        if name not in arrays or not np.array_equal(arrays[name], wanted.get(name))
    ]
    if other:
        raise WrongError(f"other {', '.join(sorted(other))}")
    left = [path.name for path in folder.iterdir() if path.suffix == ".part"]
    if left:
        raise WrongError(f"left behind: {', '.join(left)}")


def table(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Return what happened to each kind of training."""
    names = ("tries", "kills", "resumed", "equal")
    lines = [f"{'kind':<24}{''.join(f'{name:>9}' for name in names)}"]
    for kind, of_kind in counts.items():
        lines.append(f"{kind:<24}{''.join(f'{of_kind[name]:>9,}' for name in names)}")
    return "\n".join(lines)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.kills", description=__doc__)
    parser.add_argument("--tries", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, help="number of the first try; default: 0")
    parser.add_argument("--kinds", help=f"default: {','.join(KINDS)}")
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "killed")
    return parser


if __name__ == "__main__":
    sys.exit(main())
