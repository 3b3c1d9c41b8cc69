"""Which model `fewfire train` trains, and why.

Options that describe a model ask for it; without any, the kind of the data chooses. How data is
read, how training goes and where the model is written to never choose. An option that the chosen
model cannot honour is refused by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import click

from ..data import Dataset
from .options import Option

FEW_CLASSES = 300  # classes from which sparse features get a tagger

TAGGER, NETWORK, BLEND = "tagger", "network", "blend"
Given = Mapping[str, Option]


@dataclass(frozen=True)
class Choice:
    """A kind of model, and the reason for it."""

    model: str
    reason: str

    def __str__(self) -> str:
        return f"a {self.model}: {self.reason}"


def asked_for(given: Given) -> str | None:
    """Return the kind of model that the given options ask for, if any; raise if they disagree."""
    asking: dict[str | None, str] = {}
    for name, option in given.items():
        asking.setdefault(option.of.describes, name)
    if BLEND in asking:
        return BLEND
    if TAGGER in asking and NETWORK in asking:
        raise click.UsageError(
            f"{asking[TAGGER]} is of a tagger and {asking[NETWORK]} of a network: leave one out, "
            "or add --blend for both"
        )
    return next((model for model in (TAGGER, NETWORK) if model in asking), None)


def choose(data: Dataset, given: Given) -> Choice:
    """Return the model for `data`, and refuse what it cannot honour."""
    asked = asked_for(given)
    choice = _of_data(data) if asked is None else _of_options(asked, data, given)
    for name, option in given.items():
        if choice.model in option.lacks:
            lack = f"a {choice.model} has no {option.lacks[choice.model]}: leave out {name}"
            raise click.UsageError(lack + _way_out(choice.model, asked, data, given))
    return choice


def _of_data(data: Dataset) -> Choice:
    found = _described(data)
    if _suits_tagger(data):
        return Choice(TAGGER, f"{found}; --bag 256 or --hidden N,N trains a network, --blend both")
    if data.kind == "classes" and data.is_sparse:
        return Choice(
            NETWORK, f"{found}, fewer than {FEW_CLASSES}; --preset balanced trains a tagger"
        )
    return Choice(NETWORK, found)


def _of_options(model: str, data: Dataset, given: Given) -> Choice:
    asking = _asking(model, given)
    if model != NETWORK and not _has_labels(data):
        kind = data.kind or "no targets"
        raise click.UsageError(f"{asking[0]} needs labels or classes, the data has {kind}")
    reason = f"{', '.join(asking)} {'asks' if len(asking) == 1 else 'ask'} for one"
    if model == NETWORK and _suits_tagger(data):
        reason += f"; otherwise {_described(data)} get a tagger"
    return Choice(model, reason)


def _asking(model: str, given: Given) -> list[str]:
    return [name for name, option in given.items() if option.of.describes == model]


def _way_out(model: str, asked: str | None, data: Dataset, given: Given) -> str:
    """Return how to get a model that honours what this one cannot."""
    if model == NETWORK:
        if not (_has_labels(data) and data.is_sparse):
            return ""
        wanted = "--preset balanced for a tagger"
    else:
        wanted = f"{'--bag 256' if data.is_sparse else '--hidden 1000,1000'} for a network"
    if asked is None:
        return f", or add {wanted}"
    return f", or give {wanted} in place of {', '.join(_asking(model, given))}"


def _suits_tagger(data: Dataset) -> bool:
    many = data.kind == "labels" or (data.kind == "classes" and data.n_labels >= FEW_CLASSES)
    return data.is_sparse and many


def _has_labels(data: Dataset) -> bool:
    return data.kind in ("labels", "classes")


def _described(data: Dataset) -> str:
    targets = {"labels": "label lists", "classes": f"{data.n_labels:,} classes"}
    kind = targets.get(data.kind or "", data.kind or "no targets")
    return f"{kind} of {'sparse' if data.is_sparse else 'dense'} features"
