"""Time to train nets of growing width, beside PyTorch and scikit-learn, same threads and data.

Accuracy is that of the validation split after each epoch, not counted in the seconds. Wide nets
train on few examples, which is enough for milliseconds per example and says nothing of accuracy.
"""

from __future__ import annotations

import importlib
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Dataset
from ..network.hashed import Hashed
from ..network.linear import Linear
from ..network.network import Network
from ..training.trainer import Trainer
from .data import load
from .work import Figures

N_ACTIVE = 50
SYSTEMS = {  # name: the package it needs
    "fewfire": None,
    "PyTorch, batch 128": "torch",
    "PyTorch, batch 1": "torch",
    "scikit-learn, batch 128": "sklearn",
}
_SECONDS_PER_EXAMPLE = {"PyTorch, batch 1": 10.0}  # relative to batches


@dataclass(frozen=True, kw_only=True)
class SpeedTrial:
    """One system on nets of one width."""

    system: str
    data: str
    depth: int
    width: int
    epochs: int
    n_train: int
    n_threads: int
    part: str = "speed"
    seed: int = 0

    @property
    def work(self) -> float:
        """How long it takes, relative to others."""
        size = self.width * (784 + (self.depth - 1) * self.width)
        if self.system == "fewfire":
            size = self.width * 100 * self.depth
        return self.n_train * self.epochs * size * _SECONDS_PER_EXAMPLE.get(self.system, 1.0) / 1e6

    def __str__(self) -> str:
        return f"speed: {self.system}, {self.depth} hidden of {self.width:,}"


def to_race(
    data: str, n_train: int, epochs: int, n_threads: int, *, quick: bool
) -> list[SpeedTrial]:
    """Return what is timed: in full at 1,000 rows, on fewer examples where nets are wide."""
    widths = {1: (250, 1000, 4000), 2: (250, 1000)} if quick else {
        1: (250, 1000, 4000, 16_000, 64_000),
        2: (250, 500, 1000, 4000, 16_000),
    }  # fmt: skip
    trials = []
    for (depth, width), system in product(
        [(depth, width) for depth, those in widths.items() for width in those], SYSTEMS
    ):
        n, n_epochs = _amount(system, depth, width, n_train, epochs)
        trials.append(
            SpeedTrial(
                system=system,
                data=data,
                depth=depth,
                width=width,
                epochs=n_epochs,
                n_train=n,
                n_threads=n_threads,
            )
        )
    return trials


def _amount(system: str, depth: int, width: int, n_train: int, epochs: int) -> tuple[int, int]:
    """Examples and epochs, so that a system takes a minute or two and the first epoch warms up."""
    if (depth, width) == (2, 1000) and system != "PyTorch, batch 1":
        return n_train, epochs
    parameters = width * (784 + (depth - 1) * width)
    if system == "fewfire":
        n = 5000
    elif system == "PyTorch, batch 1":
        n = int(np.clip(1e9 / parameters, 8, 1000))
    else:
        n = int(np.clip(1e10 / parameters, 256, 5000))
    return min(n_train, n), 3


def missing(system: str) -> str | None:
    """Return the package that a system needs and that is not installed."""
    package = SYSTEMS[system]
    if package is not None:
        try:
            importlib.import_module(package)
        except ImportError:
            return package
    return None


def run_speed(trial: SpeedTrial, folder: Path | None) -> Figures:
    """Train; return the curve of accuracy over seconds, and milliseconds per example."""
    if package := missing(trial.system):
        return {"unavailable": f"{package} is not installed"}
    parts = load(trial.data, folder)
    train = parts.train[: trial.n_train]
    curve, seconds = [], 0.0
    for accuracy, epoch_seconds in _TRAIN[trial.system](trial, train, parts.validation):
        seconds += epoch_seconds
        curve.append([accuracy, epoch_seconds])
    warm = [row[1] for row in curve[1:]] or [curve[0][1]]
    return {
        "curve": curve,
        "validation_accuracy_gated": curve[-1][0],
        "seconds": seconds,
        "ms_per_example": 1000 * statistics.median(warm) / len(train),
        "ms_per_example_range": [1000 * s / len(train) for s in (min(warm), max(warm))],
        "n_examples": len(train) * trial.epochs,
    }


Epochs = Iterator[tuple[float, float]]  # accuracy after each, and its seconds


def _fewfire(trial: SpeedTrial, train: Dataset, validation: Dataset) -> Epochs:
    sizes = [train.n_features, *[trial.width] * trial.depth]
    density = min(1.0, N_ACTIVE / trial.width)
    layers = [
        Linear(n_in, n_out, "relu", Hashed.auto(n_in, n_out, density))
        for n_in, n_out in pairwise(sizes)
    ]
    net = Network(*layers, Linear(trial.width, train.n_labels), random_state=trial.seed)
    trainer = Trainer(
        net,
        max_epochs=trial.epochs,
        n_jobs=trial.n_threads,
        random_state=trial.seed,
        tune=False,  # what is timed is a training
    )
    history = trainer.fit(train, eval_sets={"val": validation})
    if history.interrupted:
        raise KeyboardInterrupt
    for row in history:
        yield row["val/accuracy"], row["seconds"]


def _torch(trial: SpeedTrial, train: Dataset, validation: Dataset) -> Epochs:
    """AdamW with linear decay, as tuned for MNIST (benchmarks/pytorch_mnist.py)."""
    import torch

    torch.manual_seed(trial.seed)
    torch.set_num_threads(trial.n_threads)
    torch.set_flush_denormal(True)  # moments of rarely lit pixels decay that far, and are slow
    batch_size = 1 if trial.system == "PyTorch, batch 1" else 128
    X, y, X_val, y_val = (
        torch.from_numpy(array)
        for part in (train, validation)
        for array in (np.asarray(part.X), np.asarray(part.y, np.int64))
    )
    modules: list[Any] = []
    for n_in, n_out in pairwise([train.n_features, *[trial.width] * trial.depth, train.n_labels]):
        modules += [torch.nn.Linear(n_in, n_out), torch.nn.ReLU()]
    net = torch.nn.Sequential(*modules[:-1])
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.001, weight_decay=0.1, fused=True)
    n_steps = trial.epochs * -(-len(X) // batch_size)
    step = 0
    for _ in range(trial.epochs):
        start = time.perf_counter()
        for ids in torch.randperm(len(X)).split(batch_size):
            optimizer.param_groups[0]["lr"] = 0.001 * (1 - step / n_steps)
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(X[ids]), y[ids])
            loss.backward()
            optimizer.step()
            step += 1
        seconds = time.perf_counter() - start
        with torch.inference_mode():
            chosen = torch.cat([net(x).argmax(1) for x in X_val.split(1000)])
        yield float((chosen == y_val).float().mean()), seconds


def _sklearn(trial: SpeedTrial, train: Dataset, validation: Dataset) -> Epochs:
    """Adam at a constant rate: MLPClassifier has no schedule for it."""
    from sklearn.neural_network import MLPClassifier

    net = MLPClassifier([trial.width] * trial.depth, batch_size=128, random_state=trial.seed)
    classes = np.arange(train.n_labels)
    for _ in range(trial.epochs):
        start = time.perf_counter()
        net.partial_fit(train.X, train.y, classes=classes)
        seconds = time.perf_counter() - start
        yield float(net.score(validation.X, validation.y)), seconds


_TRAIN = {
    "fewfire": _fewfire,
    "PyTorch, batch 128": _torch,
    "PyTorch, batch 1": _torch,
    "scikit-learn, batch 128": _sklearn,
}
