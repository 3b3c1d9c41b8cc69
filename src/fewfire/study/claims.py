"""The paper's claims, as tests on the lines of a study.

Accuracies are of the test set, through the gates, means over seeds; gaps are in points, hundredths.
Where a claim is met only within the noise of the seeds, two standard errors, the verdict says so.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..measure.energy import Energy
from . import paper
from .summary import Group, Spread, nets, pick

Verdict = Literal["holds", "holds within noise", "fails", "not measured"]
Rows = list[dict[str, str]]

LARGEST_MEAN_GAP = 1.0  # points
LARGEST_WTA_LEAD = 0.3
LARGEST_SHARE = 0.05
LARGEST_THREADS_LOSS = 0.5
LARGEST_TESTING_LOSS = 1.0
SMALLEST_EFFICIENCY = 0.79
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A claim, what was found, and the figures behind it."""

    name: str
    text: str
    verdict: Verdict
    found: str
    rows: Rows


def accuracy_claims(found: Sequence[Group]) -> list[Claim]:
    """Return claims A1 to A4, on the sparsest trials of the grid."""
    return [_gap(found), _random(found), _winners(found), _share(found)]


def _points(a: Spread, b: Spread) -> tuple[float, float]:
    """Difference of two means in points, and two standard errors of it."""
    return 100 * (a.mean - b.mean), 200 * (a.error**2 + b.error**2) ** 0.5


def _verdict(shortfalls: Sequence[tuple[float, float]]) -> Verdict:
    """Judge by how much each figure falls short, and its noise."""
    if not shortfalls:
        return "not measured"
    if all(short <= _ROUNDING for short, _ in shortfalls):
        return "holds"
    within = all(short <= noise + _ROUNDING for short, noise in shortfalls)
    return "holds within noise" if within else "fails"


def _pairs(found: Sequence[Group], one: str, other: str) -> Iterator[tuple[Group, Group]]:
    for data, depth in nets(found):
        a, b = pick(found, data, depth, one), pick(found, data, depth, other)
        if a is not None and b is not None:
            yield a, b


def _gap(found: Sequence[Group]) -> Claim:
    rows, gaps, train_gaps, noises, short = [], [], [], [], []
    for dense, hashed in _pairs(found, "NN", "LSH"):
        gap, noise = _points(dense.accuracy, hashed.accuracy)
        train_gap, _ = _points(dense.train_accuracy, hashed.train_accuracy)
        theirs = paper.gap(hashed.data, hashed.depth)
        gaps.append(gap)
        noises.append(noise)
        train_gaps.append(train_gap)
        if theirs is not None:
            short.append((gap - max(theirs, 0.0), noise))
        rows.append(
            {
                "net": hashed.net,
                "dense": span(dense.accuracy),
                f"hashed, {hashed.density:.0%}": span(hashed.accuracy),
                "gap": f"{gap:+.2f}",
                "noise": f"± {noise:.2f}" if noise else "-",
                "training gap": f"{train_gap:+.2f}",
                "paper's gap": "-" if theirs is None else f"{theirs:+.2f}",
            }
        )
    if not gaps:
        return Claim(name="A1", text=_A1, verdict="not measured", found="no pairs", rows=[])
    mean, train_mean = statistics.fmean(gaps), statistics.fmean(train_gaps)
    noise = sum(noise**2 for noise in noises) ** 0.5 / len(gaps)
    return Claim(
        name="A1",
        text=_A1,
        verdict=_verdict([(mean - LARGEST_MEAN_GAP, noise), *short]),
        found=f"mean gap {mean:+.2f} points in testing, {train_mean:+.2f} in training, over "
        f"{len(gaps)} nets (paper: 1.02 over 8)",
        rows=rows,
    )


_A1 = (
    "The hashed net is within one point of the dense net on average. On no net is it further "
    "behind than the paper's (where the paper's is ahead: not behind)."
)


def _random(found: Sequence[Group]) -> Claim:
    rows, short = [], []
    for hashed, random in _pairs(found, "LSH", "VD"):
        lead, noise = _points(hashed.accuracy, random.accuracy)
        theirs = paper.lead(hashed.data, hashed.depth)
        their_random = paper.sparsest(hashed.data, hashed.depth, "VD")
        if theirs is not None:
            short.append((theirs - lead, noise))
        rows.append(
            {
                "net": hashed.net,
                "hashed": span(hashed.accuracy),
                "dropout": span(random.accuracy),
                "lead": f"{lead:+.2f}",
                "paper's lead": "-" if theirs is None else f"{theirs:+.2f}",
                "paper's dropout": "-" if their_random is None else f"{their_random.accuracy:.4f}",
            }
        )
    return Claim(
        name="A2",
        text="The hashed net is ahead of random dropout of the same density, by at least as much "
        "as in the paper.",
        verdict=_verdict(short),
        found=f"ahead by {_range(rows, 'lead')} points",
        rows=rows,
    )


def _winners(found: Sequence[Group]) -> Claim:
    rows, short = [], []
    for hashed, winners in _pairs(found, "LSH", "WTA"):
        lead, noise = _points(hashed.accuracy, winners.accuracy)
        short.append((-lead - LARGEST_WTA_LEAD, noise))
        oracle = pick(found, hashed.data, hashed.depth, "ORACLE")
        rows.append(
            {
                "net": hashed.net,
                "hashed": span(hashed.accuracy),
                "winner take all": span(winners.accuracy),
                "lead": f"{lead:+.2f}",
                "exact top-k, soft": "-" if oracle is None else span(oracle.accuracy),
            }
        )
    return Claim(
        name="A3",
        text="The hashed net is as good as winner take all, which computes every row to find the "
        f"best: no more than {LARGEST_WTA_LEAD} points behind. Beside it the oracle: exact top-k "
        "with the soft gate of the hashed net.",
        verdict=_verdict(short),
        found=f"ahead by {_range(rows, 'lead')} points",
        rows=rows,
    )


def _share(found: Sequence[Group]) -> Claim:
    rows, short = [], []
    for group in _sparsest(found, "LSH"):
        short.append((group.share.high - LARGEST_SHARE, 0.0))
        rows.append({"net": group.net, **five_lines(group)})
    return Claim(
        name="A4",
        text="Training takes at most 5 % of the multiplications of the dense net's training "
        "(forward, weight gradients, input deltas; its optimizer not counted). "
        "Counted are hashing, ranking, optimizer and refresh, too. The five ways to count, from "
        "the paper's own (rows kept times full fan-in, forward only) to everything:",
        verdict=_verdict(short),
        found=f"everything: {_range(rows, 'everything')}",
        rows=rows,
    )


def five_lines(group: Group) -> dict[str, str]:
    """Return the five ways to count multiplications, as shares of the dense net's.

    Forward passes relative to the dense forward pass, training steps to the dense step.
    """

    def share(count: Callable[[dict[str, Any]], float]) -> str:
        return f"{group.spread(count).mean:.2%}"

    def finding(counts: dict[str, Any]) -> float:
        return float(counts["hashing"] + counts["ranking"])

    return {
        "rows kept, forward": share(_kept_rows),
        "and finding them": share(
            lambda f: _kept_rows(f) + finding(f["testing"]) / f["testing"]["dense"]
        ),
        "active x active, forward": share(
            lambda f: f["testing"]["forward"] / f["testing"]["dense"]
        ),
        "training step": share(
            lambda f: (f["training"]["total"] - f["training"]["refresh"]) / f["training"]["dense"]
        ),
        "everything": share(lambda f: f["training"]["share"]),
        "additions per example": f"{group.spread(_additions).mean:,.0f}",
    }


def _kept_rows(figures: dict[str, Any]) -> float:
    *hidden, last = [a * b for a, b in zip(figures["shape"], figures["shape"][1:], strict=False)]
    return float((figures["density"] * sum(hidden) + last) / (sum(hidden) + last))


def _additions(figures: dict[str, Any]) -> float:
    return float(figures["training"]["additions"] / figures["n_examples"])


def claim_of_testing(found: Sequence[Group], timed: Sequence[Group]) -> Claim:
    """Return claim A11: accuracies of the grid, latencies of the nets that ran alone."""
    rows, short = [], []
    for group in _sparsest(found, "LSH"):
        exact = group.spread("test_accuracy_exact")
        loss, noise = _points(exact, group.accuracy)
        short.append((loss - LARGEST_TESTING_LOSS, noise))
        hashed, dense = (pick(timed, group.data, group.depth, m) for m in ("LSH", "NN"))
        share = group.spread(lambda figures: figures["testing"]["share"]).mean
        rows.append(
            {
                "net": group.net,
                "gated": span(group.accuracy),
                "every row": span(exact),
                "of dense multiplications": f"{share:.2%}",
                "us, gated": _latency(hashed, "gated"),
                "us, every row": _latency(hashed, "exact"),
                "us, dense net": _latency(dense, "exact"),
            }
        )
    losses = [loss + LARGEST_TESTING_LOSS for loss, _ in short]
    return Claim(
        name="A11",
        text="Testing is sparse, too: through the gates the net loses at most a point against the "
        "same weights with every row computed. Latencies are of single examples on one thread, "
        "median / 99th percentile, Python's call included, where the net was trained alone.",
        verdict=_verdict(short),
        found=f"it loses at most {max(losses):.2f} points" if losses else "-",
        rows=rows,
    )


def _latency(group: Group | None, mode: str) -> str:
    if group is None:
        return "-"
    figures = [line.figures[f"latency_us_{mode}"] for line in group.lines]
    return " / ".join(f"{statistics.median(column):.0f}" for column in zip(*figures, strict=True))


def _sparsest(found: Sequence[Group], method: str) -> list[Group]:
    picked = [pick(found, data, depth, method) for data, depth in nets(found)]
    return [group for group in picked if group is not None]


def thread_claims(found: Sequence[Group]) -> list[Claim]:
    """Return claims A6 to A8 and A10, on trainings with one thread and more."""
    hashed = [group for group in found if group.method == "LSH"]
    if not hashed:
        return []
    return [_sparse(hashed), _harmless(hashed), _scaling(hashed), _energy(found)]


def threads(n: int) -> str:
    """Return `1 thread`, `2 threads`."""
    return "1 thread" if n == 1 else f"{n} threads"


def _sparse(found: Sequence[Group]) -> Claim:
    rows, short = [], []
    for group in found:
        for n, those in group.by_threads().items():
            short.append((those.spread(_touched).high - group.density, 0.0))
            rows.append(
                {
                    "net": f"{group.net}, {threads(n)}",
                    "parameters touched per step": f"{those.spread(_touched).mean:.3%}",
                    "hidden rows in conflict": f"{those.spread(_hidden_conflicts).mean:.2%}",
                    "output rows in conflict": f"{those.spread(_output_conflicts).mean:.2%}",
                }
            )
    return Claim(
        name="A6",
        text="Updates are sparse: the share of the parameters that a step changes is below the "
        "share of the rows that it keeps. Beside it stands how often threads meet. A row is "
        "in conflict where another thread's step changed it while this one ran, counted by the "
        "later of two. They are counted, not estimated. Every step changes every row of the output "
        "layer.",
        verdict=_verdict(short),
        found=f"a step touches {_range(rows, 'parameters touched per step')} of the parameters",
        rows=rows,
    )


def _touched(figures: dict[str, Any]) -> float:
    touched = figures["training"]["parameters_touched"]
    return float(touched / figures["n_steps"] / figures["n_parameters"])


def _hidden_conflicts(figures: dict[str, Any]) -> float:
    hidden = figures["conflicts_by_layer"][:-1]
    return float(sum(met for met, _ in hidden) / max(1, sum(n for _, n in hidden)))


def _output_conflicts(figures: dict[str, Any]) -> float:
    met, n = figures["conflicts_by_layer"][-1]
    return float(met / max(1, n))


def _harmless(found: Sequence[Group]) -> Claim:
    rows, losses, short = [], [], []
    for group, n, those, one in _against_one_thread(found):
        loss, noise = _points(one.accuracy, those.accuracy)
        losses.append(loss)
        short.append((loss - LARGEST_THREADS_LOSS, noise))
        rows.append(
            {
                "net": f"{group.net}, {threads(n)}",
                "accuracy": span(those.accuracy),
                "one thread": span(one.accuracy),
                "loss": f"{loss:+.2f}",
            }
        )
    return Claim(
        name="A7",
        text="Asynchronous training, without locks, loses at most half a point against one thread.",
        verdict=_verdict(short),
        found=f"it loses at most {max(losses):+.2f} points" if losses else "one thread only",
        rows=rows,
    )


def _scaling(found: Sequence[Group]) -> Claim:
    rows, short = [], []
    for group, n, those, one in _against_one_thread(found):
        own, alone = those.epoch_seconds, one.epoch_seconds
        speedup = alone.mean / own.mean
        short.append((SMALLEST_EFFICIENCY - speedup / n, 0.0))
        rows.append(
            {
                "net": f"{group.net}, {threads(n)}",
                "seconds per epoch": f"{own.mean:.2f} ({own.low:.2f} to {own.high:.2f})",
                "one thread": f"{alone.mean:.2f} ({alone.low:.2f} to {alone.high:.2f})",
                "speed-up": f"{speedup:.2f}",
                "efficiency": f"{speedup / n:.0%}",
                "GB/s copied": f"{those.spread('bandwidth_gb_s').mean:.0f}",
                "one copies": f"{one.spread('bandwidth_gb_s').mean:.0f}",
            }
        )
    return Claim(
        name="A8",
        text="Asynchronous training is the faster the more threads, near-linearly. For "
        f"the paper that is an efficiency of {SMALLEST_EFFICIENCY:.0%} at 8 threads on MNIST8M "
        "(55 % at 56 threads, and 13 to 34 % on its small sets). Beside it the memory bandwidth of "
        "as many threads.",
        verdict=_verdict(short),
        found=f"efficiency {_range(rows, 'efficiency')}" if rows else "one thread only",
        rows=rows,
    )


def _against_one_thread(found: Sequence[Group]) -> Iterator[tuple[Group, int, Group, Group]]:
    for group in found:
        by_threads = group.by_threads()
        for n, those in by_threads.items():
            if n > 1 and 1 in by_threads:
                yield group, n, those, by_threads[1]


def _energy(found: Sequence[Group]) -> Claim:
    rows, joules = [], {}
    for group in found:
        for n, those in group.by_threads().items():
            used = _joules(those)
            if used is not None:
                joules[group.net, n, group.method] = used
            rows.append(
                {
                    "net": f"{group.net}, {group.method}, {threads(n)}",
                    "joules": "unavailable" if used is None else f"{used:.0f}",
                    "CPU seconds": f"{those.spread('cpu_seconds').mean:.1f}",
                    "multiplications": f"{those.spread(lambda f: f['training']['total']).mean:.3g}",
                    "additions": f"{those.spread(lambda f: f['training']['additions']).mean:.3g}",
                }
            )
    short = [
        (used - joules[net, n, "NN"], 0.0)
        for (net, n, method), used in joules.items()
        if method == "LSH" and (net, n, "NN") in joules
    ]
    reasons = {line.figures["energy"]["reason"] for group in found for line in group.lines} - {""}
    return Claim(
        name="A10",
        text="Little work means little energy. Joules are those of packages and memory of the "
        "whole machine during training, from its powercap counters. The hashed and the dense net "
        "are alone on it in turn.",
        verdict=_verdict(short),
        found=f"unavailable: {', '.join(sorted(reasons))}" if reasons else "see the table",
        rows=rows,
    )


def _joules(group: Group) -> float | None:
    """Mean over trainings of the joules of packages and memory; None where one has none."""
    totals = [Energy(**line.figures["energy"]).total for line in group.lines]
    measured = [total for total in totals if total is not None]
    return statistics.fmean(measured) if len(measured) == len(totals) else None


def span(spread: Spread) -> str:
    """Return mean and range: `.9851 (.9840 to .9861)`."""
    mean = _fraction(spread.mean)
    if len(spread.values) == 1:
        return mean
    return f"{mean} ({_fraction(spread.low)} to {_fraction(spread.high)})"


def _fraction(value: float) -> str:
    return f"{value:.4f}".removeprefix("0")


def _range(rows: Rows, column: str) -> str:
    values = [row[column] for row in rows if row.get(column, "-") != "-"]
    if not values:
        return "-"
    ordered = sorted(values, key=lambda text: float(text.strip("%+").replace(",", "")))
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]} to {ordered[-1]}"
