"""`fewfire export`: a network as what other machines run, and what that costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..base.printable import field
from ..data import Dataset
from ..device import Quantized, export_c, export_onnx, quantize
from ..loading import load
from ..model.contract import Model
from ..network.gates import TopK
from ..network.network import Network
from .common import PATH, jobs_option, json_option, print_json, read_part, show


@click.command()
@click.argument("model", type=PATH)
@click.argument("data", type=PATH)
@click.option("--format", "kind", type=click.Choice(["c", "onnx"]), required=True)
@click.option("-o", "--output", type=PATH, required=True, help="Folder to write, or file of ONNX.")
@click.option("--bits", type=click.Choice(["8", "4"]), help="Of weights in C.  [default: 8]")
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
    bits: str | None,
    keep_all: bool,
    max_loss: float | None,
    n_jobs: int,
    as_json: bool,
) -> None:
    """Write the network MODEL as C99 without heap or floats, for microcontrollers, or as a graph of
    ONNX.

    DATA is its training set: rows and inputs that it does not use leave and, in C, the bytes of
    inputs and activities are fitted to it. What is lost is measured on the test set of a folder
    that has one, otherwise on DATA. A model of integers is written as C as it is.
    """
    if kind == "onnx" and bits is not None:
        raise click.UsageError("--bits is for C: a graph of ONNX has floats")
    net = load(model)
    test = read_part([data], net.encoding, 1)
    if test.kind not in ("classes", "labels"):
        raise ValueError("the loss of an export is measured on classes or labels: DATA has none")
    small: Network | Quantized
    if kind == "c":
        small = integers = _integers(net, data, int(bits or 8), keep_all=keep_all, n_jobs=n_jobs)
        report = _of_integers(integers)
    else:
        small = floats = _floats(net, data, keep_all=keep_all, n_jobs=n_jobs)
        report = _of_floats(floats)
    report |= _cost(net, small, test, n_jobs)
    _hold(report, max_loss)
    files = export_c(integers, test, output) if kind == "c" else _onnx(floats, output)
    if as_json:
        print_json({**report, "files": [str(path) for path in files]})
        return
    if kind == "c":
        show(f"image: {report['image_bytes']:,} bytes; scratch: {report['scratch_bytes']:,} bytes")
    show(f"rows: {report['rows']}; every one is computed, without a scan of sign bits")
    show(f"multiplications: {report['multiplications']:,.0f} an example")
    show(f"{report['metric']}: {report['accuracy']:.4f}, before {report['accuracy_before']:.4f}")
    show(f"{field(output)}: {', '.join(path.name for path in files)}")


def _onnx(net: Network, output: Path) -> list[Path]:
    export_onnx(net, output)
    return [output]


def _integers(net: Model, data: Path, bits: int, *, keep_all: bool, n_jobs: int) -> Quantized:
    """Return the integers of a network, of the part that its data uses unless `keep_all`."""
    if isinstance(net, Quantized):
        return net
    small = _floats(net, data, keep_all=keep_all, n_jobs=n_jobs)
    return quantize(small, read_part([data], net.encoding, 0), bits=bits)


def _floats(net: Model, data: Path, *, keep_all: bool, n_jobs: int) -> Network:
    """Return a network, or the part that its data uses unless `keep_all`."""
    if not isinstance(net, Network):
        raise ValueError(f"only a network is exported so, not a {type(net).__name__}")
    if keep_all:
        return net
    train = read_part([data], net.encoding, 0)
    return net.compact(train, measure_on=train[:1], n_jobs=n_jobs).model


def _of_integers(small: Quantized) -> dict[str, Any]:
    layers = small.integers.net.layers
    return {
        "image_bytes": len(small.image),
        "scratch_bytes": small.integers.net.scratch_bytes,
        "rows": [layer.n_rows for layer in layers],
        "bits": layers[0].bits,
    }


def _of_floats(small: Network) -> dict[str, Any]:
    return {"rows": [layer.settings.out_features for layer in small.layers]}


def _cost(net: Model, small: Model, test: Dataset, n_jobs: int) -> dict[str, Any]:
    """Return how good both are in the first metric of their targets; every row is computed."""
    (name,) = net.default_metrics(test.kind)[:1]
    after = small.evaluate(test, [name], exact=_is_exact(small), n_jobs=n_jobs)
    return {
        "multiplications": after.ledger.total / len(test),
        "accuracy": after[name],
        "accuracy_before": net.evaluate(test, [name], n_jobs=n_jobs)[name],
        "metric": name,
    }


def _is_exact(small: Model) -> bool:
    """Whether a graph computes what the exact prediction does; of `TopK` gates both are the same,
    or only the other one keeps the best."""
    return not (
        isinstance(small, Network)
        and any(isinstance(layer.settings.gate, TopK) for layer in small.layers)
    )


def _hold(report: dict[str, Any], max_loss: float | None) -> None:
    """Raise if more is lost than may be."""
    lost = 100 * (report["accuracy_before"] - report["accuracy"])
    if max_loss is not None and lost > max_loss:
        raise ValueError(
            f"{lost:.2f} points of accuracy would be lost, more than --max-loss {max_loss:g}: "
            "nothing was written; try --keep-all, or more --bits"
        )
