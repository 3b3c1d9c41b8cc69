"""What predictions take: joules where the machine counts them, seconds of the CPU beside a dense
net in turns, counts, and a range by a model."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..base.checks import check_number
from ..base.ledger import Ledger
from ..data import Dataset
from ..measure.energy import EnergyMeter
from ..measure.joules import Range, by_operations, by_time
from ..model.checks import check_examples
from ..model.contract import Model
from ..network.bag import EmbeddingBag
from ..network.gates import All
from ..network.network import Network

_TURNS = 3
POWERCAP = Path("/sys/class/powercap")


class Spent(NamedTuple):
    """What one run of a piece of work took, on average."""

    cpu_seconds: float
    seconds: float
    joules: float | None  # of the machine, idle power included
    reason: str  # why there are none


@dataclass(frozen=True, kw_only=True)
class EnergyReport:
    """What an example takes, of a model and of a dense net of its shape.

    Attributes
    ----------
    joules, dense_joules : float or None
        Measured for packages and memory, idle power subtracted; None where it could not be.
    idle_watts : float or None
        What was subtracted.
    reason : str
        Why joules are unavailable; empty where they are not.
    cpu_seconds, dense_cpu_seconds : float; the second None where there is no dense net to run
    ledger, dense_ledger : Ledger
        Counts of all examples.
    n_examples : int

    Examples
    --------
    >>> from fewfire import Linear
    >>> net = Network(Linear(4, 8, "relu"), Linear(8, 3), random_state=0)
    >>> found = energy(net, Dataset(np.ones((9, 4))), seconds=0.01, root=Path("none"))
    >>> found.n_examples, found.reason
    (9, 'no powercap counters')
    """

    joules: float | None
    dense_joules: float | None
    idle_watts: float | None
    reason: str
    cpu_seconds: float
    dense_cpu_seconds: float | None
    ledger: Ledger
    dense_ledger: Ledger | None
    n_examples: int

    @property
    def modelled(self) -> dict[str, float]:
        """Joules by operations and memory: a model (`fewfire.measure.joules`)."""
        return by_operations(self.ledger, self.n_examples)

    @property
    def modelled_by_time(self) -> Range:
        """Joules by seconds of a core: a model."""
        return by_time(self.cpu_seconds)

    @property
    def times_less(self) -> Range | None:
        """How many times less than the dense net by the models, the least and the most; None where
        there is no dense net."""
        if self.dense_ledger is None or self.dense_cpu_seconds is None:
            return None
        dense = by_operations(self.dense_ledger, self.n_examples)
        own = self.modelled
        ratios = [dense[name] / own[name] for name in own if own[name] > 0]
        ratios.append(self.dense_cpu_seconds / self.cpu_seconds if self.cpu_seconds else 1.0)
        return Range(min(ratios), max(ratios))

    def to_dict(self) -> dict[str, Any]:
        """Return the figures for JSON."""
        n = max(1, self.n_examples)
        return {
            "joules": self.joules,
            "dense_joules": self.dense_joules,
            "idle_watts": self.idle_watts,
            "unavailable": self.reason,
            "cpu_seconds": self.cpu_seconds,
            "dense_cpu_seconds": self.dense_cpu_seconds,
            "multiplications": self.ledger.total / n,
            "additions": self.ledger.additions / n,
            "bytes": self.ledger.bytes / n,
            "dense_multiplications": self.ledger.dense / n,
            "model": {
                "joules": self.modelled,
                "joules_by_time": self.modelled_by_time._asdict(),
                "times_less": None if self.times_less is None else self.times_less._asdict(),
            },
            "n_examples": self.n_examples,
        }


def energy(
    model: Model, data: Dataset, *, seconds: float = 1.0, root: Path = POWERCAP
) -> EnergyReport:
    """Measure what predictions of `data` take, in one thread, beside a dense net in turns.

    Parameters
    ----------
    model : Model
        The dense net of a `Network` has its weights and no gates; other models have none.
    data : Dataset
    seconds : float
        That the model, the dense net and an idle machine get in each of three turns.
    root : Path
        Folder of the counters; see `fewfire.metrics.EnergyMeter`.

    Raises
    ------
    ValueError
        If `data` has no example or does not fit the model.

    Examples
    --------
    >>> from fewfire import Hashed, Linear
    >>> net = Network(Linear(4, 60, "relu", Hashed()), Linear(60, 3), random_state=0)
    >>> found = energy(net, Dataset(np.ones((9, 4))), seconds=0.01, root=Path("none"))
    >>> found.joules, found.reason, found.ledger.dense / 9
    (None, 'no powercap counters', 420.0)
    """
    seconds = check_number("seconds", seconds, above=0.0)
    check_examples(data)
    data = model._examples(data)
    others = [model]
    if isinstance(model, Network):
        others.append(dense_net(model))
    ledgers = [other._find(data, 1, exact=False, n_threads=1)[1] for other in others]
    idle: list[Spent] = []
    turns: list[list[Spent]] = [[] for _ in others]
    for _ in range(_TURNS):
        idle.append(spend(lambda: time.sleep(seconds), 0.0, root))
        for other, spent in zip(others, turns, strict=True):
            spent.append(spend(partial(_predict, other, data), seconds, root))
    watts = _median([own.joules and own.joules / own.seconds for own in idle])
    joules = [_median([above_idle(each, watts) for each in spent]) for spent in turns]
    cpu = [float(np.median([each.cpu_seconds for each in spent])) for spent in turns]
    n, has_dense = len(data), len(others) > 1
    reasons = [each.reason for each in [*idle, *(each for spent in turns for each in spent)]]
    return EnergyReport(
        joules=None if joules[0] is None else joules[0] / n,
        dense_joules=joules[1] / n if has_dense and joules[1] is not None else None,
        idle_watts=watts,
        reason=next(filter(None, reasons), ""),
        cpu_seconds=cpu[0] / n,
        dense_cpu_seconds=cpu[1] / n if has_dense else None,
        ledger=ledgers[0],
        dense_ledger=ledgers[1] if has_dense else None,
        n_examples=n,
    )


def _predict(model: Model, data: Dataset) -> None:
    model._find(data, 1, exact=False, n_threads=1)


def _median(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if len(known) == len(values) else None


def above_idle(spent: Spent, watts: float | None) -> float | None:
    """Return the joules of a run without those of an idle machine, at least 0.

    >>> above_idle(Spent(1.0, 2.0, 30.0, ""), 10.0)
    10.0
    """
    if spent.joules is None or watts is None:
        return None
    return max(0.0, spent.joules - watts * spent.seconds)


def spend(work: Callable[[], object], seconds: float, root: Path) -> Spent:
    """Do the work again and again for so long, once at least; return what one run took."""
    meter, runs, begun = EnergyMeter(root), 0, time.monotonic()
    with meter:
        while runs == 0 or time.monotonic() - begun < seconds:
            work()
            runs += 1
    used = meter.energy
    assert used is not None
    joules = None if used.total is None else used.total / runs
    return Spent(used.cpu_seconds / runs, used.seconds / runs, joules, used.reason)


def dense_net(net: Network) -> Network:
    """Return the network without its gates: every row is computed, with the same weights."""
    settings, arrays = [], []
    for layer in net.layers:
        own = layer.settings
        settings.append(own if isinstance(own, EmbeddingBag) else replace(own, gate=All()))
        arrays += [layer.stored, layer.bias]
    dense = Network.from_arrays(settings, arrays, net.random_state)
    if net.columns is not None:
        dense.read_only(net.columns, net.n_features)
    return dense
