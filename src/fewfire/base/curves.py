"""Learning curves: what a history looks like."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

COLOURS = ("#1b6ca8", "#d95f02", "#1b9e77", "#7570b3", "#e7298a", "#66a61e")


def figure_class() -> Any:
    """Return matplotlib's `Figure`, which draws without a screen and leaves pyplot alone.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install 'fewfire[plot]'") from error
    return Figure


def draw(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return a figure of matplotlib: losses by epoch, and beside them metrics, where there are any.

    Columns of the same set have the same colour. Raises a `ValueError` where there is no epoch.
    """
    if not rows:
        raise ValueError("the history has no epochs to plot")
    names = [name for name in rows[0] if "/" in name]
    sets = list(dict.fromkeys(name.split("/")[0] for name in names))
    kinds = [
        ("loss", [name for name in names if name.endswith("/loss")]),
        ("metrics", [name for name in names if not name.endswith("/loss")]),
    ]
    kinds = [(title, own) for title, own in kinds if own]
    figure = figure_class()(figsize=(5.2 * len(kinds), 3.6), layout="constrained")
    for place, (title, own) in enumerate(kinds):
        axes = figure.add_subplot(1, len(kinds), place + 1)
        lines = ("-", "--", ":", "-.")
        for name in own:
            group, measure = name.split("/", 1)
            same = [x for x in own if x.startswith(f"{group}/")]
            points = _points(rows, name)
            axes.plot(
                [epoch for epoch, _ in points],
                [value for _, value in points],
                lines[same.index(name) % len(lines)],
                color=COLOURS[sets.index(group) % len(COLOURS)],
                marker="o" if len(points) < 20 else None,
                markersize=3,
                label=_plain(group if title == "loss" else f"{group} {measure}"),
            )
        axes.set(xlabel="epoch", ylabel=title)
        axes.xaxis.get_major_locator().set_params(integer=True)
        tidy(axes)
        axes.legend(frameon=False)
    return figure


def tidy(axes: Any) -> None:
    """Give axes a faint grid, and no frame on top and on the right."""
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _plain(text: str) -> str:
    """Return a text in which matplotlib finds no formula between signs of dollars."""
    return text.replace("$", r"\$")


def _points(rows: Sequence[Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    """Return epochs and the figures they have, without those that are not numbers."""
    found = ((row["epoch"], row.get(name)) for row in rows)
    return [(epoch, value) for epoch, value in found if value is not None and math.isfinite(value)]
