"""The trials of a study: what is trained on which data, and everything that a result depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from ..network.gates import AdaptiveDropout, All, Dropout, Gate, TopK
from ..network.hashed import Hashed
from ..network.linear import Linear
from ..network.network import Network
from ..training.optimizers import RMS, Adam, Optimizer

WIDTH = 1000
N_CHOOSING = 12_000  # examples that settings are chosen with, and half the epochs


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What is chosen on the validation split: the learning rate, and what goes with it.

    Batches are trained by Adam, single examples by row-wise RMS.
    """

    lr: float
    l2: float
    batch_size: int = 1

    def __str__(self) -> str:
        batches = f", batch_size {self.batch_size}" if self.batch_size > 1 else ""
        return f"lr {self.lr:g}, l2 {self.l2:g}{batches}"


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to choose rows: its gate, and the settings that are tried for it; with None, `Trainer`
    chooses as it does for everybody."""

    title: str
    gate: Callable[[float], Gate]
    settings: tuple[Setting | None, ...] = (None,)
    has_density: bool = True
    work: float = 1.0  # seconds for an example, relative to a dense net


# Four settings for each method: what did best for it somewhere in trials on validation splits.
_BATCHES = (
    Setting(lr=0.001, l2=0.1, batch_size=128),
    Setting(lr=0.0003, l2=0.1, batch_size=32),
    Setting(lr=0.0003, l2=0.1, batch_size=128),
    Setting(lr=0.0001, l2=0.1, batch_size=32),
)
_FASTER_BATCHES = tuple(replace(setting, lr=3 * setting.lr) for setting in _BATCHES)
_SINGLE = (
    Setting(lr=0.002, l2=0.01),
    Setting(lr=0.0005, l2=0.0),
    Setting(lr=0.001, l2=0.01),
    Setting(lr=0.0005, l2=0.01),
)
# Sparser nets of adaptive dropout: the paper's own betas, by the density that asks for them.
_BETAS = {0.25: -1.5, 0.5: 0.0, 0.75: 1.0, 1.0: 3.5}

METHODS: dict[str, Method] = {
    "NN": Method(title="dense", gate=lambda density: All(), settings=_BATCHES, has_density=False),
    "VD": Method(title="dropout", gate=Dropout, settings=_FASTER_BATCHES, work=0.6),
    "AD": Method(
        title="adaptive dropout",
        gate=lambda density: AdaptiveDropout(alpha=1.0, beta=_BETAS[_bound(density)]),
        settings=_SINGLE,
        work=1.5,
    ),
    "WTA": Method(title="winner take all", gate=TopK, work=1.7),
    "LSH": Method(title="hashed, sign codes", gate=Hashed, work=0.6),
    "ORACLE": Method(
        title="exact top-k, soft", gate=lambda density: TopK(density, soft=True), work=1.7
    ),
    "CELLS": Method(
        title="hashed, centroid cells",
        gate=lambda density: Hashed(density, family="centroid"),
        work=0.8,
    ),
    "KDD2017": Method(title="hashed, the paper's tables", gate=Hashed.kdd2017, work=1.0),
}
PAPER_METHODS = ("NN", "VD", "AD", "WTA", "LSH")


def _bound(density: float) -> float:
    return next(bound for bound in _BETAS if density <= bound)


def density_of(method: str, density: float) -> float:
    """Return the density that keeps trials of a method apart: 1 where it has none."""
    if not METHODS[method].has_density:
        return 1.0
    if method == "AD":
        return _bound(density)
    return density


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is trained: of each data set, unless None, the first so many examples."""

    epochs: dict[str, int] = field(default_factory=dict)
    n_train: int | None = None
    n_test: int | None = None
    n_settings: int | None = None

    def epochs_of(self, data: str) -> int:
        """Epochs on a data set; small sets take more."""
        return self.epochs.get(data, self.epochs["default"])


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training: two with the same fields give the same result, but for their threads' order.

    `part` is "choose", which reads the validation split only, "accuracy", or "threads".
    """

    part: str
    data: str
    depth: int
    method: str
    density: float
    seed: int
    epochs: int
    setting: Setting | None
    n_train: int | None = None
    n_test: int | None = None
    n_threads: int = 1

    @property
    def optimizer(self) -> Optimizer | None:
        """What trains the net; None: `Trainer` chooses."""
        if self.setting is None:
            return None
        if self.setting.batch_size > 1:
            return Adam(lr=self.setting.lr, l2=self.setting.l2)
        return RMS(lr=self.setting.lr, l2=self.setting.l2, rowwise=True)

    @property
    def batch_size(self) -> int:
        """Examples of a step."""
        return 1 if self.setting is None else self.setting.batch_size

    @property
    def work(self) -> float:
        """How long it takes, relative to others."""
        examples = {"mnist": 55_000, "mnist8m": 55_000}.get(self.data, 10_000)
        n = min(self.n_train or examples, examples)
        return METHODS[self.method].work * n * self.epochs * self.depth

    def network(self, n_features: int, n_labels: int) -> Network:
        """Return the untrained net."""
        gate = METHODS[self.method].gate(self.density)
        sizes = [n_features, *[WIDTH] * self.depth]
        layers = [Linear(n_in, n_out, "relu", gate) for n_in, n_out in pairwise(sizes)]
        return Network(*layers, Linear(sizes[-1], n_labels), random_state=self.seed)

    def __str__(self) -> str:
        density = f" {self.density:.0%}" if METHODS[self.method].has_density else ""
        seed = f", seed {self.seed}" if self.part != "choose" else f", {self.setting}"
        threads = f", {self.n_threads} threads" if self.part == "threads" else ""
        return (
            f"{self.part}: {self.data}, {self.depth} hidden, {self.method}{density}{seed}{threads}"
        )


def trial_of(fields: dict[str, Any]) -> Trial:
    """Make the trial that `asdict` took apart."""
    setting = fields["setting"]
    return Trial(**{**fields, "setting": None if setting is None else Setting(**setting)})


def places(
    data: Sequence[str],
    depths: Sequence[int],
    methods: Sequence[str],
    densities: Sequence[float],
    sizes: Sizes,
) -> Iterator[Trial]:
    """Yield what settings are chosen for: each net, method and density once."""
    for name in data:
        for depth in depths:
            for method in methods:
                for density in sorted({density_of(method, density) for density in densities}):
                    yield Trial(
                        part="choose", data=name, depth=depth, method=method, density=density,
                        seed=0, epochs=max(1, sizes.epochs_of(name) // 2),
                        setting=None,
                        n_train=min(sizes.n_train or N_CHOOSING, N_CHOOSING),
                        n_test=sizes.n_test,
                    )  # fmt: skip


def to_choose(place: Trial, n_settings: int | None) -> list[Trial]:
    """Return the trials that compete for a place; a single one has won already."""
    settings = METHODS[place.method].settings[:n_settings]
    return [replace(place, setting=setting) for setting in settings] if len(settings) > 1 else []


def to_measure(winner: Trial, n_seeds: int, sizes: Sizes) -> list[Trial]:
    """Return the trials that are trained in full as the winner was, one for each seed."""
    chosen = replace(
        winner,
        part="accuracy",
        epochs=sizes.epochs_of(winner.data),
        n_train=sizes.n_train,
    )
    return [replace(chosen, seed=seed) for seed in range(n_seeds)]
