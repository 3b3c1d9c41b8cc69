"""What a saved model can do: `evaluate`, `predict`, `inspect`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..data import Dataset
from ..loading import load
from ..network import Network
from .common import (
    PATH,
    cost,
    jobs_option,
    json_option,
    metrics_dict,
    print_json,
    read_part,
    table,
)

_CHUNK = 4096  # examples per block of output


@click.command()
@click.argument("model", type=PATH)
@click.argument("data", type=PATH)
@click.option("--exact", is_flag=True, help="Compute every row, not through the gates.")
@click.option("--metrics", metavar="A,B", help="accuracy, loss, P@1, P@3, ...")
@jobs_option
@json_option
def evaluate(
    model: Path, data: Path, exact: bool, metrics: str | None, n_jobs: int, as_json: bool
) -> None:
    """Measure MODEL on DATA, through its gates as in training and with every row computed.

    DATA is a folder of idx files (its test set is used), npz, svmlight or Extreme Classification
    text, encoded like the training set.
    """
    net = load(model)
    examples = read_part(data, net.encoding, 1)
    names = metrics.split(",") if metrics else None
    if as_json:
        print_json(metrics_dict(net.evaluate(examples, names, exact=exact, n_jobs=n_jobs)))
        return
    rows = []
    for every_row in [True] if exact or not net.is_gated else [False, True]:
        result = net.evaluate(examples, names, exact=every_row, n_jobs=n_jobs)
        figures = {name: f"{value:.4f}" for name, value in result.items()}
        rows.append(
            {"computed": "every row" if every_row else "through the gates", **figures}
            | cost(result.ledger, len(examples))
        )
    print(f"{len(examples):,} examples; multiplications and additions are per example")
    print(table(rows))


@click.command()
@click.argument("model", type=PATH)
@click.argument("data", type=PATH)
@click.option("-k", default=1, show_default=True, help="Best rows per example.")
@click.option("--exact", is_flag=True, help="Compute every row, not through the gates.")
@jobs_option
@json_option
def predict(model: Path, data: Path, k: int, exact: bool, n_jobs: int, as_json: bool) -> None:
    """Print, for each example of DATA, the K best labels of MODEL with their scores.

    A line holds label, tab, score for each, best first; for a network of values, the values.
    """
    net = load(model)
    examples = read_part(data, net.encoding and net.encoding.of_features(), 1)
    parts = (
        _predictions(net, examples[begin : begin + _CHUNK], k, exact, n_jobs)
        for begin in range(0, len(examples), _CHUNK)
    )
    if as_json:
        print_json({"predictions": [row for part in parts for row in part]})
        return
    for part in parts:
        for row in part:
            pairs = row if net.loss == "squared" else (entry for pair in row for entry in pair)
            words = (f"{word:.6g}" if isinstance(word, float) else str(word) for word in pairs)
            sys.stdout.write("\t".join(words) + "\n")


def _predictions(net: Network, data: Dataset, k: int, exact: bool, n_jobs: int) -> list[Any]:
    if net.loss == "squared":
        return list(net.decision_function(data, exact=exact, n_jobs=n_jobs).tolist())
    top = net.predict_topk(data, k, exact=exact, n_jobs=n_jobs)
    names = net.label_names or range(net.n_outputs)
    return [
        [(names[row], float(score)) for row, score in zip(rows, scores, strict=True) if row >= 0]
        for rows, scores in zip(top.indices.tolist(), top.scores, strict=True)
    ]


@click.command()
@click.argument("model", type=PATH)
@json_option
def inspect(model: Path, as_json: bool) -> None:
    """Print what MODEL is made of."""
    net = load(model)
    size = model.stat().st_size
    layers = [
        {
            **layer.settings.to_dict(),
            "n_active": layer.settings.active,
            "mean_abs_weight": float(np.abs(layer.weights).mean()),
            "zero_weights": float((layer.weights == 0).mean()),
        }
        for layer in net.layers
    ]
    if as_json:
        encoding = None if net.encoding is None else net.encoding.to_dict()
        print_json(
            {
                "n_parameters": net.n_parameters,
                "bytes": size,
                "loss": net.loss,
                "encoding": encoding,
                "layers": layers,
            }
        )
        return
    print(f"{model}: {net!r}, {size / 1e6:.1f} MB")
    print(net.summary())
    if net.encoding is None:
        print("not trained yet")
        return
    print(f"loss: {net.loss}; targets: {net.encoding.n_labels:,} {net.encoding.kind}")
    if net.label_names is not None:
        shown = ", ".join(map(str, net.label_names[:10]))
        print(f"labels: {shown}{', ...' if len(net.label_names) > 10 else ''}")
