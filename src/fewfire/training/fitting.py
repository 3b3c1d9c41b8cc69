"""Settings of a training that nobody gave, fitted to the network and to the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ..base.checks import from_dict
from ..base.ledger import Ledger
from ..data import Dataset
from ..network.bag import EmbeddingBag
from ..network.gates import All, Dropout
from ..network.network import Network
from ..network.retrieve import Retrieve
from .optimizers import OPTIMIZERS, RMS, Adam
from .pilots import EPOCHS, Choice, Pilots, usual_epochs
from .schedules import SCHEDULES, LinearDecay, OneCycle
from .settings import Plan

_LEAST_EXAMPLES, _LEAST_EPOCHS = 40, 6  # of a training that is worth trying settings for
# Parameters, and outputs, of a network that is trained several times.
_LARGEST, _MOST_OUTPUTS = 1 << 26, 1 << 16


class Fitted(NamedTuple):
    """A plan, and a line about what was fitted in it."""

    plan: Plan
    why: str  # empty: nothing was
    ledger: Ledger  # of what it took


def usual(net: Network) -> dict[str, Any]:
    """Return the settings of a training before its data is known.

    Gates that look at the input: steps of one example with a small rate, because a row must stay
    positive for the inputs that choose it. Dense nets and plain dropout: Adam on mini-batches.
    """
    if isinstance(net.layers[0].settings, EmbeddingBag):
        one_cycle = {"schedule": OneCycle(), "max_epochs": 5}
        return {"optimizer": RMS(lr=0.002), "batch_size": 128, **one_cycle}
    common = {"schedule": LinearDecay(), "max_epochs": EPOCHS}
    if _looks_at_inputs(net):
        optimizer = RMS(lr=0.001, rowwise=True, centred=True)
        return {"optimizer": optimizer, "batch_size": 1, **common}
    return {"optimizer": Adam(lr=0.001, l2=0.1), "batch_size": 128, **common}


def fitted(plan: Plan, net: Network, train: Dataset, loss: str, n: int) -> Fitted:
    """Return a plan whose settings that nobody gave follow the data, of an epoch of `n` examples.

    How fast rows learn and how much weights decay is chosen by pilots (`Pilots`), where gates look
    at the input. The network must be new and not too large, and there must be 40 examples and 6
    epochs at least.
    """
    if isinstance(net.layers[0].settings, EmbeddingBag):
        return Fitted(plan, "", Ledger.empty(len(net.layers)))
    why = []
    if "max_epochs" in plan.left_out:
        plan = replace(plan, max_epochs=usual_epochs(n))
        why.append(f"{plan.max_epochs} epochs of {n:,} examples")
    if "batch_size" in plan.left_out and plan.batch_size > 1:
        plan = replace(plan, batch_size=min(plan.batch_size, max(8, n // 50)))
        why.append(f"batches of {plan.batch_size}")
    ledger = Ledger.empty(len(net.layers))
    if "optimizer" in plan.left_out and _looks_at_inputs(net):
        pilots = Pilots(plan, net, train, loss)
        if _is_worth_trying(plan, net, train):
            choice, told = pilots.choose()
            why.append(told)
        else:
            choice = Choice()
        plan = pilots.plan_of(choice, n)
        ledger = pilots.ledger
    return Fitted(plan, ", ".join(why), ledger)


def as_before(plan: Plan, settings: Mapping[str, Any]) -> Plan:
    """Return a plan whose settings that nobody gave are those of a training that is resumed; raise
    what `refusing` catches unless they are some."""
    found = {name: settings[name] for name in plan.left_out}
    for name, kinds in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
        if name in found:
            found[name] = from_dict(kinds, found[name])
    return replace(plan, **found)


def _looks_at_inputs(net: Network) -> bool:
    return any(not isinstance(layer.settings.gate, All | Dropout) for layer in net.layers)


def _is_worth_trying(plan: Plan, net: Network, train: Dataset) -> bool:
    """Whether a network is trained several times before it is trained."""
    if not plan.tune or plan.max_epochs < _LEAST_EPOCHS:
        return False
    n_parameters = sum(layer.stored.size for layer in net.layers)
    retrieves = any(isinstance(layer.settings.gate, Retrieve) for layer in net.layers)
    is_new = net.learned.encoding is None
    is_small = n_parameters <= _LARGEST and net.n_outputs <= _MOST_OUTPUTS
    return is_new and is_small and not retrieves and len(train) >= _LEAST_EXAMPLES
