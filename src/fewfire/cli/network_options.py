"""Settings objects and networks from the options of the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

import click
from scipy.sparse import issparse

from ..data import Dataset
from ..network.bag import EmbeddingBag
from ..network.gates import GATES, All, Gate
from ..network.hashed import Hashed
from ..network.linear import Linear
from ..network.network import Network
from .common import make_network

PRESETS: dict[str, Callable[..., Gate]] = {
    "auto": Hashed.auto,
    "kdd2017": lambda n_in, n_out, **density: Hashed.kdd2017(**density),
    "slide": lambda n_in, n_out, **density: Hashed.slide(**density),
}
_OF_OUTPUT = ("candidates", "negatives", "head", "thin")
_BAG = 256  # wide; this and the dropouts did best on debian-depends (docs/design.md)
_DROPOUTS = {"input_dropout": 0.3, "dropout": 0.2}
_HIDDEN = (1000, 1000)


def options_of(kinds: Mapping[str, type[Any]]) -> list[str]:
    """Return the names that any of these settings has, in their order."""
    return list(dict.fromkeys(field.name for kind in kinds.values() for field in fields(kind)))


GATE_OPTIONS = [name for name in options_of(GATES) if name not in _OF_OUTPUT]


def by_name(kinds: Mapping[str, type[Any]]) -> dict[str, type[Any]]:
    """Return classes by their names on the command line: LinearDecay is linear."""
    return {name.lower().removesuffix("decay"): kind for name, kind in kinds.items()}


def names(kinds: Mapping[str, type[Any]]) -> click.Choice[str]:
    """Return an option's type: the name of one of these classes."""
    return click.Choice(list(by_name(kinds)))


def make(
    kinds: Mapping[str, type[Any]], name: str, options: Sequence[str], values: Mapping[str, Any]
) -> Any:
    """Make the object called `name` from those of its options that were given."""
    kind = by_name(kinds)[name]
    given = {option: values[option] for option in options if values[option] is not None}
    known = {field.name for field in fields(kind)}
    foreign = [option for option in given if option not in known]
    if foreign:
        raise click.UsageError(f"{name} has no option --{foreign[0].replace('_', '-')}")
    return kind(**given)


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
    return make_network(
        data,
        hidden,
        seed,
        partial(_hidden, settings),
        first,
        partial(_output, settings, 0.0 if bag else None),
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
    gate = _gate(settings, n_in, n_out)
    activation, dtype = settings["activation"], settings["dtype"]
    return Linear(n_in, n_out, activation=activation, gate=gate, dtype=dtype)


def _output(settings: dict[str, Any], gain: float | None, n_in: int, n_out: int) -> Linear:
    given = {name: settings[name] for name in _OF_OUTPUT if settings[name] is not None}
    linear = partial(Linear, n_in, n_out, gain=gain, dtype=settings["dtype"])
    if settings["output_rows"] == "all":
        if given:
            raise click.UsageError(f"--{next(iter(given))} needs --output-rows hashed")
        return linear(gate=All())
    if settings["output_rows"] is None and not given:
        return linear()
    n_candidates = given.pop("candidates", None)
    density = None if n_candidates is None else min(1.0, n_candidates / n_out)
    return linear(gate=Hashed(density, "centroid", **given))


def _gate(settings: dict[str, Any], n_in: int, n_out: int) -> Gate:
    name = settings["gate"]
    if name not in PRESETS:
        gate: Gate = make(GATES, name, GATE_OPTIONS, settings)
        return gate
    for option in GATE_OPTIONS:
        if option != "density" and settings[option] is not None:
            raise click.UsageError(
                f"--gate {name} settles --{option.replace('_', '-')}: leave it out, or "
                "describe the gate with --gate hashed"
            )
    density = settings["density"]
    given = {} if density is None else {"density": density}
    return PRESETS[name](n_in, n_out, **given)
