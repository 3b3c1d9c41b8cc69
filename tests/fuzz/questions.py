"""All that a model can be asked, and what must hold of its answers."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

import fewfire as ff

from . import laws
from .attempt import REFUSED, Attempt
from .draw import Draw

N = 4  # examples
MOST = 2000  # features and labels of a model that is asked everything


def everything(draw: Draw, attempt: Attempt, model: Any) -> None:
    """Ask a model for answers, figures and reasons, save it, read it again and train it on."""
    if max(model.n_features, model.n_outputs) > MOST:
        return
    X = examples(draw, model)
    k = draw.between(1, model.n_outputs)
    answers = _answers(attempt, model, X, k)
    wanted = csr_array(np.eye(N, model.n_outputs, draw.below(3), dtype=np.float32))
    found = attempt.ask("predict_scores", lambda: model.predict_scores(X, wanted, n_jobs=1))
    if found is not REFUSED:
        known = found.data if isinstance(model, ff.Network) else found.data[found.data > -np.inf]
        laws.scores(attempt, model, known)
    data = attempt.ask("Dataset", lambda: labelled(draw, model, X))
    if data is not REFUSED:
        attempt.ask("evaluate", lambda: model.evaluate(data, n_jobs=1))
        attempt.ask("recall_by_group", lambda: model.recall_by_group(data, n_jobs=1))
    attempt.ask("latency", lambda: model.latency(X, k, n_jobs=1))
    attempt.ask("repr", lambda: repr(model))
    if isinstance(model, ff.Network):
        attempt.ask("table_stats", lambda: model.table_stats(ff.Dataset(X)))
        attempt.ask("summary", model.summary)
        attempt.ask("predict", lambda: model.predict(X, n_jobs=1))
    if isinstance(model, ff.Tagger):
        attempt.ask("explain", lambda: model.explain(X, 1, n=3))
        attempt.ask("leaves", lambda: list(islice(model.leaves(n=3), 5)))
    _again(attempt, model, X, k, answers)
    if data is not REFUSED:
        _trained_on(attempt, model, data, k)


def examples(draw: Draw, model: Any) -> Any:
    """Return examples of the model's width."""
    X = draw.normal(N, model.n_features)
    X[np.abs(X) < 0.5] = 0
    sparse = not isinstance(model, ff.Network) or draw.one_in(3)
    return csr_array(X) if sparse else X


def labelled(draw: Draw, model: Any, X: Any) -> ff.Dataset:
    """Return these examples with targets as the model learned them."""
    encoding, n = model.encoding, model.n_outputs
    if encoding is None:
        return ff.Dataset(X, draw.rng.integers(0, n, N), n_labels=n)
    if encoding.kind == "values":
        return ff.Dataset(X, draw.normal(N, n), like=encoding)
    classes = draw.rng.integers(0, max(1, encoding.n_labels), N)
    if encoding.kind == "labels":
        y = csr_array(np.eye(max(1, encoding.n_labels), dtype=np.float32)[classes])
        return ff.Dataset(X, y, like=encoding)
    names = encoding.label_names
    return ff.Dataset(X, classes if names is None else [names[i] for i in classes], like=encoding)


def _answers(attempt: Attempt, model: Any, X: Any, k: int) -> list[Any]:
    answers = []
    for exact in (False, True):
        top = attempt.ask(
            f"predict_topk, exact={exact}",
            lambda exact=exact: model.predict_topk(X, k, exact=exact, n_jobs=1),
        )
        answers.append(top)
        if top is not REFUSED:
            laws.topk(attempt, model, top, N)
    return answers


def _again(attempt: Attempt, model: Any, X: Any, k: int, answers: list[Any]) -> None:
    """What was loaded can be saved and loaded, and answers the same then."""
    path = attempt.folder / "again.safetensors"
    if attempt.ask("save", lambda: model.save(path)) is REFUSED:
        return
    twin = attempt.ask("load again", lambda: ff.load(path), file=path)
    attempt.demand("what was saved cannot be loaded", twin is not REFUSED)
    for before, after in zip(answers, _answers(attempt, twin, X, k), strict=True):
        attempt.demand("refused only once", (before is REFUSED) == (after is REFUSED))
        if before is not REFUSED:
            same = all(map(np.array_equal, before, after))
            attempt.demand("other answers after saving and loading", same)


def _trained_on(attempt: Attempt, model: Any, data: ff.Dataset, k: int) -> None:
    """Training goes on, or says why not; then the model answers."""
    if isinstance(model, ff.Network):
        trainer = ff.Trainer(model, max_epochs=1, batch_size=2, n_jobs=1)
        trained = attempt.ask("train on", lambda: trainer.fit(data))
    elif isinstance(model, ff.Tagger) and issparse(data.X):
        trained = attempt.ask("train on", lambda: model.partial_fit(data, max_epochs=1))
    else:
        return
    if trained is not REFUSED:
        _answers(attempt, model, data.X, k)
