"""Learning rates over the steps of a training run, as factors of the optimizer's `lr`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..base.checks import check_integer, check_number
from ..base.options import Options, option


@dataclass(frozen=True, kw_only=True)
class Schedule(Options):
    """A factor per step; `warmup` steps rise linearly to 1 before the schedule begins."""

    warmup: int = option(0, check_integer, low=0)  # steps

    def factors(self, first_step: int, n_steps: int, total_steps: int) -> NDArray[np.float32]:
        """Return the factors of `n_steps` steps from `first_step` on, (n_steps,).

        A step depends on its number and on `total_steps` only, never on how steps are grouped.
        """
        step = np.arange(first_step, first_step + n_steps, dtype=np.float64)
        after = np.clip((step - self.warmup) / max(1, total_steps - self.warmup), 0.0, 1.0)
        rise = np.minimum(1.0, (step + 1.0) / max(1, self.warmup))
        factors = np.where(step < self.warmup, rise, self._shape(after))
        return factors.astype(np.float32)

    def _shape(self, progress: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.ones_like(progress)


@dataclass(frozen=True, kw_only=True)
class Constant(Schedule):
    """Keep the rate.

    >>> Constant(warmup=2).factors(0, 4, 4)
    array([0.5, 1. , 1. , 1. ], dtype=float32)
    """


@dataclass(frozen=True, kw_only=True)
class LinearDecay(Schedule):
    """Fall linearly from 1 to `final`.

    >>> LinearDecay().factors(0, 4, 4)
    array([1.  , 0.75, 0.5 , 0.25], dtype=float32)
    """

    final: float = option(0.0, check_number, low=0.0, high=1.0)

    def _shape(self, progress: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1.0 - (1.0 - self.final) * progress


@dataclass(frozen=True, kw_only=True)
class CosineDecay(LinearDecay):
    """Fall from 1 to `final` along half a cosine (Loshchilov & Hutter, ICLR 2017).

    >>> CosineDecay().factors(0, 3, 2)
    array([1. , 0.5, 0. ], dtype=float32)
    """

    def _shape(self, progress: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.final + (1.0 - self.final) * 0.5 * (1.0 + np.cos(np.pi * progress))


@dataclass(frozen=True, kw_only=True)
class StepDecay(Schedule):
    """Multiply the rate by `factor` at `n_drops` evenly spaced points of the run.

    >>> StepDecay(n_drops=1, factor=0.1).factors(0, 4, 4)
    array([1. , 1. , 0.1, 0.1], dtype=float32)
    """

    n_drops: int = option(2, check_integer, low=1)
    factor: float = option(0.1, check_number, above=0.0, high=1.0)

    def _shape(self, progress: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.factor ** np.minimum(self.n_drops, np.floor(progress * (self.n_drops + 1)))


@dataclass(frozen=True, kw_only=True)
class OneCycle(Schedule):
    """Rise along half a cosine for the first `rise` of the run, then fall to 0 along another.

    Smith & Topin (2018). The first step is 1/25 of the rate.

    >>> OneCycle(rise=0.5).factors(0, 4, 4)
    array([0.04, 0.52, 1.  , 0.5 ], dtype=float32)
    """

    rise: float = option(0.3, check_number, above=0.0, below=1.0)

    def _shape(self, progress: NDArray[np.float64]) -> NDArray[np.float64]:
        up = np.minimum(progress, self.rise) / self.rise
        down = np.clip((progress - self.rise) / (1.0 - self.rise), 0.0, 1.0)
        rising = 0.04 + 0.96 * 0.5 * (1.0 - np.cos(np.pi * up))
        return np.where(progress < self.rise, rising, 0.5 * (1.0 + np.cos(np.pi * down)))


SCHEDULES: dict[str, type[Schedule]] = {
    kind.__name__: kind for kind in (Constant, LinearDecay, CosineDecay, StepDecay, OneCycle)
}
