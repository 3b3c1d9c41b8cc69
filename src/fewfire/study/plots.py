"""The plots of a study. Colours tell methods apart and are the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..base.curves import figure_class
from ..base.replacing import replacing
from . import paper
from .results import Line
from .speed import SpeedTrial
from .summary import Group, nets, pick
from .trials import METHODS

_COLOURS = dict(
    zip(METHODS, ("#222222", "#d95f02", "#7570b3", "#1b9e77", "#e7298a", "#66a61e", "#e6ab02",
                  "#a6761d"), strict=True)
)  # fmt: skip


def draw_all(
    folder: Path, found: Sequence[Group], timed: Sequence[Group], raced: Sequence[Line]
) -> dict[str, str]:
    """Draw what there is data for into `folder`; return captions by the names of the files."""
    folder.mkdir(exist_ok=True)
    drawn: dict[str, str] = {}

    def keep(name: str, caption: str, figure: Any) -> None:
        with replacing(folder / f"{name}.png") as file:
            figure.savefig(file, format="png", dpi=110, bbox_inches="tight")
        drawn[name] = caption

    if found:
        keep("density", _DENSITY, _panels(found, _against_density))
        keep("multiplications", _MULTIPLICATIONS, _panels(found, _against_multiplications))
        keep("seconds", _SECONDS, _panels(found, _against_seconds))
    if timed:
        keep("threads", _THREADS, _threads(timed))
    if overlaps := _recorded_overlaps(timed):
        keep("overlap", _OVERLAP, _overlap(overlaps))
    if any("unavailable" not in line.figures for line in raced):
        keep("speed", _SPEED, _speed(raced))
    return drawn


_DENSITY = (
    "Test accuracy through the gates against the share of rows that are kept: points are means, "
    "bands go from the worst seed to the best; the dashed line is the dense net. Thin lines: "
    "the paper's curves, on its own data."
)
_MULTIPLICATIONS = (
    "Validation accuracy against the multiplications of the training so far, all counted, at the "
    "lowest density; bands go from the worst seed to the best."
)
_SECONDS = (
    "Validation accuracy against seconds of training on one thread, trials side by side on all "
    "cores, at the lowest density; bands go from the worst seed to the best."
)
_THREADS = (
    "Seconds per epoch (left) and test accuracy (right) against threads; bands go from the least "
    "to the most over seeds. The dotted line is the speed-up of perfect scaling."
)
_OVERLAP = (
    "Simulated, not measured: the share of a step's rows, and of its parameters, that another of n "
    "simultaneous steps would change too. Hidden layers only."
)
_SPEED = "Milliseconds per training example against the width of the hidden layers."


def _panels(found: Sequence[Group], draw: Callable[[Any, list[Group]], None]) -> Any:
    places = nets(found)
    n_columns = min(3, len(places))
    n_rows = -(-len(places) // n_columns)
    size = (5 * n_columns, 3.8 * n_rows + 0.6)
    figure = figure_class()(figsize=size, layout="constrained")
    axes = figure.subplots(n_rows, n_columns, squeeze=False)
    by_depth = sorted(places, key=lambda place: place[1])
    for axis, (data, depth) in zip(axes.flat, by_depth, strict=False):
        draw(axis, [g for g in found if (g.data, g.depth) == (data, depth)])
        axis.set_title(f"{data}, {depth} hidden layers")
        axis.grid(alpha=0.25)
    for axis in axes.flat[len(places) :]:
        axis.set_visible(False)
    _legend(figure)
    return figure


def _legend(figure: Any) -> None:
    """Put one legend for all panels below them."""
    handles = {
        label: handle
        for axis in figure.axes
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    columns = min(4, len(handles))
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=columns, frameon=False
    )


def _against_density(axis: Any, those: list[Group]) -> None:
    data, depth = those[0].data, those[0].depth
    for method in dict.fromkeys(group.method for group in those):
        own = [group for group in those if group.method == method]
        colour, label = _COLOURS[method], METHODS[method].title
        spreads = [group.accuracy for group in own]
        if not METHODS[method].has_density:
            axis.axhline(spreads[0].mean, color=colour, ls="--", lw=1.5, label=label)
            axis.axhspan(spreads[0].low, spreads[0].high, color=colour, alpha=0.1, lw=0)
            continue
        x = [100 * group.spread("density").mean for group in own]
        axis.errorbar(
            x,
            [s.mean for s in spreads],
            yerr=[[s.mean - s.low for s in spreads], [s.high - s.mean for s in spreads]],
            color=colour, marker="o", ms=4, capsize=2, label=label,
        )  # fmt: skip
        axis.fill_between(
            x, [s.low for s in spreads], [s.high for s in spreads], color=colour, alpha=0.15, lw=0
        )
    for method in ("VD", "AD", "WTA", "LSH"):
        curve = paper.CURVES.get((paper.NAMES.get(data, ""), depth, method))
        if curve is not None:
            axis.plot(
                [100 * density for density in curve], list(curve.values()),
                color=_COLOURS[method], lw=0.8, ls=":",
                label=f"paper: {'hashed' if method == 'LSH' else METHODS[method].title}",
            )  # fmt: skip
    axis.set_xscale("log")
    ticks = [1, 2, 5, 10, 25, 50, 100]
    axis.set_xticks(ticks, [f"{tick} %" for tick in ticks])
    axis.set_xlim(4, 105)
    axis.minorticks_off()
    axis.set_xlabel("rows kept")
    axis.set_ylabel("test accuracy")


def _against_multiplications(axis: Any, those: list[Group]) -> None:
    _curves(axis, those, lambda figures: figures["curve_multiplications"])
    axis.set_xlabel("multiplications")
    _few_ticks(axis)


def _against_seconds(axis: Any, those: list[Group]) -> None:
    _curves(axis, those, lambda figures: np.cumsum([row[1] for row in figures["curve"]]))
    axis.set_xlabel("seconds")
    _few_ticks(axis)


def _few_ticks(axis: Any) -> None:
    """Mark 1, 2 and 5 of each decade, with a unit's prefix: 20 G."""
    from matplotlib import ticker

    axis.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_minor_locator(ticker.NullLocator())
    axis.xaxis.set_major_formatter(ticker.EngFormatter())


def _curves(axis: Any, those: list[Group], x_of: Callable[[dict[str, Any]], Any]) -> None:
    for method in dict.fromkeys(group.method for group in those):
        group = pick(those, those[0].data, those[0].depth, method)
        assert group is not None
        x = np.mean([x_of(line.figures) for line in group.lines], axis=0)
        y = np.array([[row[0] for row in line.figures["curve"]] for line in group.lines])
        axis.plot(x, y.mean(axis=0), color=_COLOURS[method], label=METHODS[method].title)
        axis.fill_between(x, y.min(axis=0), y.max(axis=0), color=_COLOURS[method], alpha=0.2, lw=0)
    axis.set_xscale("log")
    axis.set_ylabel("validation accuracy")


def _threads(timed: Sequence[Group]) -> Any:
    figure = figure_class()(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for group in timed:
        by_threads = group.by_threads()
        counts = list(by_threads)
        seconds = [those.epoch_seconds for those in by_threads.values()]
        accuracy = [those.accuracy for those in by_threads.values()]
        for axis, spreads in ((left, seconds), (right, accuracy)):
            (drawn,) = axis.plot(counts, [s.mean for s in spreads], marker="o", label=group.net)
            axis.fill_between(
                counts, [s.low for s in spreads], [s.high for s in spreads],
                color=drawn.get_color(), alpha=0.2, lw=0,
            )  # fmt: skip
            axis.set_xticks(counts)
            axis.set_xlabel("threads")
            axis.grid(alpha=0.25)
        left.plot(counts, [seconds[0].mean / n for n in counts], ls=":", color="#888888")
    left.set_ylabel("seconds per epoch")
    left.set_ylim(0)
    right.set_ylabel("test accuracy")
    right.margins(y=0.5)
    _legend(figure)
    return figure


def _recorded_overlaps(timed: Sequence[Group]) -> dict[str, dict[str, dict[str, float]]]:
    return {
        group.net: line.figures["overlap"]
        for group in timed
        for line in group.lines
        if "overlap" in line.figures
    }


def _overlap(overlaps: dict[str, dict[str, dict[str, float]]]) -> Any:
    figure = figure_class()(figsize=(6, 3.8))
    axis = figure.subplots()
    for label, shares in overlaps.items():
        threads = [int(n) for n in shares]
        (drawn,) = axis.plot(
            threads, [s["rows"] for s in shares.values()], marker="o", label=f"{label}: rows"
        )
        axis.plot(
            threads, [s["parameters"] for s in shares.values()], marker="s", ls="--",
            color=drawn.get_color(), label=f"{label}: parameters",
        )  # fmt: skip
    axis.set_xscale("log", base=2)
    axis.set_ylim(0, 1)
    axis.set_xlabel("threads (simulated)")
    axis.set_ylabel("share changed by another")
    axis.grid(alpha=0.25)
    axis.legend(frameon=False)
    return figure


def _speed(raced: Sequence[Line]) -> Any:
    trials = [line.trial for line in raced if isinstance(line.trial, SpeedTrial)]
    depths = sorted({trial.depth for trial in trials})
    figure = figure_class()(figsize=(5 * len(depths), 4.4), layout="constrained")
    axes = figure.subplots(1, len(depths), squeeze=False)
    for axis, depth in zip(axes.flat, depths, strict=True):
        for system in dict.fromkeys(trial.system for trial in trials):
            points = sorted(
                (line.trial.width, line.figures["ms_per_example"])
                for line in raced
                if isinstance(line.trial, SpeedTrial)
                and (line.trial.system, line.trial.depth) == (system, depth)
                and "unavailable" not in line.figures
            )
            if points:
                axis.plot(*zip(*points, strict=True), marker="o", label=system)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_title(f"{depth} hidden layer{'s' if depth > 1 else ''}")
        widths = sorted({trial.width for trial in trials if trial.depth == depth})
        axis.set_xticks(widths, [f"{width:,}" for width in widths])
        axis.minorticks_off()
        axis.set_xlabel("rows of a hidden layer")
        axis.set_ylabel("ms per training example")
        axis.grid(alpha=0.25)
    _legend(figure)
    return figure
