"""What each preset of a `Tagger` sets, and what its parameters override."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from .. import _core
from ..base.checks import LARGEST_ID, MOST_EPOCHS, check_choice, check_integer, check_number
from ..base.options import Options, option
from ..data import Dataset
from .calibration import PLAIN, Calibration

MOST_TREES = 256
_MOST_LABELS = 32_768  # of a leaf: a packed weight has 16 bits for its column
_MOST_LARGEST = 64  # which make 2,016 pairs, as many as the core finds room for
_FEWEST_IN_PAIRS, MOST_IN_PAIRS = 5, 12
TREE_LOSSES = ("squared_hinge", "logistic")


@dataclass(frozen=True, kw_only=True)
class Settings(Options):
    """Everything about trees that does not follow from the data."""

    n_trees: int = option(1, check_integer, low=1, high=MOST_TREES)
    max_epochs: int | None = option(None, check_integer, low=1, high=MOST_EPOCHS)  # None: epochs_of
    power: float = option(0.5, check_number, above=0.0, high=10.0)  # of feature values
    pairs: int = option(0, check_integer, low=0)  # trees that read pairs, too
    largest: int | None = option(  # features in pairs; None: largest_of
        None, check_integer, low=2, high=_MOST_LARGEST
    )
    labels_per_leaf: int = option(80, check_integer, low=1, high=_MOST_LABELS)
    loss: str = option("squared_hinge", check_choice, choices=TREE_LOSSES)
    beam: int = option(10, check_integer, low=1, high=LARGEST_ID)  # nodes of a level to open
    prune: float | None = option(None, check_number, low=0.0)  # None: by the examples' length
    slowing: float | None = option(None, check_number, low=0.0)  # None: chosen by pilots

    def __post_init__(self) -> None:
        super().__post_init__()
        check_integer("pairs", self.pairs, low=0, high=self.n_trees)

    @property
    def in_pairs(self) -> int:
        """Features of an example, its largest, whose pairs trees read."""
        return MOST_IN_PAIRS if self.largest is None else self.largest

    def told(self) -> str:
        """Return what a training says of them.

        >>> replace(PRESETS["balanced"], max_epochs=8, largest=6, prune=0.1).told()
        '3 trees, 8 epochs, 80 labels a leaf, 1 tree reads pairs of the 6 largest features'
        """
        trees = "1 tree" if self.n_trees == 1 else f"{self.n_trees} trees"
        parts = [trees, f"{self.max_epochs} epochs", f"{self.labels_per_leaf} labels a leaf"]
        if self.pairs:
            readers = "1 tree reads" if self.pairs == 1 else f"{self.pairs} trees read"
            parts.append(f"{readers} pairs of the {self.in_pairs} largest features")
        return ", ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dict, for files."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Settings:
        """Make the settings that `to_dict` described; raise `ValueError` if one is missing."""
        missing = {field.name for field in fields(cls)} - set(data)
        if missing:
            raise ValueError(f"the settings lack {sorted(missing)}")
        return cls(**data)


PRESETS = {
    "fast": Settings(pairs=1, largest=5),
    "balanced": Settings(n_trees=3, pairs=1),
    "best": Settings(n_trees=8, pairs=4),
}


@dataclass(frozen=True, kw_only=True)
class Learning:
    """How the trees of a loss learn: plain SGD, example by example."""

    router_lr: float  # of all levels but the last
    label_lr: float
    router_bias: float  # at the start
    label_bias: float
    bias_lr: float = 0.1  # of Adagrad
    n_negatives: int = 6  # nodes per level that hold no label of the example, and learn, at most
    least_path: float = -3.5  # log likelihood of the way to them, below which they do not
    negative_scale: float = 0.6  # of the gradients there
    thin: float = 0.001  # gradients below it are left out
    last_rate: float = 0.02  # of the learning rates, which fall in a line
    path_weight: float = 0.4  # of the way to a label, beside the label's own likelihood
    calibration: Calibration = PLAIN  # of the likelihoods

    def rates(self, n_levels: int, factor: float) -> list[float]:
        """Return the learning rate of each level, the default ones times `factor`."""
        return [factor * self.router_lr] * (n_levels - 1) + [factor * self.label_lr]

    def options(self, loss: str, rates: list[float], slowing: float) -> _core.TreeOptions:
        """Return what the core learns by, with a learning rate for each level."""
        return _core.TreeOptions(
            loss, rates, self.n_negatives, self.least_path, self.negative_scale, self.thin,
            self.bias_lr, slowing,
        )  # fmt: skip

    def bias(self, *, is_last: bool) -> float:
        """Return what the biases of a level start at."""
        return self.label_bias if is_last else self.router_bias


LEARNING = {
    "squared_hinge": Learning(
        router_lr=0.3,
        label_lr=0.3,
        router_bias=-1.0,
        label_bias=-1.0,
        calibration=Calibration(1.51, 0.16, 2.0),
    ),
    "logistic": Learning(router_lr=4.0, label_lr=3.0, router_bias=-4.0, label_bias=-3.0),
}

# Pairs that so many examples have, and, for a node to know them, so many of its own. The value of
# one is PAIR_SCALE (v_i v_j)^(1/4).
LEAST_ROWS, PAIR_SCALE = 5, 0.3


_STEPS = 250_000  # that the learning rates are for
_LOWEST, _HIGHEST = 4 / 3, 2.0  # of what they are multiplied with
_MOST_PRUNE, _PRUNE = 0.1, 0.6


def rate_factor(n_examples: int, n_epochs: int, slowing: float) -> float:
    """Return what learning rates are multiplied with: shorter trainings take larger steps, so that
    the rates of all steps have about the same sum. No training goes below 4/3, which rare labels
    need to learn from a few examples. Where frequent labels slow down by themselves all begin fast.

    >>> [round(rate_factor(n, 5, 0.0), 2) for n in (1000, 30_000, 200_000)]
    [2.0, 1.67, 1.33]
    >>> rate_factor(200_000, 5, slowing=1.0)
    2.0
    """
    if slowing:
        return _HIGHEST
    return float(np.clip(_STEPS / (n_examples * n_epochs), _LOWEST, _HIGHEST))


_FEW_EPOCHS, MANY_EPOCHS, _LONG = 4, 8, 50  # features of an example that few epochs are enough for


def epochs_of(n_nonzero: float) -> int:
    """Return how often examples come that have `n_nonzero` features on average: the fewer they
    have, the less an epoch teaches, and the less it costs.

    >>> epochs_of(54), epochs_of(18), epochs_of(5)
    (4, 7, 8)
    """
    epochs = round(_FEW_EPOCHS * math.sqrt(_LONG / max(n_nonzero, 1.0)))
    return min(max(epochs, _FEW_EPOCHS), MANY_EPOCHS)


def largest_of(n_nonzero: float) -> int:
    """Return how many features of an example are in pairs: so many that there are about twice as
    many pairs as features, `n_nonzero` on average; else pairs cost many times what features do.

    >>> largest_of(4), largest_of(8), largest_of(18), largest_of(54)
    (5, 6, 9, 12)
    """
    n = round((1 + math.sqrt(1 + 16 * n_nonzero)) / 2)
    return min(max(n, _FEWEST_IN_PAIRS), MOST_IN_PAIRS)


def prune_of(n_nonzero: float) -> float:
    """Return the weight that makes no difference: a score is a sum over the `n_nonzero` features of
    an example of unit length, so weights are smaller the more there are.

    >>> round(prune_of(54), 3), prune_of(4)
    (0.082, 0.1)
    """
    return min(_MOST_PRUNE, _PRUNE / math.sqrt(max(n_nonzero, 1.0)))


def fitted(wanted: Settings, train: Dataset) -> Settings:
    """Return the settings with what follows from the examples before they are looked at closely."""
    if wanted.max_epochs is not None and wanted.largest is not None:
        return wanted
    n_nonzero = mean_stored(train)
    max_epochs = epochs_of(n_nonzero) if wanted.max_epochs is None else wanted.max_epochs
    largest = largest_of(n_nonzero) if wanted.largest is None else wanted.largest
    return replace(wanted, max_epochs=max_epochs, largest=largest)


def mean_stored(data: Dataset) -> float:
    """Return how many values of `X` an example has that are not 0, or are stored."""
    return sum(count_stored(part) for part in data.windows()) / max(1, len(data))


def count_stored(data: Dataset) -> int:
    """Return how many values of `X` are not 0, or are stored."""
    return int(np.count_nonzero(data.X) if isinstance(data.X, np.ndarray) else data.X.nnz)


def settings_of(preset: str, given: Mapping[str, Any]) -> Settings:
    """Return a preset with what was given in its place; None stands for not given.

    >>> settings_of("fast", {"n_trees": 3, "power": None}).n_trees
    3
    """
    check_choice("preset", preset, tuple(PRESETS))
    chosen = {name: value for name, value in given.items() if value is not None}
    if "n_trees" in chosen and "pairs" not in chosen:
        n_trees = check_integer("n_trees", chosen["n_trees"], low=1)
        chosen["pairs"] = min(PRESETS[preset].pairs, n_trees)
    return replace(PRESETS[preset], **chosen)
