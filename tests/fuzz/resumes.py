"""Trainings that are watched and go on from a checkpoint: of networks, a tagger and a blend."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import fewfire as ff
from fewfire.callbacks import Callback, Checkpoint, EarlyStopping, GateMonitor
from fewfire.cli.blend_training import BlendTraining
from fewfire.cli.train import train
from fewfire.gates import Hashed

from .bases import N_CLASSES, N_INPUTS, Base, bagged, base_of, images, texts, untrained_tagger

Train = Callable[[Path | None, Path | None], Any]  # from a checkpoint, writing another


def watchers(monitor: str, path: Path | None, *others: Callback) -> list[Callback]:
    """Return callbacks with a state, and what writes it."""
    return [EarlyStopping(monitor), *others, *([] if path is None else [Checkpoint(path)])]


def bag(resume: Path | None, path: Path | None) -> ff.Network:
    """Train a network that nobody watches."""
    net, callbacks = bagged(), [] if path is None else [Checkpoint(path)]
    _trainer(net, path, callbacks).fit(texts(), resume=resume)
    return net


def gated(resume: Path | None, path: Path | None) -> ff.Network:
    """Train a network whose gates are watched, too."""
    hidden = ff.Linear(N_INPUTS, 16, "relu", Hashed(0.3))
    net = ff.Network(hidden, ff.Linear(16, N_CLASSES), random_state=3)
    callbacks = watchers("val/accuracy", path, GateMonitor(images()[:5]))
    sets = {"val": images()[:20]}
    _trainer(net, path, callbacks).fit(images(), eval_sets=sets, resume=resume)
    return net


def trees(resume: Path | None, path: Path | None) -> ff.Tagger:
    """Train a tagger."""
    sets, callbacks = {"val": texts()[:20]}, watchers("val/P@1", path)
    made = untrained_tagger(max_epochs=_epochs(path))
    return made.fit(texts(), eval_sets=sets, callbacks=callbacks, resume=resume)


def blend(resume: Path | None, path: Path | None) -> Any:
    """Train a blend, as the command does."""
    options = {**_options(), "resume": resume, "checkpoint": path, "max_epochs": _epochs(path)}
    return BlendTraining(texts(), texts()[:20], options).run().model


TRAININGS: dict[str, Train] = {
    "checkpoint": bag,
    "checkpoint, gates": gated,
    "checkpoint, tagger": trees,
    "checkpoint, blend": blend,
}


@cache
def checkpoints() -> list[Base]:
    """Return the checkpoint of each, after its last epoch but one."""
    with tempfile.TemporaryDirectory() as folder:
        return [base_of(checkpoint(name, Path(folder))) for name in TRAININGS]


def checkpoint(name: str, folder: Path) -> Path:
    """Write one to a folder."""
    path = folder / f"{name}.safetensors"
    TRAININGS[name](None, path)
    return path


def go_on(name: str, path: Path) -> Callable[[], Any]:
    """Return what goes on from a checkpoint, and returns the model."""
    return partial(TRAININGS[name], path, None)


def _trainer(net: ff.Network, path: Path | None, callbacks: list[Callback]) -> ff.Trainer:
    how = {"batch_size": 8, "n_jobs": 1, "max_epochs": _epochs(path), "callbacks": callbacks}
    return ff.Trainer(net, **how)


def _epochs(path: Path | None) -> int:
    return 3 if path is None else 2


@cache
def _options() -> dict[str, Any]:
    words = "data --blend --preset fast --bag 6 --batch-size 8 --n-jobs 1 --patience 3 -q"
    context = train.make_context("train", [*words.split(), "--val-size", "20"])
    return dict(context.params)
