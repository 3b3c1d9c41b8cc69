"""Every way to choose rows, on equal terms: MNIST, the same layers, data and epochs, the trainer's
fitted settings; a line per method and seed, and a table at the end.

With `--out` the lines are kept in a file too, and a method and seed whose line with the same
settings is already there is not trained again. The commit is no setting: start a new file when the
code has changed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import common
import fewfire as ff
from fewfire.network.gates import Gate
from report import report


def simhash(**options: Any) -> Callable[[float], Gate]:
    return partial(ff.Hashed, family=ff.gates.SimHash(**options))


METHODS: dict[str, Callable[[float], Gate]] = {
    "NN": lambda density: ff.gates.All(),
    "VD": ff.gates.Dropout,
    "AD": lambda density: ff.gates.AdaptiveDropout(alpha=1.0, beta=-1.5),
    "WTA": ff.gates.TopK,
    "WTA-soft": partial(ff.gates.TopK, soft=True, differentiate=True),
    "sign": ff.Hashed,
    "simhash": simhash(),
    "kdd2017": ff.Hashed.kdd2017,
    "slide": ff.Hashed.slide,
    "simhash-hamming": simhash(n_bits=1, n_tables=256, rank="hamming"),
    "simhash-rank-sign": simhash(rank="sign"),
    "simhash-center": simhash(center=True),
    "simhash-simple": simhash(mips="simple"),
    "simhash-sparse": simhash(projection="sparse"),
    "simhash-hadamard": simhash(projection="hadamard"),
    "simhash-groups": simhash(
        projection="coordinates",
        n_tables=24,
        probes=8,
        rank="sign",
        refresh="touched",
        refresh_growth=1.3,
    ),
    "dwta": partial(ff.Hashed, family="dwta"),
    "minhash": partial(ff.Hashed, family="minhash"),
    "centroid": partial(ff.Hashed, family="centroid"),
}
COLUMNS = {  # of the table: heading, figure, format
    "validation, gated": ("validation_accuracy_gated", ".4f"),
    "exact": ("validation_accuracy_exact", ".4f"),
    "test, gated": ("test_accuracy_gated", ".4f"),
    "test, exact": ("test_accuracy_exact", ".4f"),
    "density in training": ("training_density", ".3f"),
    "share of multiplications": ("training_share", ".2%"),
    "multiplications per example": ("multiplications_per_example", ",.0f"),
    "additions per example": ("additions_per_example", ",.0f"),
    "seconds per epoch": ("seconds_per_epoch", ".1f"),
    "ms per example": ("ms_per_example", ".3f"),
}

Line = dict[str, Any]


def main() -> None:
    options = parse()
    known = read_lines(options.out)
    digits = common.load(options.folder)
    lines = []
    for method in options.only:
        gate = METHODS[method](options.density)
        for seed in range(options.seeds):
            settings = {
                "method": method,
                **common.settings(gate, options, seed),
                "test": options.test,
                "threads": options.threads,
            }
            line = find(settings, known)
            if line is None:
                line = report("gates", **settings, **common.train(digits, gate, options, seed))
                append_line(options.out, line)
            lines.append(line)
    write_table(table(lines), options.table)


def parse() -> argparse.Namespace:
    parser = common.make_parser(__doc__, hidden=[1000, 1000])
    option = parser.add_argument
    option("--only", type=common.names, default=list(METHODS), metavar="A,B")
    option("--threads", type=int, default=2)
    option("--test", action="store_true", help="read the test set after the last epoch")
    option("--out", type=Path, metavar="FILE.jsonl", help="keep the lines here, and go on from it")
    option("--table", type=Path, metavar="FILE.md", help="where the table goes; default: stderr")
    options = parser.parse_args()
    common.check_names(parser, options.only, METHODS)
    return options


def read_lines(path: Path | None) -> list[Line]:
    if path is None or not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def append_line(path: Path | None, line: Line) -> None:
    if path is not None:
        with path.open("a") as file:
            file.write(json.dumps(line) + "\n")


def find(settings: Line, known: list[Line]) -> Line | None:
    """The latest known line that has these settings."""
    return next((line for line in reversed(known) if line | settings == line), None)


def table(lines: list[Line]) -> str:
    """Markdown, a row per method: the mean over its seeds, and from the least to the most."""
    columns = {
        heading: column
        for heading, column in COLUMNS.items()
        if all(column[0] in line for line in lines)
    }
    rows = [["method", *columns], ["---"] * (1 + len(columns))]
    for method in dict.fromkeys(line["method"] for line in lines):
        own = [line for line in lines if line["method"] == method]
        cells = [spread([line[name] for line in own], form) for name, form in columns.values()]
        rows.append([method, *cells])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n"


def spread(values: list[float], form: str) -> str:
    """`0.9860 (0.9853 to 0.9865)`, without the brackets where all are the same."""
    mean, least, most = (format(f(values), form) for f in (statistics.fmean, min, max))
    return mean if least == most else f"{mean} ({least} to {most})"


def write_table(text: str, path: Path | None) -> None:
    if path is None:
        print(text, file=sys.stderr)
    else:
        path.write_text(text)


if __name__ == "__main__":
    main()
