"""`fewfire convert`: text of any size to a file that is mapped into memory, not loaded."""

from __future__ import annotations

from pathlib import Path

import click

from .. import datasets
from ..base.printable import field
from ..data.encoding import Kind
from .common import PATH, WRITABLE, json_option, one_part, print_json, shape, show
from .places import check_apart


@click.command()
@click.argument("source", metavar="TEXT", type=PATH)
@click.argument("target", metavar="OUT.safetensors", type=WRITABLE)
@click.option("--like", type=PATH, help="Training data, whose labels and features TEXT shares.")
@click.option("--labels", type=PATH, help="Names of the labels, a line for each, from label 0.")
@click.option(
    "--kind",
    type=click.Choice(["classes", "labels", "values"]),
    help="What targets are, where TEXT does not say: values for whole numbers to predict.",
)
@json_option
def convert(
    source: Path,
    target: Path,
    like: Path | None,
    labels: Path | None,
    kind: Kind,
    as_json: bool,
) -> None:
    """Convert TEXT to a file that train, evaluate and predict map instead of loading it.

    TEXT is svmlight or Extreme Classification text, gzipped or not, of any size: memory does not
    grow with it. Nor does it when the file is trained on, part by part, so leave its examples in
    no order of their labels.
    """
    check_apart()
    if like is not None and labels is not None:
        raise click.UsageError("--like brings its own names: leave out --labels")
    train = None if like is None else one_part(datasets.load(like), 0)
    names = None if labels is None else datasets.load_names(labels)
    datasets.convert(source, target, like=train, label_names=names, kind=kind)
    examples = datasets.load_mapped(target)
    if as_json:
        print_json({"data": shape(examples), "file": str(target)})
    else:
        show(f"{field(target)}: {examples!r}")
