"""Calls with arguments of a wrong kind or range, which were found out by chance, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import fewfire as ff
from fewfire import datasets, metrics

from .. import laws
from ..attempt import REFUSED, Attempt
from ..bases import MODELS, N_WORDS, bagged, images, tagger, texts, wide

Calls = dict[str, Callable[[], Any]]


def _all_refused(attempt: Attempt, calls: Calls) -> None:
    for question, call in calls.items():
        attempt.demand(f"{question} works", attempt.ask(question, call) is REFUSED)


def data_sets(attempt: Attempt) -> None:
    X, y = np.ones((2, 3), np.float32), [0, 1]
    _all_refused(
        attempt,
        {
            "rows of different lengths": lambda: ff.Dataset([[1], [2, 3]], y),
            "2**63 labels": lambda: ff.Dataset(X, y, n_labels=2**63),
            "a text of labels": lambda: ff.Dataset(X, y, n_labels="4"),
            "names of no kind": lambda: ff.Dataset(X, y, label_names=7),
            "names that are lists": lambda: ff.Dataset(X, y, label_names=[[], []]),
        },
    )


def names_without_targets(attempt: Attempt) -> None:
    """What is written is read again, also of examples without targets."""
    path = attempt.folder / "untold.npz"
    data = ff.Dataset(np.ones((2, 3), np.float32), label_names=["a", "b"])
    datasets.save_npz(path, data)
    laws.same_data(attempt, data, datasets.load(path))


def weights(attempt: Attempt) -> None:
    net = bagged()
    own = net.weights()
    infinite = [np.full_like(array, np.inf) for array in own]
    _all_refused(
        attempt,
        {
            "no weights": lambda: net.set_weights(None),
            "weights that are none": lambda: net.set_weights([None] * len(own)),
            "weights of another kind": lambda: net.set_weights([{}, *own[1:]]),
            "infinite weights": lambda: net.set_weights(infinite),
        },
    )


def blends(attempt: Attempt) -> None:
    network, words = wide(texts(), "centroid"), tagger()
    _all_refused(
        attempt,
        {
            "a blend in the other order": lambda: ff.Blend(network, words),
            "a blend of two taggers": lambda: ff.Blend(words, words),
            "a blend of two networks": lambda: ff.Blend(network, network),
        },
    )


def figures(attempt: Attempt) -> None:
    net, data = MODELS["values"](), images("values")
    _all_refused(
        attempt,
        {
            "a metric that is a number": lambda: net.evaluate(data, [7]),
            "metrics of no kind": lambda: net.evaluate(data, 7),
        },
    )


def reasons(attempt: Attempt) -> None:
    model = tagger()
    X = np.ones((1, N_WORDS), np.float32)
    calls: Calls = {"a feature that is none": lambda: model.feature_name(10**6)}
    for n in (2**63, -1, None, "3"):
        calls[f"{n!r} reasons"] = lambda n=n: model.explain(X, 1, n=n)
        calls[f"leaves with {n!r} reasons"] = lambda n=n: list(model.leaves(n=n))
    calls["leaves of no tree"] = lambda: list(model.leaves(99))
    _all_refused(attempt, calls)


def measures(attempt: Attempt) -> None:
    """Measures of answers from anywhere, which may be anything."""
    top = np.zeros((2, 3), np.int32)
    lists = (np.array([0, 1, 2]), np.array([0, 1], np.int32))
    counts = np.array([1, 2])
    calls: Calls = {}
    for name, wrong in {
        "text": "text",
        "None": None,
        "a number": 7,
        "objects": top.astype(object),
        "1 dimension": top[0],
        "NaN": np.full((2, 3), np.nan),
        "fewer rows": top[:1],
    }.items():
        for measure in ("precision_at", "ndcg_at", "hits", "recall_at", "macro_precision_at"):
            call = getattr(metrics, measure)
            calls[f"{measure} of {name}"] = lambda c=call, w=wrong: c(1, w, lists)
    for name, wrong in {"text": "text", "None": None, "objects": counts.astype(object)}.items():
        calls[f"label_groups of {name}"] = lambda w=wrong: metrics.label_groups(w)
        calls[f"propensities of {name}"] = lambda w=wrong: metrics.propensities(w, 3)
    falling = (np.array([0, 2, 1]), lists[1])
    calls["precision_at of lists that fall"] = lambda: metrics.precision_at(1, top, falling)
    calls["precision_at of no lists"] = lambda: metrics.precision_at(1, top, None)
    for k in (0, -1, None, 1.0):
        calls[f"precision_at {k!r}"] = lambda k=k: metrics.precision_at(k, top, lists)
        calls[f"ndcg_at {k!r}"] = lambda k=k: metrics.ndcg_at(k, top, lists)
    _all_refused(attempt, calls)
    for k in (2**31, 2**63):
        attempt.ask(f"precision_at {k}", lambda k=k: metrics.precision_at(k, top, lists))
        attempt.ask(f"ndcg_at {k}", lambda k=k: metrics.ndcg_at(k, top, lists))


SEEDS = [data_sets, names_without_targets, weights, blends, figures, reasons, measures]
