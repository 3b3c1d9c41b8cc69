"""What workers do. A worker reads the examples of a training once, and keeps them until it ends."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

from ..data import Dataset
from ..tagger.apart import Done, Part, Read, TrainingPlan
from .sources import read


class Planned(NamedTuple):
    """A plan, and what it warned of."""

    plan: TrainingPlan
    warned: list[str]


class Summary(NamedTuple):
    """What is known of a plan where tasks are made: all but the layouts of trees."""

    plan: TrainingPlan
    n_leaves: list[int]
    warned: list[str]


def make_plan(tagger: Any, source: Any, training: str) -> Planned:
    """Settle what is trained."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = _data(source, training)
        plan = TrainingPlan.of(tagger, data)
    told = [str(each.message) for each in caught if each.category is UserWarning]
    return Planned(plan, list(dict.fromkeys(told)))


def summary_of(planned: Planned) -> Summary:
    """Return what the client gets to know."""
    plan = planned.plan
    return Summary(plan.without_trees(), plan.n_leaves, planned.warned)


def cut(planned: Planned, tree: int, number: int | None, n: int) -> Part:
    """Return one part of a tree: the whole if `n` is 1, else its router, where `number` is None, or
    one of `n` ranges of its leaves."""
    if n == 1:
        return planned.plan.whole(tree)
    if number is None:
        return planned.plan.router(tree)
    return planned.plan.some_leaves(tree, number, n)


def train(part: Part, source: Any, training: str, router: Done | None = None) -> Done:
    """Train a part, after its router if it has one."""
    outline = part.outline
    reads_pairs = part.tree < outline.settings.pairs

    def as_read() -> Read:
        return outline.examples(_data(source, training), part.tree)

    examples = _KEPT.found(training, ("read", reads_pairs), as_read)
    return part.train(examples, () if router is None else router.opened)


def to_gather(done: Done) -> Done:
    """Return what the forest is made of: not what a router opened, which is for its leaves."""
    return done._replace(opened=[])


def forget(training: str) -> None:
    """Let go of the examples of a training."""
    _KEPT.forget(training)


class _Kept:
    """What a worker's tasks share of a training; another training takes its place."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._training, self._things = "", dict[Any, Any]()

    def found(self, training: str, name: Any, make: Callable[[], Any]) -> Any:
        """Return what was made under this name, or make it."""
        with self._lock:
            if training != self._training:
                self._training, self._things = training, {}
            if name not in self._things:
                self._things[name] = make()
            return self._things[name]

    def forget(self, training: str) -> None:
        """Let go of it all, if it is of this training."""
        with self._lock:
            if training == self._training:
                self._things = {}


_KEPT = _Kept()


def _data(source: Any, training: str) -> Dataset:
    data: Dataset = _KEPT.found(training, "data", lambda: read(source))
    return data
