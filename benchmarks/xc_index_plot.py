"""The figure of `xc_index.py`: recall@5 by microseconds per query, and by share of rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

CEILING = 0.998  # the scale has no place for 1
TICKS = (0.2, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99)
COLOURS = {  # the first whose words begin the name
    "exact": "black", "centroid sign": "C6", "centroid distance": "C9", "centroid": "C4",
    "simhash": "C0", "dwta": "C1", "sign": "C2", "usearch": "C3", "hnswlib": "C5",
    "faiss HNSW": "C8", "faiss": "C7",
}  # fmt: skip
LIBRARIES = ("usearch", "hnswlib", "faiss")


def plot(lines: list[dict[str, Any]], path: Path) -> None:
    """Draw the curves of all series: a colour per family, a marker per series."""
    import matplotlib

    matplotlib.use("Agg")  # draws without a screen
    from matplotlib import pyplot as plt
    from matplotlib.ticker import EngFormatter, FixedLocator, FuncFormatter, NullLocator

    lines = [line for line in lines if line["kind"] == "search"]
    series = list(dict.fromkeys(line["series"] for line in lines))
    figure, panels = plt.subplots(1, 2, figsize=(17, 8), sharey=True, layout="constrained")
    for panel, cost in zip(panels, ("us", "share"), strict=True):
        for name in series:
            own = [x for x in lines if x["series"] == name and x[cost] is not None]
            panel.plot(
                [line[cost] for line in own],
                [min(line["recall_at_5"], CEILING) for line in own],
                label=name, **style(name, series),
            )  # fmt: skip
        panel.set(xscale="log", yscale="logit", ylim=(0.1, 0.9985))
        panel.yaxis.set_major_locator(FixedLocator(TICKS))
        panel.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        panel.yaxis.set_minor_locator(NullLocator())
        panel.grid(alpha=0.3)
    panels[0].xaxis.set_major_formatter(EngFormatter(sep=""))
    panels[0].set_xlabel("microseconds of a call with one query, one thread")
    panels[1].set_xlabel("share of rows whose scores are computed")
    panels[0].set_ylabel("recall@5 (1 is drawn at the top edge)")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", frameon=False)
    shown = lines[0]
    figure.suptitle(f"{shown['labels']:,} trained rows of {shown['dim']} weights")
    figure.savefig(path, dpi=100)


def style(name: str, series: list[str]) -> dict[str, Any]:
    """Colour of the family, marker of the series; libraries have dashed lines."""
    of = {name: next(words for words in COLOURS if name.startswith(words)) for name in series}
    siblings = [other for other in series if of[other] == of[name]]
    return {
        "color": COLOURS[of[name]],
        "marker": "os^vDPX*<>hpd"[siblings.index(name)],
        "linestyle": "--" if name.startswith(LIBRARIES) else "-",
        "linewidth": 1,
        "markersize": 7,
        "markeredgecolor": "white",
        "markeredgewidth": 0.6,
    }
