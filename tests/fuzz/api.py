"""Calls of the public API, in any order, with settings and arrays that nobody should give."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array

import fewfire as ff

from . import hostile, laws, trainings
from .attempt import REFUSED, Attempt
from .bases import N_CLASSES, N_INPUTS
from .draw import Draw
from .hostile import shown
from .trainings import TRAINED, models

N = 6
EXTREME_K = [0, 1, 3, 4, 5, 12, 13, -1, 2**31, 2**63, 2**64, 1.0, None, "3", True, np.int64(2)]
JOBS = [1, 1, 1, 1, 2, -1, None, 0, -2, 4097, 2**31, 2**63, 1.5, "2", True]
ROWS = [
    slice(1, 3), slice(None, None, -1), [0, 1], [-1], [], np.array([True]), 1.5, "x", None,
]  # fmt: skip
NAMES = [list("abcd"), list("aabb"), [1, 2, 3, 4], [[]], "abcd", 7]
METRICS = [None, ["P@1"], ["P@0"], ["P@999999999999"], ["nDCG@x"], [7], "loss", []]
prepare = models


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
    attempt.note(f"X {shown(X)}, y {shown(y)}, {options}")
    return attempt.ask("Dataset", lambda: ff.Dataset(X, y, **options))


def _questions(draw: Draw, attempt: Attempt) -> None:
    """A good model, asked with hostile arrays."""
    model = models()[draw.one_of(TRAINED)]
    width = model.n_features + draw.one_of([0, 0, 0, 0, -1, 1])
    X = hostile.features(draw, N, width)
    k, n_jobs = draw.one_of([1, 2, *EXTREME_K]), draw.one_of(JOBS)
    attempt.note(f"X {shown(X)}, k={k!r}, n_jobs={n_jobs!r}")
    top = attempt.ask("predict_topk", lambda: model.predict_topk(X, k, n_jobs=n_jobs))
    if top is not REFUSED:
        laws.topk(attempt, model, top, len(top.indices))
    wanted = csr_array(np.eye(N, model.n_outputs, dtype=np.float32))
    if draw.one_in(2):
        wanted = hostile.damaged_sparse(draw, wanted)
    elif draw.one_in(2):
        wanted = hostile.dense(draw, wanted.toarray())
    attempt.note(f"candidates {shown(wanted)}")
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


def _metrics(draw: Draw, attempt: Attempt) -> None:
    """Measures of answers from anywhere."""
    top = hostile.dense(draw, draw.rng.integers(-1, N_CLASSES, (N, 3)).astype(np.int32))
    lists = ff.Dataset(np.ones((N, 1)), draw.rng.integers(0, N_CLASSES, N)).label_lists()
    if draw.one_in(2):
        lists = tuple(hostile.dense(draw, part.copy()) for part in lists)
    counts = hostile.dense(draw, draw.rng.integers(0, 9, N_CLASSES))
    k = draw.one_of([1, 2, 3, *EXTREME_K])
    attempt.note(f"top {shown(top)}, lists {lists!r:.100}, k={k!r}")
    metrics = ff.metrics
    of_lists = ("precision_at", "ndcg_at", "recall_at", "f1_at")
    for name in (*of_lists, "macro_precision_at", "coverage_at"):
        attempt.ask(name, lambda name=name: getattr(metrics, name)(k, top, lists))
    attempt.ask("hits", lambda: metrics.hits(k, top, lists))
    attempt.ask(
        "propensities", lambda: metrics.propensities(counts, draw.one_of([N, 0, -1, 2**63]))
    )
    attempt.ask("label_groups", lambda: metrics.label_groups(counts))
    attempt.ask("recall_by_group", lambda: metrics.recall_by_group(k, top, lists, counts))


STORIES = [
    _dataset,
    trainings.network,
    trainings.network,
    _questions,
    _questions,
    trainings.tagger,
    trainings.weights,
    trainings.blend,
    _metrics,
]
