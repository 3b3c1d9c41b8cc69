"""Damaged sparse arrays, at every door, and arrays that change after they were checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.sparse import csr_array, eye_array

import fewfire as ff

from ..attempt import REFUSED, Attempt
from ..bases import N_LABELS, N_WORDS, bagged, tagger, texts, wide

POINTERS = {  # scipy looks at none of those that end at 0 or below
    "ends at 0": [0, 10**8, 0],
    "ends below 0": [0, 10**8, -1],
    "falls": [0, 2, 1],
    "begins late": [1, 1, 1],
    "floats": [0.0, 1e8, 0.0],
    "too short": [0, 1],
    "unsigned": np.array([0, 2**63, 1], np.uint64),
}
N_COLUMNS = 3


def damaged(indptr: Any, n_columns: int = N_COLUMNS, ids: Any = (0,)) -> csr_array:
    """Return a sparse array of 2 rows, with arrays that scipy has not checked."""
    csr = csr_array((2, n_columns), dtype=np.float32)
    csr.data = np.ones(len(ids), np.float32)
    csr.indices, csr.indptr = np.array(ids, np.int32), np.array(indptr)
    return csr


def as_features(attempt: Attempt) -> None:
    for name, indptr in POINTERS.items():
        X = damaged(indptr)
        answer = attempt.ask(f"Dataset(X), {name}", lambda X=X: ff.Dataset(X))
        attempt.demand(f"damaged features are taken: {name}", answer is REFUSED)


def as_labels(attempt: Attempt) -> None:
    for name, indptr in POINTERS.items():
        y = damaged(indptr)
        answer = attempt.ask(f"Dataset(X, y), {name}", lambda y=y: ff.Dataset(np.ones((2, 1)), y))
        attempt.demand(f"damaged labels are taken: {name}", answer is REFUSED)


def as_question(attempt: Attempt) -> None:
    model = tagger()
    for name, indptr in POINTERS.items():
        X = damaged(indptr, N_WORDS)
        answer = attempt.ask(f"predict_topk, {name}", lambda X=X: model.predict_topk(X))
        attempt.demand(f"damaged questions are taken: {name}", answer is REFUSED)


def as_candidates(attempt: Attempt) -> None:
    X = csr_array(np.ones((2, N_WORDS), np.float32))
    network = wide(texts(), "centroid")
    for model in (network, tagger(), ff.Blend(tagger(), network)):
        for name, indptr in POINTERS.items():
            wanted = damaged(indptr, N_LABELS)
            call: Callable[[], Any] = lambda m=model, w=wanted: m.predict_scores(X, w)  # noqa: E731
            answer = attempt.ask(f"{type(model).__name__}.predict_scores, {name}", call)
            attempt.demand(f"damaged candidates are taken: {name}", answer is REFUSED)


def candidates_beyond_the_labels(attempt: Attempt) -> None:
    X = csr_array(np.ones((2, N_WORDS), np.float32))
    network = wide(texts(), "centroid")
    for model in (network, tagger(), ff.Blend(tagger(), network)):
        for label in (N_LABELS, 2**31 - 1, -1):
            wanted = damaged([0, 1, 1], N_LABELS, [label])
            call: Callable[[], Any] = lambda m=model, w=wanted: m.predict_scores(X, w)  # noqa: E731
            answer = attempt.ask(f"{type(model).__name__}.predict_scores of label {label}", call)
            attempt.demand("a label that is none is scored", answer is REFUSED)


def changed_after_the_check(attempt: Attempt) -> None:
    """What a data set hands out may not be changed, or is looked at again."""
    for name in ("X", "y"):
        for part, value in (("indptr", 10**9), ("indices", 10**9), ("indices", -1)):
            data = ff.Dataset(eye_array(8, 8, format="csr"), eye_array(8, 8, format="csr"))
            try:
                getattr(getattr(data, name), part)[3] = value
            except ValueError:
                continue
            for model in (ff.Tagger("fast", memory="1G", n_jobs=1), network := _small()):
                fit = model.fit if model is not network else ff.Trainer(network, n_jobs=1).fit
                answer = attempt.ask(f"fit after {name}.{part}", lambda fit=fit, d=data: fit(d))
                attempt.demand("changed data is taken", answer is REFUSED)


def _small() -> ff.Network:
    return ff.Network(ff.Linear(8, 8))


def signalling_numbers(attempt: Attempt) -> None:
    """Numbers that are none in a way that processors tell of."""
    for bits in (0x7FF0000000000001, 0xFFF0000000000001):
        X = np.array([[bits]], np.uint64).view(np.float64)
        for name, features in (("dense", X), ("sparse", csr_array(X))):
            answer = attempt.ask(f"{name} {bits:x}", lambda f=features: ff.Dataset(f))
            attempt.demand("what is no number is taken", answer is REFUSED)


def huge_weights(attempt: Attempt) -> None:
    """Finite weights whose scores are not: refused, when they are set or when they are used."""
    for value in (1e38, 3e38, np.nan, np.inf):
        net = bagged()
        weights = net.weights()
        weights[0][...] = weights[2][...] = value
        if attempt.ask(f"set_weights of {value}", lambda n=net, w=weights: n.set_weights(w)):
            continue
        top = attempt.ask("predict_topk", lambda n=net: n.predict_topk(texts(), 2))
        finite = top is REFUSED or bool(np.isfinite(top.scores).all())
        attempt.demand("a score that is not finite", finite)


SEEDS = [
    as_features,
    as_labels,
    as_question,
    as_candidates,
    candidates_beyond_the_labels,
    changed_after_the_check,
    signalling_numbers,
    huge_weights,
]
