"""Short trainings that choose how fast rows shall learn, and how much weights shall decay.

No two data sets agree on that: digits before noise are learned best with twenty times the decay at
which convex shapes are not learned any more. A third of the epochs on a sample says which is best.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_expit, logsumexp

from ..base.ledger import Ledger
from ..data import Dataset
from ..data.class_weights import Weights
from ..network.network import Network
from .held_out import Fold, folds
from .run import LONG, DivergenceError, Run
from .settings import Plan
from .sums import Sums

DECAYS = (0.0, 2.0, 7.0, 20.0, 60.0)  # exponents: weights left alone shrink to exp(-decay)
RATES = (0.25, 0.5, 1.0, 2.0, 4.0)  # times the usual one
_TIE, _SLIGHT = 0.5, 0.0125  # standard errors, and share of a loss, that a lead must have
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


Floats: TypeAlias = NDArray[np.float64]


class Choice(NamedTuple):
    """Places in `RATES` and `DECAYS`."""

    rate: int = 2
    decay: int = 2


Losses: TypeAlias = dict[Choice, Floats]  # of each example that is kept aside


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
        self._weights = Weights(train, plan.class_weight)  # by the classes of all, not of a fold
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
        """Return the plan with that rate. In it a weight that nothing else moves shrinks to
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
        about it. The best decay is found, then the best rate, then the best decay once more:
        neighbours are tried while they are better. Of decays that differ by little it is the
        largest, because a whole training remembers more than a pilot."""
        losses: Losses = {}
        with ThreadPoolExecutor(self.plan.n_threads) as pool:
            try:
                self._try([Choice(), Choice(decay=1)], losses, pool)
                best = self._descend("decay", DECAYS, losses, best_of(losses), pool)
                best = self._descend("rate", RATES, losses, best, pool)
                best = self._descend("decay", DECAYS, losses, best, pool)
            except BaseException:
                self._stops.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        n_seen = max(len(fold.train) for fold in self._folds)
        best = largest_tied(losses, best, _SLIGHT * math.sqrt(len(self.train) / n_seen))
        told = ", ".join(
            "{:.4f} at {:g} and {:g}".format(float(found.mean()), *self._values(choice))
            for choice, found in sorted(losses.items(), key=lambda item: float(item[1].mean()))
        )
        n = sum(len(fold.held_out) for fold in self._folds)
        lr, decay = self._values(best)
        where = f"by the loss on {n:,} examples kept aside ({told})"
        return best, f"lr {lr:g} and decay {decay:g} {where}"

    def _descend(
        self,
        field: str,
        values: Sequence[float],
        losses: Losses,
        best: Choice,
        pool: ThreadPoolExecutor,
    ) -> Choice:
        """Try neighbours of a choice, along one of its fields, until none is better; return the
        best."""
        while True:
            at = getattr(best, field)
            around = [best._replace(**{field: near}) for near in (at - 1, at + 1)]
            known = [choice for choice in around if 0 <= getattr(choice, field) < len(values)]
            self._try([choice for choice in known if choice not in losses], losses, pool)
            found = best_of({choice: losses[choice] for choice in [best, *known]})
            if found == best:
                return best
            best = found

    def _try(self, wanted: Sequence[Choice], losses: Losses, pool: ThreadPoolExecutor) -> None:
        """Train as some choices say, and add their losses."""
        runs = [
            (choice, pool.submit(self._losses, choice, fold))
            for choice in wanted
            for fold in self._folds
        ]
        found = [(choice, run.result()) for choice, run in runs]
        for choice in wanted:
            losses[choice] = np.concatenate([own for by, (own, _) in found if by == choice])
        for _, (_, ledger) in found:
            self.ledger.add(ledger)

    def _losses(self, choice: Choice, fold: Fold) -> tuple[Floats, Ledger]:
        """Train on a fold; return the loss on each example it keeps aside, infinite if training
        diverged, and what that took."""
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
            return np.full(len(fold.held_out), np.inf), run.history.ledger
        held_out = self.train[fold.held_out]
        scores = net.decision_function(held_out, n_jobs=1)
        losses, weights = losses_of(self.loss, scores, held_out), self._weights.of(held_out)
        return losses if weights is None else losses * weights, run.history.ledger


class _Pilot(Run):
    """A training that others may stop."""

    def __init__(self, plan: Plan, net: Network, train: Dataset, stops: threading.Event) -> None:
        super().__init__(plan, net, train, {})
        self._stops = stops

    def _keep_up(self, step: int, sums: Sums) -> None:
        if self._stops.is_set():
            raise KeyboardInterrupt
        super()._keep_up(step, sums)


def best_of(losses: Losses) -> Choice:
    """Return the choice with the least mean loss; of equals the first."""
    return min(losses, key=lambda choice: float(losses[choice].mean()))


def largest_tied(losses: Losses, best: Choice, slight: float = _SLIGHT) -> Choice:
    """Return the choice of the same rate with the largest decay that the best one leads by little:
    by half a standard error (after the one-standard-error rule, Breiman et al., 1984), or by a
    `slight` share of its loss: an eightieth where a pilot sees all examples, more where it sees
    few, because then it says less about all."""

    def is_tied(choice: Choice) -> bool:
        if choice == best or not np.isfinite(losses[choice]).all():
            return choice == best
        lead = losses[choice] - losses[best]
        by_chance = _TIE * lead.std() / math.sqrt(len(lead))
        return bool(lead.mean() <= max(by_chance, slight * losses[best].mean()))

    tied = [choice for choice in losses if choice.rate == best.rate and is_tied(choice)]
    return max(tied, key=lambda choice: choice.decay)


def losses_of(loss: str, scores: NDArray[np.float32], data: Dataset) -> Floats:
    """Return the loss of each example, of scores that may be scaled by the number that suits all
    best: who is only too sure, or not sure enough, ranks as well."""
    if loss == "squared":
        missed = (scores - np.asarray(data.y, np.float64)) ** 2
        return np.asarray(missed.mean(axis=1), np.float64)
    indptr, ids = data.label_lists()
    rows = np.repeat(np.arange(len(data)), np.diff(indptr))
    found = np.isfinite(scores)  # rows that no gate chose count as the lowest of the others
    lowest = np.where(found, scores, np.inf).min(axis=1, keepdims=True)
    scores = np.where(found, scores, lowest).astype(np.float64)

    def scaled(log_scale: float) -> Floats:
        z = scores * np.exp(log_scale)
        if loss == "logistic":
            spent = -log_expit(-z).sum(axis=1)
            each = -z[rows, ids]
        else:
            spent = np.zeros(len(data))
            each = logsumexp(z, axis=1)[rows] - z[rows, ids]
        return np.asarray(spent + np.bincount(rows, each, len(data)), np.float64)

    best = minimize_scalar(
        lambda log_scale: float(scaled(log_scale).mean()), bounds=(-4.0, 2.0), method="bounded"
    )
    return min(scaled(float(best.x)), scaled(0.0), key=lambda each: float(each.mean()))
