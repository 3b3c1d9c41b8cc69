"""What hashing the output layer costs in quality and saves in time on debian-depends: the same net
trained with every row of its last layer, and with those that cells propose.

A line per net and seed, and one that compares the two: P@1, 3 and 5 through the gate and exact, of
the same weights, and the time from the making of the net to the last step, on the clock and of the
CPUs. Nets of a seed train one after the other. The last 5,000 training rows are the validation set;
with `--test` all rows train, and the test set is read once, after the last epoch.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import fewfire as ff
import xc
from fewfire.base.bfloat16 import DTYPES
from fewfire.network.gates import Gate
from report import report

N_VALIDATION = 5000
METRICS = ["P@1", "P@3", "P@5"]
CLOCKS = ("seconds", "epochs_seconds", "cpu_seconds")


def load(options: argparse.Namespace) -> tuple[ff.Dataset, ff.Dataset]:
    """Examples to train on, and those to measure on."""
    rows = ff.datasets.load_xc(options.folder / "train.txt.gz")
    if options.test:
        train, measured = rows, ff.datasets.load_xc(options.folder / "test.txt.gz", like=rows)
    else:
        train, measured = rows.split(N_VALIDATION)
    return train[: options.examples], measured


def run(
    options: argparse.Namespace,
    train: ff.Dataset,
    measured: ff.Dataset,
    gate: Gate,
    seed: int,
) -> dict[str, float]:
    """Train a net with this gate in its last layer; return the figures that nets differ in."""
    clock = xc.Clock()
    net = build(options, train, gate, seed)
    history = fit(options, net, train, seed)
    seconds, cpu_seconds = clock.seconds()
    return {
        **quality(net, measured),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_seconds, 2),
        "epochs_seconds": round(sum(row["seconds"] for row in history), 2),
        "multiplications_per_example": round(history.ledger.total / history.n_examples),
        "share": round(history.ledger.share, 4),
        "loss_last": round(history[-1]["train/loss"], 4),
    }


def build(options: argparse.Namespace, train: ff.Dataset, gate: Gate, seed: int) -> ff.Network:
    bag = ff.EmbeddingBag(
        train.n_features,
        options.dim,
        input_dropout=options.input_dropout,
        dropout=options.dropout,
        dtype=options.dtype,
    )
    output = ff.Linear(
        options.dim, train.n_labels, gate=gate, gain=options.gain, dtype=options.dtype
    )
    return ff.Network(bag, output, random_state=seed)


def fit(
    options: argparse.Namespace, net: ff.Network, train: ff.Dataset, seed: int
) -> ff.results.History:
    n_steps = options.epochs * math.ceil(len(train) / options.batch)
    return xc.make_trainer(
        net,
        options,
        epochs=options.epochs,
        threads=options.threads,
        schedule=ff.optim.CosineDecay(warmup=round(options.warmup * n_steps)),
        random_state=seed,
    ).fit(train)


def quality(net: ff.Network, data: ff.Dataset) -> dict[str, float]:
    figures = {}
    for name, exact in (("gated", False), ("exact", True)):
        measured = net.evaluate(data, METRICS, exact=exact)
        figures |= {f"{metric}_{name}": round(measured[metric], 4) for metric in METRICS}
    return figures


def compare(dense: dict[str, float], hashed: dict[str, float]) -> dict[str, float]:
    """What the hashed net is short of, and how many times longer the other took."""
    gaps = {
        f"{metric}_gap_{name}": round(dense[f"{metric}_exact"] - hashed[f"{metric}_{name}"], 4)
        for metric in METRICS
        for name in ("gated", "exact")
    }
    ratios = {f"{name}_ratio": round(dense[name] / hashed[name], 3) for name in CLOCKS}
    return {**gaps, **ratios}


def main() -> None:
    options = parse()
    train, measured = load(options)
    gates = {
        "all": ff.gates.All(),
        "hashed": xc.retrieve(options, options.candidates),
    }
    for seed in range(options.seeds):
        settings = settings_of(options, train, seed)
        figures = {}
        for name, gate in gates.items():
            if options.only not in (None, name):
                continue
            figures[name] = run(options, train, measured, gate, seed)
            report("debian_depends", net=name, gate=repr(gate), **figures[name], **settings)
        if options.only is None:
            compared = compare(figures["all"], figures["hashed"])
            report("debian_depends", net="all against hashed", **compared, **settings)


def settings_of(options: argparse.Namespace, train: ff.Dataset, seed: int) -> dict[str, Any]:
    left_out = ("folder", "seeds", "examples", "test", "only")
    given = {name: value for name, value in vars(options).items() if name not in left_out}
    measured_on = "test" if options.test else "validation"
    return {**given, "n_examples": len(train), "measured_on": measured_on, "seed": seed}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option("folder", type=Path, help="folder of train.txt.gz and test.txt.gz")
    option(
        "--test", action="store_true", help="train on all rows, and read the test set at the end"
    )
    option("--examples", type=int, default=None, help="train on the first so many; default: all")
    option("--seeds", type=int, default=3, help="how many, from 0")
    option("--epochs", type=int, default=5)
    option("--warmup", type=float, default=0.3, help="share of all steps")
    option("--dim", type=int, default=256)
    option("--input-dropout", type=float, default=0.3)
    option("--dropout", type=float, default=0.2)
    option("--gain", type=float, default=0.0, help="of the last layer's initial weights")
    option("--candidates", type=int, default=1000, help="rows that an example chooses")
    xc.add_options(parser, optimizer="rms", lr=0.003, refresh_every=100)
    option("--dtype", choices=DTYPES, default="float32", help="of weights")
    option("--only", choices=["all", "hashed"], help="one of the two nets")
    option("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
