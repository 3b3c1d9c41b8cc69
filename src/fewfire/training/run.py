"""One training run: it goes through epochs, an epoch through slices of about a tenth of a second,
and the core trains a slice per call. Between slices Ctrl-C is noticed and progress shown.

Which examples come when is in `course`, what keeps indexes true in `index_upkeep`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

from numpy.typing import NDArray

from .. import _core
from ..base.checks import check_memory, to_dict
from ..base.files import refusing
from ..base.history import History
from ..base.interrupts import deferred_interrupts
from ..base.ledger import Ledger
from ..base.progress import Pace, epoch_bar, tell, tell_epoch
from ..data import Dataset
from ..data.class_weights import Weights, told_weight
from ..data.epoch import Examples, known
from ..data.fingerprint import fingerprints
from ..model.callbacks import State
from ..model.checkpoint import Past, Resume, Saved
from ..model.learned import Learned
from ..model.run import TrainingRun
from ..model.watchers import Watchers, columns
from ..network.answers import density
from ..network.arrays import array_specs, check_arrays
from ..network.network import Network
from . import checkpoint
from .centring import Centring
from .checks import fitting_sets
from .course import Course
from .first_outputs import Unit, is_untrained, start_outputs
from .index_upkeep import Upkeep
from .memory import estimate_memory, keeps_copy
from .optimizer_state import OptimizerState
from .renumber import renumber
from .schedules import Constant
from .settings import Plan
from .sums import Sums


class GoingOn(NamedTuple):
    """What a further epoch, of other data, goes on from."""

    moments: OptimizerState
    unit: Unit
    epochs: int
    steps: int


_FIRST_RENUMBERING = 1024  # steps
LONG = 4096  # steps of an epoch after which much has changed


class DivergenceError(RuntimeError):
    """The loss, or a weight, is no longer a number. The network is as it was after the last good
    epoch or, if it has more than 2**26 parameters, after the last step with a loss.

    >>> from fewfire import Linear, Network, Trainer, optim
    >>> net = Network(Linear(1, 1), random_state=0)
    >>> trainer = Trainer(net, optimizer=optim.SGD(lr=1e30), loss="squared", max_epochs=2)
    >>> try:
    ...     trainer.fit([[1.0], [2.0]] * 10, [1.5, 2.5] * 10)
    ... except DivergenceError as error:
    ...     print("smaller lr" in str(error))
    True
    """


class Run(TrainingRun):
    """One training run: its position, its optimizer state, its history; `past` is what it goes on
    from, in the same process."""

    def __init__(
        self,
        plan: Plan,
        net: Network,
        train: Examples,
        eval_sets: dict[str, Dataset],
        past: GoingOn | None = None,
    ) -> None:
        self.plan = plan
        self.max_epochs = plan.max_epochs
        self.net = net
        train, eval_sets, self.loss = fitting_sets(net, train, eval_sets, plan.loss)
        self.train, self.eval_sets = train, eval_sets
        self.watchers = Watchers(plan.callbacks)
        told = ["train/loss"] if self.loss == "squared" else ["train/loss", "train/accuracy"]
        measured = columns(eval_sets, net.default_metrics)
        self.watchers.check(net, [*told, *measured, "density"])
        self.known = known(train)  # what the data is like
        self.weights = Weights(self.known, plan.class_weight)
        self.memory = estimate_memory(net, plan.optimizer)
        check_memory("training", self.memory.total)
        self.epoch = 0 if past is None else past.epochs  # done
        start = (0, 0) if past is None else (past.epochs, past.steps)
        self.course = Course(plan, train, self.weights, start)
        self.history = History([], Ledger.empty(len(net.layers)))
        if past is None:
            self.unit = Unit.of(self.known, self.loss, self.weights)
            self.moments = OptimizerState(net, plan.optimizer, self.unit.pace(plan.optimizer))
        else:
            self.unit, self.moments = past.unit, past.moments
        self.upkeep = Upkeep(
            net,
            self.moments,
            self.course.steps_per_epoch,
            plan.random_state,
            plan.n_threads,
            self.course.first_step,
        )
        self.centring = Centring(net, self.known, self.moments, plan.random_state, plan.n_threads)

    @property
    def model(self) -> Network:
        """The network."""
        return self.net

    @property
    def step(self) -> int:
        """Steps of the epochs done."""
        return self.course.steps(self.epoch)

    def _begin(self) -> None:
        """Let the network learn what the data is."""
        if self.plan.verbose:
            tell(str(self.memory))
        self.net.loss = self.loss
        self.net.learned, self.net.going_on = self._learned(), None
        is_new = is_untrained(self.net)
        if self.step == 0:
            self.history.ledger.add(self.centring.start())
        if is_new:
            spent = start_outputs(
                self.net, self.known, self.weights, self.unit, self.plan.n_threads
            )
            self.history.ledger.add(spent)
        self.upkeep.start(self.step, self.history)
        super()._begin()

    def _learned(self) -> Learned:
        """Return what the network knows of its data once this is trained on."""
        return Learned.of(self.known, self.net.n_outputs)

    def one_epoch(self) -> None:
        """Train an epoch, measure it, and let callbacks look."""
        plan, net, start = self.plan, self.net, time.perf_counter()
        weights = net.weights() if keeps_copy(net) else None
        model, state = net.core, self.moments
        sums, pace = Sums(), Pace()
        self.history.begin_epoch()
        self.upkeep.find_rare(self.step)
        title = f"epoch {self.epoch + 1}/{plan.max_epochs}"
        try:
            with epoch_bar(title, len(self.train), verbose=plan.verbose) as bar:
                for part in self.course.slices(self.epoch, pace, self._steps_to_next):
                    with pace.of(len(part.rates)):
                        loss, n_correct, work, usage = _core.train(
                            model, part.inputs, part.targets, part.ids, part.rates,
                            plan.batch_size, state.core, state.states, part.first_step, self.epoch,
                            plan.n_threads, plan.deterministic,
                            counts_rows=False, loss_before=sums.loss,
                            loss_scale=self.unit.loss_scale,
                        )  # fmt: skip
                    self.history.add_work(work, len(part.ids))
                    sums.add(loss, n_correct, usage, len(part.ids))
                    self._keep_up(part.first_step + len(part.rates), sums)
                    if not bar.disable:
                        sums.show(bar, len(part.ids), net)
                    if not math.isfinite(sums.loss):
                        break
            self.upkeep.end_refits()
            if self._is_long:
                self._renumber(sums)
        finally:  # also after Ctrl-C: the codes are those of the weights
            with deferred_interrupts():
                end, centring = self.step + self.course.steps_per_epoch, self.centring
                renew = centring.renew if self._is_long else centring.settle
                self.history.ledger.add(renew(end))
                self.upkeep.end_epoch(end)
        self._check_loss(sums.loss, weights)
        record = self._measured(sums, time.perf_counter() - start)
        self.epoch += 1
        self.history.append(record)
        tell_epoch(record, plan.max_epochs, verbose=plan.verbose)
        self.watchers.end_epoch(self, record)

    def snapshot(self) -> State:
        """Return copies of the weights and of what hashing has learned."""
        names = array_specs([layer.settings for layer in self.net.layers])
        return {}, dict(zip(names, self.net.weights(), strict=True))

    def check_snapshot(self, snapshot: State) -> None:
        """Raise unless a file holds a snapshot of such a network there."""
        layers = [layer.settings for layer in self.net.layers]
        described, arrays = snapshot
        if described or arrays.keys() != array_specs(layers).keys():
            raise ValueError("it keeps no model of such layers")
        check_arrays(layers, [arrays[name] for name in array_specs(layers)])

    def put_back(self, snapshot: State) -> None:
        """Make the weights what they were when `snapshot` was taken."""
        names = array_specs([layer.settings for layer in self.net.layers])
        self.net.put_back([snapshot[1][name] for name in names])

    def checkpoint(self) -> State:
        """Return the network and all that is needed to go on, as a file holds it."""
        past, kept = self.past()
        config, arrays = self.net.state()
        return {**config, "training": past}, {**arrays, **self.moments.arrays(), **kept}

    def read_checkpoint(self, resume: Resume) -> tuple[Saved, Network, Past]:
        """Return what `save_checkpoint` wrote; raise unless it is of a run like this."""
        saved, net, past = checkpoint.read(resume, self.net, self.known.encoding)
        past.check(saved, self._settings(), self.watchers, self.check_snapshot)
        return saved, net, past

    def restore(self, resume: Resume) -> None:
        """Go on where the run that `save_checkpoint` wrote had been."""
        saved, net, past = self.read_checkpoint(resume)
        with refusing(f"{saved.path}: the training state is damaged"):
            self.moments.restore(saved.arrays)
        undo = self._undo()
        self.net.put_back(net.weights())
        self.epoch, self.history = past.epoch, past.history
        self.watchers.take_over(saved.path, past.callbacks, saved.arrays, undo)
        if self.plan.verbose:
            is_same_rate = isinstance(self.plan.schedule, Constant)
            tell(past.told(self.max_epochs, is_same_rate=is_same_rate))

    def _undo(self) -> Callable[[], None]:
        """Return what makes the network what it is now, unless it is too large to be kept twice."""
        net = self.net
        if not keeps_copy(net):
            return lambda: None
        loss, learned, weights = net.loss, net.learned, net.weights()

        def undo() -> None:
            net.loss, net.learned = loss, learned
            net.put_back(weights)

        return undo

    def _settings(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "loss": self.loss,
            "optimizer": to_dict(plan.optimizer),
            "schedule": to_dict(plan.schedule),
            "batch_size": plan.batch_size,
            "max_epochs": plan.max_epochs,
            "random_state": plan.random_state,
            "class_weight": told_weight(plan.class_weight),
            "n_examples": len(self.train),
            **self._fingerprints,
        }

    @cached_property
    def _fingerprints(self) -> dict[str, Any]:
        return fingerprints(self.train, self.eval_sets)

    @property
    def _is_long(self) -> bool:
        """Whether much has changed when the epoch ends: of short epochs, only now and then one."""
        first, end = self.step, self.step + self.course.steps_per_epoch
        return end // LONG > first // LONG

    def _steps_to_next(self, step: int) -> int:
        """Steps until a refresh or a renumbering is due."""
        to_renumbering = max(_FIRST_RENUMBERING, 1 << step.bit_length()) - step
        to_refresh = self.upkeep.steps_to_next(step)
        return to_renumbering if to_refresh is None else min(to_renumbering, to_refresh)

    def _keep_up(self, step: int, sums: Sums) -> None:
        """Renumber rows when the number of steps has doubled; refresh what is due."""
        if step >= _FIRST_RENUMBERING and step.bit_count() == 1:
            self.history.ledger.add(self.centring.renew(step))
            self._renumber(sums)
            self.upkeep.find_rare(step)
        self.upkeep.keep_up(step)

    def _renumber(self, sums: Sums) -> None:
        """Sort rows by their recent use; refits end before, because their cells would not move."""
        self.upkeep.end_refits()
        self.history.ledger.add(renumber(self.net, self.moments, sums.recent_usage))
        sums.forget_recent_usage()

    def _check_loss(self, loss: float, weights: list[NDArray[Any]] | None) -> None:
        """Put the weights of the epoch's start back if it diverged, also with its last step, whose
        loss nobody knows; and raise."""
        if math.isfinite(loss) and self.net.is_finite:
            return
        if weights is not None:
            self.net.put_back(weights)
            now = "was before that epoch"
        else:
            now = "is after its last step" if math.isfinite(loss) else "was before its last step"
        what = "weights are infinite" if math.isfinite(loss) else f"the loss is {loss}"
        raise DivergenceError(
            f"{what} in epoch {self.epoch + 1}; the network is as it {now}: try a smaller lr than "
            f"{self.plan.optimizer.lr:g}"
        )

    def _measured(self, sums: Sums, seconds: float) -> dict[str, Any]:
        """Return the row of the history for the epoch that was just trained, and is not counted."""
        n_examples, epoch = len(self.train), self.epoch + 1
        record: dict[str, Any] = {"epoch": epoch, "train/loss": sums.loss / n_examples}
        if self.net.loss != "squared":
            record["train/accuracy"] = sums.n_correct / n_examples
        for name, data in self.eval_sets.items():
            metrics = self.net.evaluate(data, n_jobs=self.plan.n_threads)
            record |= {f"{name}/{metric}": value for metric, value in metrics.items()}
        record["density"] = density(self.net.layers, sums.usage, n_examples)
        record["lr"] = self.course.last_rate(epoch)
        record["examples_per_second"] = n_examples / seconds
        record["seconds"] = seconds
        return record
