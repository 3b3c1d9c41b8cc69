"""Trainings that nobody should ask for: odd layers and settings, data that may have changed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

import fewfire as ff

from . import hostile, mutate, settings
from .attempt import REFUSED, Attempt
from .bases import MODELS, N_CLASSES, N_INPUTS
from .draw import Draw
from .hostile import shown
from .questions import everything

N = 6
LOSSES = ["softmax", "decoupled", "logistic", "squared", "hinge", None, 7]
TRAINED = [
    "untrained",
    "dense",
    "sign",
    "cells",
    "wide",
    "tagger",
    "blend",
    "wide tables",
    "simhash",
]


@cache
def models() -> dict[str, Any]:
    """Return trained models."""
    return {name: MODELS[name]() for name in TRAINED}


def network(draw: Draw, attempt: Attempt) -> None:
    """A network of odd layers, trained by an odd trainer, and asked everything."""
    net = attempt.ask("Network", lambda: ff.Network(*_layers(draw), random_state=draw.below(3)))
    if net is REFUSED:
        return
    kind = draw.below(4)
    classes = draw.rng.integers(0, N_CLASSES, N)
    X: Any = draw.normal(N, net.n_features) * draw.one_of([1.0, 1.0, 1e-20, 1e10, 1e30])
    y: Any = classes
    if kind == 1:
        y = csr_array(np.eye(N_CLASSES, dtype=np.float32)[classes])
    elif kind == 2:
        y = draw.normal(N, N_CLASSES) * draw.one_of([1, 1, 1e20])
    data = attempt.ask("Dataset", lambda: ff.Dataset(csr_array(X) if draw.one_in(3) else X, y))
    trainer = attempt.ask("Trainer", lambda: _trainer(draw, net, attempt.folder))
    attempt.note(f"{[layer.settings for layer in net.layers]}, {trainer!r}, X {shown(X)}")
    if data is REFUSED or trainer is REFUSED:
        return
    sets = None if draw.one_in(2) else {"val": data[:3]}
    if attempt.ask("fit", lambda: trainer.fit(data, eval_sets=sets)) is not REFUSED:
        everything(draw, attempt, net)


def _layers(draw: Draw) -> list[Any]:
    """Return layers that fit together, unless something odd is drawn."""
    widths = [N_INPUTS, *(draw.one_of([1, 5, 12, 40]) for _ in range(draw.below(3))), N_CLASSES]
    layers: list[Any] = []
    for position, n_out in enumerate(widths[1:]):
        n_in = mutate.scalar(draw) if draw.one_in(40) else widths[position]
        dtype = draw.one_of(["float32", "float32", "bfloat16"])
        if position == 0 and draw.one_in(4):
            layers.append(
                ff.EmbeddingBag(n_in, n_out, dropout=draw.one_of([0.0, 0.5]), dtype=dtype)
            )
            continue
        is_last = position == len(widths) - 2
        kinds = settings.GATES if is_last else settings.GATES[:-1]
        gate = settings.made(draw, draw.one_of(kinds)) if draw.one_in(2) else None
        activation = "linear" if is_last else draw.one_of(["relu", "relu", "tanh", "sigmoid"])
        layers.append(ff.Linear(n_in, n_out, activation, gate, dtype=dtype))
    if draw.one_in(40):
        layers = draw.one_of([[], layers[::-1], [None], layers * 2])
    return layers


def _callback(draw: Draw, folder: Path) -> Any:
    """Return what watches a training, or what somebody takes for that."""
    how = draw.below(4)
    if how == 0:
        monitor = draw.one_of(["val/accuracy", "val/loss", "train/loss", "train/accuracy"])
        return ff.callbacks.EarlyStopping(monitor, patience=draw.one_of([1, 2, 0, -1]))
    if how == 1:
        return ff.callbacks.Checkpoint(folder / draw.one_of(["checkpoint", "no/where", "."]))
    if how == 2:
        return ff.callbacks.GateMonitor(ff.Dataset(draw.normal(3, N_INPUTS)))
    return draw.one_of([ff.callbacks.Callback(), None, print])


def _trainer(draw: Draw, net: ff.Network, folder: Path) -> ff.Trainer:
    options: dict[str, Any] = {"max_epochs": draw.between(1, 2), "n_jobs": 1}
    if draw.one_in(2):
        options["optimizer"] = settings.made(draw, draw.one_of(settings.OPTIMIZERS))
    if draw.one_in(2):
        options["schedule"] = settings.made(draw, draw.one_of(settings.SCHEDULES))
    if draw.one_in(2):
        options["loss"] = draw.one_of(LOSSES)
    if draw.one_in(2):
        options["batch_size"] = draw.one_of([1, 2, 100, 2**31 - 1, 0, -1, 2**31, None])
    if draw.one_in(4):
        options["callbacks"] = [_callback(draw, folder)]
    if draw.one_in(30):
        options[draw.one_of(sorted(options))] = mutate.scalar(draw)
    if options["max_epochs"] not in (1, 2):
        options["max_epochs"] = draw.one_of([0, -1, "1", None, 1.5, True])
    return ff.Trainer(net, **options)


def tagger(draw: Draw, attempt: Attempt) -> None:
    """A tagger of odd settings, on data that may have changed since it was checked."""
    X = (
        hostile.features(draw, N, N_INPUTS)
        if draw.one_in(3)
        else csr_array(draw.normal(N, N_INPUTS))
    )
    y = hostile.targets(draw, N, N_CLASSES)
    wanted = {"max_epochs": draw.between(1, 2), "n_jobs": 1, "memory": "1G"}
    odd = ["n_trees", "power", "pairs", "largest", "labels_per_leaf", "loss", "beam", "prune"]
    for name in draw.some_of(odd, draw.below(4)):
        wanted[name] = mutate.scalar(draw) if draw.one_in(4) else draw.one_of([1, 2, 3, 0.5])
    if wanted.get("n_trees", 0) == 255:
        wanted["n_trees"] = 3
    attempt.note(f"X {shown(X)}, y {shown(y)}, {wanted}")
    tagger = attempt.ask("Tagger", lambda: ff.Tagger("fast", **wanted))
    data = attempt.ask("Dataset", lambda: ff.Dataset(X, y))
    if tagger is REFUSED or data is REFUSED:
        return
    if draw.one_in(3):
        _change(draw, attempt, data)
    if attempt.ask("fit", lambda: tagger.fit(data)) is not REFUSED:
        everything(draw, attempt, tagger)


def _change(draw: Draw, attempt: Attempt, data: ff.Dataset) -> None:
    """Change what a data set has checked, if it lets us."""
    array: Any = draw.one_of([data.X, data.y])
    if issparse(array):
        array = getattr(array, draw.one_of(["indptr", "indices", "data"]))
    try:
        array[draw.below(len(array))] = draw.one_of([10**9, -1, 7, 2**31 - 1])
    except (ValueError, IndexError, TypeError) as error:
        attempt.note(f"cannot be changed: {error}")
    else:
        attempt.note("changed after its check")


def weights(draw: Draw, attempt: Attempt) -> None:
    """Other weights for a network."""
    net = models()[draw.one_of(["untrained", "dense", "sign", "cells", "wide", "simhash"])].copy()
    weights: Any = net.weights()
    at, how = draw.below(len(weights)), draw.below(6)
    array = weights[at]
    if how == 0:
        weights = draw.one_of([weights[:-1], [*weights, array], None, [], [None] * len(weights)])
    elif how == 1:
        weights[at] = hostile.dense(draw, array)
    elif how == 2:
        weights[at] = array[:-1]
    elif array.size:
        extremes = [1e38, -3e38, np.nan, np.inf, 1e20] if array.dtype.kind == "f" else [0, 5, 65535]
        with np.errstate(all="ignore"):
            array.flat[draw.below(array.size)] = draw.one_of(extremes)
            if how == 3:
                array[...] = np.array(draw.one_of(extremes)).astype(array.dtype)
    attempt.note(f"array {at}: {how}")
    if attempt.ask("set_weights", lambda: net.set_weights(weights)) is not REFUSED:
        attempt.ask("refresh", net.refresh)
        everything(draw, attempt, net)


def blend(draw: Draw, attempt: Attempt) -> None:
    """Two models that fit together or not, with any weight."""
    trained = models()
    pair = [trained[draw.one_of(["tagger", "wide", "dense", "wide tables"])] for _ in range(2)]
    if draw.one_in(2):
        pair = [trained["tagger"], trained[draw.one_of(["wide", "wide tables"])]]
    weight = draw.one_of([0.0, 0.5, 1.0, mutate.scalar(draw)])
    attempt.note(f"{pair}, weight={weight!r:.80}")
    made = attempt.ask("Blend", lambda: ff.Blend(*pair, weight=weight))
    if made is not REFUSED:
        everything(draw, attempt, made)
