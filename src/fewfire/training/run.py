"""One training run: it goes through epochs, an epoch through slices of about a tenth of a second,
and the core trains a slice per call. Between slices Ctrl-C is heard and progress shown.

What an epoch leaves on file is in `checkpoint`, what keeps indexes true in `index_upkeep`.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..base.checks import check_memory, to_dict
from ..base.files import PathLike
from ..base.history import History
from ..base.ledger import Ledger
from ..base.progress import Pace, epoch_bar, tell, tell_epoch
from ..data import Dataset
from ..data.core_views import core_inputs, core_targets
from ..data.epoch import Examples, known, windows_of
from ..model.learned import Learned
from ..network.answers import density
from ..network.losses import check_loss, default_loss
from ..network.network import Network
from ..network.targets import check_targets
from . import checkpoint
from .first_biases import start_at_priors
from .index_upkeep import Upkeep
from .memory import estimate_memory, keeps_copy
from .optimizer_state import OptimizerState
from .renumber import renumber
from .settings import Plan
from .sums import Sums

_FIRST_RENUMBERING = 1024  # steps


class DivergenceError(RuntimeError):
    """The loss is no longer a number. The network is as it was after the last good epoch or, if it
    has more than 2**26 parameters, after the last good step."""


class Slice(NamedTuple):
    """Examples that one call into the core trains."""

    inputs: _core.Inputs
    targets: _core.Targets
    ids: NDArray[np.int64]  # in this order
    rates: NDArray[np.float32]  # one for each step
    first_step: int  # of the run


class Run:
    """One training run: its position, its optimizer state, its history."""

    def __init__(
        self, plan: Plan, net: Network, train: Examples, eval_sets: dict[str, Dataset]
    ) -> None:
        self.plan = plan
        self.max_epochs = plan.max_epochs
        self.net = net
        self.train = train
        self.eval_sets = eval_sets
        self.loss = self._check_data()
        self.known = known(train)  # what the data is like
        self.memory = estimate_memory(net, plan.optimizer)
        check_memory("training", self.memory.total)
        self.epoch = 0  # epochs done
        self.steps_per_epoch = math.ceil(len(train) / plan.batch_size)
        self.history = History([], Ledger.empty(len(net.layers)))
        self.moments = OptimizerState(net, plan.optimizer)
        self.upkeep = Upkeep(
            net,
            self.known,
            self.moments,
            self.steps_per_epoch,
            plan.random_state,
            plan.n_threads,
        )

    @property
    def step(self) -> int:
        """Steps of the epochs done."""
        return self.epoch * self.steps_per_epoch

    @contextlib.contextmanager
    def begun(self) -> Iterator[None]:
        """Begin training: the network learns what the data is, and callbacks hear of it. Ctrl-C
        inside ends the run, and callbacks hear of its end, whatever the reason."""
        if self.plan.verbose:
            tell(str(self.memory))
        self.net.loss = self.loss
        self.net.learned = Learned.of(self.known, self.net.n_outputs)
        self.history.ledger.add(start_at_priors(self.net, self.plan.n_threads))
        self.upkeep.start(self.step, self.history)
        for callback in self.plan.callbacks:
            callback.on_fit_start(self)
        try:
            yield
        except KeyboardInterrupt:
            self.history.interrupted = True
        finally:
            for callback in self.plan.callbacks:
                callback.on_fit_end(self)

    def one_epoch(self) -> bool:
        """Train an epoch and measure it; return whether a callback wants to stop."""
        plan, net, start = self.plan, self.net, time.perf_counter()
        weights = net.weights() if keeps_copy(net) else None
        model, state = net.core, self.moments
        sums, pace = Sums(), Pace()
        self.history.begin_epoch()
        self.upkeep.find_rare(self.step)
        title = f"epoch {self.epoch + 1}/{plan.max_epochs}"
        try:
            with epoch_bar(title, len(self.train), verbose=plan.verbose) as bar:
                for part in self._slices(pace):
                    with pace.of(len(part.rates)):
                        loss, n_correct, work, usage = _core.train(
                            model, part.inputs, part.targets, part.ids, part.rates,
                            plan.batch_size, state.core, state.states, part.first_step, self.epoch,
                            plan.n_threads, plan.deterministic,
                            counts_rows=False, loss_before=sums.loss,
                        )  # fmt: skip
                    self.history.add_work(work, len(part.ids))
                    sums.add(loss, n_correct, usage, len(part.ids))
                    self._keep_up(part.first_step + len(part.rates), sums)
                    if not bar.disable:
                        sums.show(bar, len(part.ids), net)
                    if not math.isfinite(sums.loss):
                        break
            self._renumber(sums)
        finally:  # also after Ctrl-C: the codes are those of the weights
            self.upkeep.end_epoch(self.step + self.steps_per_epoch)
        self._check_loss(sums.loss, weights)
        self.epoch += 1
        record = self._measured(sums, time.perf_counter() - start)
        self.history.append(record)
        tell_epoch(record, plan.max_epochs, verbose=plan.verbose)
        stops = [callback.on_epoch_end(self, record) for callback in plan.callbacks]
        return any(stops)  # each of them was asked

    def save_checkpoint(self, path: PathLike) -> None:
        """Write the network and all that is needed to go on."""
        checkpoint.save(
            path, self.net, self.moments.arrays(), self.history, self._settings(), self.epoch
        )

    def read_checkpoint(self, path: PathLike) -> checkpoint.State:
        """Return what `save_checkpoint` wrote; raise unless it is of a run like this."""
        return checkpoint.read(path, self.net, self._settings())

    def restore(self, path: PathLike) -> None:
        """Go on where the run that `save_checkpoint` wrote had been."""
        state = self.read_checkpoint(path)
        self.moments.restore(state.arrays)
        self.net.set_weights(state.net.weights())
        self.epoch, self.history = state.epoch, state.history

    def _check_data(self) -> str:
        if not isinstance(self.train, Examples):
            name = type(self.train).__name__
            raise TypeError(f"train must be a fewfire.Dataset or Deformed, got {name}")
        train, net = known(self.train), self.net
        if train.kind is None:
            raise ValueError("the training set has no targets: give it y")
        loss = self.plan.loss or default_loss(net.layers, train.kind)
        for data in (train, *self.eval_sets.values()):
            check_targets(net.layers, data, loss, train.encoding)
        check_loss(net.layers, loss, hashed_by_default=net.hashed_by_default)
        for callback in self.plan.callbacks:
            callback.check(net)
        return loss

    def _settings(self) -> dict[str, Any]:
        """What must be the same for a resumed run to end as the whole one would."""
        plan = self.plan
        return {
            "loss": self.loss,
            "optimizer": to_dict(plan.optimizer),
            "schedule": to_dict(plan.schedule),
            "batch_size": plan.batch_size,
            "max_epochs": plan.max_epochs,
            "random_state": plan.random_state,
            "n_examples": len(self.train),
        }

    def _slices(self, pace: Pace) -> Iterator[Slice]:
        """Go through the epoch, cut where something is due: results do not depend on the slices."""
        batch_size, step = self.plan.batch_size, self.step
        rng = np.random.default_rng(np.random.SeedSequence([self.plan.random_state, self.epoch]))
        for window, order in windows_of(self.train, batch_size, rng):
            inputs, targets = core_inputs(window), core_targets(window)
            rates = self._rates(step, math.ceil(len(order) / batch_size))
            while len(order):
                size = min(pace.size, len(rates), self._steps_to_next(step))
                ids, order = np.split(order, [size * batch_size])
                yield Slice(inputs, targets, ids, rates[:size], step)
                step, rates = step + size, rates[size:]

    def _rates(self, first: int, n_steps: int) -> NDArray[np.float32]:
        """Learning rates of the steps from `first` on."""
        total = self.max_epochs * self.steps_per_epoch
        factors = self.plan.schedule.factors(first, n_steps, total)
        return np.float32(self.plan.optimizer.lr) * factors

    def _steps_to_next(self, step: int) -> int:
        """Steps until a refresh or a renumbering is due."""
        to_renumbering = max(_FIRST_RENUMBERING, 1 << step.bit_length()) - step
        to_refresh = self.upkeep.steps_to_next(step)
        return to_renumbering if to_refresh is None else min(to_renumbering, to_refresh)

    def _keep_up(self, step: int, sums: Sums) -> None:
        """Renumber rows when the number of steps has doubled; refresh what is due."""
        if step >= _FIRST_RENUMBERING and step.bit_count() == 1:
            self._renumber(sums)
            self.upkeep.find_rare(step)
        self.upkeep.keep_up(step)

    def _renumber(self, sums: Sums) -> None:
        """Sort rows by their recent use; refits end before, because their cells would not move."""
        self.upkeep.end_refits()
        self.history.ledger.add(renumber(self.net, self.moments, sums.recent_usage))
        sums.forget_recent_usage()

    def _check_loss(self, loss: float, weights: list[NDArray[Any]] | None) -> None:
        """Put the weights of the epoch's start back if it diverged, and raise."""
        if math.isfinite(loss):
            return
        if weights is not None:
            self.net.set_weights(weights)
        when = "that epoch" if weights is not None else "its loss was no number"
        raise DivergenceError(
            f"the loss is {loss} in epoch {self.epoch + 1}; the network is as it was "
            f"before {when}: try a smaller lr than {self.plan.optimizer.lr:g}"
        )

    def _measured(self, sums: Sums, seconds: float) -> dict[str, Any]:
        """Return the row of the history for the epoch that was just trained."""
        n_examples = len(self.train)
        record: dict[str, Any] = {"epoch": self.epoch, "train/loss": sums.loss / n_examples}
        if self.net.loss != "squared":
            record["train/accuracy"] = sums.n_correct / n_examples
        for name, data in self.eval_sets.items():
            metrics = self.net.evaluate(data, n_jobs=self.plan.n_threads)
            record |= {f"{name}/{metric}": value for metric, value in metrics.items()}
        record["density"] = density(self.net.layers, sums.usage, n_examples)
        factor = self.plan.schedule.factors(
            self.step - 1, 1, self.max_epochs * self.steps_per_epoch
        )
        record["lr"] = self.plan.optimizer.lr * float(factor[0])
        record["examples_per_second"] = n_examples / seconds
        record["seconds"] = seconds
        return record
