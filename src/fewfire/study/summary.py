"""Lines of the same net, method and density, taken together over their seeds."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .results import Line
from .trials import METHODS, Setting, Trial


@dataclass(frozen=True)
class Spread:
    """Figures over seeds."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Their mean."""
        return statistics.fmean(self.values)

    @property
    def low(self) -> float:
        """The least."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The most."""
        return max(self.values)

    @property
    def error(self) -> float:
        """Standard error of the mean; 0 for one seed, of which nothing is known."""
        n = len(self.values)
        return statistics.stdev(self.values) / n**0.5 if n > 1 else 0.0


@dataclass(frozen=True)
class Group:
    """All seeds of one net, method and density on one data set."""

    data: str
    depth: int
    method: str
    density: float
    setting: Setting | None
    lines: tuple[Line, ...]

    def spread(self, figure: str | Callable[[dict[str, Any]], float]) -> Spread:
        """Return a figure of each line, by name or as a function of all its figures."""
        if isinstance(figure, str):
            return Spread(tuple(line.figures[figure] for line in self.lines))
        return Spread(tuple(figure(line.figures) for line in self.lines))

    @property
    def net(self) -> str:
        """The data set and the depth, in words."""
        return f"{self.data}, {self.depth} hidden"

    def by_threads(self) -> dict[int, Group]:
        """Return the lines apart, by their numbers of threads."""
        counts = sorted({line.trial.n_threads for line in self.lines})
        return {
            n: replace(self, lines=tuple(line for line in self.lines if line.trial.n_threads == n))
            for n in counts
        }

    @property
    def epoch_seconds(self) -> Spread:
        """Seconds of an epoch: the median of those after the first."""
        return self.spread(_epoch_seconds)

    @property
    def accuracy(self) -> Spread:
        """On the test set, through the gates."""
        return self.spread("test_accuracy_gated")

    @property
    def train_accuracy(self) -> Spread:
        """On training examples, through the gates."""
        return self.spread("train_accuracy_gated")

    @property
    def share(self) -> Spread:
        """Multiplications of the training relative to the dense net's, all counted."""
        return self.spread(lambda figures: figures["training"]["share"])


def _epoch_seconds(figures: dict[str, Any]) -> float:
    seconds = [row[1] for row in figures["curve"]]
    return float(statistics.median(seconds[1:] or seconds))


def groups(lines: Iterable[Line], part: str = "accuracy") -> list[Group]:
    """Return the lines of a part, taken together, in the order of sets, depths, methods."""
    found: dict[tuple[Any, ...], list[Line]] = {}
    for line in lines:
        trial = line.trial
        if isinstance(trial, Trial) and trial.part == part:
            key = (
                trial.data,
                trial.depth,
                trial.method,
                trial.density,
                trial.setting,
                trial.epochs,
            )
            found.setdefault(key, []).append(line)
    made = [
        Group(data, depth, method, density, setting, tuple(lines))
        for (data, depth, method, density, setting, _), lines in found.items()
    ]
    sets = list(dict.fromkeys(group.data for group in made))
    methods = list(METHODS)
    return sorted(
        made,
        key=lambda g: (sets.index(g.data), g.depth, methods.index(g.method), g.density),
    )


def nets(found: Sequence[Group]) -> list[tuple[str, int]]:
    """Return the data sets and depths that there are, in order."""
    return list(dict.fromkeys((group.data, group.depth) for group in found))


def pick(found: Sequence[Group], data: str, depth: int, method: str) -> Group | None:
    """Return the sparsest group of a method on a net."""
    those = [g for g in found if (g.data, g.depth, g.method) == (data, depth, method)]
    return min(those, key=lambda group: group.density, default=None)
