"""`fewfire inspect`: what a saved model is made of, and how its hashed layers fare."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from ..base.checks import to_dict
from ..base.printable import field
from ..device.quantized import Quantized
from ..loading import load
from ..network.gate_stats import TableStats
from ..network.layer import Layer
from ..network.network import Network
from .common import PATH, jobs_option, json_option, print_json, read_part, show, table
from .numbers import COUNT, FROM_0
from .tagger_output import inspect_tagged, tagger_of

_LEAVES = 10  # that are shown


@click.command()
@click.argument("model", type=PATH)
@click.option("--tables", is_flag=True, help="Look into the indexes of hashed layers.")
@click.option(
    "--leaves",
    type=FROM_0,
    metavar="N",
    help="Tagger: show the first N leaves, their telling features and labels; default: 10.",
)
@click.option("--data", type=PATH, help="--tables: see what gates choose for these examples.")
@click.option(
    "--examples",
    type=COUNT,
    default=1000,
    show_default=True,
    help="--data: use the first N.",
)
@jobs_option
@json_option
def inspect(
    model: Path,
    tables: bool,
    leaves: int | None,
    data: Path | None,
    examples: int,
    n_jobs: int,
    as_json: bool,
) -> None:
    """Print what MODEL is made of, with --tables how its hashed layers fare."""
    if data is not None and not tables:
        raise click.UsageError("--data needs --tables")
    net = load(model)
    if isinstance(net, Quantized):
        _inspect_integers(net, model, as_json=as_json)
        return
    if not isinstance(net, Network):
        if tables:
            raise click.UsageError("--tables is of hashed layers, and the model is a tagger")
        inspect_tagged(net, model, _LEAVES if leaves is None else leaves, as_json=as_json)
        return
    if leaves is not None:
        tagger_of(net, "--leaves")
    stats = None
    if tables:
        features = net.encoding and net.encoding.of_features()
        seen = None if data is None else read_part([data], features, 1)[:examples]
        stats = net.table_stats(seen, n_jobs=n_jobs)
    _inspect_network(net, model, stats, as_json=as_json)


def _inspect_integers(net: Quantized, path: Path, *, as_json: bool) -> None:
    """Print what a network of integers is made of."""
    layers = net.integers.net.layers
    found = {
        "bytes": path.stat().st_size,
        "image_bytes": len(net.image),
        "scratch_bytes": net.integers.net.scratch_bytes,
        "bits": layers[0].bits,
        "rows": [layer.n_rows for layer in layers],
    }
    if as_json:
        print_json(found)
        return
    show(f"{field(path)}: {net!r}, {found['bytes']:,} bytes")
    show(f"a device reads {found['image_bytes']:,} bytes, writes to {found['scratch_bytes']:,}")


def _inspect_network(
    net: Network, path: Path, stats: Sequence[TableStats] | None, *, as_json: bool
) -> None:
    """Print what a network is made of, and how its hashed layers fare."""
    size, encoding = path.stat().st_size, net.encoding
    if as_json:
        tables = {} if stats is None else {"tables": [each.to_dict() for each in stats]}
        print_json(
            {
                "n_parameters": net.n_parameters,
                "bytes": size,
                "loss": net.loss,
                "encoding": None if encoding is None else encoding.to_dict(),
                "layers": [_layer(layer) for layer in net.layers],
                **tables,
            }
        )
        return
    show(f"{field(path)}: {net!r}, {size / 1e6:.1f} MB")
    show(net.summary())
    if stats is not None:
        show(_describe(stats))
    if encoding is None:
        show("not trained yet")
        return
    if encoding.text is not None:
        show(f"takes raw text: {encoding.text!r}")
    show(f"loss: {net.loss}; targets: {encoding.n_labels:,} {encoding.kind}")
    if encoding.label_names is not None:
        shown = ", ".join(map(field, encoding.label_names[:10]))
        show(f"labels: {shown}{', ...' if len(encoding.label_names) > 10 else ''}")


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        **to_dict(layer.settings),
        "n_active": layer.settings.active,
        "mean_abs_weight": float(np.abs(layer.weights).mean()),
        "zero_weights": float((layer.weights == 0).mean()),
    }


def _describe(stats: Sequence[TableStats]) -> str:
    """Return a table of hashed layers, and below it how many buckets hold how many rows."""
    if not stats:
        return "no layer is hashed"
    lines = [table([_row(each) for each in stats])]
    for each in stats:
        if each.n_tables:
            counts = ", ".join(f"{rows}: {n:,}" for rows, n in _binned(each.load_histogram))
            lines.append(f"layer {each.layer}, buckets by rows in them: {counts}")
    return "\n".join(lines)


def _row(stats: TableStats) -> dict[str, str]:
    buckets = f"{stats.n_tables} x {stats.n_buckets}" if stats.n_tables else "none"
    row = {
        "layer": str(stats.layer),
        "family": stats.family,
        "tables": buckets,
        "empty buckets": f"{stats.empty_buckets:.1%}" if stats.n_tables else "-",
        "largest": str(stats.largest_bucket) if stats.n_tables else "-",
    }
    if stats.n_examples:
        row |= {
            "rows in use": f"{_in_use(stats)} of {len(stats.usage)}",
            "recall": f"{stats.recall:.3f}",
            "of the best row": f"{stats.recall_best:.3f}",
            "cost of finding": f"{stats.cost_share:.1%}",
        }
    return row


def _in_use(stats: TableStats) -> int:
    return len(stats.usage) - stats.never_chosen


def _binned(histogram: NDArray[np.int64]) -> Iterator[tuple[str, int]]:
    """Loads 0, 1, 2-3, 4-7, ... with their numbers of buckets."""
    yield "0", int(histogram[0])
    low = 1
    while low < len(histogram):
        high = 2 * low - 1
        yield str(low) if low == high else f"{low}-{high}", int(histogram[low : high + 1].sum())
        low = high + 1
