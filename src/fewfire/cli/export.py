"""`fewfire export`: a network as what a small device runs, and what that costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..base.printable import field
from ..data import Dataset
from ..device import Quantized, export_c, quantize
from ..loading import load
from ..model.contract import Model
from ..network.network import Network
from .common import PATH, jobs_option, json_option, print_json, read_part, show


@click.command()
@click.argument("model", type=PATH)
@click.argument("data", type=PATH)
@click.option("--format", "kind", type=click.Choice(["c"]), required=True)
@click.option("-o", "--output", type=PATH, required=True, help="Folder to write.")
@click.option("--bits", type=click.Choice(["8", "4"]), default="8", show_default=True)
@click.option("--keep-all", is_flag=True, help="Keep rows and inputs that DATA does not use.")
@click.option(
    "--max-loss",
    type=float,
    metavar="X",
    help="Write nothing, and exit with 1, if more accuracy than this is lost, in points of 100.",
)
@jobs_option
@json_option
def export(
    model: Path,
    data: Path,
    kind: str,
    output: Path,
    bits: str,
    keep_all: bool,
    max_loss: float | None,
    n_jobs: int,
    as_json: bool,
) -> None:
    """Write the network MODEL as C99 without heap or floats, for microcontrollers.

    DATA is its training set: rows and inputs that it does not use leave, and the bytes of inputs
    and activities are fitted to it. What is lost is measured on the test set of a folder that has
    one, otherwise on DATA. A model of integers is written as it is.
    """
    net = load(model)
    test = read_part(data, net.encoding, 1)
    small = _integers(net, data, int(bits), keep_all=keep_all, n_jobs=n_jobs)
    report = _report(net, small, test, n_jobs)
    lost = 100 * (report["accuracy_before"] - report["accuracy"])
    if max_loss is not None and lost > max_loss:
        raise ValueError(
            f"{lost:.2f} points of accuracy would be lost, more than --max-loss {max_loss:g}: "
            "nothing was written; try --bits 8 or --keep-all"
        )
    files = export_c(small, test, output)
    if as_json:
        print_json({**report, "files": [str(path) for path in files]})
        return
    show(
        f"image: {report['image_bytes']:,} bytes; scratch: {report['scratch_bytes']:,} bytes of RAM"
    )
    show(f"rows: {report['rows']}; every one is computed, without a scan of sign bits")
    show(f"multiplications: {report['multiplications']:,.0f} an example")
    show(f"accuracy: {report['accuracy']:.4f}, before {report['accuracy_before']:.4f}")
    show(f"{field(output)}: {', '.join(path.name for path in files)}")


def _integers(net: Model, data: Path, bits: int, *, keep_all: bool, n_jobs: int) -> Quantized:
    """Return the integers of a network, of the part that its data uses unless `keep_all`."""
    if isinstance(net, Quantized):
        return net
    if not isinstance(net, Network):
        raise ValueError(f"devices run networks, not a {type(net).__name__}")
    train = read_part(data, net.encoding, 0)
    if not keep_all:
        net = net.compact(train, measure_on=train[:1], n_jobs=n_jobs).model
    return quantize(net, train, bits=bits)


def _report(net: Model, small: Quantized, test: Dataset, n_jobs: int) -> dict[str, Any]:
    if test.kind not in ("classes", "labels"):
        raise ValueError("the loss of an export is measured on classes or labels: DATA has none")
    (name,) = net.default_metrics(test.kind)[:1]
    after = small.evaluate(test, [name])
    return {
        "image_bytes": len(small.image),
        "scratch_bytes": small.integers.net.scratch_bytes,
        "rows": [layer.n_rows for layer in small.integers.net.layers],
        "bits": small.integers.net.layers[0].bits,
        "multiplications": after.ledger.total / len(test),
        "accuracy": after[name],
        "accuracy_before": net.evaluate(test, [name], n_jobs=n_jobs)[name],
        "metric": name,
    }
