"""Trainings that ended as another model, or too late."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

import fewfire as ff

from ..attempt import REFUSED, Attempt


class _Kept(ff.callbacks.Callback):
    """Keeps the checkpoint of each epoch."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def after_epoch(self, run: Any, *, stops: bool) -> None:
        shutil.copy(self.path, f"{self.path}.{run.epoch}")


def early_stopping_resumed(attempt: Attempt) -> None:
    """A training that is resumed stops where the whole one did, with the same weights."""
    rng = np.random.default_rng(0)
    data, val = (ff.Dataset(rng.normal(size=(40, 6)), rng.integers(0, 3, 40)) for _ in range(2))
    path = attempt.folder / "checkpoint"

    def fit(resume: Path | None, *callbacks: Any) -> tuple[Any, list[Any]]:
        net = ff.Network(ff.Linear(6, 8, "relu"), ff.Linear(8, 3))
        stopping = ff.callbacks.EarlyStopping("val/accuracy", patience=2)
        trainer = ff.Trainer(
            net, max_epochs=12, batch_size=4, n_jobs=1, callbacks=[stopping, *callbacks]
        )
        trainer.fit(data, eval_sets={"val": val}, resume=resume)
        return stopping, net.weights()

    whole, weights = fit(None, ff.callbacks.Checkpoint(path), _Kept(path))
    for kept in sorted(attempt.folder.glob("checkpoint.*")):
        again, others = fit(kept)
        attempt.note(f"from {kept.name}: best {again.best_epoch_}, not {whole.best_epoch_}")
        attempt.demand("another best epoch", again.best_epoch_ == whole.best_epoch_)
        attempt.demand("other weights", all(map(np.array_equal, weights, others)))


def other_names(attempt: Attempt) -> None:
    """Rows do not change their meaning."""
    X = np.eye(3, dtype=np.float32)
    for before, after in (("abc", "abd"), ([0, 10, 20], [10, 20, 30])):
        net = ff.Network(ff.Linear(3, 3))
        trainer = ff.Trainer(net, max_epochs=1, n_jobs=1)
        trainer.fit(ff.Dataset(X, list(before)))
        answer = attempt.ask("fit again", lambda t=trainer, y=after: t.fit(ff.Dataset(X, list(y))))
        attempt.demand("other names are taken for the same rows", answer is REFUSED)


def steps_beyond_numbers(attempt: Attempt) -> None:
    """After the last step, too, scores are numbers, or the training or the answer is refused."""
    rng = np.random.default_rng(0)
    for scale, lr in ((1.0, 1e20), (1.0, 1e38), (1e30, 0.01), (1e38, 1e-3)):
        X = (scale * rng.uniform(0.1, 1.0, (6, 8))).astype(np.float32)
        net = ff.Network(ff.EmbeddingBag(8, 5), ff.Linear(5, 4))
        how = {"optimizer": ff.optim.SGD(lr=lr), "schedule": ff.optim.Constant(), "n_jobs": 1}
        data = ff.Dataset(csr_array(X), [0, 1, 2, 3, 0, 1])
        fit = partial(ff.Trainer(net, max_epochs=1, **how).fit, data)
        if attempt.ask(f"fit {scale:g} at {lr:g}", fit) is REFUSED:
            continue
        top = attempt.ask("predict_topk", partial(net.predict_topk, data, 2))
        finite = top is REFUSED or bool(np.isfinite(top.scores).all())
        attempt.demand(f"a score that is not finite, {scale:g} at {lr:g}", finite)


def rates_beyond_numbers(attempt: Attempt) -> None:
    """A schedule as steep as numbers go."""
    data = ff.Dataset(np.eye(3), [0, 1, 0])
    for rise in (1e-320, 1e-300, 1 - 1e-16):
        schedule = attempt.ask(f"rise {rise}", lambda r=rise: ff.optim.OneCycle(rise=r))
        if schedule is not REFUSED:
            net = ff.Network(ff.Linear(3, 2))
            fit = ff.Trainer(net, schedule=schedule, max_epochs=2, n_jobs=1).fit
            attempt.ask("fit", lambda fit=fit: fit(data))


def names_that_no_file_holds(attempt: Attempt) -> None:
    """What cannot be saved is refused before it is trained, or saved."""
    y = np.array([b"x", b"y", b"x"])
    data = attempt.ask("Dataset", lambda: ff.Dataset(np.eye(3), y))
    if data is REFUSED:
        return
    net = ff.Network(ff.Linear(3, 2))
    fit = ff.Trainer(net, max_epochs=1, n_jobs=1).fit
    if attempt.ask("fit", lambda: fit(data)) is not REFUSED:
        saved = attempt.ask("save", lambda: net.save(attempt.folder / "model"))
        attempt.demand("trained what cannot be saved", saved is not REFUSED)


def targets_beside_features(attempt: Attempt) -> None:
    """`fit(X, y)`, as other libraries have it."""
    net = ff.Network(ff.Linear(3, 2))
    fit: Any = ff.Trainer(net, max_epochs=1, n_jobs=1).fit
    answer = attempt.ask("fit(X, y)", lambda: fit(np.eye(3), np.array([0, 1, 0])))
    attempt.demand("targets are not taken", answer is not REFUSED)
    answer = attempt.ask("fit(data, sets)", lambda: fit(np.eye(3), {"val": np.eye(3)}))
    attempt.demand("eval_sets are taken for targets", answer is REFUSED)


def columns_that_are_not_there(attempt: Attempt) -> None:
    """A figure that no history has is told by name, not as a missing key."""
    net = ff.Network(ff.Linear(3, 2))
    stopping = ff.callbacks.EarlyStopping("val/accuracy")
    fit = ff.Trainer(net, max_epochs=1, n_jobs=1, callbacks=[stopping]).fit
    data = ff.Dataset(np.eye(3), [0, 1, 0])
    answer = attempt.ask("fit", lambda: fit(data))
    attempt.demand("nothing is watched", answer is REFUSED)


SEEDS = [
    early_stopping_resumed,
    other_names,
    steps_beyond_numbers,
    rates_beyond_numbers,
    names_that_no_file_holds,
    targets_beside_features,
    columns_that_are_not_there,
]
