"""The fuzzers on the command line: see `tests/fuzz/__init__.py`."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from . import seeds
from .areas import AREAS
from .batch import attempt_once, keep_folder, strict, told
from .limits import limit_memory
from .run import Part, fast_folder, finite, run, until

SMOKE = {"models": 4000, "data": 5000, "toml": 1000, "api": 4000}  # tries, a minute on one core


def main() -> int:
    """Run the tries that the command line asks for; return the exit code."""
    options = _options().parse_args()
    keep = Path(options.keep or tempfile.mkdtemp(prefix="found-"))
    keep.mkdir(parents=True, exist_ok=True)
    if options.replay:
        return _replay(options.replay, keep if options.keep else None)
    result = run(_parts(options), options.jobs, keep)
    print(result.table())
    if result.causes:
        print(f"\nfindings by kind, inputs in {keep}:\n{result.kinds()}")
    return 1 if result.causes else 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--areas", default=",".join(AREAS), help="default: %(default)s")
    parser.add_argument("--tries", type=int, default=1000, help="of each area; default: 1000")
    parser.add_argument("--minutes", type=float, help="go on for so long")
    parser.add_argument("--smoke", action="store_true", help="a minute's tries, always the same")
    parser.add_argument("--seed", type=int, help="number of the first try; default: another")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    parser.add_argument("--replay", metavar="AREA:NUMBER", help="do one try, and tell of it")
    parser.add_argument("--keep", metavar="FOLDER", help="where inputs of findings are kept")
    return parser


def _parts(options: argparse.Namespace) -> Iterator[Part]:
    """Yield what is to be done: first what failed before."""
    areas = options.areas.split(",")
    unknown = set(areas) - set(AREAS)
    if unknown:
        raise SystemExit(f"no area {', '.join(unknown)}: there are {', '.join(AREAS)}")
    if "seeds" in areas:
        areas.remove("seeds")
        yield Part("seeds", range(len(seeds.ALL)))
    if options.smoke:
        for area in areas:
            yield from finite([area], 0, SMOKE[area])
        return
    first = secrets.randbelow(2**40) if options.seed is None else options.seed
    print(f"first try: --seed {first}", flush=True)
    if options.minutes is not None:
        yield from until(areas, first, 60 * options.minutes)
    else:
        yield from finite(areas, first, options.tries)


def _replay(which: str, keep: Path | None) -> int:
    area, _, number = which.partition(":")
    limit_memory()
    strict()
    with tempfile.TemporaryDirectory(dir=fast_folder()) as folder:
        attempt, finding = attempt_once(area, int(number), Path(folder))
        print(told(attempt, finding))
        if keep is not None:
            print(f"its files: {keep_folder(Path(folder), keep, area, int(number))}")
    return 0 if finding is None else 1


if __name__ == "__main__":
    sys.exit(main())
