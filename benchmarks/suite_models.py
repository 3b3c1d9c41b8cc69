"""The models of the suite, each with its defaults: what a user gets who says nothing but the shape.

Nets have two hidden layers of `width` rows. Ours choose their settings by themselves. PyTorch is
given what ours give themselves: the same epochs and batches, a rate that falls to 0, and the rate
and the decay that do best, on a fifth kept aside, of all pairs of three and three, each tried for a
third of the epochs. The others are scikit-learn's perceptron, on standardised features, and
LightGBM, which stops early on a fifth kept aside where that is 200 examples at least.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise, product
from typing import Any

import numpy as np
from scipy.sparse import csr_array, issparse

import fewfire as ff
from common import build
from fewfire.training.pilots import usual_epochs
from fewfire.training.standards import standards

Figures = dict[str, float]
_RATES, _DECAYS = (0.0005, 0.001, 0.002), (0.0, 0.1, 1.0)
_SHARE_OF_EPOCHS = 3  # of a trial
_LEAST_KEPT_ASIDE = 200


@dataclass(frozen=True)
class Task:
    """What a model is trained and tested on."""

    train: ff.Dataset
    test: ff.Dataset
    seed: int
    width: int  # rows of a hidden layer
    active: int  # that a hashed one keeps
    threads: int

    @property
    def has_values(self) -> bool:
        return self.train.kind == "values"

    def quality(self, predicted: np.ndarray) -> float:
        """Return the accuracy, or R2 of values, on the test examples."""
        y = np.asarray(self.test.y)
        if not self.has_values:
            return float((predicted == y).mean())
        missed = ((predicted.reshape(y.shape) - y) ** 2).sum()
        return float(1 - missed / ((y - y.mean()) ** 2).sum())


def hashed(task: Task) -> Figures:
    return _ours(task, ff.Hashed(task.active / task.width))


def dense(task: Task) -> Figures:
    return _ours(task, ff.gates.All())


def dense_standardised(task: Task) -> Figures:
    """Our dense net before the inputs that a hashed net makes itself."""
    if task.train.is_sparse:
        return {}
    found = standards(task.train, task.seed)
    train, test = (
        ff.Dataset((part.X - found.mean) * np.sqrt(found.scale), part.y, like=task.train)
        for part in (task.train, task.test)
    )
    return _ours(replace(task, train=train, test=test), ff.gates.All())


def _ours(task: Task, gate: Any) -> Figures:
    net = build(task.train, [task.width, task.width], gate, task.seed)
    trainer = ff.Trainer(net, n_jobs=task.threads, random_state=task.seed)
    start = time.perf_counter()
    history = trainer.fit(task.train)
    trained = time.perf_counter()
    found = net.evaluate(task.test, n_jobs=task.threads)
    ended = time.perf_counter()
    told = task.quality(net.decision_function(task.test)) if task.has_values else found.accuracy
    figures = {
        "quality": told,
        "seconds": trained - start,
        "test_ms": 1000 * (ended - trained) / len(task.test),
        "train_share": history.ledger.share,
        "test_share": found.ledger.share,
    }
    if net.is_gated:
        for stats in net.table_stats(task.test[:2000]):
            figures[f"in_use_{stats.layer}"] = 1 - stats.never_chosen / len(stats.usage)
    return figures


def torch_plain(task: Task) -> Figures:
    return _torch(task, normalises=False)


def torch_normalised(task: Task) -> Figures:
    """With batch normalisation of the inputs and of what enters each activation."""
    return _torch(task, normalises=True)


def _torch(task: Task, *, normalises: bool) -> Figures:
    import torch

    torch.set_num_threads(task.threads)
    torch.set_flush_denormal(True)
    X, X_test = _rows(task.train), _rows(task.test)
    y = torch.from_numpy(_targets(task.train)).float()
    middle, spread = (y.mean(), y.std()) if task.has_values else (torch.tensor(0.0), 1.0)
    y = (y - middle) / spread if task.has_values else y.long()
    start = time.perf_counter()
    order = torch.from_numpy(np.random.default_rng(task.seed).permutation(len(y)))
    aside, others = order[: max(1, len(y) // 5)], order[max(1, len(y) // 5) :]

    def trained(rate: float, decay: float, ids: Any, share: int = 1) -> Callable[[Any], Any]:
        torch.manual_seed(task.seed)
        sizes = [task.train.n_features, task.width, task.width]
        layers: list[Any] = [torch.nn.BatchNorm1d(sizes[0])] if normalises else []
        for a, b in pairwise(sizes):
            norm = [torch.nn.BatchNorm1d(b)] if normalises else []
            layers += [torch.nn.Linear(a, b), *norm, torch.nn.ReLU()]
        net = torch.nn.Sequential(*layers, torch.nn.Linear(sizes[-1], task.train.n_labels))
        epochs = math.ceil(usual_epochs(len(y)) / share)
        _descend(net, X, y, ids, epochs, rate, decay, values=task.has_values)
        net.eval()

        def scores(rows: Any) -> Any:
            with torch.inference_mode():
                return torch.cat([net(part) for part in rows])

        return scores

    def loss(choice: tuple[float, float]) -> float:
        z = trained(*choice, others, _SHARE_OF_EPOCHS)(X(part) for part in aside.split(1000))
        return float(_loss(z, y[aside], values=task.has_values))

    rate, decay = min(product(_RATES, _DECAYS), key=loss)
    tuned = time.perf_counter()
    scores = trained(rate, decay, order)
    ended = time.perf_counter()
    parts = torch.arange(len(task.test)).split(1000)
    z = scores(X_test(part) for part in parts)
    test_ms = 1000 * (time.perf_counter() - ended) / len(task.test)
    predicted = z * spread + middle if task.has_values else z.argmax(1)
    return {
        "quality": task.quality(predicted.numpy()),
        "seconds": ended - tuned,
        "seconds_of_choosing": tuned - start,
        "test_ms": test_ms,
        "lr": rate,
        "decay": decay,
    }


def _descend(
    net: Any,
    X: Callable[[Any], Any],
    y: Any,
    ids: Any,
    epochs: int,
    rate: float,
    decay: float,
    *,
    values: bool,
) -> None:
    import torch

    size = min(128, max(8, len(ids) // 50))
    n_steps = epochs * math.ceil(len(ids) / size)
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=decay, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / (n_steps + 1))
    for _ in range(epochs):
        for part in ids[torch.randperm(len(ids))].split(size):
            if len(part) == 1:
                continue  # nothing to normalise by
            optimizer.zero_grad()
            _loss(net(X(part)), y[part], values=values).backward()
            optimizer.step()
            schedule.step()


def _loss(z: Any, y: Any, *, values: bool) -> Any:
    from torch.nn.functional import cross_entropy, mse_loss

    return mse_loss(z, y.reshape(z.shape)) if values else cross_entropy(z, y)


def _rows(data: ff.Dataset) -> Callable[[Any], Any]:
    """Return what gives examples as a dense tensor."""
    import torch

    if issparse(data.X):
        return lambda ids: torch.from_numpy(data.X[ids.numpy()].toarray())
    X = torch.from_numpy(np.array(data.X))
    return lambda ids: X[ids]


def _targets(data: ff.Dataset) -> np.ndarray:
    return np.array(data.y).reshape(len(data), -1).squeeze(1)


def perceptron(task: Task) -> Figures:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    kind = MLPRegressor if task.has_values else MLPClassifier
    scaler = StandardScaler(with_mean=not task.train.is_sparse)
    model = make_pipeline(scaler, kind(random_state=task.seed))
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(_with_short_ids(task.train.X), _targets(task.train))
    seconds = time.perf_counter() - start
    return {
        "quality": task.quality(model.predict(_with_short_ids(task.test.X))),
        "seconds": seconds,
    }


def _with_short_ids(X: Any) -> Any:
    """Sparse features as scikit-learn takes them."""
    if not issparse(X):
        return X
    return csr_array((X.data, X.indices, X.indptr.astype(np.int32)), shape=X.shape)


def lightgbm(task: Task) -> Figures:
    from lightgbm import LGBMClassifier, LGBMRegressor, early_stopping

    kind = LGBMRegressor if task.has_values else LGBMClassifier
    model = partial(kind, random_state=task.seed, n_jobs=task.threads, verbose=-1)
    X, y = np.asarray(task.train.X), _targets(task.train)
    n_aside = len(y) // 5
    start = time.perf_counter()
    if n_aside >= _LEAST_KEPT_ASIDE:
        order = np.random.default_rng(task.seed).permutation(len(y))
        aside, others = order[:n_aside], order[n_aside:]
        fitted = model(n_estimators=2000).fit(
            X[others],
            y[others],
            eval_set=[(X[aside], y[aside])],
            callbacks=[early_stopping(50, verbose=False)],
        )
    else:
        fitted = model().fit(X, y)
    seconds = time.perf_counter() - start
    return {"quality": task.quality(fitted.predict(np.asarray(task.test.X))), "seconds": seconds}


MODELS: dict[str, Callable[[Task], Figures]] = {
    "hashed": hashed,
    "dense": dense,
    "dense standardised": dense_standardised,
    "PyTorch": torch_plain,
    "PyTorch normalised": torch_normalised,
    "scikit-learn": perceptron,
    "LightGBM": lightgbm,
}
