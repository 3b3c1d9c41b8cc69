"""The twin of the ledger: what a run costs, from the record of what it did.

Multiplications are counted, with divisions and roots, for what they are for; additions,
comparisons and popcounts apart; and beside them what the dense net would multiply, without its
optimizer, with and without the zeros of the data.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from reference.nets import AdaptiveDropout, Bag, Hashed, Layer, Model, is_full
from reference.optimizers import Optimizer
from reference.record import Example, Pass, Record, Update
from reference.signs import SignIndex

FIELDS = [
    *("forward", "backward", "optimizer", "hashing", "ranking", "refresh"),  # multiplications
    *("dense", "dense_nonzero"),  # those of the dense net
    *("additions", "comparisons", "popcounts", "rows_touched", "parameters_touched"),
    *("rows_updated", "conflicts"),
]
MULTIPLICATIONS = {"sgd": 1, "momentum": 2, "adagrad": 4, "rms": 6, "adam": 10}  # per parameter
ROWWISE = {"adagrad": (2, 5), "rms": (2, 7), "adam": (3, 10)}  # per weight, and per row


def ledger(record: Record) -> np.ndarray:
    """What each layer counted: (n_layers, n_fields) int64."""
    model = record.model
    counts: list[Counter[str]] = [Counter() for _ in model.layers]
    for example in record.examples:
        for at, (layer, own) in enumerate(zip(model.layers, example.passes, strict=True)):
            counts[at].update(of_index(layer, own))
            counts[at].update(of_choice(layer, own, example.mode))
            counts[at].update(of_forward(layer, own))
            counts[at].update(of_dense_net(layer, own, example.mode, first=at == 0))
            if example.mode == "train":
                counts[at].update(of_backward(model, example, at))
                if record.optimizer.rowwise and has_lists(model, at):  # the square of the input
                    counts[at]["optimizer"] += len(own.x.ids)
    for update in record.updates:
        counts[update.at].update(of_update(model, record.optimizer, update))
    return np.array([[own[name] for name in FIELDS] for own in counts], np.int64)


def usage(record: Record) -> list[np.ndarray]:
    """How many examples kept each row of each layer."""
    used = [np.zeros(len(layer.rows), np.int64) for layer in record.model.layers]
    for example in record.examples:
        for own, counts in zip(example.passes, used, strict=True):
            counts[own.chosen.rows] += 1
    return used


def of_index(layer: Layer, own: Pass) -> dict[str, int]:
    """A sign index scores every row, and compares all scores; hash tables project the input."""
    if not own.chosen.asked:
        return {}
    assert isinstance(layer.gate, Hashed)
    n, index = len(layer.rows), layer.gate.index
    if not isinstance(index, SignIndex):
        return {"hashing": index.projections.shape[1] * len(own.x.ids)}
    n_read = len(index.part(own.x).ids)
    per_row = max(3, n_read.bit_length()) if index.binary else n_read  # planes of counters
    words = -(-n // 64) * n_read if index.binary else 0
    return {"additions": n * per_row, "popcounts": words, "ranking": n, "comparisons": n}


def of_choice(layer: Layer, own: Pass, mode: str) -> dict[str, int]:
    """Rows whose scores were computed in vain, and what chose the others."""
    n_compared = len(own.chosen.compared)
    n_left_out = max(0, n_compared - len(own.chosen.rows))
    counts = {"ranking": n_left_out * len(own.x.ids), "rows_touched": n_left_out}
    if isinstance(layer.gate, AdaptiveDropout):  # the odds of each row, and a product in prediction
        counts["ranking"] += len(layer.rows) * (2 if mode == "train" else 3)
    elif n_left_out > 0:
        counts["comparisons"] = n_compared
    return counts


def of_forward(layer: Layer, own: Pass) -> dict[str, int]:
    """Active rows times inputs; a bag touches the rows of its inputs."""
    n_inputs, n_rows = len(own.x.ids), len(own.chosen.rows)
    n_touched = n_inputs if isinstance(layer, Bag) else n_rows
    return {"forward": n_inputs * n_rows, "rows_touched": n_touched}


def of_dense_net(layer: Layer, own: Pass, mode: str, *, first: bool) -> dict[str, int]:
    """In training there and back twice, but no gradient is wanted of the inputs."""
    n, d = layer.weights.shape
    times = 1 if mode != "train" else 2 if first else 3
    n_inputs = len(own.x.ids) if first else d
    return {"dense": times * n * d, "dense_nonzero": times * n * n_inputs}


def of_backward(model: Model, example: Example, at: int) -> dict[str, int]:
    """The gradient of the pulled rows, and of the inputs but for the first layer's."""
    n_inputs, n_pulled = len(example.passes[at].x.ids), len(example.pulled[at])
    if at == 0:
        return {"backward": n_pulled * n_inputs}
    whole = is_full(model, at - 1) and is_full(model, at)
    n_summed = len(model.layers[at].rows) if whole else n_pulled
    return {"backward": (n_pulled + n_summed) * n_inputs}


def has_lists(model: Model, at: int) -> bool:
    """Whether rows of a layer learn from lists of inputs."""
    return not isinstance(model.layers[at], Bag) and (at == 0 or not is_full(model, at - 1))


def of_update(model: Model, optimizer: Optimizer, update: Update) -> dict[str, int]:
    layer = model.layers[update.at]
    if isinstance(layer, Bag):
        return of_bag_update(layer, optimizer, update)
    lists = has_lists(model, update.at)
    rows = np.flatnonzero(update.touched.any(axis=1))
    spent = 0
    for i in rows:
        *weights, bias = update.touched[i]
        spent += of_decay(optimizer, len(weights), int(update.last[i]), update.step, has_bias=True)
        is_input = lists and update.n_pulled[i] == 1
        spent += of_weights(optimizer, sum(weights), is_input=is_input)
        spent += bias * MULTIPLICATIONS[optimizer.rule]
    return {
        "optimizer": int(spent),
        "parameters_touched": int(update.touched.sum()),
        "rows_updated": len(rows),
    }


def of_bag_update(layer: Bag, optimizer: Optimizer, update: Update) -> dict[str, int]:
    """A row for each input that was held, and one for the biases."""
    *held, _ = update.touched.any(axis=0)
    n, inputs = len(layer.rows), np.flatnonzero(held)
    spent = n * MULTIPLICATIONS[optimizer.rule]
    for j in inputs:
        spent += of_decay(optimizer, n, int(update.last[j]), update.step, has_bias=False)
        spent += of_weights(optimizer, n)
    return {
        "optimizer": spent,
        "parameters_touched": n * (len(inputs) + 1),
        "rows_updated": len(inputs),
    }


def of_decay(optimizer: Optimizer, n_weights: int, last: int, step: int, *, has_bias: bool) -> int:
    """Moments that settle, and weights that shrink, on a row last touched at step `last`."""
    o, spent = optimizer, 0
    if o.rule in ("momentum", "adam") and 0 < last < step - 1:
        spent += sum(width + has_bias for width in o.moment_widths(n_weights))
    if o.l2 > 0 and step // o.l2_period > last // o.l2_period:
        spent += n_weights
    return spent


def of_weights(optimizer: Optimizer, n: int, *, is_input: bool = False) -> int:
    """One step on n weights of a row. A gradient that is a multiple of one input has its square
    from there, and without moments the backward pass has counted its product."""
    if not optimizer.rowwise:
        return 1 if is_input and optimizer.rule == "sgd" else n * MULTIPLICATIONS[optimizer.rule]
    per_weight, per_row = ROWWISE[optimizer.rule]
    if is_input:
        per_weight, per_row = (2, per_row) if optimizer.rule == "adam" else (0, per_row + 1)
    return n * per_weight + (per_row if n > 0 else 0)


def kmeans_cost(n: int, n_cells: int, width: int, n_iterations: int, spherical: bool) -> dict:
    """What k-means of n sampled rows counts if no cell goes empty."""
    rounds = n_iterations + 1  # the last one finds that every cell has a row
    norms = (n + n_cells) * width
    means = n_iterations * 2 * n_cells * width
    return {
        "refresh": norms + rounds * n * n_cells * (width + spherical) + means,
        "additions": n_iterations * n * width,
        "comparisons": rounds * n * n_cells,
    }
