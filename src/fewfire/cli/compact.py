"""`fewfire compact`: the part of a model that data uses, and what leaving out the rest costs."""

from __future__ import annotations

from pathlib import Path

import click

from ..base.printable import field
from ..loading import load
from ..model.compacted import AnyModel, Compacted
from ..network.network import Network
from ..tagger.tagger import Tagger
from .common import (
    PATH,
    WRITABLE,
    jobs_option,
    json_option,
    print_json,
    read_part,
    show,
)
from .places import check_apart


@click.command()
@click.argument("model", type=PATH)
@click.argument("data", type=PATH)
@click.option("-o", "--output", type=WRITABLE, required=True, help="Model file to write.")
@click.option(
    "--prune",
    type=click.FloatRange(min=0.0),
    help="Tagger: absolute value below which weights leave.  [default: 0.12]",
)
@jobs_option
@json_option
def compact(
    model: Path, data: Path, output: Path, prune: float | None, n_jobs: int, as_json: bool
) -> None:
    """Write the part of MODEL that DATA uses, and say what leaving out the rest costs.

    Of a network the rows leave that give no example of DATA a value, and inputs that are always 0:
    DATA is its training set. Of a tagger small weights leave. The loss is measured on the test set
    of a folder that has one, otherwise on DATA.
    """
    check_apart()
    net = load(model)
    test = read_part([data], net.encoding, 1)
    if isinstance(net, Network):
        if prune is not None:
            raise click.UsageError("--prune is for taggers: of a network unused rows leave")
        used = read_part([data], net.encoding, 0)
        found = net.compact(used, measure_on=test, n_jobs=n_jobs)
        _write(found, output, as_json=as_json)
    elif isinstance(net, Tagger):
        least = {} if prune is None else {"prune": prune}
        _write(net.compact(test, n_jobs=n_jobs, **least), output, as_json=as_json)
    else:
        raise ValueError(
            f"{model} is not a network or tagger: compact its parts before they are one"
        )


def _write(found: Compacted[AnyModel], output: Path, *, as_json: bool) -> None:
    """Save the smaller model, and show what it is."""
    found.model.save(output)
    if as_json:
        print_json({**found.to_dict(), "model": str(output)})
    else:
        show(f"{found}\nmodel: {field(output)}")
