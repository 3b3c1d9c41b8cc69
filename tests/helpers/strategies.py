"""Generated cases: nets, examples, gates and optimizers of 1..70 rows, often one off a SIMD width.

Hypothesis draws shapes, choices and a seed; numpy fills the arrays, so that a case shrinks to few
rows and few examples in a moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

import native
import reference
from fewfire import _core
from reference import (
    AdaptiveDropout,
    Bag,
    Dropout,
    Hashed,
    Layer,
    Model,
    Optimizer,
    TableIndex,
    TopK,
)

SIZES = st.one_of(st.sampled_from([1, 15, 16, 17, 31, 33, 63, 64, 65]), st.integers(1, 70))
SEEDS = st.integers(0, 2**32 - 1)
LEVELS = st.sampled_from(native.LEVELS)
RULES = [
    Optimizer("sgd"),
    Optimizer("sgd", momentum=0.9),
    Optimizer("adagrad"),
    Optimizer("rms", rho=0.9),
    Optimizer("adam", beta1=0.8, beta2=0.9),
    Optimizer("adagrad", rowwise=True),
    Optimizer("rms", rho=0.9, rowwise=True),
    Optimizer("adam", beta1=0.8, beta2=0.9, rowwise=True),
]
BETAS = [-1.5, -1, 0, 1, 3.5]  # of adaptive dropout, the paper's


@dataclass(frozen=True)
class Case:
    """A net and what to do with it."""

    model: Model
    X: np.ndarray  # (n_examples, d) float32
    form: str  # "dense" or "sparse"
    targets: Any
    order: np.ndarray
    rates: np.ndarray
    batch_size: int
    optimizer: Optimizer
    initial: float  # of the moments
    level: str

    @property
    def inputs(self) -> Any:
        return native.vectors(self.X, self.form)

    @property
    def native_targets(self) -> Any:
        return native.targets(self.targets, self.model.loss)

    def network(self) -> native.Network:
        return native.Network(self.model, self.optimizer, self.initial)

    def states(self) -> list[reference.State]:
        return [
            reference.new_state(layer, self.optimizer, self.initial) for layer in self.model.layers
        ]

    def twin(self, states: list[reference.State]) -> reference.Trained:
        """What training gives by the twin; `states` end as those of its optimizer."""
        return reference.train(
            self.model, self.X, self.targets, self.order, self.rates,
            self.batch_size, self.optimizer, states,
        )  # fmt: skip

    def train(self, net: native.Network, **how: Any) -> native.Trained:
        return net.train(
            self.inputs, self.native_targets, self.order, self.rates, self.batch_size, **how
        )


def examples(rng: np.random.Generator, n: int, d: int, kind: str) -> np.ndarray:
    """(n, d) float32; some rows have no value at all."""
    X = rng.normal(size=(n, d))
    if kind == "non-negative":
        X = np.maximum(X, 0)
    if kind == "sparse":
        X *= rng.random((n, d)) < 0.2
    if kind == "grid":  # small integers: sums are exact in any order, and ties are common
        X = np.rint(2 * X)
    X[rng.random(n) < 0.1] = 0
    return X.astype(np.float32)


KINDS = st.sampled_from(["gaussian", "non-negative", "sparse"])


def rows(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """Weights and biases that float32 holds exactly and that are never equal."""
    weights, bias = rng.normal(size=(n, d)) * np.sqrt(2 / d), rng.normal(size=(n, 1)) * 0.3
    return np.hstack([weights, bias]).astype(np.float32).astype(float)


@st.composite
def gates(draw: Any, weights: np.ndarray, soft: bool, first: bool) -> Any:
    n, seed = len(weights), draw(SEEDS)
    k = draw(st.integers(1, n))
    kinds = ["all", "topk", "sign"]
    kinds += ["dropout", "adaptive", "union", "count", "hamming"] * first
    kind = draw(st.sampled_from(kinds))
    soft = soft and draw(st.booleans())
    differentiate = soft and draw(st.booleans())
    if kind == "all":
        return None
    if kind == "dropout":
        return Dropout(k, seed)
    if kind == "adaptive":
        alpha, beta = draw(st.sampled_from([0, 0.5, 1, 2])), draw(st.sampled_from(BETAS))
        return AdaptiveDropout(alpha, beta, seed)
    if kind == "topk":
        return TopK(k, soft, differentiate, seed)
    m = min(n, k * draw(st.integers(1, 3)) + soft)
    if kind == "sign":
        d = weights.shape[1]
        n_read = draw(st.sampled_from([d, max(1, d // 2), 1]))
        alpha, binary = draw(st.sampled_from([0.03, 0.1, 1])), draw(st.booleans())
        index = native.sign_index(alpha, d, n_read, seed, binary=binary)
    else:
        n_bits, n_tables = draw(st.integers(1, 4)), draw(st.integers(1, 6))
        probes = draw(st.integers(0, 2**n_bits - 1))
        index = native.twin_index(weights, n_bits, n_tables, kind, seed, probes)
    return Hashed(index, k, m, soft, differentiate, seed)


@st.composite
def models(
    draw: Any, d: int, n_layers: int | None = None, loss: str | None = None, bag: bool = False
) -> Model:
    rng = np.random.default_rng(draw(SEEDS))
    loss = loss or draw(st.sampled_from(["softmax", "decoupled", "logistic", "squared"]))
    n_layers = n_layers or draw(st.integers(1, 3))
    layers = []
    for at in range(n_layers):
        last = at == n_layers - 1
        activation = draw(st.sampled_from([*reference.ACTIVATIONS, "relu"]))
        if last and loss != "squared":
            activation = "linear"
        table = rows(rng, draw(SIZES), d)
        soft = activation == "relu" and not last
        if bag and at == 0:
            layers.append(Bag(table, activation))
            d = len(table)
            continue
        gate = draw(gates(table[:, :-1], soft, first=at == 0 and not last))
        layers.append(Layer(table, activation, gate))
        d = len(table)
    return Model(layers, loss)


@st.composite
def optimizers(draw: Any) -> Optimizer:
    """eps is large and RMS starts at one: where a gradient nearly cancels, a small denominator
    would turn float32's noise into whole steps."""
    kind = draw(st.sampled_from(["sgd", "adagrad", "rms", "adam"]))
    momentum = draw(st.sampled_from([0.0, 0.9])) if kind == "sgd" else 0.0
    l2, period = draw(st.sampled_from([0.0, 0.01, 1.0])), draw(st.integers(1, 4))
    rho = draw(st.sampled_from([0.9, 0.999]))
    rowwise = kind != "sgd" and draw(st.booleans())
    return Optimizer(kind, momentum, 0.9, 0.99, rho, 1e-2, l2, period, rowwise)


def some_targets(
    rng: np.random.Generator, loss: str, n: int, n_out: int, max_labels: int = 3
) -> Any:
    if loss == "squared":
        return rng.normal(size=(n, n_out)).astype(np.float32)
    counts = np.minimum(rng.integers(0, max_labels + 1, n), n_out)
    return [np.sort(rng.choice(n_out, count, replace=False)) for count in counts]


@st.composite
def cases(
    draw: Any,
    n_layers: int | None = None,
    loss: str | None = None,
    kinds: Any = KINDS,
    bag: bool = False,
) -> Case:
    d, n = draw(SIZES), draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(SEEDS))
    model = draw(models(d, n_layers, loss, bag))
    X = examples(rng, n, d, draw(kinds))
    optimizer, level = draw(optimizers()), draw(LEVELS)
    first = model.layers[0]
    # What adaptive dropout draws is read off the core once: no weight moves before the last draw.
    is_adaptive = isinstance(first.gate, AdaptiveDropout)
    batch_size = n if is_adaptive else draw(st.integers(1, 5))
    order = rng.permutation(n)
    n_batches = -(-n // batch_size)
    # The squared loss of a wide layer is steep: larger steps would diverge, and differ at the end.
    rates = rng.uniform(0.01, 0.1, n_batches) * (0.1 if model.loss == "squared" else 1)
    _core.set_simd_level(level)  # a row's odds depend on it in their last bits
    if isinstance(first.gate, Dropout | AdaptiveDropout):
        first.gate = replace(first.gate, chosen=native.rows_of(first.gate, first.rows, X))
    elif isinstance(first.gate, Hashed) and isinstance(first.gate.index, TableIndex):
        first.gate = replace(first.gate, proposed=native.rows_of(first.gate, first.rows, X))
    return Case(
        model,
        X,
        draw(st.sampled_from(["dense", "sparse"])),
        some_targets(rng, model.loss, n, len(model.layers[-1].rows)),
        order,
        rates.astype(np.float32),
        batch_size,
        optimizer,
        {"adagrad": 0.1, "rms": 1.0}.get(optimizer.kind, 0.0),
        level,
    )


def trained_like_the_twin(case: Case, how: dict[str, Any]) -> Any:
    """Train a case both ways; its losses and what each example chose are the same. Returns the
    core's network, the twin's states, and both results."""
    _core.set_simd_level(case.level)
    net, states = case.network(), case.states()
    want = case.twin(states)
    assume(want.record.is_clear)
    got = case.train(net, **how)
    assert_allclose(got.loss, want.loss, rtol=1e-3, atol=1e-4)
    for used, twins in zip(got.usage, reference.usage(want.record), strict=True):
        assert_array_equal(used, twins)
    return net, states, got, want


def assert_uniform(hits: np.ndarray, probability: float, n_draws: int) -> None:
    """Each of `hits` counts how often an id was among the drawn; chi-square at 1 in 10,000.
    Drawn without replacement, counts vary less than independent ones: (n - 1) / n, corrected."""
    n, expected = len(hits), n_draws * probability
    statistic = ((hits - expected) ** 2).sum() / (expected * (1 - probability)) * (n - 1) / n
    assert statistic < stats.chi2.ppf(1 - 1e-4, n - 1), (hits, expected)
