"""Gates from the options of the command line, which are flat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import click

from ..network.families import FAMILIES, Centroid
from ..network.gates import GATES, All, Gate
from ..network.hashed import Hashed
from ..network.retrieve import Retrieve

PRESETS: dict[str, Callable[..., Gate]] = {
    "auto": Hashed.auto,
    "kdd2017": lambda n_in, n_out, **density: Hashed.kdd2017(**density),
    "slide": lambda n_in, n_out, **density: Hashed.slide(**density),
}
_HIDDEN = {name: kind for name, kind in GATES.items() if kind is not Retrieve}


def options_of(kinds: Mapping[str, type[Any]]) -> list[str]:
    """Return the names that any of these settings has, in their order."""
    return list(dict.fromkeys(field.name for kind in kinds.values() for field in fields(kind)))


def by_name(kinds: Mapping[str, type[Any]]) -> dict[str, type[Any]]:
    """Return classes by their names on the command line: LinearDecay is linear."""
    return {name.lower().removesuffix("decay"): kind for name, kind in kinds.items()}


GATE_NAMES = [*by_name(_HIDDEN), *PRESETS]
_OF_FAMILIES = options_of(FAMILIES)
GATE_OPTIONS = list(dict.fromkeys([*options_of(_HIDDEN), *_OF_FAMILIES]))
_OF_LAST = [name for name in options_of({"Retrieve": Retrieve}) if name != "family"]


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


def hidden_gate(settings: Mapping[str, Any], n_in: int, n_out: int) -> Gate:
    """Return the gate of a hidden layer."""
    name = settings["gate"]
    if name in PRESETS:
        return _preset(settings, n_in, n_out)
    if name != "hashed":
        gate: Gate = make(_HIDDEN, name, GATE_OPTIONS, settings)
        return gate
    family = make(FAMILIES, settings["family"] or "sign", _OF_FAMILIES, settings)
    others = [option for option in GATE_OPTIONS if option not in _OF_FAMILIES]
    hashed: Hashed = make(_HIDDEN, name, others, {**settings, "family": family})
    return hashed


def _preset(settings: Mapping[str, Any], n_in: int, n_out: int) -> Gate:
    name, density = settings["gate"], settings["density"]
    for option in GATE_OPTIONS:
        if option != "density" and settings[option] is not None:
            raise click.UsageError(
                f"--gate {name} settles --{option.replace('_', '-')}: leave it out, or "
                "describe the gate with --gate hashed"
            )
    given = {} if density is None else {"density": density}
    return PRESETS[name](n_in, n_out, **given)


def last_gate(settings: Mapping[str, Any], n_out: int, *, may_retrieve: bool) -> Gate | None:
    """Return the gate of the last layer; None leaves it to the network. Above a gate, or alone, it
    cannot retrieve: it keeps the best of its candidates, and draws no negatives."""
    given = {name: settings[name] for name in _OF_LAST if settings[name] is not None}
    if settings["output_rows"] == "all":
        if given:
            raise click.UsageError(f"--{next(iter(given))} needs --output-rows hashed")
        return All()
    if settings["output_rows"] is None and not given:
        return None
    retrieve = Retrieve(**given)
    if may_retrieve:
        return retrieve
    for name in given:
        if name != "candidates":
            raise click.UsageError(
                f"--{name} is for a last layer above one without a gate: add --gate all or a "
                "--bag, or leave it out"
            )
    cells = Centroid().for_layer(n_out, retrieves=True)
    return Hashed(min(1.0, retrieve.candidates / n_out), cells, rerank=1.0)
