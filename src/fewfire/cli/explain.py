"""`fewfire explain`: why a model answers one example as it does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from ..base.printable import field
from ..data import Dataset
from ..loading import load
from ..network.explanation import Explanation, Fired
from ..network.network import Network
from .common import (
    PATH,
    columns_of,
    json_option,
    print_json,
    read_part,
    show,
    table,
    with_column_options,
)
from .long_runs import plain_warnings
from .numbers import COUNT, FROM_0
from .tagger_output import reasons, tagger_of

_NAME = 34  # letters of a feature's name that are shown
_BAR = 16  # letters of the longest bar


@click.command()
@click.argument("model", type=PATH)
@click.argument("data", type=PATH)
@click.option(
    "--row", type=FROM_0, metavar="I", default=0, show_default=True, help="Example, from 0 on."
)
@click.option("--label", help="Network: explain this label's score; default: the best label's.")
@click.option(
    "-n", type=COUNT, metavar="N", default=10, show_default=True,
    help="Features, and rows of each layer, that are shown.",
)  # fmt: skip
@with_column_options
@json_option
def explain(
    model: Path,
    data: Path,
    row: int,
    label: str | None,
    n: int,
    text_column: str | None,
    label_column: str | None,
    label_separator: str | None,
    as_json: bool,
) -> None:
    """Show why MODEL gives an example of DATA its best label: what each feature gave the score, and
    of a network which rows of the gated layers fired, and why.

    DATA is what predict takes. Of a network, a feature gave its gradient times its distance from
    the training mean (from 0, if the first layer keeps no mean); with the rest that makes the
    score. Rows fire by their scores, among those that sign bits promise most (promised), or that
    share buckets with the example (tables). A tagger's features gave value x weight.
    """
    net = load(model)
    columns = columns_of(text_column, label_column, label_separator)
    with plain_warnings():
        examples = read_part(
            [data], net.encoding and net.encoding.of_features(), 1, columns=columns
        )
    if row >= len(examples):
        raise click.UsageError(f"--row {row}: there are {len(examples):,} examples, from 0 on")
    if not isinstance(net, Network):
        if label is not None:
            raise click.UsageError("--label is of networks, and the model is a tagger")
        _tagged(
            next(reasons(tagger_of(net, "explain"), examples[row : row + 1], 1, n)), row, as_json
        )
        return
    found = net.explain(examples, row, label=None if label is None else _label(net, label))
    if as_json:
        print_json(_as_dict(net, row, found, n))
        return
    show(_told(net, examples, row, found, n))


def _label(net: Network, wanted: str) -> Any:
    """Return a label as the network calls it: its names may be numbers."""
    for name in net.label_names or ():
        if str(name) == wanted:
            return name
    return int(wanted) if wanted.isdecimal() else wanted


def _tagged(found: list[dict[str, Any]], row: int, as_json: bool) -> None:
    """Print what speaks for the best label of a tagger."""
    if as_json:
        print_json({"row": row, "labels": found})
        return
    if not found:
        show(f"row {row}: no label was found")
    for each in found:
        show(f"row {row}: {field(each['label'])}, likelihood {each['score']:.4f}, because of")
        show(_bars([(name, None, gave) for name, gave in each["why"]]))


def _told(net: Network, data: Dataset, row: int, found: Explanation, n: int) -> str:
    name = _name(net, found.label)
    lines = [f"row {row}: {name}, score {found.score:.4f}"]
    start = "the training mean" if found.is_from_mean else "0"
    lines.append(f"features that moved it most, from {start} on:")
    bars: list[tuple[str, float | None, float]] = [
        (net.feature_name(int(feature)), value, gave) for feature, value, gave in _first(found, n)
    ]
    if len(found.features) > n:
        left = float(found.contributions[n:].sum())
        bars.append((f"{len(found.features) - n:,} others", None, left))
    bars.append((f"the score at {start}", None, found.rest))
    lines.append(_bars(bars))
    for each in found.layers:
        n_rows = net.layers[each.layer].settings.out_features
        by = "every score" if each.family is None else each.family
        lines.append(f"layer {each.layer}: {len(each.rows):,} of {n_rows:,} rows fired, by {by}")
        lines.append(table([_row(each, i) for i in range(min(n, len(each.rows)))]))
    return "\n".join(lines)


def _first(found: Explanation, n: int) -> list[tuple[int, float, float]]:
    parts = found.features[:n], found.values[:n], found.contributions[:n]
    return list(zip(*(part.tolist() for part in parts), strict=True))


def _name(net: Network, label: int) -> str:
    if net.loss == "squared":
        return f"column {label}"
    return field(label if net.label_names is None else net.label_names[label])


def _bars(rows: list[tuple[str, float | None, float]]) -> str:
    """Return names, values and what they gave, with bars."""
    if not rows:
        return "no feature that it knows"
    largest = max(abs(gave) for _, _, gave in rows) or 1.0
    names = [field(name) for name, _, _ in rows]
    names = [name if len(name) <= _NAME else f"{name[: _NAME - 3]}..." for name in names]
    width = max(map(len, names))
    lines = []
    for name, (_, value, gave) in zip(names, rows, strict=True):
        bar = ("+" if gave > 0 else "-") * round(_BAR * abs(gave) / largest)
        shown = "" if value is None else f"{value:.4g}"
        lines.append(f"  {name:<{width}}  {shown:>10}  {gave:>+10.4f}  {bar}".rstrip())
    return "\n".join(lines)


def _row(fired: Fired, i: int) -> dict[str, str]:
    why = {}
    if fired.estimates is not None:
        why = {"promised": f"{fired.estimates[i]:.3f}"}
    elif fired.collisions is not None:
        why = {"tables": f"{fired.collisions[i]} of {fired.n_tables}"}
    return {
        "  row": f"  {fired.rows[i]}",
        "score": f"{fired.scores[i]:.3f}",
        **why,
        "hands on": f"{fired.values[i]:.3f}",
        "gave": f"{fired.effects[i]:+.4f}",
    }


def _as_dict(net: Network, row: int, found: Explanation, n: int) -> dict[str, Any]:
    names = net.label_names
    return {
        "row": row,
        "label": found.label if names is None else names[found.label],
        "score": found.score,
        "from": "mean" if found.is_from_mean else "zero",
        "rest": found.rest,
        "others": float(found.contributions[n:].sum()),
        "features": [
            {"name": net.feature_name(feature), "value": value, "gave": gave}
            for feature, value, gave in _first(found, n)
        ],
        "layers": [_layer(each, n) for each in found.layers],
    }


def _layer(fired: Fired, n: int) -> dict[str, Any]:
    columns = {
        "rows": fired.rows,
        "scores": fired.scores,
        "values": fired.values,
        "gave": fired.effects,
        "collisions": fired.collisions,
        "estimates": fired.estimates,
    }
    own = {name: np.asarray(x)[:n].tolist() for name, x in columns.items() if x is not None}
    return {
        "layer": fired.layer,
        "family": fired.family,
        "n_fired": len(fired.rows),
        "n_tables": fired.n_tables,
        **own,
    }
