"""Time per training example against the number of labels, at fixed candidates and negatives.

A line per point, and for each width, number of candidates and of threads the slope of log time
against log labels, by least squares, from 10^4 labels on. Of two epochs the second is timed,
evaluation left out: `steps_ms` of it in steps, `keep_up_ms` in refreshes between them, and, once an
epoch, `copy_ms` for the weights that a failing epoch goes back to, and `end_epoch_ms`. All are per
example. Data are those of `xc.py`; with few examples most labels of the larger sets have none.
"""

from __future__ import annotations

import argparse
import gc
import resource
from itertools import product
from typing import Any, NamedTuple

import numpy as np

import fewfire as ff
import xc
from fewfire.training.index_upkeep import Upkeep
from report import report, widths

STRAIGHT_FROM = 10_000  # labels: below, candidates and negatives are a large part of all


class Setting(NamedTuple):
    dim: int
    candidates: int
    threads: int


class Point(NamedTuple):
    labels: int
    ms: float  # per example
    ms_of_steps: float


class SecondEpoch(ff.callbacks.Callback):
    """Clocks of what is no step: upkeep, and the copy that a failing epoch goes back to."""

    def __init__(self) -> None:
        self.watches = {
            "copy": xc.Stopwatch(ff.Network, "weights"),
            "keep_up": xc.Stopwatch(Upkeep, "keep_up"),
            "end_epoch": xc.Stopwatch(Upkeep, "end_epoch"),
        }

    def on_epoch_end(self, run: ff.callbacks.Run, record: ff.callbacks.Record) -> bool:
        if record["epoch"] == 1:
            for watch in self.watches.values():
                watch.seconds.clear()
        return False

    def ms(self, n_examples: int) -> dict[str, float]:
        """Per example, of the second epoch."""
        return {name: 1000 * sum(x.seconds) / n_examples for name, x in self.watches.items()}


def measure(
    options: argparse.Namespace, second: SecondEpoch, setting: Setting, n_labels: int
) -> Point:
    data = xc.make(options.examples, options.features, n_labels)
    clock = xc.Clock()
    gate = xc.retrieve(options, setting.candidates)
    net = ff.Network(
        ff.EmbeddingBag(options.features, setting.dim),
        ff.Linear(setting.dim, n_labels, gate=gate),
    )
    build_seconds, _ = clock.seconds()
    trainer = xc.make_trainer(net, options, epochs=2, threads=setting.threads, callbacks=[second])
    history = trainer.fit(data)
    ms, others = 1000 * history[-1]["seconds"] / len(data), second.ms(len(data))
    point = Point(n_labels, ms, ms - sum(others.values()))
    report(
        "xc_scaling",
        labels=n_labels,
        **settings(options, setting),
        ms_per_example=round(point.ms, 4),
        steps_ms=round(point.ms_of_steps, 4),
        **{f"{name}_ms": round(value, 4) for name, value in others.items()},
        first_epoch_seconds=round(history[0]["seconds"], 2),
        build_seconds=round(build_seconds, 2),
        rows_computed_per_example=round(history[-1]["density"] * n_labels),
        loss_first=round(history[0]["train/loss"], 4),
        loss_last=round(history[-1]["train/loss"], 4),
        peak_rss_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
    )
    return point


def settings(options: argparse.Namespace, setting: Setting) -> dict[str, Any]:
    lists = ("labels", "dims", "candidates", "threads")
    shared = {name: value for name, value in vars(options).items() if name not in lists}
    return {**setting._asdict(), **shared}


def slopes(points: list[Point]) -> dict[str, float]:
    """Powers of the number of labels that time grows with."""
    straight = [point for point in points if point.labels >= STRAIGHT_FROM]
    if len(straight) < 2:
        return {}
    labels, ms, ms_of_steps = np.log(np.array(straight).T)
    found = {
        "slope": np.polyfit(labels, ms, 1)[0],
        "slope_steps": np.polyfit(labels, ms_of_steps, 1)[0],
    }
    return {name: round(float(value), 4) for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option("--labels", type=widths, default=[1000, 10_000, 100_000, 1_000_000, 4_000_000])
    option("--dims", type=widths, default=[128], help="hidden widths, such as 64,128,256")
    option("--candidates", type=widths, default=[600], help="rows that an example chooses")
    option("--threads", type=widths, default=[2])
    option("--features", type=int, default=100_000)
    option("--examples", type=int, default=40_000)
    xc.add_options(parser, optimizer="adagrad-rowwise", lr=0.05, refresh_every=1000)
    options = parser.parse_args()
    second = SecondEpoch()
    for setting in map(Setting._make, product(options.dims, options.candidates, options.threads)):
        points = []
        for n_labels in options.labels:
            points.append(measure(options, second, setting, n_labels))
            gc.collect()  # before the next net, the last one is gone
        report("xc_scaling", **settings(options, setting), labels=options.labels, **slopes(points))


if __name__ == "__main__":
    main()
