"""`fewfire energy`: what predictions take, measured where the machine counts joules."""

from __future__ import annotations

from pathlib import Path

import click

from ..device.spending import EnergyReport
from ..device.spending import energy as measure
from ..loading import load
from .common import PATH, json_option, print_json, read_part, show
from .numbers import COUNT


@click.command()
@click.argument("model", type=PATH)
@click.argument("data", type=PATH)
@click.option("--examples", type=COUNT, default=1000, show_default=True, metavar="N")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=1.0,
    show_default=True,
    help="For each of model, dense net and idle machine, in three turns.",
)
@json_option
def energy(model: Path, data: Path, examples: int, seconds: float, as_json: bool) -> None:
    """Show what predictions of MODEL for DATA take, in one thread.

    First joules, measured by the counters of Linux (RAPL), idle power subtracted, or why they are
    unavailable; then seconds of the CPU beside a dense net of the same shape, in turns; then
    counts; at last a range by a model, with its constants, which does not measure.
    """
    net = load(model)
    seen = read_part([data], net.encoding, 1)[:examples]
    found = measure(net, seen, seconds=seconds)
    if as_json:
        print_json(found.to_dict())
        return
    show(_told(found))


def _told(found: EnergyReport) -> str:
    figures = found.to_dict()
    lines = [f"{found.n_examples:,} examples, one thread; figures are per example"]
    if found.joules is None:
        lines.append(f"joules: unavailable: {found.reason}")
    else:
        dense = "" if found.dense_joules is None else f", dense net {found.dense_joules:.3g} J"
        lines.append(
            f"joules, measured: {found.joules:.3g} J{dense}; idle power of {found.idle_watts:.1f} "
            "W subtracted"
        )
    line = f"seconds of the CPU: {1e6 * found.cpu_seconds:,.1f} us"
    if found.dense_cpu_seconds is not None:
        line += f", dense net in turns {1e6 * found.dense_cpu_seconds:,.1f} us"
    lines.append(line)
    lines.append(
        f"counts: {figures['multiplications']:,.0f} multiplications "
        f"(dense {figures['dense_multiplications']:,.0f}), {figures['additions']:,.0f} additions, "
        f"{figures['bytes']:,.0f} bytes"
    )
    lines.append("by a model, not measured:")
    for name, joules in found.modelled.items():
        lines.append(f"  {'operations alone' if name == 'operations' else f'weights from {name}'}: "
                     f"{1e6 * joules:.3g} uJ")  # fmt: skip
    least, most = found.modelled_by_time
    lines.append(f"  CPU time at 5 to 10 W a core: {1e6 * least:,.3g} to {1e6 * most:,.3g} uJ")
    if found.times_less is not None:
        lines.append(
            f"  between {found.times_less.least:.1f} and {found.times_less.most:.1f} times less "
            "than the dense net"
        )
    lines.append("  constants: 45 nm, Horowitz, ISSCC 2014; watts are an assumption")
    return "\n".join(lines)
