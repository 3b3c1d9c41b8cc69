"""`fewfire plot`: what a training looked like."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..base.curves import draw
from ..base.files import holds_model, read_model
from ..base.printable import field
from ..base.replacing import replacing
from .common import PATH, WRITABLE, show
from .places import check_apart

_MOST = 100_000_000  # bytes: a million epochs have less


@click.command()
@click.argument("run", type=PATH)
@click.option(
    "-o", "--output", type=WRITABLE, help="Picture to write: .png, .svg or .pdf; default: RUN.png."
)
def plot(run: Path, output: Path | None) -> None:
    """Draw the losses and metrics of a training, by epoch.

    RUN is the table that `fewfire train --log` wrote, what it printed with --json, or a checkpoint.
    Needs matplotlib: pip install 'fewfire[plot]'.
    """
    check_apart()
    place = output or run.with_name(f"{run.name}.png")
    kind = place.suffix.lower().lstrip(".")
    if kind not in ("png", "svg", "pdf"):
        raise click.UsageError(f"{place}: name it .png, .svg or .pdf")
    figure = draw(epochs_of(run))
    picture = io.BytesIO()
    figure.savefig(picture, format=kind, dpi=120)
    with replacing(place) as file:
        file.write(picture.getvalue())
    show(f"{field(place)}: {len(figure.axes)} panels")


def epochs_of(run: Path) -> list[dict[str, Any]]:
    """Return the epochs of a training."""
    if holds_model(run):
        rows = kept_epochs(read_model(run)[0])
        if rows is None:
            raise ValueError(f"{run} is a model without its history: give a checkpoint, or a --log")
        return rows
    if run.stat().st_size > _MOST:
        raise ValueError(f"{run} is too large for the epochs of a training")
    try:
        text = run.read_text(encoding="utf-8-sig")
        rows = _of_json(json.loads(text)) if text.lstrip()[:1] == "{" else _of_table(text)
        if rows and all(map(_is_epoch, rows)):
            return rows
    except (ValueError, KeyError, TypeError):
        pass
    raise ValueError(
        f"{run} holds no epochs: give what train --log or --json wrote, or a checkpoint"
    )


def _is_epoch(row: Mapping[str, Any]) -> bool:
    """Whether a row has an epoch and figures of it, all of them numbers."""
    figures = [value for name, value in row.items() if "/" in name]
    return (
        bool(figures)
        and isinstance(row["epoch"], int | float)
        and all(isinstance(x, int | float | None) for x in figures)
    )


def kept_epochs(config: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """Return the epochs in a checkpoint's description, of a blend those of the network; None of
    other models."""
    parts = [config, *config.get("blend", {}).get("parts", [])]
    found = [part["training"]["history"] for part in parts if "training" in part]
    return list(found[-1]) if found else None


def _of_json(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in report["history"]]


def _of_table(text: str) -> list[dict[str, Any]]:
    return [
        {name: float(value) for name, value in row.items() if value}
        for row in csv.DictReader(io.StringIO(text))
    ]
