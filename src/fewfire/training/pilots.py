"""Short trainings that choose how fast rows shall learn, and how much weights shall decay.

No two data sets agree on that: digits before noise are learned best with twenty times the decay at
which convex shapes are not learned any more. A third of the epochs on a sample tells which is best.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_expit, logsumexp

from ..base.ledger import Ledger
from ..data import Dataset
from ..network.network import Network
from .held_out import Fold, folds
from .run import LONG, DivergenceError, Run
from .settings import Plan
from .sums import Sums

DECAYS = (0.0, 2.0, 7.0, 20.0, 60.0)  # exponents: weights left alone shrink to exp(-decay)
RATES = (0.5, 1.0, 2.0)  # times the usual one
_MOST_DECAY = 1e-3  # in a step: short trainings, too, shall learn something
EPOCHS, _MOST_EPOCHS = 12, 100
_ENOUGH = 12_000  # examples, of which `EPOCHS` make a training
_SHARE_OF_EPOCHS = 3
_MOST_EXAMPLES = 10_000  # that a pilot trains on
_HELD_OUT, _MOST_HELD_OUT = 5, 5000  # one in so many, at most so many
_MOST_SCORES = 1 << 24  # of all that is kept aside
_FEW, _FOLDS = 2000, 5  # with fewer examples each is kept aside once


def usual_epochs(n_examples: int) -> int:
    """Return how often that many examples come: of fewer than 12,000, a hundredth comes ten times
    as often, at most 100 times."""
    return min(round(EPOCHS * max(1.0, math.sqrt(_ENOUGH / n_examples))), _MOST_EPOCHS)


class Choice(NamedTuple):
    """Places in `RATES` and `DECAYS`."""

    rate: int = 1
    decay: int = 2


class Pilots:
    """The trainings that compete for a plan, each on one thread and a copy of the network.

    Parameters
    ----------
    plan : Plan
        All but its decay is as in the training that is planned.
    net : Network
        Not changed.
    train : Dataset
    loss : str
    """

    def __init__(self, plan: Plan, net: Network, train: Dataset, loss: str) -> None:
        self.plan, self.net, self.train, self.loss = plan, net, train, loss
        self.ledger = Ledger.empty(len(net.layers))
        self._epochs = min(plan.max_epochs, usual_epochs(len(train)))  # more may never be reached
        self._stops = threading.Event()
        n = len(train)
        most = min(_MOST_HELD_OUT, _MOST_SCORES // net.n_outputs)
        n_held_out = max(1, min(n // _HELD_OUT, most))
        self._folds = folds(
            train,
            n_folds=_FOLDS if n < _FEW else 1,
            n_held_out=n_held_out,
            n_train=_MOST_EXAMPLES,
            seed=plan.random_state,
        )

    def plan_of(self, choice: Choice, n_examples: int) -> Plan:
        """Return the plan with that rate, in which a weight that nothing else moves shrinks to
        exp(-decay) in as many epochs of so many examples as are planned."""
        plan = self.plan
        steps = self._epochs * math.ceil(n_examples / plan.batch_size)
        lr, decay = self._values(choice)
        total = lr * steps * float(np.mean(plan.schedule.factors(0, 101, 101)))
        l2 = min(decay / total, _MOST_DECAY / lr)
        return replace(plan, optimizer=replace(plan.optimizer, lr=lr, l2=l2))

    def _values(self, choice: Choice) -> tuple[float, float]:
        """Return the rate and the decay."""
        return RATES[choice.rate] * self.plan.optimizer.lr, DECAYS[choice.decay]

    def choose(self) -> tuple[Choice, str]:
        """Return the choice whose pilots had the least loss on what was kept aside, and a line
        about it. First the best decay is found, then the best rate: neighbours are tried while they
        are better."""
        losses: dict[Choice, float] = {}
        with ThreadPoolExecutor(self.plan.n_threads) as pool:
            try:
                self._try([Choice(), Choice(decay=1)], losses, pool)
                self._descend("decay", DECAYS, losses, pool)
                self._descend("rate", RATES, losses, pool)
            except BaseException:
                self._stops.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        ranked = sorted(losses, key=lambda choice: losses[choice])
        told = ", ".join(
            "{:.4f} at {:g} and {:g}".format(losses[choice], *self._values(choice))
            for choice in ranked
        )
        n = sum(len(fold.held_out) for fold in self._folds)
        lr, decay = self._values(ranked[0])
        where = f"by the loss on {n:,} examples kept aside ({told})"
        return ranked[0], f"lr {lr:g} and decay {decay:g} {where}"

    def _descend(
        self,
        field: str,
        values: Sequence[float],
        losses: dict[Choice, float],
        pool: ThreadPoolExecutor,
    ) -> None:
        """Try neighbours of the best choice, along one of its fields, until none is better."""
        while True:
            best = min(losses, key=lambda choice: losses[choice])
            at = getattr(best, field)
            around = [best._replace(**{field: near}) for near in (at - 1, at + 1)]
            wanted = [
                choice
                for choice in around
                if 0 <= getattr(choice, field) < len(values) and choice not in losses
            ]
            if not wanted:
                return
            self._try(wanted, losses, pool)

    def _try(
        self, wanted: Sequence[Choice], losses: dict[Choice, float], pool: ThreadPoolExecutor
    ) -> None:
        """Train as some choices say, and add their losses."""
        runs = [
            (choice, pool.submit(self._loss, choice, fold))
            for choice in wanted
            for fold in self._folds
        ]
        found = [(choice, run.result()) for choice, run in runs]
        for choice in wanted:
            losses[choice] = float(np.mean([loss for own, (loss, _) in found if own == choice]))
        for _, (_, ledger) in found:
            self.ledger.add(ledger)

    def _loss(self, choice: Choice, fold: Fold) -> tuple[float, Ledger]:
        """Train on a fold; return the loss on what it keeps aside, infinite if training diverged,
        and what that took."""
        net = self.net.copy()
        epochs = math.ceil(self._epochs / _SHARE_OF_EPOCHS)
        repeats = max(1, min(epochs, LONG // len(fold.train)))  # an epoch has costs of its own
        plan = self.plan_of(choice, len(fold.train))
        plan = replace(
            plan,
            loss=self.loss,
            max_epochs=math.ceil(epochs / repeats),
            n_threads=1,
            callbacks=(),
            verbose=False,
        )
        run = _Pilot(plan, net, self.train[np.tile(fold.train, repeats)], self._stops)
        try:
            run.go()
        except DivergenceError:
            return math.inf, run.history.ledger
        held_out = self.train[fold.held_out]
        scores = net.decision_function(held_out, n_jobs=1)
        return loss_of(self.loss, scores, held_out), run.history.ledger


class _Pilot(Run):
    """A training that others may stop."""

    def __init__(self, plan: Plan, net: Network, train: Dataset, stops: threading.Event) -> None:
        super().__init__(plan, net, train, {})
        self._stops = stops

    def _keep_up(self, step: int, sums: Sums) -> None:
        if self._stops.is_set():
            raise KeyboardInterrupt
        super()._keep_up(step, sums)


def loss_of(loss: str, scores: NDArray[np.float32], data: Dataset) -> float:
    """Return the mean loss of scores that may be scaled by the number that suits them best: who is
    only too sure, or not sure enough, ranks as well."""
    if loss == "squared":
        return float(np.mean((scores - np.asarray(data.y)) ** 2))
    indptr, ids = data.label_lists()
    rows = np.repeat(np.arange(len(data)), np.diff(indptr))
    found = np.isfinite(scores)  # rows that no gate chose count as the lowest of the others
    lowest = np.where(found, scores, np.inf).min(axis=1, keepdims=True)
    scores = np.where(found, scores, lowest).astype(np.float64)

    def scaled(log_scale: float) -> float:
        z = scores * np.exp(log_scale)
        if loss == "logistic":
            return float(-(log_expit(-z).sum() + z[rows, ids].sum()) / len(data))
        return float((logsumexp(z, axis=1)[rows] - z[rows, ids]).sum() / len(data))

    best = minimize_scalar(scaled, bounds=(-4.0, 2.0), method="bounded")
    return float(min(best.fun, scaled(0.0)))
