"""Calls of the public API, in any order, with settings and arrays that nobody should give."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

import fewfire as ff

from . import hostile, laws, mutate, settings
from .attempt import REFUSED, Attempt
from .bases import MODELS, N_CLASSES, N_INPUTS
from .draw import Draw
from .questions import everything

N = 6
WIDE = ["untrained", "dense", "sign", "cells", "wide", "tagger", "blend", "wide tables", "simhash"]
EXTREME_K = [0, 1, 3, 4, 5, 12, 13, -1, 2**31, 2**63, 2**64, 1.0, None, "3", True, np.int64(2)]
JOBS = [1, 1, 1, 1, 2, -1, None, 0, -2, 4097, 2**31, 2**63, 1.5, "2", True]
ROWS = [
    slice(1, 3), slice(None, None, -1), [0, 1], [-1], [], np.array([True]), 1.5, "x", None,
]  # fmt: skip
NAMES = [list("abcd"), list("aabb"), [1, 2, 3, 4], [[]], "abcd", 7]
METRICS = [None, ["P@1"], ["P@0"], ["P@999999999999"], ["nDCG@x"], [7], "loss", []]
LOSSES = ["softmax", "decoupled", "logistic", "squared", "hinge", None, 7]


@cache
def prepare() -> dict[str, Any]:
    """Return trained models."""
    return {name: MODELS[name]() for name in WIDE}


def attempt(draw: Draw, attempt: Attempt) -> None:
    """Do one of several stories."""
    story = draw.one_of(STORIES)
    attempt.note(story.__name__)
    story(draw, attempt)


def _dataset(draw: Draw, attempt: Attempt) -> None:
    """A data set of hostile arrays, and parts of it."""
    data = _data(draw, attempt)
    if data is REFUSED:
        return
    laws.dataset(attempt, data)
    rows: Any = draw.one_of(ROWS)
    part = attempt.ask("take rows", lambda: data[rows])
    if part is not REFUSED:
        laws.dataset(attempt, part)
    attempt.ask("split", lambda: data.split(draw.one_of([1, 0, -1, 99, 2**63])))
    attempt.ask("label_lists", data.label_lists)
    path = attempt.folder / "saved.npz"
    attempt.ask("save_npz", lambda: ff.datasets.save_npz(path, data))
    again = (
        attempt.ask("load_npz", lambda: ff.datasets.load_npz(path)) if path.exists() else REFUSED
    )
    if again is not REFUSED:
        laws.same_data(attempt, data, again)


def _data(draw: Draw, attempt: Attempt) -> Any:
    X = hostile.features(draw, N, N_INPUTS)
    y = None if draw.one_in(8) else hostile.targets(draw, N, N_CLASSES)
    options: dict[str, Any] = {}
    if draw.one_in(5):
        options["n_labels"] = draw.one_of([N_CLASSES, 9, 1, 0, -1, 2**31, 2**63, "4", 1.5])
    if draw.one_in(5):
        options["label_names"] = draw.one_of(NAMES)
    attempt.note(f"X {_shown(X)}, y {_shown(y)}, {options}")
    return attempt.ask("Dataset", lambda: ff.Dataset(X, y, **options))


def _network(draw: Draw, attempt: Attempt) -> None:
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
    attempt.note(f"{[layer.settings for layer in net.layers]}, {trainer!r}, X {_shown(X)}")
    if data is REFUSED or trainer is REFUSED:
        return
    sets = None if draw.one_in(2) else {"val": data[:3]}
    if attempt.ask("fit", lambda: trainer.fit(data, sets)) is not REFUSED:
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


def _questions(draw: Draw, attempt: Attempt) -> None:
    """A good model, asked with hostile arrays."""
    model = prepare()[draw.one_of(WIDE)]
    width = model.n_features + draw.one_of([0, 0, 0, 0, -1, 1])
    X = hostile.features(draw, N, width)
    k, n_jobs = draw.one_of([1, 2, *EXTREME_K]), draw.one_of(JOBS)
    attempt.note(f"X {_shown(X)}, k={k!r}, n_jobs={n_jobs!r}")
    top = attempt.ask("predict_topk", lambda: model.predict_topk(X, k, n_jobs=n_jobs))
    if top is not REFUSED:
        laws.topk(attempt, model, top, len(top.indices))
    wanted = csr_array(np.eye(N, model.n_outputs, dtype=np.float32))
    if draw.one_in(2):
        wanted = hostile.damaged_sparse(draw, wanted)
    elif draw.one_in(2):
        wanted = hostile.dense(draw, wanted.toarray())
    attempt.note(f"candidates {_shown(wanted)}")
    fine = np.ones((N, model.n_features), np.float32)
    found = attempt.ask("predict_scores", lambda: model.predict_scores(fine, wanted, n_jobs=1))
    if found is not REFUSED:
        own = found.data if isinstance(model, ff.Network) else found.data[found.data > -np.inf]
        laws.scores(attempt, model, own)
    y = hostile.targets(draw, N, model.n_outputs)
    data = attempt.ask("Dataset", lambda: ff.Dataset(fine, y, like=model.encoding))
    if data is not REFUSED:
        names = draw.one_of(METRICS)
        attempt.ask("evaluate", lambda: model.evaluate(data, names, n_jobs=1))
    attempt.ask("latency", lambda: model.latency(X, k, n_jobs=n_jobs))
    if isinstance(model, ff.Tagger):
        n = draw.one_of([1, 0, -1, 2**63, None])
        attempt.ask("explain", lambda: model.explain(X, 1, n=n))
        attempt.ask("leaves", lambda: list(model.leaves(draw.one_of([0, 1, 9, -1]), n=n)))
        attempt.ask("feature_name", lambda: model.feature_name(draw.one_of([0, -1, 10**6, 2**63])))


def _tagger(draw: Draw, attempt: Attempt) -> None:
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
    attempt.note(f"X {_shown(X)}, y {_shown(y)}, {wanted}")
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


def _weights(draw: Draw, attempt: Attempt) -> None:
    """Other weights for a network."""
    net = prepare()[draw.one_of(["untrained", "dense", "sign", "cells", "wide", "simhash"])].copy()
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


def _blend(draw: Draw, attempt: Attempt) -> None:
    """Two models that fit together or not, with any weight."""
    models = [prepare()[draw.one_of(["tagger", "wide", "dense", "wide tables"])] for _ in range(2)]
    if draw.one_in(2):
        models = [prepare()["tagger"], prepare()[draw.one_of(["wide", "wide tables"])]]
    weight = draw.one_of([0.0, 0.5, 1.0, mutate.scalar(draw)])
    attempt.note(f"{models}, weight={weight!r:.80}")
    blend = attempt.ask("Blend", lambda: ff.Blend(*models, weight=weight))
    if blend is not REFUSED:
        everything(draw, attempt, blend)


def _metrics(draw: Draw, attempt: Attempt) -> None:
    """Measures of answers from anywhere."""
    top = hostile.dense(draw, draw.rng.integers(-1, N_CLASSES, (N, 3)).astype(np.int32))
    lists = ff.Dataset(np.ones((N, 1)), draw.rng.integers(0, N_CLASSES, N)).label_lists()
    if draw.one_in(2):
        lists = tuple(hostile.dense(draw, part.copy()) for part in lists)
    counts = hostile.dense(draw, draw.rng.integers(0, 9, N_CLASSES))
    k = draw.one_of([1, 2, 3, *EXTREME_K])
    attempt.note(f"top {_shown(top)}, lists {lists!r:.100}, k={k!r}")
    metrics = ff.metrics
    for name in ("precision_at", "ndcg_at"):
        attempt.ask(name, lambda name=name: getattr(metrics, name)(k, top, lists))
    attempt.ask("hits", lambda: metrics.hits(k, top, lists))
    attempt.ask(
        "propensities", lambda: metrics.propensities(counts, draw.one_of([N, 0, -1, 2**63]))
    )
    attempt.ask("label_groups", lambda: metrics.label_groups(counts))
    attempt.ask("recall_by_group", lambda: metrics.recall_by_group(k, top, lists, counts))


def _shown(array: Any) -> str:
    kind = type(array).__name__
    if not issparse(array):
        return f"{kind} {array!r:.100}"
    names = [name for name in ("indptr", "indices", "data") if hasattr(array, name)]
    parts = [f"{name}={getattr(array, name)!r:.100}" for name in names]
    return f"{kind} {', '.join(parts)}"


STORIES = [
    _dataset,
    _network,
    _network,
    _questions,
    _questions,
    _tagger,
    _weights,
    _blend,
    _metrics,
]
