"""Trainings of every kind, each a function that trains in a folder, from its checkpoint if it has
one, and saves a model there."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

import fewfire as ff
from fewfire import cli
from fewfire.gates import Centroid, Dwta, Hashed, Retrieve, SimHash, TopK

OUT, CHECKPOINT, DATA = "out.safetensors", "checkpoint.safetensors", "data.txt"
N_FEATURES, N_LABELS, EPOCHS = 60, 24, 6
Train = Callable[[Path], None]


def told() -> None:
    """Tell the parent that the training has come to another moment."""
    os.write(2, b"\n")


class Told(ff.callbacks.Callback):
    """Tells of the end of each epoch."""

    def on_epoch_end(self, run: Any, record: Any) -> bool:
        told()
        return False


def classes(seed: int = 0) -> ff.Dataset:
    """Dense inputs whose classes are hard to learn: the best epoch is seldom the last one."""
    rng = np.random.default_rng(seed)
    X = np.maximum(rng.standard_normal((600, N_FEATURES), dtype=np.float32), 0)
    noise = rng.normal(size=(600, 10))
    return ff.Dataset(X, (X[:, :10] + noise).argmax(axis=1), n_labels=10)


def tags(seed: int = 0) -> ff.Dataset:
    """Sparse inputs with label lists."""
    rng = np.random.default_rng(seed)
    X = rng.random((600, N_FEATURES), dtype=np.float32)
    X[X < 0.85] = 0
    y = (X[:, :N_LABELS] > 0) | (rng.random((600, N_LABELS)) < 0.05)
    return ff.Dataset(csr_array(X), csr_array(y.astype(np.float32)))


def checkpointed(folder: Path, *callbacks: Any) -> dict[str, Any]:
    """Return the callbacks of a training in a folder, and what it resumes."""
    path = folder / CHECKPOINT
    every = [Told(), *callbacks, ff.callbacks.Checkpoint(path), Told()]
    return {"callbacks": every, "resume": path if path.exists() else None}


def network(
    folder: Path, layers: Callable[[], list[Any]], data: Callable[[], ff.Dataset], **options: Any
) -> None:
    """Train a network, and save it."""
    net, stopping = ff.Network(*layers(), random_state=1), options.pop("stopping", None)
    how = checkpointed(folder, *([stopping()] if stopping else []))
    wanted = {"max_epochs": EPOCHS, "n_jobs": 1, "batch_size": 4, **options}
    trainer = ff.Trainer(net, callbacks=how["callbacks"], **wanted)
    sets = {"val": classes(1)} if stopping else None
    trainer.fit(data(), eval_sets=sets, resume=how["resume"])
    told()
    net.save(folder / OUT)


def hidden(gate: Any = None, n_out: int = 10) -> list[Any]:
    """Return two hidden layers with a gate, and a last one."""
    return [
        ff.Linear(N_FEATURES, 64, "relu", gate),
        ff.Linear(64, 48, "relu", gate),
        ff.Linear(48, n_out),
    ]


def bag(dtype: str = "float32") -> list[Any]:
    """Return an embedding bag and a last layer that retrieves."""
    last = Retrieve(8, Centroid(n_cells=4, probes=1, refresh_every=100), negatives=6)
    first = ff.EmbeddingBag(N_FEATURES, 12, dropout=0.1, dtype=dtype)
    return [first, ff.Linear(12, N_LABELS, gate=last, dtype=dtype)]


def stopping() -> Any:
    """Return what ends a training two epochs after its best one."""
    return ff.callbacks.EarlyStopping("val/accuracy", patience=2)


def saving(folder: Path) -> None:
    """Save two networks in turns, under one name."""
    nets = [ff.Network(ff.Linear(200, 300), random_state=seed) for seed in (1, 2)]
    for turn in range(20):
        told()
        nets[turn % 2].save(folder / OUT)


def tagger(folder: Path, *callbacks: Any) -> None:
    """Train a tagger, and save it."""
    made = ff.Tagger("fast", n_trees=2, labels_per_leaf=6, max_epochs=EPOCHS, n_jobs=1, memory="1G")
    made.fit(tags(), eval_sets={"val": tags(1)}, **checkpointed(folder, *callbacks))
    told()
    made.save(folder / OUT)


def stopped_tagger(folder: Path) -> None:
    """Train a tagger that stops early."""
    tagger(folder, ff.callbacks.EarlyStopping("val/P@1", patience=1))


def command(folder: Path, data: Callable[[], ff.Dataset], words: str) -> None:
    """Train by the command line, whose progress tells where it is."""
    os.chdir(folder)
    ff.datasets.save_svmlight(DATA, data())
    going_on = ["--resume", CHECKPOINT] if Path(CHECKPOINT).exists() else []
    sys.argv = ["fewfire", "train", DATA, "-o", OUT, "--checkpoint", CHECKPOINT, "--n-jobs", "1"]
    sys.argv += [*words.split(), *going_on]
    cli.main()


SMALL = "--hidden 48,32 --density 0.2 --max-epochs 6"
STOPPING = "--hidden 48 --val-size 100 --patience 2 --max-epochs 12"
NETWORKS: dict[str, Train] = {
    "dense": partial(network, layers=hidden, data=classes, optimizer=ff.optim.Adam(l2=0.1)),
    "top k": partial(network, layers=partial(hidden, TopK(density=0.2)), data=classes),
    "sign": partial(network, layers=partial(hidden, Hashed(0.2)), data=classes),
    "simhash": partial(
        network,
        layers=partial(
            hidden, Hashed(0.2, SimHash(n_bits=4, n_tables=6, center=True, redraw_every=90))
        ),
        data=classes,
        optimizer=ff.optim.SGD(lr=0.01, momentum=0.9),
    ),
    "dwta": partial(
        network,
        layers=partial(hidden, Hashed(0.2, Dwta(n_hashes=1, n_tables=6, refresh_every=100))),
        data=classes,
        optimizer=ff.optim.Adagrad(),
    ),
    "cells": partial(
        network, layers=partial(hidden, Hashed(0.2, Centroid(n_cells=6))), data=classes
    ),
    "bag": partial(network, layers=bag, data=tags),
    "bfloat16": partial(network, layers=partial(bag, "bfloat16"), data=tags),
    "early stopping": partial(
        network, layers=partial(hidden, Hashed(0.2)), data=classes, max_epochs=12, stopping=stopping
    ),
    "saving": saving,
    "command": partial(command, data=classes, words=SMALL),
    "command, patience": partial(command, data=classes, words=STOPPING),
}
TAGGERS: dict[str, Train] = {
    "tagger": tagger,
    "tagger, early stopping": stopped_tagger,
    "command, tagger": partial(command, data=tags, words="--preset fast --max-epochs 5"),
    "command, blend": partial(command, data=tags, words="--blend --bag 12 --max-epochs 5"),
}
KINDS = NETWORKS | TAGGERS
