"""The end of `fewfire train`: the model is written, and what training came to is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..base.history import History
from ..base.printable import field
from ..data import Dataset
from ..model.contract import Model
from ..training.gate_monitor import GateMonitor
from .common import cost, metrics_dict, print_json, say, show, table, ways_of
from .keeping import keep


@dataclass(frozen=True)
class Trained:
    """A trained model, how training went, and what was seen of its gates, if that was asked for."""

    model: Model
    history: History
    gates: GateMonitor | None = None


def finish(
    trained: Trained, held_out: Dataset | None, output: Path | None, options: Mapping[str, Any]
) -> int:
    """Write a trained model, say of its training, and return the exit code."""
    kept = None if output is None else keep(trained.model.save, output)
    try:
        _report(trained, held_out, kept, options)
    except KeyboardInterrupt:
        if kept is not None:
            say(f"model: {kept}")
        raise
    if kept != output:
        return 1
    return 130 if trained.history.interrupted else 0


def _report(
    trained: Trained, held_out: Dataset | None, kept: Path | None, options: Mapping[str, Any]
) -> None:
    model, history = trained.model, trained.history
    evaluations = {
        "exact" if exact else "gated": model.evaluate(
            held_out, exact=exact, n_jobs=options["n_jobs"]
        )
        for exact in ways_of(model).values()
        if held_out is not None
    }
    if options["as_json"]:
        print_json(
            {
                "interrupted": history.interrupted,
                "history": list(history),
                "ledger": history.ledger.to_dict(),
                "val": {name: metrics_dict(found) for name, found in evaluations.items()},
                **({} if trained.gates is None else {"gates": trained.gates.history_}),
                "model": None if kept is None else str(kept),
            }
        )
    else:
        rows: list[dict[str, Any]] = [
            {"": f"val, {name}"}
            | {metric: f"{value:.4f}" for metric, value in found.items()}
            | cost(found.ledger, found.n_examples)
            for name, found in evaluations.items()
        ]
        blank = dict.fromkeys(rows[0], "") if rows else {}
        training = {**blank, "": "training", **cost(history.ledger, history.n_examples)}
        show("multiplications and additions per example:")
        show(table([training, *rows]))
        show(f"{model!r}: {history.n_examples:,} examples trained")
        if kept is not None:
            show(f"model: {field(kept)}")
