"""The way of a training through its examples: which come when, at which learning rate.

A step depends on its number alone, so that neither slices nor a resumed run change anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..base.progress import Pace
from ..data.class_weights import Weights
from ..data.core_views import core_inputs, core_targets
from ..data.epoch import Examples, windows_of
from .settings import Plan


class Slice(NamedTuple):
    """Examples that one call into the core trains."""

    inputs: _core.Inputs
    targets: _core.Targets
    ids: NDArray[np.int64]  # in this order
    rates: NDArray[np.float32]  # one for each step
    first_step: int  # of the run


class Course:
    """The steps of all epochs, those behind `start`: epochs, and their steps, of other data."""

    def __init__(
        self, plan: Plan, train: Examples, weights: Weights, start: tuple[int, int] = (0, 0)
    ) -> None:
        self.plan, self.train, self.weights = plan, train, weights
        self.steps_per_epoch = math.ceil(len(train) / plan.batch_size)
        self.first_epoch, self.first_step = start

    def steps(self, epoch: int) -> int:
        """Return how many steps the first `epoch` epochs have."""
        return self.first_step + (epoch - self.first_epoch) * self.steps_per_epoch

    def slices(
        self, epoch: int, pace: Pace, steps_to_next: Callable[[int], int]
    ) -> Iterator[Slice]:
        """Go through the epoch after `epoch` others, cut where something is due: `steps_to_next`
        says how many steps after a step that is."""
        batch_size, step = self.plan.batch_size, self.steps(epoch)
        rng = np.random.default_rng(np.random.SeedSequence([self.plan.random_state, epoch]))
        for window, order in windows_of(self.train, batch_size, rng):
            inputs = core_inputs(window)
            targets = core_targets(window, self.weights.of(window))
            rates = self.rates(step, math.ceil(len(order) / batch_size))
            while len(order):
                size = min(pace.size, len(rates), steps_to_next(step))
                ids, order = np.split(order, [size * batch_size])
                yield Slice(inputs, targets, ids, rates[:size], step)
                step, rates = step + size, rates[size:]

    def rates(self, first: int, n_steps: int) -> NDArray[np.float32]:
        """Return the learning rates of the steps from `first` on."""
        return np.float32(self.plan.optimizer.lr) * self._factors(first, n_steps)

    def last_rate(self, epoch: int) -> float:
        """Return the learning rate of the last step of the first `epoch` epochs."""
        return self.plan.optimizer.lr * float(self._factors(self.steps(epoch) - 1, 1)[0])

    def _factors(self, first: int, n_steps: int) -> NDArray[np.float32]:
        total = self.steps(self.plan.max_epochs)
        return self.plan.schedule.factors(first, n_steps, total)
