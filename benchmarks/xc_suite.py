"""Taggers with their defaults on data of many kinds, beside omikuji's settings.

A line for each set, model and seed, kept in `--out`, from which a run goes on; a line of the same
set, model and seed is not computed again, so start a new file when the code has changed. The table
at the end has means over seeds, and the best omikuji of each set by the sum of P@1, 3 and 5.

    lz4 -dc /var/lib/apt/lists/*_main_binary-amd64_Packages.lz4 > packages.txt
    python benchmarks/manual_pages.py MANUAL
    python benchmarks/xc_suite.py FOLDER --packages packages.txt --manual MANUAL \\
        --test --python omikuji=peers/bin/python --out xc.jsonl --table xc.md

Long texts: debian-depends, manual pages. Many labels: debian-files, and a quarter of it. Short
texts, from the package index (`package_sets.py`): what a package needs, its debtags, and its
maintainer, one class each. Without `--test` the test examples are left alone: the last examples of
the training set, or a tenth of its sources, are measured.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import fewfire as ff
import package_sets
from common import check_names, names
from fewfire.measure.frequencies import propensities
from fewfire.measure.metrics import coverage_at, hits, macro_precision_at
from gates import append_line, find, read_lines, write_table
from report import report
from xc_models import Job
from xc_quality import installed, powered, python_of, quality, run, write

Line = dict[str, Any]
Pair = tuple[ff.Dataset, ff.Dataset]

OURS = [("tagger fast", 1.0), ("tagger balanced", 1.0)]
PEERS = [
    (model, power)
    for power in (0.5, 1.0)
    for model in ("omikuji", "omikuji balanced 100", "omikuji collapsed")
]
N_VALIDATION = 0.1  # of the training examples of sets without sources
RARE, K = 5, 5  # examples of a label below which it is rare; labels that are looked at
FIGURES = ("P@1", "P@3", "P@5", "PSP@1", "PSP@3", "PSP@5", "macroP@5", "coverage@5", "rare@5")


def _folder(name: str, share: float = 1.0) -> Callable[[argparse.Namespace], Pair]:
    """A folder of Extreme Classification text, and how much of its training examples."""

    def load(options: argparse.Namespace) -> Pair:
        folder = options.manual if name == "manual" else options.folder / name
        train = ff.datasets.load_xc(folder / "train.txt.gz")
        if options.test:
            measured = ff.datasets.load_xc(folder / "test.txt.gz", like=train)
        else:
            train, measured = train.split(min(5000, int(N_VALIDATION * len(train))))
        return train[: int(share * len(train))], measured

    return load


def _packages(kind: str) -> Callable[[argparse.Namespace], Pair]:
    return lambda options: package_sets.load(options.packages, kind, test=options.test)


SETS: dict[str, Callable[[argparse.Namespace], Pair]] = {
    "tags of summaries": _packages("tags"),
    "needs of summaries": _packages("needs"),
    "maintainers of summaries": _packages("maintainer"),
    "manual pages": _folder("manual"),
    "debian-depends": _folder("debian-depends"),
    "debian-files 25 %": _folder("debian-files", 0.25),
    "debian-files": _folder("debian-files"),
}


def main() -> None:
    options = parse()
    pythons = installed(options)
    known, lines = read_lines(options.out), []
    for name in options.sets:
        pair = None
        wanted = [(*model, seed) for seed in range(options.seeds) for model in OURS]
        wanted += [(*model, seed) for seed in range(options.peer_seeds) for model in PEERS]
        with tempfile.TemporaryDirectory() as work:
            for model, power, seed in wanted:
                if model not in pythons:
                    continue
                key = {"set": name, "model": model, "power": power, "seed": seed}
                key |= {"test": options.test}
                line = find(key, known)
                if line is None:
                    pair = pair or SETS[name](options)
                    line = measure(key, pair, Path(work), pythons[model], options.threads)
                    append_line(options.out, line)
                lines.append(line)
    write_table(table(lines), options.table)


def measure(key: Line, pair: Pair, work: Path, python: str, threads: int) -> Line:
    train, measured = pair
    data = work / f"data-{key['power']}"
    if not data.exists():
        write(data, powered(train, key["power"]), powered(measured, key["power"]))
    with tempfile.TemporaryDirectory(dir=work) as out:
        job = Job(key["model"], str(data), str(Path(out) / "run"), threads, key["seed"])
        costs = run(job, python)
        top = np.load(Path(job.out) / "top.npy")
    counts = np.bincount(train.label_lists()[1], minlength=train.n_labels)
    figures = quality(top, measured, propensities(counts, len(train)))
    labels = measured.label_lists()
    figures["macroP@5"] = round(macro_precision_at(K, top, labels), 5)
    figures["coverage@5"] = round(coverage_at(K, top, labels), 5)
    figures["rare@5"] = round(recall_of_rare(top, labels, counts), 5)
    what = {"n_train": len(train), "n_labels": train.n_labels, "threads": threads}
    return report("xc_suite", **key, **figures, **costs, **what)


def recall_of_rare(top: np.ndarray, labels: tuple[Any, Any], counts: np.ndarray) -> float:
    """Return the share of the occurrences of rare labels that are among the best."""
    _, ids = labels
    found = top[:, :K][hits(K, top, labels)]
    n_rare = int((counts[ids] < RARE).sum())
    return float((counts[found] < RARE).sum() / max(1, n_rare))


def table(lines: list[Line]) -> str:
    """Return means over seeds in Markdown, in percent: per set ours, and the best peer."""
    heads = ["set", "model", *FIGURES, "CPU s", "peak MB", "model MB", "p50 us"]
    rows = [heads, ["---"] * 2 + ["---:"] * (len(heads) - 2)]
    for name in SETS:
        own = [line for line in lines if line["set"] == name]
        groups = {
            (model, power): [x for x in own if (x["model"], x["power"]) == (model, power)]
            for model, power in [*OURS, *PEERS]
        }
        groups = {key: group for key, group in groups.items() if group}
        peers = [key for key in groups if key in PEERS]
        best = max(peers, key=lambda key: total(groups[key])) if peers else None
        for key in [key for key in groups if key in OURS or key in (best, PEERS[0])]:
            model, power = key
            rows.append([name, model + f", features^{power:g}" * (power != 1), *cells(groups[key])])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def total(group: list[Line]) -> float:
    return sum(statistics.fmean(line[f"P@{k}"] for line in group) for k in (1, 3, 5))


def cells(group: list[Line]) -> list[str]:
    found = []
    for figure in FIGURES:
        values = [100 * line[figure] for line in group]
        spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
        found.append(f"{statistics.fmean(values):.1f}{spread}")
    costs = ("cpu_seconds", "peak_mb", "model_mb", "p50_us")
    return found + [f"{statistics.fmean(line[cost] for line in group):.0f}" for cost in costs]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    option = parser.add_argument
    option("folder", type=Path, help="holds debian-depends/ and debian-files/")
    option("--packages", type=Path, metavar="FILE", help="the package index, unpacked")
    option("--manual", type=Path, metavar="FOLDER", help="what manual_pages.py wrote")
    option("--sets", type=names, metavar="A,B", help="default: those whose data is given")
    option("--only", type=names, default=[], metavar="A,B", help="models")
    option("--seeds", type=int, default=3, help="of taggers, from 0")
    option("--peer-seeds", type=int, default=1, help="of others")
    option("--threads", type=int, default=2)
    option("--test", action="store_true", help="read the test examples")
    option("--python", type=python_of, action="append", default=[], metavar="MODULE=PYTHON",
           help="the Python that has a peer: omikuji")  # fmt: skip
    option("--out", type=Path, metavar="FILE.jsonl", help="keep the lines here, and go on from it")
    option("--table", type=Path, metavar="FILE.md", help="where the table goes; default: stderr")
    options = parser.parse_args()
    models = list(dict.fromkeys(model for model, _ in [*OURS, *PEERS]))
    check_names(parser, options.only, models)
    options.only = options.only or models
    options.python = dict(options.python)
    given = [
        name
        for name in SETS
        if (options.packages or not name.endswith("summaries"))
        and (options.manual or name != "manual pages")
    ]
    for name in set(SETS) - set(given):
        print(f"{name} is left out: no --packages or --manual", file=sys.stderr)
    options.sets = options.sets or given
    check_names(parser, options.sets, given)
    return options


if __name__ == "__main__":
    main()
