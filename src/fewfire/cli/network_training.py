"""The training of a network that the options of `fewfire train` describe."""

from __future__ import annotations

from typing import Any

import click

from ..data import Dataset
from ..model.callbacks import Callback, Checkpoint, Run
from ..model.checkpoint import Resume
from ..training.gate_monitor import GateMonitor
from ..training.optimizers import OPTIMIZERS, Optimizer
from ..training.schedules import SCHEDULES, Schedule
from ..training.trainer import Trainer
from .common import say
from .gate_options import make, options_of
from .long_runs import checkpoint_of, early_stopping, loggers_of
from .network_options import network
from .training_output import Trained

OPTIMIZER_OPTIONS = options_of(OPTIMIZERS)
SCHEDULE_OPTIONS = options_of(SCHEDULES)


class NetworkTraining:
    """A network and its data, ready to go: what is wrong with the options was said."""

    def __init__(
        self,
        fit: Dataset,
        held_out: Dataset | None,
        options: dict[str, Any],
        checkpoint: Checkpoint | None = None,
    ) -> None:
        self.fit = fit
        self.checkpoint = checkpoint or checkpoint_of(options)
        self.eval_sets = {"val": held_out} if held_out else None
        self.resume: Resume | None = options["resume"]
        self.verbose = not options["quiet"]
        self.net = network(fit, options, options["seed"])
        self.gates = _monitor(fit if held_out is None else held_out, options)
        self.trainer = Trainer(
            self.net,
            loss=options["loss"],
            optimizer=_optimizer(options),
            schedule=_schedule(options),
            batch_size=options["batch_size"],
            max_epochs=options["max_epochs"],
            n_jobs=options["n_jobs"],
            deterministic=options["deterministic"],
            tune=options["tune"] is not False,
            class_weight=options["class_weight"],
            callbacks=self._callbacks(options),
            random_state=options["seed"],
            verbose=self.verbose,
        )

    def check(self) -> None:
        """Raise what would end the training before it begins."""
        self.trainer.check(self.fit, eval_sets=self.eval_sets, resume=self.resume)

    def run(self) -> Trained:
        """Train."""
        if self.verbose:
            say(f"{self.net.summary()}\n{self.trainer!r}")
        history = self.trainer.fit(self.fit, eval_sets=self.eval_sets, resume=self.resume)
        return Trained(self.net, history, self.gates)

    def _callbacks(self, options: dict[str, Any]) -> list[Callback]:
        metrics = self.net.default_metrics(self.fit.kind)
        callbacks: list[Callback] = [*early_stopping(options, metrics), *loggers_of(options)]
        if self.gates is not None:
            callbacks += [self.gates, _Told(self.gates)] if self.verbose else [self.gates]
        if self.checkpoint is not None:
            callbacks.append(self.checkpoint)
        return callbacks


class _Told(Callback):
    """Says what a monitor saw: a line per epoch and layer."""

    def __init__(self, monitor: GateMonitor) -> None:
        self._monitor = monitor

    def after_epoch(self, run: Run, *, stops: bool) -> None:
        """Say."""
        for row in self._monitor.latest:
            n_rows = run.model.layers[row["layer"]].settings.out_features
            say(
                f"  layer {row['layer']}: consistency {row['consistency']:.3f}, "
                f"recall {row['recall']:.3f}, "
                f"rows in use {n_rows - row['never_chosen']} of {n_rows}"
            )


def _monitor(data: Dataset, options: dict[str, Any]) -> GateMonitor | None:
    n_examples = options["monitor_gates"]
    if n_examples is None:
        return None
    return GateMonitor(data[:n_examples], n_jobs=options["n_jobs"])


def _optimizer(options: dict[str, Any]) -> Optimizer | None:
    if options["optimizer"] is None:
        given = [name for name in OPTIMIZER_OPTIONS if options[name] is not None]
        if given:
            raise click.UsageError(f"--{given[0]} needs --optimizer")
        return None
    optimizer: Optimizer = make(OPTIMIZERS, options["optimizer"], OPTIMIZER_OPTIONS, options)
    return optimizer


def _schedule(options: dict[str, Any]) -> Schedule | None:
    if options["schedule"] is None:
        given = [name for name in SCHEDULE_OPTIONS if options[name] is not None]
        if not given:
            return None
    name = options["schedule"] or "linear"
    schedule: Schedule = make(SCHEDULES, name, SCHEDULE_OPTIONS, options)
    return schedule
