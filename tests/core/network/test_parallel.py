"""Threads: the same bits where they are promised, and learning where they are not."""

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import native
import strategies
from fewfire import _core
from reference import Dropout, Hashed, Layer, Model, Optimizer, SignIndex, TopK


def run(case, epochs=2, **how):
    """Everything that training returns and leaves behind."""
    net, left = case.network(), []
    for epoch in range(epochs):
        trained = case.train(net, first_step=epoch * len(case.rates), epoch=epoch, **how)
        left += [np.float64(trained.loss), trained.n_correct, trained.ledger, *trained.usage]
    return [*left, *net.arrays()]


def assert_same_bits(first, second):
    for a, b in zip(first, second, strict=True):
        assert_array_equal(a, b)


@given(case=strategies.cases(kinds=st.sampled_from(["gaussian", "grid"])))
def test_one_thread_gives_the_same_bits_twice(case):
    _core.set_simd_level(case.level)
    assert_same_bits(run(case), run(case))


@given(case=strategies.cases(kinds=st.sampled_from(["gaussian", "grid"])))
def test_deterministic_training_gives_the_same_bits_for_any_number_of_threads(case):
    _core.set_simd_level(case.level)
    one = run(case)
    for n_threads in (1, 2, 3, 4):
        assert_same_bits(run(case, deterministic=True, n_threads=n_threads), one)


@given(case=strategies.cases(), exact=st.booleans())
def test_evaluation_gives_the_same_bits_for_any_number_of_threads(case, exact):
    _core.set_simd_level(case.level)
    net, ids = case.network(), np.tile(case.order, 20)
    one, *more = (
        net.evaluate(case.inputs, None, ids, 1, exact=exact, n_threads=n) for n in (1, 2, 4)
    )
    for *other, usage in more:
        assert_same_bits([*other, *usage], [*one[:-1], *one[-1]])


def toy_problem(n_examples=400, d=20, n_classes=4):
    """Gaussian clouds around the corners; the last 5 columns are never read."""
    rng = np.random.default_rng(0)
    centers, y = rng.normal(size=(n_classes, d)) * 2, rng.integers(0, n_classes, n_examples)
    X = (centers[y] + rng.normal(size=(n_examples, d))).astype(np.float32)
    X[:, -5:] = 0
    return X, native.targets(y[:, None], "softmax")


GATES = [None, TopK(8, soft=True), Hashed(SignIndex(0.1), 8, 16, soft=True), Dropout(32, 1)]


@pytest.mark.parametrize("gate", GATES, ids=str)
@pytest.mark.parametrize("n_threads", [2, 4])
@pytest.mark.parametrize(
    "optimizer", [Optimizer("sgd"), Optimizer("adagrad"), Optimizer("adam")], ids=str
)
def test_asynchronous_training_learns_and_touches_only_active_rows(gate, n_threads, optimizer):
    """Hidden rows 40.. never win: their bias is low, so no gate keeps them and no ReLU passes them.
    Dropout draws them, but gives them no gradient."""
    X, targets = toy_problem()
    rng = np.random.default_rng(1)
    hidden, output = strategies.rows(rng, 64, 20), strategies.rows(rng, 4, 64)
    hidden[40:, -1] = -1e3
    model = Model([Layer(hidden, "relu", gate), Layer(output, "linear")])
    net = native.Network(model, optimizer)
    before = net.copy_of_arrays()
    rates = np.full(400 // 4, {"sgd": 0.05, "adagrad": 0.05, "adam": 0.005}[optimizer.kind])
    losses = []
    for epoch in range(6):
        how = {"first_step": epoch * 100, "epoch": epoch, "n_threads": n_threads}
        trained = net.train(native.vectors(X), targets, rng.permutation(400), rates, 4, **how)
        losses.append(trained.loss / 400)
    assert losses[-1] < 0.5 * losses[0]
    assert trained.n_correct > 320
    assert trained.usage[0].sum() == 400 * (gate.active if gate else 64)
    assert_array_equal(net.touched[0][40:], 0)
    assert_array_equal(net.weights[0][40:], before[0][40:])
    assert_array_equal(net.weights[0][:, -5:], before[0][:, -5:])
    for pair in net.moments[0]:
        assert not any(moment[40:].any() for moment in pair)


def test_asynchronous_sign_bits_are_those_of_the_weights_but_for_races():
    """Bits of one word belong to 64 rows, so threads must not undo each other's."""
    X, targets = toy_problem()
    rng = np.random.default_rng(1)
    hidden, output = strategies.rows(rng, 64, 20), strategies.rows(rng, 4, 64)
    net = native.Network(Model([Layer(hidden, "relu"), Layer(output, "linear")]))
    index = _core.SignIndex(64, 20, 0.1, 0)
    index.refresh(net.weights[0], net.bias[0], 1)
    gate = _core.Hashed(index, 16, 32, True, False, 0)
    net.layers[0] = _core.Linear(net.weights[0], net.bias[0], "relu", gate)
    net.model = _core.Model(net.layers, "softmax")
    inputs, rates = native.vectors(X), np.full(400, 0.1)
    for _ in range(5):
        net.train(inputs, targets, rng.permutation(400), rates, 1, n_threads=4)
    got = index.bits.copy()
    index.refresh(net.weights[0], net.bias[0], 1)
    wrong = np.bitwise_count(got ^ index.bits).sum()
    assert wrong <= 0.01 * hidden[:, :-1].size


def test_a_forked_child_can_use_threads():
    X, targets = toy_problem()
    model = Model([Layer(strategies.rows(np.random.default_rng(1), 4, 20), "linear")])
    net = native.Network(model)
    how = {"n_threads": 3, "deterministic": True}
    net.train(native.vectors(X), targets, range(400), [0.1], 400, **how)
    child = os.fork()
    if child == 0:
        net.train(native.vectors(X), targets, range(400), [0.1], 400, **how)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


WITHOUT_THREADS = """
import resource
import numpy as np
from fewfire import _core
resource.setrlimit(resource.RLIMIT_AS, (600 << 20, 600 << 20))
index = _core.SignIndex(300, 2, 0.1, 0)
try:
    index.refresh(np.ones((300, 2), np.float32), np.ones(300, np.float32), 4000)
except RuntimeError:
    print("refused")
"""


@pytest.mark.skipif("san.so" in os.environ.get("LD_PRELOAD", ""), reason="it reserves terabytes")
def test_too_many_threads_are_an_error_and_no_crash():
    ran = subprocess.run([sys.executable, "-c", WITHOUT_THREADS], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, "refused\n"), ran.stderr


@pytest.mark.parametrize("how", [{}, {"deterministic": True, "n_threads": 3}, {"n_threads": 4}])
def test_steps_conflict_only_where_threads_run_them_side_by_side(how):
    """Every step changes all four rows of the output layer."""
    X, targets = toy_problem()
    rng = np.random.default_rng(1)
    hidden, output = strategies.rows(rng, 64, 20), strategies.rows(rng, 4, 64)
    net = native.Network(Model([Layer(hidden, "relu", TopK(8)), Layer(output, "linear")]))
    order = np.tile(np.arange(400), 25)
    trained = net.train(native.vectors(X), targets, order, np.full(10_000, 1e-3), 1, **how)
    fields = dict(zip(_core.LEDGER_FIELDS, trained.ledger.T, strict=True))
    updated, conflicts = fields["rows_updated"], fields["conflicts"]
    assert updated[1] == 40_000
    assert (conflicts <= updated).all()
    side_by_side = not how.get("deterministic") and how.get("n_threads", 1) > 1
    assert (conflicts[1] > 0) == side_by_side
