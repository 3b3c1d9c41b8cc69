"""Settings objects and networks from the options of the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import click
from scipy.sparse import issparse

from ..data import Dataset
from ..network.bag import EmbeddingBag
from ..network.linear import Linear
from ..network.network import Network
from .common import make_network
from .gate_options import GATE_OPTIONS, by_name, hidden_gate, last_gate

_BAG = 256  # wide; this and the dropouts did best on debian-depends (docs/design.md)
_DROPOUTS = {"input_dropout": 0.3, "dropout": 0.2}
_HIDDEN = (1000, 1000)


def names(kinds: Mapping[str, type[Any]]) -> click.Choice[str]:
    """Return an option's type: the name of one of these classes."""
    return click.Choice(list(by_name(kinds)))


def network(data: Dataset, settings: dict[str, Any], seed: int) -> Network:
    """Make the network that the options describe for `data`."""
    bag = settings["bag"]
    if bag is None:
        is_text = data.kind == "labels" and issparse(data.X)
        bag = _BAG if is_text and settings["hidden"] is None else 0
    hidden = settings["hidden"]
    if hidden is None:
        hidden = () if bag else _HIDDEN
    given = [name for name in GATE_OPTIONS if settings[name] is not None]
    if not hidden and given:
        raise click.UsageError(
            f"--{given[0].replace('_', '-')} is for hidden layers, and there is none: add "
            "--hidden, or use --candidates for the last layer"
        )
    for name in _DROPOUTS:
        if not bag and settings[name] is not None:
            raise click.UsageError(f"--{name.replace('_', '-')} needs a --bag")
    first = _bag(settings, bag) if bag else None
    may_retrieve = settings["gate"] == "all" if hidden else bool(bag)
    return make_network(
        data,
        hidden,
        seed,
        partial(_hidden, settings),
        first,
        partial(_output, settings, 0.0 if bag else None, may_retrieve),
    )


def _bag(settings: dict[str, Any], width: int) -> Callable[[int], EmbeddingBag]:
    shares = {name: settings[name] for name in _DROPOUTS}
    input_dropout, dropout = (
        _DROPOUTS[name] if share is None else share for name, share in shares.items()
    )
    return lambda n_features: EmbeddingBag(
        n_features,
        width,
        settings["activation"],
        input_dropout,
        dropout,
        dtype=settings["dtype"],
    )


def _hidden(settings: dict[str, Any], n_in: int, n_out: int) -> Linear:
    gate = hidden_gate(settings, n_in, n_out)
    activation, dtype = settings["activation"], settings["dtype"]
    return Linear(n_in, n_out, activation=activation, gate=gate, dtype=dtype)


def _output(
    settings: dict[str, Any], gain: float | None, may_retrieve: bool, n_in: int, n_out: int
) -> Linear:
    linear = partial(Linear, n_in, n_out, gain=gain, dtype=settings["dtype"])
    gate = last_gate(settings, n_out, may_retrieve=may_retrieve)
    return linear() if gate is None else linear(gate=gate)
