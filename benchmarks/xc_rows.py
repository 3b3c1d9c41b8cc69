"""The last layer of a net trained on a set of `xc_topics.py`, as a search problem: its rows, the
hidden activations of test examples as queries, and which rows truly score highest.

A hundredth of the rows has a second version, with noise of a tenth of their norm, and the truth of
that: what an update has to find.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import fewfire as ff
import xc_topics
from fewfire.measure.metrics import precision_at

K = 5
CHANGED, NOISE = 0.01, 0.1  # share of the rows, and of their norm
BLOCK = 64  # queries whose scores of all rows are held


class Case(NamedTuple):
    rows: NDArray[np.float32]
    bias: NDArray[np.float32]
    queries: NDArray[np.float32]
    truth: NDArray[np.int64]  # (queries, K), best first
    changed: NDArray[np.int32]
    new_rows: NDArray[np.float32]  # of those changed
    new_truth: NDArray[np.int64]
    label_counts: NDArray[np.int64]  # of the training set: they make the gate's head


def make_case(options: argparse.Namespace) -> tuple[Case, dict[str, Any]]:
    """Return the case, and the figures of its net."""
    shape = options.features, options.labels
    test = xc_topics.make(options.queries, *shape, part=1)
    net, figures = trained(options)
    bag, output = net.layers
    assert net.label_counts is not None
    queries = np.maximum(test.X @ bag.weights + bag.bias, np.float32(0))
    truth = best_rows(output.weights, output.bias, queries)
    figures |= {
        "precision_at_1": net.evaluate(test, ["P@1"], n_jobs=1)["P@1"],
        "precision_at_1_exact": precision_at(1, truth.astype(np.int32), test.label_lists()),
        "nonzero_inputs": round(float((queries > 0).mean()), 3),
        "rows_trained": round(float(output.weights.any(axis=1).mean()), 4),  # they start at 0
        "labels_seen": round(float((net.label_counts > 0).mean()), 4),
    }
    rng = np.random.default_rng(0)
    n_changed = max(1, round(CHANGED * options.labels))
    changed = np.sort(rng.choice(options.labels, n_changed, replace=False)).astype(np.int32)
    noise = rng.standard_normal((n_changed, options.dim), dtype=np.float32)
    old = output.weights[changed].copy()
    new = old + NOISE / np.sqrt(options.dim) * np.linalg.norm(old, axis=1, keepdims=True) * noise
    output.weights[changed] = new = new.astype(np.float32)
    new_truth = best_rows(output.weights, output.bias, queries)
    output.weights[changed] = old
    return Case(
        output.weights, output.bias, queries, truth, changed, new, new_truth, net.label_counts
    ), figures  # fmt: skip


def trained(options: argparse.Namespace) -> tuple[ff.Network, dict[str, Any]]:
    """Train a net, or take the one of an earlier run from its file."""
    if options.net and options.net.exists():
        net = ff.load(options.net)
        layers = [layer.settings for layer in net.layers]
        found = layers[0].in_features, layers[-1].in_features, layers[-1].out_features
        if found != (options.features, options.dim, options.labels):
            raise SystemExit(f"{options.net} is a net {found}: remove it, or give its shape")
        return net, {"net": Path(options.net).name, "n_trained": net.n_trained}
    train = xc_topics.make(options.examples, options.features, options.labels)
    cells = ff.gates.Centroid(n_cells=options.cells)
    gate = ff.gates.Retrieve(options.candidates, cells, negatives=options.negatives)
    net = ff.Network(
        ff.EmbeddingBag(options.features, options.dim),
        ff.Linear(options.dim, options.labels, gate=gate, gain=0.0),
    )
    history = ff.Trainer(
        net, loss="softmax", max_epochs=options.epochs, n_jobs=options.threads
    ).fit(train)
    if options.net:
        net.save(options.net)
    seconds = round(sum(epoch["seconds"] for epoch in history), 1)
    return net, {"n_trained": net.n_trained, "epochs": options.epochs, "seconds": seconds}


def best_rows(
    rows: NDArray[np.float32], bias: NDArray[np.float32], queries: NDArray[np.float32]
) -> NDArray[np.int64]:
    """The K rows with the largest scores rows . query + bias of each query, best first."""
    found = []
    for first in range(0, len(queries), BLOCK):
        scores = queries[first : first + BLOCK] @ rows.T + bias
        best = np.argpartition(scores, -K, axis=1)[:, -K:]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1)
        found.append(np.take_along_axis(best, order, axis=1))
    return np.concatenate(found)


def recall(found: NDArray[Any], truth: NDArray[np.int64], k: int) -> float:
    """The share of the truly k best rows that are among the k found."""
    hits = found[:, :k, None].astype(np.int64) == truth[:, None, :k]
    return float(hits.any(axis=1).mean())
