"""What each choice buys: the default hashed net with one thing changed at a time, a line per
variant, data set and seed, and a markdown page at the end.

Accuracies are gated, on images kept for choices: the last 5,000 training digits of MNIST, 20,000
further images of generated sets. No test set is read. Trainings are short, on one thread.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import common
import fewfire as ff
from fewfire.network.gates import Gate
from fewfire.network.initial import default_gain
from gates import append_line, find, read_lines
from report import report

WIDTH, ACTIVE = 1000, 50
DENSITY = ACTIVE / WIDTH
hashed = partial(ff.Hashed, DENSITY)


def simhash(**options: Any) -> ff.Hashed:
    return hashed(ff.gates.SimHash(**options))


def sign(**options: Any) -> ff.Hashed:
    return hashed(ff.gates.Sign(**options))


CODES = {"n_bits": 1, "n_tables": 256}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """Two hidden layers: gates of the first and the second, and how they are trained."""

    first: Gate = field(default_factory=hashed)
    second: Gate | None = None  # None: the first's
    gain: float = 1.0
    width: int = WIDTH
    optimizer: dict[str, Any] = field(default_factory=dict)


def both(**options: Any) -> Variant:
    return Variant(first=hashed(**options))


GROUPS: dict[str, dict[str, Variant]] = {
    "default": {"sign codes, soft gate, three candidates per row": Variant()},
    "gate": {
        "hard": both(soft=False),
        "soft, no gradient to the threshold": both(differentiate=False),
        "1 candidate per row": both(rerank=1.0),
        "6 candidates per row": both(rerank=6.0),
        "exact top-k, soft": Variant(first=ff.gates.TopK(DENSITY, soft=True, differentiate=True)),
        "exact top-k, hard": Variant(first=ff.gates.TopK(DENSITY)),
        "random rows": Variant(first=ff.gates.Dropout(DENSITY)),
        "the same 50 rows always (a dense net of 50)": Variant(first=ff.gates.All(), width=ACTIVE),
        "the same 150 rows always (a dense net of 150)": Variant(
            first=ff.gates.All(), width=3 * ACTIVE
        ),
    },
    "exploration, hard gate": {
        "a tenth of the rows": both(soft=False, explore=0.1),
        "three tenths": both(soft=False, explore=0.3),
    },
    "family": {
        "centroid cells": both(family="centroid"),
        "simhash, K = 6, L = 50": Variant(first=simhash()),
        "dwta": both(family="dwta"),
        "minhash": both(family="minhash"),
    },
    "K and L of simhash": {
        "K = 4, L = 50": Variant(first=simhash(n_bits=4)),
        "K = 9, L = 50": Variant(first=simhash(n_bits=9)),
        "K = 6, L = 5": Variant(first=simhash(n_tables=5)),
        "K = 6, L = 200": Variant(first=simhash(n_tables=200)),
    },
    "rank of simhash": {
        "union": Variant(first=simhash(rank="union")),
        "sign sums": Variant(first=simhash(rank="sign")),
        "Hamming distance, 256 bits": Variant(first=simhash(rank="hamming", **CODES)),
    },
    "centring of simhash": {"centred": Variant(first=simhash(center=True))},
    "refresh of simhash": {
        "every 100 steps": Variant(first=simhash(refresh_every=100)),
        "every 10,000 steps": Variant(first=simhash(refresh_every=10_000)),
        "at 5 % drift": Variant(first=simhash(refresh="drift")),
        "redrawn, a table every 1,000 steps": Variant(first=simhash(redraw_every=1000)),
    },
    "first layer": {
        "dense": Variant(first=ff.gates.All(), second=hashed()),
        "signs of 392 of 784 columns": Variant(first=sign(n_columns=392), second=hashed()),
        "signs of 196": Variant(first=sign(n_columns=196), second=hashed()),
        "signs of 98": Variant(first=sign(n_columns=98), second=hashed()),
        "inputs counted, not summed": Variant(first=sign(binary=True), second=hashed()),
        "inputs counted in both layers": Variant(first=sign(binary=True)),
    },
    "training": {
        "initial weights x 4": Variant(gain=4.0),
        "initial weights / 4": Variant(gain=0.25),
        "lr .0005": Variant(optimizer={"lr": 0.0005}),
        "no decay of weights": Variant(optimizer={"l2": 0.0}),
        "a second moment per weight": Variant(optimizer={"rowwise": False}),
        "lr .0005, no decay, weights / 4, no gradient to the threshold": Variant(
            first=hashed(differentiate=False), gain=0.25, optimizer={"lr": 0.0005, "l2": 0.0}
        ),
    },
}
VARIANTS = {(group, name): v for group, those in GROUPS.items() for name, v in those.items()}


def mnist(folder: Path | None) -> tuple[ff.Dataset, ff.Dataset]:
    if folder is None:
        raise SystemExit("--mnist FOLDER: MNIST is read from its four idx files")
    digits = common.load(folder)
    return digits.train[:20_000], digits.validation


def generated(make: Callable[..., Any]) -> Callable[..., tuple[ff.Dataset, ff.Dataset]]:
    def load(folder: Path | None) -> tuple[ff.Dataset, ff.Dataset]:
        return make(n_test=1)[0], make(n_train=1, n_test=20_000, random_state=1)[1]

    return load


SETS: dict[str, tuple[Callable[..., Any], int]] = {  # how to get it, and epochs
    "mnist": (mnist, 4),
    "convex": (generated(ff.datasets.convex), 15),
    "rectangles-images": (generated(ff.datasets.rectangles_images), 6),
}


def main() -> None:
    options = parse()
    known, lines = read_lines(options.out), []
    for name in options.data:
        load, epochs = SETS[name]
        train, kept = load(options.mnist)
        for place, variant in VARIANTS.items():
            for seed in range(options.seeds):
                settings = {"data": name, "group": place[0], "variant": place[1], "seed": seed,
                            "epochs": epochs, "how": repr(variant)}  # fmt: skip
                line = find(settings, known)
                if line is None:
                    figures = run(train, kept, variant, epochs, seed)
                    line = report("ablation", threads=1, **settings, **figures)
                    append_line(options.out, line)
                lines.append(line)
    if options.page is not None:
        options.page.write_text(page(lines, options.data))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option("--mnist", type=Path, metavar="FOLDER", help="MNIST's four idx files, plain or .gz")
    option("--data", type=common.names, default=list(SETS), metavar="A,B")
    option("--seeds", type=int, default=2, help="how many, from 0")
    option("--out", type=Path, metavar="FILE.jsonl", help="keep the lines here, and go on from it")
    option("--page", type=Path, metavar="FILE.md", help="write the tables here")
    options = parser.parse_args()
    common.check_names(parser, options.data, SETS)
    return options


def run(
    train: ff.Dataset, kept: ff.Dataset, variant: Variant, epochs: int, seed: int
) -> dict[str, float]:
    second = variant.second or variant.first
    sizes = [train.n_features, variant.width, variant.width]
    layers = [
        ff.Linear(n_in, n_out, "relu", gate)
        for (n_in, n_out), gate in zip(pairwise(sizes), (variant.first, second), strict=True)
    ]
    scaled = [
        replace(layer, gain=variant.gain * default_gain(layer, is_first=i == 0))
        for i, layer in enumerate(layers)
    ]
    net = ff.Network(*scaled, ff.Linear(variant.width, train.n_labels), random_state=seed)
    if isinstance(variant.first, ff.gates.Dropout):
        how: dict[str, Any] = {}  # fitted to the net: Adam on batches
    else:
        optimizer = ff.optim.RMS(**{"lr": 0.002, "l2": 0.01, "rowwise": True, **variant.optimizer})
        how = {"optimizer": optimizer, "batch_size": 1}
    trainer = ff.Trainer(net, max_epochs=epochs, n_jobs=1, random_state=seed, **how)
    history = trainer.fit(train)
    return {
        "accuracy": net.evaluate(kept, n_jobs=1).accuracy,
        "accuracy_exact": net.evaluate(kept, exact=True, n_jobs=1).accuracy,
        **common.costs(history, len(train)),
    }


def page(lines: Sequence[dict[str, Any]], sets: Sequence[str]) -> str:
    """Markdown: a table for each group of variants, with the default as its first row."""
    text = [INTRODUCTION]
    for group, those in GROUPS.items():
        columns = ["variant", *(heading(lines, name) for name in sets),
                   "multiplications", "additions"]  # fmt: skip
        rows = [columns, ["---"] * len(columns)]
        names = [(group, name) for name in those]
        if group != "default":
            names.insert(0, ("default", next(iter(GROUPS["default"]))))
        for place in names:
            own = [line for line in lines if (line["group"], line["variant"]) == place]
            rows.append([place[1], *(accuracies(own, name) for name in sets), *costs(own)])
        text.append(f"## {group[0].upper()}{group[1:]}\n")
        text.append("\n".join(f"| {' | '.join(row)} |" for row in rows) + "\n")
    return "\n".join(text)


INTRODUCTION = """# What each choice buys

Two hidden layers of 1000 rows, 50 active, with one thing changed at a time.
Figures are the mean accuracy over seeds on images that no net was trained on (no test set).
They are through the gates and, in brackets, with every row computed.
Multiplications and additions per training example are means over the sets.
MNIST: 20,000 images, 4 epochs; CONVEX: 8,000 and 15; RECTANGLES-image: 12,000 and 6.
Short trainings, one or two seeds: differences below .2 points (MNIST) or .5 (the others) say
nothing.
`python benchmarks/ablation.py --mnist FOLDER --out ablation.jsonl --page docs/ablation.md` writes
this page.
"""


def heading(lines: Sequence[dict[str, Any]], data: str) -> str:
    n_seeds = len({line["seed"] for line in lines if line["data"] == data})
    return f"{data}, {n_seeds} seed{'s' if n_seeds > 1 else ''}"


def accuracies(lines: Sequence[dict[str, Any]], data: str) -> str:
    gated, exact = (
        statistics.fmean(line[name] for line in lines if line["data"] == data)
        for name in ("accuracy", "accuracy_exact")
    )
    return f"{gated:.4f} ({exact:.4f})".replace("0.", ".")


def costs(lines: Sequence[dict[str, Any]]) -> list[str]:
    figures = ("multiplications_per_example", "additions_per_example")
    return [f"{statistics.fmean(line[figure] for line in lines):,.0f}" for figure in figures]


if __name__ == "__main__":
    main()
