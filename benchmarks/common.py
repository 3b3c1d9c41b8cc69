"""What the benchmarks on MNIST share: options, data, a net with one gate in every hidden layer,
and the figures of its training.

The last 5,000 training rows are kept for choices; the test set is read once, after the last epoch.
Accuracies are gated and exact, of the same weights. The clock is `History`'s: whole epochs with the
refresh of the codes, evaluation left out; the first epoch is not counted.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import fewfire as ff
from fewfire.network.gates import Gate
from report import widths

N_VALIDATION = 5000


class Digits(NamedTuple):
    train: ff.Dataset
    validation: ff.Dataset
    test: ff.Dataset


def load(folder: Path) -> Digits:
    train, test = ff.datasets.mnist(folder)
    return Digits(*train.split(N_VALIDATION), test)


def make_parser(
    description: str | None, *, hidden: list[int] | None = None
) -> argparse.ArgumentParser:
    """The options of every benchmark that trains; with `hidden`, a default, of several nets."""
    parser = argparse.ArgumentParser(description=description)
    option = parser.add_argument
    option("folder", type=Path, help="folder of MNIST's four idx files, plain or .gz")
    option("--epochs", type=int, default=None, help="default: fitted to the net")
    if hidden is not None:
        option("--density", type=float, default=0.05, help="share of the rows that are kept")
        option("--hidden", type=widths, default=hidden)
        option("--seeds", type=int, default=3, help="how many, from 0")
    return parser


def names(text: str) -> list[str]:
    """An option's list of names: `WTA,sign`."""
    return text.split(",")


def check_names(parser: argparse.ArgumentParser, given: list[str], known: Iterable[str]) -> None:
    unknown = [name for name in given if name not in known]
    if unknown:
        parser.error(f"no {', '.join(unknown)}; there are {', '.join(known)}")


def build(data: ff.Dataset, hidden: list[int], gate: Gate, seed: int) -> ff.Network:
    layers = [
        ff.Linear(n_in, n_out, activation="relu", gate=gate)
        for n_in, n_out in pairwise([data.n_features, *hidden])
    ]
    return ff.Network(*layers, ff.Linear(hidden[-1], data.n_labels), random_state=seed)


def settings(gate: Gate, options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """What a result depends on, besides the code."""
    return {
        "hidden": options.hidden,
        "gate": repr(gate),
        "epochs": options.epochs,
        "seed": seed,
    }


def train(digits: Digits, gate: Gate, options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Train a net with this gate; return the quality it reached, and its cost."""
    net = build(digits.train, options.hidden, gate, seed)
    trainer = ff.Trainer(net, max_epochs=options.epochs, n_jobs=options.threads, random_state=seed)
    history = trainer.fit(digits.train)
    return {
        **measure(net, digits.validation, "validation"),
        **(measure(net, digits.test, "test") if options.test else {}),
        **costs(history, len(digits.train)),
    }


def measure(net: ff.Network, data: ff.Dataset, name: str) -> dict[str, float]:
    gated, exact = net.evaluate(data), net.evaluate(data, exact=True)
    return {
        f"{name}_accuracy_gated": gated.accuracy,
        f"{name}_accuracy_exact": exact.accuracy,
        f"{name}_share": gated.ledger.share,
        f"{name}_density": gated.density,
    }


def best_seconds(
    net: ff.Network, X: ff.data.dataset.Examples, clock: Callable[[], float] = time.perf_counter
) -> float:
    """What predicting `X` takes one thread: the best of three times."""
    seconds = []
    for _ in range(3):
        start = clock()
        net.predict_topk(X, 1, n_jobs=1)
        seconds.append(clock() - start)
    return min(seconds)


def costs(history: ff.results.History, n_train: int) -> dict[str, float]:
    seconds = warm_seconds(history)
    return {
        "training_density": history[-1]["density"],
        "training_share": history.ledger.share,
        "training_share_nonzero": history.ledger.share_nonzero,
        "multiplications_per_example": round(history.ledger.total / history.n_examples),
        "additions_per_example": round(history.ledger.additions / history.n_examples),
        "popcounts_per_example": round(history.ledger.popcounts / history.n_examples),
        "seconds_per_epoch": round(statistics.median(seconds), 2),
        "examples_per_second": round(n_train / statistics.median(seconds)),
        "ms_per_example": round(1000 * statistics.median(seconds) / n_train, 4),
        "ms_per_example_best_epoch": round(1000 * min(seconds) / n_train, 4),
    }


def warm_seconds(history: ff.results.History) -> list[float]:
    """Seconds of each epoch but the first, unless it is the only one."""
    seconds = [row["seconds"] for row in history]
    return seconds[1:] or seconds
