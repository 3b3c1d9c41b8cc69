"""Small trainings of every kind for `digests.py`, each a second at most.

Every hash family, gate, loss, optimizer and schedule is somewhere, and so are wide last layers,
taggers and a blend.

All settings are given, so that new defaults change nothing; the taggers of a preset, `kdd2017` and
`slide` are those presets, and change with them. The data are drawn with numpy alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.gates import Centroid, Dwta, MinHash, Retrieve, Sign, SimHash

N_INPUTS, N_CLASSES, N_VALUES = 32, 10, 4
N_LABELS, N_WORDS, N_NOISE = 300, 3, 100  # words of each label, and words of none
EPOCHS = 4

Model = ff.Network | ff.Tagger | ff.Blend


class Case(NamedTuple):
    """A trained model, what it is asked, and how its training went."""

    model: Model
    X: Any
    history: ff.results.History


def images(seed: int) -> NDArray[np.float32]:
    """Dense inputs, half of them 0."""
    rng = np.random.default_rng(seed)
    return np.maximum(rng.standard_normal((400, N_INPUTS), dtype=np.float32), 0)


def marks(X: NDArray[np.float32]) -> NDArray[np.float32]:
    """How well each class suits: sums of few inputs, the same on every machine."""
    return X[:, :N_CLASSES] + X[:, N_CLASSES : 2 * N_CLASSES]


def classes() -> ff.Dataset:
    X = images(1)
    return ff.Dataset(X, marks(X).argmax(axis=1), n_labels=N_CLASSES)


def lists() -> ff.Dataset:
    X = images(2)
    return ff.Dataset(X, csr_array((marks(X) > 1.2).astype(np.float32)))


def values() -> ff.Dataset:
    X = images(3)
    return ff.Dataset(X, X[:, :N_VALUES] - X[:, N_VALUES : 2 * N_VALUES])


def texts(seed: int, n_labels: int = N_LABELS) -> ff.Dataset:
    """Sparse inputs with label lists: every label has words of its own, among some of none."""
    rng = np.random.default_rng(seed)
    X = np.zeros((600, N_LABELS * N_WORDS + N_NOISE), np.float32)
    Y = np.zeros((600, n_labels), np.float32)
    for words, labels in zip(X, Y, strict=True):
        own = rng.choice(n_labels, rng.integers(1, 4), replace=False)
        labels[own] = 1
        for label in own:
            known = label * N_WORDS + rng.choice(N_WORDS, 2, replace=False)
            words[known] = rng.uniform(0.5, 1.5, 2)
        noise = N_LABELS * N_WORDS + rng.choice(N_NOISE, 4, replace=False)
        words[noise] = rng.uniform(0.1, 1.0, 4)
    return ff.Dataset(csr_array(X), csr_array(Y))


def linear(
    n_in: int,
    n_out: int,
    activation: str = "linear",
    gate: Any = None,
    *,
    dtype: str = "float32",
) -> ff.Linear:
    chosen = ff.gates.All() if gate is None else gate
    return ff.Linear(n_in, n_out, activation, chosen, bias=True, gain=0.7, dtype=dtype)


def deep(gate: Any, n_out: int = N_CLASSES) -> list[ff.Linear]:
    """Two hidden layers with the gate, and a last one with every row."""
    hidden = linear(N_INPUTS, 96, "relu", gate), linear(96, 64, "relu", gate)
    return [*hidden, linear(64, n_out)]


def trained(
    layers: list[Any],
    data: ff.Dataset,
    loss: str,
    optimizer: Any,
    schedule: Any,
    *,
    batch_size: int = 1,
) -> Case:
    net = ff.Network(*layers, random_state=5)
    trainer = ff.Trainer(
        net,
        loss=loss,
        optimizer=optimizer,
        schedule=schedule,
        batch_size=batch_size,
        max_epochs=EPOCHS,
        n_jobs=1,
        deterministic=True,
        random_state=6,
    )
    history = trainer.fit(data)
    return Case(net, data.X[:100], history)


SGD = ff.optim.SGD(lr=0.02, momentum=0.9, l2=0.001)
ADAGRAD = ff.optim.Adagrad(lr=0.02, initial=0.1, eps=1e-8, l2=0.001, rowwise=False)
ADAGRAD_BY_ROW = ff.optim.Adagrad(lr=0.02, initial=0.1, eps=1e-8, l2=0.0, rowwise=True)
RMS = ff.optim.RMS(lr=0.002, rho=0.999, eps=1e-8, l2=0.01, rowwise=True)
RMS_WHOLE = ff.optim.RMS(lr=0.002, rho=0.999, eps=1e-8, l2=0.0, rowwise=False)
ADAM = ff.optim.Adam(lr=0.003, beta1=0.9, beta2=0.999, eps=1e-8, l2=0.01, rowwise=False)
ADAM_BY_ROW = ff.optim.Adam(lr=0.003, beta1=0.9, beta2=0.999, eps=1e-8, l2=0.0, rowwise=True)
LINE = ff.optim.LinearDecay(warmup=20, final=0.0)
COSINE = ff.optim.CosineDecay(warmup=0, final=0.1)
STEPS = ff.optim.StepDecay(warmup=0, n_drops=2, factor=0.3)
CYCLE = ff.optim.OneCycle(warmup=0, rise=0.3)
CONSTANT = ff.optim.Constant(warmup=0)

SOFT: dict[str, Any] = {
    "density": 0.15, "rerank": 3.0, "soft": True, "differentiate": True, "explore": 0.0,
}  # fmt: skip
HARD: dict[str, Any] = {**SOFT, "soft": False, "differentiate": False, "explore": 0.1}
FULL: dict[str, Any] = {"refresh": "full", "refresh_every": 100, "refresh_growth": 1.2}
SIMHASH: dict[str, Any] = {"n_bits": 5, "n_tables": 12}


def dense() -> Case:
    layers = [linear(N_INPUTS, 48, "tanh"), linear(48, 24, "sigmoid"), linear(24, N_CLASSES)]
    return trained(layers, classes(), "softmax", SGD, LINE, batch_size=16)


def dense_lists() -> Case:
    layers = [linear(N_INPUTS, 48, "relu"), linear(48, N_CLASSES)]
    return trained(layers, lists(), "logistic", ADAM, COSINE, batch_size=8)


def dense_values() -> Case:
    layers = [linear(N_INPUTS, 48, "relu"), linear(48, N_VALUES)]
    return trained(layers, values(), "squared", ADAGRAD, STEPS, batch_size=8)


def dense_bfloat16() -> Case:
    layers = [
        linear(N_INPUTS, 48, "relu", dtype="bfloat16"),
        linear(48, N_CLASSES, dtype="bfloat16"),
    ]
    return trained(layers, lists(), "decoupled", ADAM_BY_ROW, CONSTANT, batch_size=8)


def top_k_soft() -> Case:
    layers = deep(ff.gates.TopK(density=0.15, soft=True, differentiate=True), N_VALUES)
    return trained(layers, values(), "squared", ADAGRAD_BY_ROW, LINE)


def top_k_hard() -> Case:
    layers = deep(ff.gates.TopK(density=0.15, soft=False, differentiate=False))
    return trained(layers, classes(), "softmax", RMS_WHOLE, LINE)


def dropout() -> Case:
    return trained(
        deep(ff.gates.Dropout(density=0.5)), classes(), "softmax", ADAM, LINE, batch_size=16
    )


def adaptive_dropout() -> Case:
    layers = deep(ff.gates.AdaptiveDropout(alpha=1.0, beta=-1.0))
    return trained(layers, lists(), "logistic", RMS, LINE)


def gated(family: Any, how: dict[str, Any], loss: str = "softmax", optimizer: Any = RMS) -> Case:
    """A net whose hidden layers are hashed."""
    data = classes() if loss == "softmax" else lists()
    return trained(deep(ff.Hashed(family=family, **how)), data, loss, optimizer, LINE)


def sign() -> Case:
    return gated(Sign(alpha=0.05, n_columns=10**6, binary=False), SOFT)


def sign_binary() -> Case:
    return gated(Sign(alpha=0.1, n_columns=20, binary=True), HARD, "logistic", SGD)


def simhash() -> Case:
    found = {"probes": 2, "projection": "gaussian", "mips": "simple", "center": True}
    tables = SimHash(**SIMHASH, **FULL, **found, rank="count", redraw_every=150)
    return gated(tables, SOFT)


def simhash_hamming() -> Case:
    found = {"probes": 1, "projection": "hadamard", "center": False, "rank": "hamming"}
    drift = {"refresh": "drift", "refresh_every": 100, "refresh_growth": 1.0, "drift": 0.05}
    return gated(SimHash(**SIMHASH, **found, **drift), HARD, "decoupled")


def simhash_coordinates() -> Case:
    found = {"probes": 0, "projection": "coordinates", "center": False}
    rolling = {"refresh": "rolling", "refresh_every": 64}
    tables = SimHash(**SIMHASH, **found, **rolling, rank="sign", alpha=0.1)
    return gated(tables, SOFT, "logistic")


def kdd2017() -> Case:
    layers = deep(ff.Hashed.kdd2017(density=0.15))
    return trained(layers, classes(), "softmax", SGD, LINE)


def slide() -> Case:
    """The gate in a hidden layer and, as its authors have it, in a last one."""
    gate = ff.Hashed.slide(density=0.15)
    layers = [linear(N_INPUTS, 96, "relu", gate), linear(96, N_CLASSES, "linear", gate)]
    return trained(layers, classes(), "softmax", ADAM_BY_ROW, LINE)


def dwta() -> Case:
    return gated(Dwta(**FULL, n_hashes=2, n_tables=12, rank="count"), SOFT)


def minhash() -> Case:
    touched = {"refresh": "touched", "refresh_every": 50, "refresh_growth": 1.0}
    hashes = {"n_hashes": 1, "n_tables": 12, "n_bits": 8, "rank": "union"}
    return gated(MinHash(**touched, **hashes), SOFT, "logistic")


def centroid() -> Case:
    touched = {"refresh": "touched", "refresh_every": 100, "refresh_growth": 1.3}
    cells = {"n_cells": 8, "probes": 3, "spherical": True, "rank": "sign", "alpha": 0.1}
    return gated(Centroid(**touched, **cells), SOFT)


def wide(loss: str, dtype: str, data: ff.Dataset, **refresh: Any) -> Case:
    """An embedding bag under a last layer that retrieves."""
    cells = Centroid(n_cells=16, probes=4, spherical=False, rank="union", **refresh)
    gate = Retrieve(candidates=60, family=cells, negatives=48, head=12, thin=0.001)
    bag = ff.EmbeddingBag(
        data.n_features, 24, activation="relu", input_dropout=0.2, dropout=0.1, bias=True,
        gain=1.0, dtype=dtype,
    )  # fmt: skip
    layers = [bag, linear(24, N_LABELS, "linear", gate, dtype=dtype)]
    return trained(layers, data, loss, RMS_WHOLE, CYCLE, batch_size=16)


def wide_softmax() -> Case:
    return wide("softmax", "float32", texts(4), refresh="rolling", refresh_every=20)


def wide_decoupled() -> Case:
    touched = {"refresh": "touched", "refresh_every": 30, "refresh_growth": 1.3}
    return wide("decoupled", "bfloat16", texts(4), **touched)


def tagger(preset: str, data: ff.Dataset, **options: Any) -> Case:
    made = ff.Tagger(preset, memory="1G", random_state=8, n_jobs=1, **options)
    made.fit(data)
    return Case(made, data.X[:100], made.history_)


def tagger_logistic() -> Case:
    return tagger(
        "fast", texts(5), n_trees=2, max_epochs=3, power=0.4, pairs=1, largest=6,
        labels_per_leaf=20, loss="logistic", beam=3, prune=0.05,
    )  # fmt: skip


def tagger_grown() -> Case:
    """A tagger that goes on with labels that it never saw."""
    made = tagger(
        "fast", texts(6, N_LABELS - 40), n_trees=2, max_epochs=3, power=0.5, pairs=1, largest=5,
        labels_per_leaf=20, loss="squared_hinge", beam=4, prune=0.08,
    ).model  # fmt: skip
    more = texts(7)
    made.partial_fit(more, max_epochs=2)
    return Case(made, more.X[:100], made.history_)


def blend() -> Case:
    data = texts(5)
    network = wide("softmax", "float32", data, refresh="rolling", refresh_every=20)
    both = ff.Blend(tagger_logistic().model, network.model, weight=0.3)
    return Case(both, data.X[:100], network.history)


CASES: dict[str, Callable[[], Case]] = {
    "dense": dense,
    "dense-lists": dense_lists,
    "dense-values": dense_values,
    "dense-bfloat16": dense_bfloat16,
    "top-k-soft": top_k_soft,
    "top-k-hard": top_k_hard,
    "dropout": dropout,
    "adaptive-dropout": adaptive_dropout,
    "sign": sign,
    "sign-binary": sign_binary,
    "simhash": simhash,
    "simhash-hamming": simhash_hamming,
    "simhash-coordinates": simhash_coordinates,
    "kdd2017": kdd2017,
    "slide": slide,
    "dwta": dwta,
    "minhash": minhash,
    "centroid": centroid,
    "wide-softmax": wide_softmax,
    "wide-decoupled": wide_decoupled,
    "tagger-fast": lambda: tagger("fast", texts(5)),
    "tagger-balanced": lambda: tagger("balanced", texts(5)),
    "tagger-best": lambda: tagger("best", texts(5)),
    "tagger-logistic": tagger_logistic,
    "tagger-grown": tagger_grown,
    "blend": blend,
}
