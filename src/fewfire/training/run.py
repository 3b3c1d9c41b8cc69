"""One training run: it goes through epochs, an epoch through slices of about a tenth of a second,
and the core trains a slice per call. Between slices Ctrl-C is heard and progress shown."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..base.checks import check_integer, check_memory, to_dict
from ..base.files import FormatError, PathLike, read_model, write_model
from ..base.history import History
from ..base.ledger import Ledger
from ..base.progress import Pace, tell, tell_epoch
from ..data import Dataset
from ..data.core_views import core_inputs, core_targets
from ..data.epoch import Examples, known, pieces
from ..model.learned import Learned
from ..network.answers import core_model, density
from ..network.losses import check_loss, default_loss
from ..network.network import Network
from ..network.reading import from_state
from ..network.targets import check_targets
from .first_biases import start_at_priors
from .index_upkeep import Upkeep
from .memory import estimate_memory, keeps_copy
from .optimizer_state import OptimizerState
from .optimizers import core_optimizer
from .renumber import renumber
from .settings import Plan
from .sums import Sums, progress_bar

_FIRST_RENUMBERING = 1024  # steps
# Examples of a piece, which of them in which order, and the steps of the epoch before them.
Slice: TypeAlias = "tuple[_core.Inputs, _core.Targets, NDArray[np.int64], int]"


class DivergenceError(RuntimeError):
    """The loss is no longer a number. The network is as it was after the last good epoch or, if it
    has more than 2**26 parameters, after the last good step."""


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
        memory = estimate_memory(net, plan.optimizer)
        check_memory("training", memory.total)
        if plan.verbose:
            tell(str(memory))
        self.epoch = 0  # epochs done
        self.history = History([], Ledger.empty(len(self.net.layers)))
        self.moments = OptimizerState(self.net, plan.optimizer)
        self.upkeep = Upkeep(
            net,
            known(train),
            self.moments,
            self.steps_per_epoch,
            plan.random_state,
            plan.n_threads,
        )

    @property
    def steps_per_epoch(self) -> int:
        """Micro-batches of an epoch."""
        return math.ceil(len(self.train) / self.plan.batch_size)

    def go(self) -> History:
        """Train until the last epoch, an early stop, or Ctrl-C."""
        self.net.loss = self.loss
        self.net.learned = Learned.of(known(self.train), self.net.n_outputs)
        self.history.ledger += start_at_priors(self.net, self.plan.n_threads)
        self.history.ledger += self.upkeep.start(self.epoch * self.steps_per_epoch)
        for callback in self.plan.callbacks:
            callback.on_fit_start(self)
        try:
            while self.epoch < self.max_epochs:
                record = self._one_epoch()
                self.history.append(record)
                tell_epoch(record, self.plan.max_epochs, verbose=self.plan.verbose)
                stops = [callback.on_epoch_end(self, record) for callback in self.plan.callbacks]
                if any(stops):
                    break
        except KeyboardInterrupt:
            self.history.interrupted = True
        finally:
            for callback in self.plan.callbacks:
                callback.on_fit_end(self)
        return self.history

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

    def _one_epoch(self) -> dict[str, Any]:
        start = time.perf_counter()
        weights = self.net.weights() if keeps_copy(self.net) else None
        try:
            sums = self._train_slices()
        finally:  # also after Ctrl-C: the codes are those of the weights
            step = (self.epoch + 1) * self.steps_per_epoch
            self.history.ledger += self.upkeep.end_epoch(step)
        if not math.isfinite(sums.loss):
            if weights is not None:
                self.net.set_weights(weights)
            when = "that epoch" if weights is not None else "its loss was no number"
            raise DivergenceError(
                f"the loss is {sums.loss} in epoch {self.epoch + 1}; the network is as it was "
                f"before {when}: try a smaller lr than {self.plan.optimizer.lr:g}"
            )
        seconds = time.perf_counter() - start
        self.epoch += 1
        record: dict[str, Any] = {"epoch": self.epoch, "train/loss": sums.loss / len(self.train)}
        if self.net.loss != "squared":
            record["train/accuracy"] = sums.n_correct / len(self.train)
        for name, data in self.eval_sets.items():
            metrics = self.net.evaluate(data, n_jobs=self.plan.n_threads)
            record |= {f"{name}/{metric}": value for metric, value in metrics.items()}
        record["density"] = density(self.net.layers, sums.usage, len(self.train))
        record["lr"] = self.plan.optimizer.lr * float(self._factors(-1, 1)[0])
        record["examples_per_second"] = len(self.train) / seconds
        record["seconds"] = seconds
        return record

    def _factors(self, offset: int, n_steps: int) -> NDArray[np.float32]:
        """Factors of the learning rate from `offset` steps after the epochs done so far."""
        per_epoch = self.steps_per_epoch
        first, total = self.epoch * per_epoch + offset, self.max_epochs * per_epoch
        return self.plan.schedule.factors(first, n_steps, total)

    def _train_slices(self) -> Sums:
        plan, net = self.plan, self.net
        model = core_model(net.layers, net.loss)
        optimizer, states = core_optimizer(plan.optimizer), self.moments.states
        sums, pace = Sums(), Pace()
        first_step = self.epoch * self.steps_per_epoch
        self.upkeep.find_rare(first_step)
        with progress_bar(plan, self.epoch + 1, len(self.train)) as bar:
            for inputs, targets, ids, done in self._slices(pace):
                size = math.ceil(len(ids) / plan.batch_size)
                rates = np.float32(plan.optimizer.lr) * self._factors(done, size)
                with pace.of(size):
                    loss, n_correct, ledger, usage = _core.train(
                        model, inputs, targets, ids, rates, plan.batch_size, optimizer, states,
                        first_step + done, self.epoch, plan.n_threads, plan.deterministic,
                        counts_rows=False, loss_before=sums.loss,
                    )  # fmt: skip
                self.history.ledger += Ledger(ledger)
                self.history.n_examples += len(ids)
                sums.add(loss, n_correct, usage, len(ids))
                self._keep_up(done + size, sums)
                sums.show(bar, len(ids), net)
                if not math.isfinite(sums.loss):
                    break
        self._renumber(sums)
        return sums

    def _slices(self, pace: Pace) -> Iterator[Slice]:
        """Go through the epoch, cut where something is due: results do not depend on the slices."""
        batch_size, done = self.plan.batch_size, 0
        rng = np.random.default_rng(np.random.SeedSequence([self.plan.random_state, self.epoch]))
        for piece, order in pieces(self.train, batch_size, rng):
            inputs, targets = core_inputs(piece), core_targets(piece)
            while len(order):
                left = math.ceil(len(order) / batch_size)
                size = min(pace.size, left, self._steps_to_next(done))
                ids, order = np.split(order, [size * batch_size])
                yield inputs, targets, ids, done
                done += size

    def _steps_to_next(self, done: int) -> int:
        """Steps until a refresh or a renumbering is due."""
        step = self.epoch * self.steps_per_epoch + done
        to_renumbering = max(_FIRST_RENUMBERING, 1 << step.bit_length()) - step
        to_refresh = self.upkeep.steps_to_next(step)
        return to_renumbering if to_refresh is None else min(to_renumbering, to_refresh)

    def _keep_up(self, done: int, sums: Sums) -> None:
        """Renumber rows when the number of steps has doubled; refresh what is due."""
        step = self.epoch * self.steps_per_epoch + done
        if step >= _FIRST_RENUMBERING and step.bit_count() == 1:
            self._renumber(sums)
            self.upkeep.find_rare(step)
        self.history.ledger += self.upkeep.keep_up(step)

    def _renumber(self, sums: Sums) -> None:
        """Sort rows by their recent use; refits end before, because their cells would not move."""
        self.history.ledger += self.upkeep.end_refits()
        self.history.ledger += renumber(self.net, self.moments, sums.recent_usage)
        sums.forget_recent_usage()

    def save_checkpoint(self, path: PathLike) -> None:
        """Write the network and all that is needed to go on."""
        training = {
            "epoch": self.epoch,
            "settings": self._settings(),
            "history": list(self.history),
            "ledger": self.history.ledger.counts.tolist(),
            "n_examples": self.history.n_examples,
        }
        config, arrays = self.net.state()
        write_model(path, {**config, "training": training}, {**arrays, **self.moments.arrays()})

    def load_checkpoint(self, path: PathLike) -> None:
        """Take over the state of a run that `save_checkpoint` wrote."""
        config, arrays = read_model(path)
        if "training" not in config:
            raise ValueError(f"{path} is a model without training state: resume wants a checkpoint")
        net = from_state(path, config, arrays)
        if _identity(net) != _identity(self.net):
            raise ValueError(f"{path} holds another network than the trainer's")
        try:
            training = config["training"]
            settings, epoch = dict(training["settings"]), training["epoch"]
            history = History(training["history"], Ledger(training["ledger"]))
            history.n_examples = check_integer("n_examples", training["n_examples"], low=0)
            check_integer("epoch", epoch, low=0)
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"{path}: the training state is damaged: {error}") from error
        for name, value in self._settings().items():
            if settings.get(name) != value:
                raise ValueError(
                    f"{path} was trained with {name}={settings.get(name)}, "
                    f"the trainer has {value}: a resumed run needs the same settings"
                )
        self.moments.restore(arrays)
        self.net.set_weights(net.weights())
        self.epoch, self.history = epoch, history

    def _settings(self) -> dict[str, Any]:
        return {
            "loss": self.loss,
            "optimizer": to_dict(self.plan.optimizer),
            "schedule": to_dict(self.plan.schedule),
            "batch_size": self.plan.batch_size,
            "max_epochs": self.plan.max_epochs,
            "random_state": self.plan.random_state,
            "n_examples": len(self.train),
        }


def _identity(net: Network) -> list[Any]:
    """What two networks share if the same weights make them the same."""
    return [net.random_state, *(layer.settings for layer in net.layers)]
