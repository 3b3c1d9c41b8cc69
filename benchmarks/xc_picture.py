"""Draws the lines of `xc_suite.py`: what taggers gain over omikuji's default, and what they take.

    python benchmarks/xc_picture.py docs/results/xc_suite.jsonl docs/results/xc_suite.png

A point is a model on a set, the mean of its seeds. Omikuji's default has square-rooted features,
as a tagger has by itself; the mean of P@1, 3 and 5 is compared.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

OURS = {"tagger fast": ("Tagger('fast')", "#d95f02", "o"),
        "tagger balanced": ("Tagger()", "#1b6ca8", "o")}  # fmt: skip
OTHERS = ("omikuji's other settings", "#999999", "x")
DEFAULT = ("omikuji", 0.5)
_BELOW = ("debian-depends", "needs of summaries")  # whose names have room there
_LEFT = ("maintainers of summaries",)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("lines", type=Path, help="what xc_suite.py wrote")
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    with open(options.lines) as file:
        found = means([json.loads(line) for line in file])
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.add_subplot()
    axes.axhline(0, color="#444444", linewidth=1)
    axes.axvline(1, color="#444444", linewidth=1)
    for name in sorted({name for name, _, _ in found}):
        draw(axes, name, found)
    axes.set_xscale("log")
    axes.set_xticks([0.25, 0.5, 1, 2, 4], ["1/4", "1/2", "1", "2", "4"])
    axes.minorticks_off()
    axes.set(
        xlabel="CPU time of training (omikuji's default: 1)",
        ylabel="points of precision ahead\n(mean of P@1, P@3, P@5)",
    )
    axes.spines[["top", "right"]].set_visible(False)
    handles, names = axes.get_legend_handles_labels()
    unique = dict(zip(names, handles, strict=True))
    axes.legend(unique.values(), unique, frameon=False, loc="lower left")
    figure.savefig(options.picture, dpi=110)


def means(lines: list[dict[str, Any]]) -> dict[tuple[str, str, float], tuple[float, float]]:
    """Return the mean precision, in percent, and CPU seconds of each set, model and power."""
    groups = defaultdict(list)
    for line in lines:
        precision = 100 * np.mean([line[f"P@{k}"] for k in (1, 3, 5)])
        groups[line["set"], line["model"], line["power"]].append((precision, line["cpu_seconds"]))
    return {key: tuple(np.mean(own, axis=0)) for key, own in groups.items()}


def draw(axes: Any, name: str, found: dict[tuple[str, str, float], tuple[float, float]]) -> None:
    precision, seconds = found[name, *DEFAULT]
    for (own, model, power), (other, taken) in found.items():
        if own != name or (model, power) == DEFAULT:
            continue
        label, colour, marker = OURS.get(model, OTHERS)
        at = taken / seconds, other - precision
        axes.scatter(*at, color=colour, marker=marker, s=36, label=label, zorder=3)
        if model == "tagger balanced":
            left, below = name in _LEFT, name in _BELOW
            place, side = (-6 if left else 6, -11 if below else 4), "right" if left else "left"
            axes.annotate(
                name, at, place, textcoords="offset points", fontsize=8, color=colour, ha=side
            )


if __name__ == "__main__":
    main()
