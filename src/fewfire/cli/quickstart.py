"""`fewfire quickstart`: the whole way from data to predictions, without files or network."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click
import numpy as np
from click.core import ParameterSource

from .. import datasets
from ..base.history import History
from ..base.printable import field
from ..data import Dataset
from ..loading import load
from ..network.gates import All, Gate
from ..network.hashed import Hashed
from ..network.linear import Linear
from ..network.network import Network
from ..training.trainer import Trainer
from .common import (
    WRITABLE,
    cost,
    jobs_option,
    json_option,
    make_network,
    metrics_dict,
    print_json,
    say,
    show,
    table,
)
from .numbers import COUNT, SEED, SHARE
from .quickstart_text import quickstart_text

WIDTH = 1000
N_VALIDATION = 2000


@click.command()
@click.option(
    "--text", "as_text", is_flag=True, help="Tag texts instead: package summaries, which are here."
)
@click.option("-o", "--output", type=WRITABLE, default="fewfire-quickstart.safetensors",
              show_default=True, help="Model file to write.")  # fmt: skip
@click.option("--density", type=SHARE, default=0.05,
              show_default=True, help="Share of the rows that an example computes.")  # fmt: skip
@click.option("--epochs", type=COUNT, default=8, show_default=True)
@click.option("--seed", type=SEED, default=0, show_default=True)
@jobs_option
@json_option
def quickstart(
    output: Path,
    density: float,
    epochs: int,
    seed: int,
    n_jobs: int,
    as_text: bool,
    as_json: bool,
) -> None:
    """Train a dense and a hashed network on generated images, compare, save and predict."""
    if as_text:
        _check_of_text()
        quickstart_text(output, seed, n_jobs, as_json=as_json)
        return
    say("generating 28 x 28 images of ten invented letters ...")
    train, test = datasets.strokes(random_state=seed)
    nets: dict[str, Gate] = {"dense": All(), f"hashed, {density:.0%}": Hashed(density=density)}
    rows, results = [], {}
    for name, gate in nets.items():
        say(f"training the {name} network ...")
        hidden = partial(Linear, activation="relu", gate=gate)
        net = make_network(train, [WIDTH, WIDTH], seed, hidden)
        history = Trainer(
            net, max_epochs=epochs, n_jobs=n_jobs, random_state=seed, verbose=True
        ).fit(train)
        if history.interrupted:
            raise KeyboardInterrupt
        row, result = _measure(net, history, test, n_jobs)
        rows.append({"network": name, **row})
        results[name] = result
    net.save(output)
    loaded = load(output)
    assert isinstance(loaded, Network)
    same = np.array_equal(loaded.decision_function(test), net.decision_function(test))
    if not same:
        raise RuntimeError(f"{output} does not predict what the network in memory does")
    guesses = loaded.predict(test[:10]).tolist()
    if as_json:
        print_json({"networks": results, "model": str(output), "predictions": guesses})
        return
    truth = np.asarray(test.y)[:10].tolist()
    show(f"{train!r}; {WIDTH}-{WIDTH} hidden rows, {epochs} epochs, {n_jobs} threads")
    show(table(rows))
    show(f"saved, loaded, same bits predicted: {field(output)}")
    show(f"first ten test images: predicted {guesses}, true {truth}")
    show(f"next: fewfire inspect {field(output)}")
    show("      fewfire data generate convex convex && fewfire train convex -o convex.safetensors")
    show("      fewfire train --help")


def _check_of_text() -> None:
    """Raise if an option of networks was given."""
    context = click.get_current_context()
    for name in ("density", "epochs"):
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise click.UsageError(f"--text trains taggers, which have no --{name}")


def _measure(
    net: Network, history: History, test: Dataset, n_jobs: int
) -> tuple[dict[str, str], dict[str, object]]:
    gated = net.evaluate(test, n_jobs=n_jobs)
    exact = net.evaluate(test, exact=True, n_jobs=n_jobs)
    speed = history.n_examples / sum(record["seconds"] for record in history)
    price = cost(history.ledger, history.n_examples)
    row = {
        "accuracy gated": f"{gated.accuracy:.4f}" if net.is_gated else "-",
        "accuracy exact": f"{exact.accuracy:.4f}",
        "of dense, training": price["of dense"],
        "additions": price["additions"],
        "of dense, testing": f"{gated.ledger.share:.2%}",
        "examples/s": f"{speed:,.0f}",
    }
    result: dict[str, object] = {
        "gated": metrics_dict(gated),
        "exact": metrics_dict(exact),
        "training": history.ledger.to_dict(),
        "examples_per_second": speed,
    }
    return row, result
