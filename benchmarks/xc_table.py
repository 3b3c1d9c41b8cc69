"""The lines of `xc_quality.py` as a markdown table: means over seeds, in points, and their spread.

A figure is followed by the standard deviation over seeds where there are several. Seconds, memory
and microseconds are means.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

QUALITY = [f"{measure}@{k}" for measure in ("P", "nDCG", "PSP") for k in (1, 3, 5)]
COSTS = {
    "seconds": ("s", ".1f"),
    "cpu_seconds": ("CPU s", ".1f"),
    "peak_mb": ("peak MB", ".0f"),
    "model_mb": ("model MB", ".0f"),
    "p50_us": ("p50 us", ".0f"),
    "p99_us": ("p99 us", ".0f"),
}


def points(values: list[float]) -> str:
    mean = f"{100 * statistics.mean(values):.2f}"
    return mean if len(values) < 2 else f"{mean} ±{100 * statistics.stdev(values):.2f}"


def row(model: str, power: float, lines: list[dict[str, Any]]) -> list[str]:
    name = model if power == 1 else f"{model}, features^{power:g}"
    quality = [points([line[metric] for line in lines]) for metric in QUALITY]
    costs = [
        format(statistics.mean(line[cost] for line in lines), form)
        for cost, (_, form) in COSTS.items()
    ]
    return [name, *quality, *costs]


def table(lines: list[dict[str, Any]]) -> str:
    groups = defaultdict(list)
    for line in lines:
        groups[line["power"], line["model"]].append(line)
    head = ["model", *QUALITY, *(title for title, _ in COSTS.values())]
    rows = [row(model, power, group) for (power, model), group in groups.items()]
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lines", type=Path, nargs="+", help="JSON lines of xc_quality.py")
    texts = [path.read_text() for path in parser.parse_args().lines]
    lines = [json.loads(line) for text in texts for line in text.splitlines()]
    sets = defaultdict(list)
    for line in lines:
        where = line["data"], line["measured_on"], line["threads"], line["machine"]
        sets[json.dumps(where)].append(line)
    for where, group in sets.items():
        data, measured_on, threads, machine = json.loads(where)
        seeds = len({line["seed"] for line in group})
        print(f"{data}, {measured_on}; {threads} threads, {seeds} seeds; {machine}\n")
        print(table(group), end="\n\n")


if __name__ == "__main__":
    main()
