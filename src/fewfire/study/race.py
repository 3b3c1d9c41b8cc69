"""What the timed nets of growing width show: claim A9."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .claims import Claim, Rows, Verdict
from .results import Line
from .speed import SpeedTrial

OURS, THEIRS = "fewfire", "PyTorch, batch 128"


def speed_claim(raced: Sequence[Line]) -> Claim:
    """Return claim A9: who is faster per example, from which width, and to equal accuracy."""
    by_net: dict[tuple[int, int], dict[str, dict[str, Any]]] = {}
    for line in raced:
        if isinstance(line.trial, SpeedTrial) and "unavailable" not in line.figures:
            net = by_net.setdefault((line.trial.depth, line.trial.width), {})
            net[line.trial.system] = {**line.figures, "epochs": line.trial.epochs}
    rows: Rows = []
    for (depth, width), systems in sorted(by_net.items()):
        row = {"net": f"{depth} hidden of {width:,}"}
        row |= {name: f"{_ms(figures):.3g}" for name, figures in systems.items()}
        if OURS in systems and THEIRS in systems:
            row["PyTorch / fewfire"] = f"{_ms(systems[THEIRS]) / _ms(systems[OURS]):.1f}"
        rows.append(row)
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return Claim(
        name="A9",
        text="Milliseconds per training example, on all cores: the median of the epochs after the "
        "first. 50 rows of each hidden layer are active in fewfire's nets (all of them, where a "
        f"layer is no wider).{_to_equal_accuracy(by_net)}",
        verdict=_verdict(by_net),
        found=_break_even(by_net),
        rows=[{name: row.get(name, "-") for name in columns} for row in rows],
    )


def _ms(figures: dict[str, Any]) -> float:
    return float(figures["ms_per_example"])


def _ratios(by_net: dict[tuple[int, int], dict[str, Any]], depth: int) -> dict[int, float]:
    return {
        width: _ms(systems[THEIRS]) / _ms(systems[OURS])
        for (d, width), systems in sorted(by_net.items())
        if d == depth and OURS in systems and THEIRS in systems
    }


def _verdict(by_net: dict[tuple[int, int], dict[str, Any]]) -> Verdict:
    """The widest nets must win; that narrow ones lose is not a failure if it is stated."""
    widest = [list(r.values())[-1] for d in {d for d, _ in by_net} if (r := _ratios(by_net, d))]
    if not widest:
        return "not measured"
    return "holds" if min(widest) > 1 else "fails"


def _break_even(by_net: dict[tuple[int, int], dict[str, Any]]) -> str:
    found = []
    for depth in sorted({depth for depth, _ in by_net}):
        ratios = _ratios(by_net, depth)
        slower = [width for width, ratio in ratios.items() if ratio < 1]
        faster = [width for width, ratio in ratios.items() if ratio >= 1]
        if slower and faster:
            where = (
                f"between {max(slower):,} and {min(w for w in faster if w > max(slower)):,} rows"
            )
        elif faster:
            where = f"below {min(faster):,} rows"
        else:
            where = "at no width measured" if slower else "not measured"
        found.append(f"{depth} hidden: {where}")
    return f"break-even with PyTorch, batch 128: {'; '.join(found) or 'not measured'}"


def _to_equal_accuracy(by_net: dict[tuple[int, int], dict[str, Any]]) -> str:
    """Where all train to the end: when each reaches what the least accurate one ends with."""
    systems = {
        name: figures
        for name, figures in by_net.get((2, 1000), {}).items()
        if figures["epochs"] == by_net[2, 1000].get(OURS, figures)["epochs"]
    }
    if len(systems) < 2:
        return ""
    target = min(figures["curve"][-1][0] for figures in systems.values())
    times = []
    for name, figures in systems.items():
        seconds = 0.0
        for accuracy, epoch_seconds in figures["curve"]:
            seconds += epoch_seconds
            if accuracy >= target:
                break
        times.append(f"{name} {seconds:.1f} s (in the end {figures['curve'][-1][0]:.4f})")
    return (
        f" To a validation accuracy of {target:.4f}, the least that one of them ends with, two "
        f"hidden layers of 1,000 take: {'; '.join(times)}."
    )
