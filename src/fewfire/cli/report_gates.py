"""What a report shows of gates: rows in use, loads of buckets, and what another budget would do."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..base.curves import COLOURS, figure_class, tidy
from ..data import Dataset
from ..network.budgets import with_budget
from ..network.gate_stats import TableStats
from ..network.network import Network
from .page import Page, Section

_SEEN, _TRIED = 2000, 500  # examples that are looked at, once and for each budget
_FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


def tell_gates(page: Page, net: Network, data: Dataset, n_jobs: int) -> None:
    """Show how the hashed layers of a network fare on data."""
    stats = net.table_stats(data[:_SEEN], n_jobs=n_jobs)
    if not stats:
        return
    _tell_use(page.section("Rows in use"), stats)
    tables = [each for each in stats if each.n_tables]
    if tables:
        _tell_buckets(page.section("Buckets"), tables)
    _tell_budgets(page.section("Rows computed"), net, data[:_TRIED], n_jobs)


def _tell_use(section: Section, stats: list[TableStats]) -> None:
    figure, panels = _panels(len(stats))
    for axes, each in zip(panels, stats, strict=True):
        share = np.sort(np.asarray(each.usage))[::-1] / each.n_examples
        axes.plot(np.arange(1, len(share) + 1), share, color=COLOURS[0])
        axes.set(title=f"layer {each.layer}", xlabel="rows, the most used first", ylim=(0, None))
        axes.set_ylabel("share of the examples")
        tidy(axes)
    section.figure(figure, f"How many of {stats[0].n_examples:,} examples choose each row.")
    section.table(
        [
            {
                "layer": str(each.layer),
                "rows in use": f"{len(each.usage) - each.never_chosen:,} of {len(each.usage):,}",
                "largest found": f"{each.recall:.1%}",
                "cost of finding": f"{each.cost_share:.1%}",
            }
            for each in stats
        ]
    )


def _tell_buckets(section: Section, stats: list[TableStats]) -> None:
    figure, panels = _panels(len(stats))
    for axes, each in zip(panels, stats, strict=True):
        shares = each.load_histogram / each.load_histogram.sum()
        axes.bar(np.arange(len(shares)), shares, width=1.0, color=COLOURS[0])
        axes.set(title=f"layer {each.layer}", xlabel="rows in a bucket", ylabel="share of buckets")
        axes.xaxis.get_major_locator().set_params(integer=True)
        tidy(axes)
    section.figure(figure, "How many buckets of the hash tables hold how many rows.")
    section.table(
        [
            {
                "layer": str(each.layer),
                "family": each.family,
                "tables": f"{each.n_tables:,}",
                "buckets each": f"{each.n_buckets:,}",
                "empty": f"{each.empty_buckets:.1%}",
                "rows in the fullest": f"{each.largest_bucket:,}",
            }
            for each in stats
        ]
    )


def _tell_budgets(section: Section, net: Network, data: Dataset, n_jobs: int) -> None:
    """Show what the same weights answer when gates keep more rows, or fewer."""
    measure = "R2" if net.loss == "squared" else net.default_metrics(data.kind)[0]
    tried: list[tuple[float, float, float, float]] = []
    usual = net.evaluate(data, [measure], n_jobs=n_jobs).density
    for factor in _FACTORS:
        other = with_budget(net, factor)
        found = other.evaluate(data, [measure], n_jobs=n_jobs)
        if tried and found.density <= tried[-1][1]:
            continue  # no row more than before: one at least, all at most
        stats = other.table_stats(data, n_jobs=n_jobs)
        recall = float(np.mean([each.recall for each in stats]))
        tried.append((factor, found.density, found[measure], recall))
    shares = [share for _, share, _, _ in tried]
    figure, (axes,) = _panels(1)
    axes.plot(shares, [x for *_, x, _ in tried], "o-", color=COLOURS[0], label=measure)
    axes.plot(shares, [x for *_, x in tried], "s--", color=COLOURS[1], label="largest rows found")
    axes.axvline(usual, color="#888888", linewidth=1, linestyle=":")
    axes.set_xscale("log")
    axes.set_xticks(shares, [f"{share:.2g}" for share in shares])
    axes.minorticks_off()
    axes.set_xlabel("share of the rows that are computed")
    tidy(axes)
    axes.legend(frameon=False)
    section.figure(
        figure,
        f"{measure} of {len(data):,} examples, and the share of the largest rows that gates find, "
        "when the same weights are asked with other budgets; the dotted line is the model as it "
        "is.",
    )
    section.table(
        [
            {
                "rows computed": f"{share:.2%}",
                measure: f"{quality:.4f}",
                "largest found": f"{recall:.1%}",
                "budget": f"{factor:g} x",
            }
            for factor, share, quality, recall in tried
        ]
    )


def _panels(n: int) -> tuple[Any, list[Any]]:
    """Return a figure with so many panels beside each other, at most three in a line."""
    columns = min(3, n)
    lines = -(-n // columns)
    figure = figure_class()(figsize=(5.2 * columns, 3.2 * lines), layout="constrained")
    return figure, [figure.add_subplot(lines, columns, place + 1) for place in range(n)]
