"""How many of the truly best rows a gate finds, and at what cost, on the layers of a trained net.

One net is trained; then every setting of the grid gates the hidden layers of the same weights, and
predicts some validation images. A line per setting and hidden layer: `recall`, the share of the
rows with the largest scores, as many as the gate keeps, that it chose; `recall_best`, the share of
images whose single best row it chose; and the work of the layer: finding rows and scoring them.
Inputs of a layer are those that pass the gates below it. Microseconds are those of the whole net.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import common
import fewfire as ff
from fewfire.network.centers import learn_centers
from fewfire.network.gates import Gate
from report import report

TRAINED = {
    "topk": partial(ff.gates.TopK, soft=True, differentiate=True),
    "sign": ff.Hashed,
}
N_CENTER = 5000  # training images whose mean `center=True` takes away


def grid(density: float) -> dict[str, list[Gate]]:
    """The settings compared, by series; the first word of a series is its family."""
    sign = partial(ff.Hashed, density)

    def hashed(
        family: type[ff.gates.Tables], *, rerank: float = 3.0, soft: bool | None = None,
        **options: Any,
    ) -> Gate:  # fmt: skip
        return ff.Hashed(density, family(**options), rerank, soft)

    simhash = partial(hashed, ff.gates.SimHash)
    dwta = partial(hashed, ff.gates.Dwta)
    minhash = partial(hashed, ff.gates.MinHash)
    centroid = partial(hashed, ff.gates.Centroid)
    few, tables = (10, 50), (10, 50, 200)
    return {
        "topk": [ff.gates.TopK(density, soft=True, differentiate=True)],
        "sign": [sign(rerank=k) for k in (1.0, 2.0, 3.0, 4.0)],
        "simhash": [simhash(n_bits=k, n_tables=n) for k in (4, 6, 8, 10) for n in tables],
        "simhash rerank": [simhash(rerank=k) for k in (1.0, 2.0, 4.0, 6.0)],
        "simhash probes": [
            simhash(n_bits=k, n_tables=n, probes=p)
            for k, p in ((6, 3), (8, 3), (8, 10))
            for n in few
        ],
        "simhash union": [simhash(n_tables=n, rank="union") for n in tables],
        "simhash paper": [  # Spring & Shrivastava, KDD 2017, with 1 to 3 candidates per kept row
            simhash(n_tables=5, probes=10, rank="union", mips="sign-alsh", soft=False, rerank=k)
            for k in (1.0, 2.0, 3.0)
        ],
        "simhash hamming": [simhash(n_bits=1, n_tables=n, rank="hamming") for n in (64, 256, 1024)],
        "simhash rank-sign": [
            simhash(n_bits=k, n_tables=n, rank="sign") for k in (4, 6, 8) for n in few
        ],
        "simhash sparse": [simhash(n_tables=n, projection="sparse") for n in tables],
        "simhash hadamard": [simhash(n_tables=n, projection="hadamard") for n in tables],
        "simhash sign-alsh": [simhash(n_tables=n, mips="sign-alsh") for n in tables],
        "simhash simple": [simhash(n_tables=n, mips="simple") for n in tables],
        "simhash center": [simhash(n_tables=n, center=True) for n in tables],
        "dwta": [dwta(n_hashes=k, n_tables=n) for k in (1, 2, 3, 4) for n in tables],
        "minhash": [minhash(n_hashes=k, n_tables=n) for k in (1, 2, 3) for n in tables],
        "centroid": [centroid(probes=p - 1) for p in (2, 4, 8, 16, 31)],
    }


def main() -> None:
    options = parse()
    digits = common.load(options.folder)
    hidden = [options.width] * 2
    net = common.build(digits.train, hidden, TRAINED[options.trained](options.density), 0)
    ff.Trainer(net, max_epochs=options.epochs, n_jobs=options.threads).fit(digits.train)
    examples = digits.validation[: options.examples]
    settings = {"width": options.width, "trained": options.trained, "epochs": options.epochs}
    lines = []
    for series in options.only:
        for gate in grid(options.density)[series]:
            gated = with_gate(net, gate, digits.train)
            for figures in measure(gated, examples):
                named = {**settings, "series": series, "gate": repr(gate)}
                lines.append(report("recall", **named, **figures, threads=1))
    if options.plot:
        plot(lines, options.plot)


def parse() -> argparse.Namespace:
    parser = common.make_parser(__doc__)
    series = list(grid(0.05))
    option = parser.add_argument
    option("--density", type=float, default=0.05, help="share of the rows that are kept")
    option("--width", type=int, default=1000, help="rows of each of the two hidden layers")
    option("--trained", choices=TRAINED, default="topk", help="what gates the net in training")
    option("--threads", type=int, default=2, help="of the training; prediction has one")
    option("--examples", type=int, default=1000, help="validation images that are predicted")
    option("--only", type=common.names, default=series, metavar="A,B", help="series of the grid")
    option("--plot", type=Path, metavar="FILE.png", help="draw recall by cost; needs matplotlib")
    options = parser.parse_args()
    common.check_names(parser, options.only, series)
    return options


def with_gate(net: ff.Network, gate: Gate, train: ff.Dataset) -> ff.Network:
    """A network with the same weights whose hidden layers choose their rows by `gate`."""
    *hidden, output = (layer.settings for layer in net.layers)
    layers = [*(replace(layer, gate=gate) for layer in hidden), output]
    gated = ff.Network(*layers, random_state=net.random_state)
    for to, layer in zip(gated.layers, net.layers, strict=True):
        to.weights[...], to.bias[...] = layer.weights, layer.bias
    gated.refresh()
    for _ in hidden:  # which inputs reach a layer depends on the gates below it
        learn_centers(gated, train, np.arange(min(N_CENTER, len(train))))
        gated.refresh()
    return gated


def measure(net: ff.Network, examples: ff.Dataset) -> Iterator[dict[str, Any]]:
    """The figures of each hidden layer; where there is no index nothing is missed."""
    looked_into = {stats.layer: stats for stats in net.table_stats(examples)}
    evaluated = net.evaluate(examples, n_jobs=1)
    microseconds = round(common.best_seconds(net, examples) * 1e6 / len(examples), 2)
    for position, ledger in enumerate(evaluated.ledger.layers[:-1]):
        stats = looked_into.get(position)
        yield {
            "layer": position,
            "recall": round(stats.recall, 4) if stats else 1.0,
            "recall_best": round(stats.recall_best, 4) if stats else 1.0,
            "multiplications_per_example": round(ledger.total / len(examples)),
            "additions_per_example": round(ledger.additions / len(examples)),
            "popcounts_per_example": round(ledger.popcounts / len(examples)),
            "comparisons_per_example": round(ledger.comparisons / len(examples)),
            "microseconds_per_example": microseconds,
            "accuracy": evaluated.accuracy,
            "n_examples": len(examples),
        }


def plot(lines: list[dict[str, Any]], path: Path) -> None:
    """Draw recall by multiplications and additions: a panel per layer, a colour per family."""
    import matplotlib

    matplotlib.use("Agg")  # draws without a screen
    from matplotlib import pyplot as plt
    from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter

    figure, panels = plt.subplots(1, 2, figsize=(15, 7), sharey=True, layout="constrained")
    for layer, panel in enumerate(panels):
        for series in dict.fromkeys(line["series"] for line in lines):
            own = [line for line in lines if (line["layer"], line["series"]) == (layer, series)]
            costs = [
                line["multiplications_per_example"] + line["additions_per_example"] for line in own
            ]
            colour, marker = style(series)
            if series == "topk":
                panel.axvline(costs[0], color=colour, linestyle=":", linewidth=1)
            panel.scatter(
                costs, [line["recall"] for line in own], 70, colour, marker=marker,
                edgecolors="white", linewidths=0.7, label=series, zorder=3,
            )  # fmt: skip
        panel.set(xscale="log", ylim=(0, 1.04), title=f"hidden layer {layer + 1}")
        panel.set_xlabel("multiplications + additions per example")
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("recall of the rows with the largest scores")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False)
    figure.savefig(path, dpi=100)


def style(series: str) -> tuple[str, str]:
    """Colour of the family and marker of the variant."""
    family, _, variant = series.partition(" ")
    colours = {
        "topk": "black", "sign": "C2", "simhash": "C0", "dwta": "C1", "minhash": "C3",
        "centroid": "C4",
    }  # fmt: skip
    variants = [own.partition(" ")[2] for own in grid(0.05) if own.startswith("simhash")]
    return colours[family], "os^v<>DPX*hp"[variants.index(variant)]


if __name__ == "__main__":
    main()
