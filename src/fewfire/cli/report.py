"""`fewfire report`: one page about a model, to look at and to pass on."""

from __future__ import annotations

from pathlib import Path

import click

from ..base.files import read_description
from ..base.printable import field, visible
from ..base.replacing import replacing
from ..loading import load
from .common import PATH, WRITABLE, jobs_option, read_part, show
from .long_runs import plain_warnings
from .page import Page
from .places import check_apart
from .plot import epochs_of, kept_epochs
from .report_parts import describe, measure, show_examples, tell_labels, tell_training


@click.command()
@click.argument("model", type=PATH)
@click.option("--data", type=PATH, help="Examples to measure on, as `fewfire evaluate` takes them.")
@click.option("--run", type=PATH, help="The training, as `fewfire plot` takes it.")
@click.option(
    "-o", "--output", type=WRITABLE, help="Page to write; default: MODEL.html, beside MODEL."
)
@jobs_option
def report(
    model: Path, data: Path | None, run: Path | None, output: Path | None, n_jobs: int
) -> None:
    """Write a page of HTML about MODEL: what it is made of and, with --data, how good it is.

    With --data it also shows which rows are in use, how full buckets are, and what gates would find
    with other budgets. It shows which labels the model finds and confuses, and what it
    answers to some examples.

    Learning curves are drawn if MODEL is a checkpoint, or of --run. The page needs no other file.
    Needs matplotlib: pip install 'fewfire[plot]'.
    """
    check_apart()
    place = output or model.with_name(f"{model.name}.html")
    net = load(model)
    page = Page(f"Report on {visible(model.name)}", "made by fewfire report")
    describe(page, net, model)
    rows = kept_epochs(read_description(model)) if run is None else epochs_of(run)
    if rows:
        tell_training(page, rows)
    if data is not None:
        with plain_warnings():
            examples = read_part([data], net.encoding, 1)
        measure(page, net, examples, n_jobs)
        tell_labels(page, net, examples, n_jobs)
        show_examples(page, net, examples)
    with replacing(place) as file:
        file.write(page.html().encode())
    show(f"{field(place)}: open it in a browser")
