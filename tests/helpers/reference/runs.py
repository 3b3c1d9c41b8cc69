"""Whole runs: training in micro-batches, and what a net answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from reference.nets import Model
from reference.optimizers import Optimizer, State, update
from reference.passes import Gradient, backward, forward, loss_of
from reference.record import Example, Record, Update
from reference.vectors import NOTHING, nonzeros


class Trained(NamedTuple):
    loss: float
    n_correct: int
    record: Record


@np.errstate(over="ignore", invalid="ignore")  # of a run that is not clear
def train(
    model: Model,
    X: np.ndarray,
    targets: Sequence[np.ndarray],
    order: np.ndarray,
    rates: np.ndarray,
    batch_size: int,
    optimizer: Optimizer,
    states: list[State],
    first_step: int = 0,
) -> Trained:
    """One slice of an epoch, one micro-batch after the other."""
    record, loss, n_correct = Record(model, optimizer), 0.0, 0
    for at_batch, rate in enumerate(rates):
        batch = order[at_batch * batch_size : (at_batch + 1) * batch_size]
        gradients = [
            Gradient(np.zeros(layer.rows.shape), np.zeros(layer.rows.shape, bool))
            for layer in model.layers
        ]
        for i in batch:
            labels = targets[i] if model.loss != "squared" else NOTHING
            passes = forward(model, nonzeros(X[i]), labels, int(i), "train", record)
            example_loss, slope = loss_of(model, passes[-1], targets[i])
            loss += example_loss
            if model.loss != "squared" and len(labels):
                best = record.largest(passes[-1].values, 1)
                n_correct += int(passes[-1].chosen.rows[best[0]] in labels)
            pulled = backward(model, passes, slope, gradients, record)
            record.examples.append(Example("train", passes, pulled))
        step = first_step + at_batch + 1
        for at, (layer, state) in enumerate(zip(model.layers, states, strict=True)):
            total, touched = gradients[at]
            pulled = [example.pulled[at] for example in record.examples[-len(batch) :]]
            n_pulled = np.bincount(np.concatenate(pulled), minlength=len(layer.rows))
            record.updates.append(Update(at, step, touched, state.touched.copy(), n_pulled))
            update(layer, state, total / len(batch), touched, optimizer, rate, step)
    return Trained(loss, n_correct, record)


class Scores(NamedTuple):
    values: np.ndarray
    record: Record


def scores(model: Model, X: np.ndarray, ids: np.ndarray, exact: bool = False) -> Scores:
    """Outputs of the last layer, -inf where a row was not computed."""
    record, mode = Record(model), "exact" if exact else "gated"
    out = np.full((len(ids), len(model.layers[-1].rows)), -np.inf)
    for slot, i in enumerate(ids):
        passes = forward(model, nonzeros(X[i]), NOTHING, int(i), mode, record)
        record.examples.append(Example(mode, passes, []))
        out[slot, passes[-1].chosen.rows] = passes[-1].values
    return Scores(out, record)


def losses(
    model: Model, X: np.ndarray, targets: Sequence[np.ndarray], ids: np.ndarray, exact: bool = False
) -> np.ndarray:
    """The loss of each example, float64 (n,)."""
    record = scores(model, X, ids, exact).record
    return np.array(
        [
            loss_of(model, example.passes[-1], targets[i])[0]
            for i, example in zip(ids, record.examples, strict=True)
        ]
    )


def best(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k largest finite scores of each row, best first; id -1 and -inf where there are fewer."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    top = np.take_along_axis(scores, order, axis=1)
    pad = ((0, 0), (0, max(0, k - scores.shape[1])))
    order, top = np.pad(order, pad), np.pad(top, pad, constant_values=-np.inf)
    return np.where(np.isfinite(top), order, -1), top
