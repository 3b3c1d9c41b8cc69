"""Steps in parts: what they give is what training gives, and gradients are those of the formula."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import logsumexp

import native
import strategies
from fewfire import _core
from reference import CentroidIndex, Layer, Model, Retrieve, TopK
from reference.losses import decoupled_loss, logistic_loss, softmax_loss, squared_loss

LOSSES = {
    "softmax": softmax_loss,
    "decoupled": decoupled_loss,
    "logistic": logistic_loss,
    "squared": squared_loss,
}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def in_parts(case, net, n_threads, *, gives_away=False):
    """What `train` does, by a loop of our own."""
    inputs, labels = case.inputs, case.native_targets
    stepper, losses = _core.Stepper(net.model, n_threads), []
    for i, lr in enumerate(np.asarray(case.rates, np.float32)):
        ids = case.order[i * case.batch_size : (i + 1) * case.batch_size].astype(np.int64)
        step = stepper.forward(inputs, labels, ids, 0)
        losses.append(step.losses.sum())
        step.backward(np.full(len(ids), np.float32(1) / np.float32(len(ids))))
        for at, (weights, state) in enumerate(zip(net.weights, net.states, strict=True)):
            how = net.optimizer, state, float(lr), i + 1
            if gives_away:
                stepper.learn(at, *how, *step.gradients(at, weights.shape[1]))
            else:
                step.update(at, *how)
    return sum(losses)


@given(case=strategies.cases(), n_threads=st.integers(1, 3))
def test_parts_of_a_step_are_the_step_to_the_bit(case, n_threads):
    _core.set_simd_level(case.level)
    whole, parts = case.network(), case.network()
    want = case.train(whole).loss
    assert in_parts(case, parts, n_threads) == pytest.approx(want, rel=1e-12)
    for a, b in zip(parts.arrays(), whole.arrays(), strict=True):
        assert_array_equal(a, b)


@given(case=strategies.cases())
def test_rows_learn_the_same_from_gradients_that_were_given_away(case):
    """By plain steps: moments of columns without an input would decay."""
    _core.set_simd_level(case.level)
    case = replace(case, optimizer=native.PLAIN_SGD)
    whole, parts = case.network(), case.network()
    in_parts(case, whole, 1)
    in_parts(case, parts, 1, gives_away=True)
    for a, b in zip(parts.touched, whole.touched, strict=True):
        assert_array_equal(a, b)
    for a, b in zip(parts.arrays(), whole.arrays(), strict=True):
        assert_allclose(a, b, rtol=2e-3, atol=2e-3)


class Head:
    """A last layer on inputs that are a matrix, every row of which is computed."""

    def __init__(self, rng, loss, gate, n, d, n_rows):
        self.table = rng.normal(size=(n_rows, d + 1))
        self.X = rng.normal(size=(n, d)).astype(np.float32)
        self.X[:, 0] = 0  # zeros have gradients, too
        self.targets = strategies.some_targets(rng, loss, n, n_rows, max_labels=3)
        self.twin = Model([Layer(self.table, "linear", gate)], loss)
        self.net = native.Network(self.twin)
        self.model = _core.Model(self.net.layers, loss, takes_matrix=True)
        self.loss = loss

    def forward(self, n_threads=1):
        given = native.vectors(self.X), native.targets(self.targets, self.loss)
        stepper = _core.Stepper(self.model, n_threads)
        return stepper.forward(*given, np.arange(len(self.X)), 0)

    def exact(self, scales):
        """Losses, and the gradients of inputs, weights and biases."""
        losses, inputs, table = [], [], np.zeros_like(self.table)
        for x, target, scale in zip(self.X.astype(float), self.targets, scales, strict=True):
            z = self.table[:, :-1] @ x + self.table[:, -1]
            target = target if self.loss == "squared" else np.isin(np.arange(len(z)), target)
            loss, slope = LOSSES[self.loss](z, target)
            losses.append(loss)
            inputs.append(scale * slope @ self.table[:, :-1])
            table += scale * np.outer(slope, np.append(x, 1))
        return np.array(losses), np.array(inputs), table


GATES = [
    lambda n, d: None,
    lambda n, d: TopK(n, soft=False, differentiate=False, seed=0),
    lambda n, d: Retrieve(CentroidIndex(1, 1, rank="union", seed=0), n, 0, 0, (), 0.0),
]
SHAPES = st.integers(1, 9), st.integers(1, 9), st.integers(2, 12)


@pytest.mark.parametrize("gate", GATES, ids=["dense", "topk", "retrieve"])
@pytest.mark.parametrize("loss", LOSSES)
@given(seed=strategies.SEEDS, shape=st.tuples(*SHAPES), n_threads=st.integers(1, 2))
def test_gradients_are_those_of_the_formula(loss, gate, seed, shape, n_threads):
    rng = np.random.default_rng(seed)
    head = Head(rng, loss, gate(shape[2], shape[1]), *shape)
    scales = rng.uniform(0.1, 2, shape[0]).astype(np.float32)
    losses, inputs, table = head.exact(scales)
    step = head.forward(n_threads)
    assert_allclose(step.losses, losses, rtol=1e-5, atol=1e-5)
    assert_allclose(step.backward(scales), inputs, rtol=1e-4, atol=1e-4)
    rows, values, bias = step.gradients(0, shape[1])
    found = np.zeros_like(table)
    found[rows] = np.hstack([values, bias[:, None]])
    assert_allclose(found, table, rtol=1e-4, atol=1e-4)
    assert (np.diff(rows) > 0).all()


@pytest.mark.parametrize("gate", GATES, ids=["dense", "topk", "retrieve"])
def test_partitions_are_those_of_the_softmax(gate, rng):
    head = Head(rng, "softmax", gate(11, 6), 7, 6, 11)
    head.targets[0] = np.array([], int)
    want = logsumexp(head.X @ head.table[:, :-1].T + head.table[:, -1], axis=1)
    want[[len(labels) == 0 for labels in head.targets]] = 0
    assert_allclose(head.forward().partitions, want, rtol=1e-5, atol=1e-6)


def test_an_example_without_a_label_has_no_softmax(rng):
    head = Head(rng, "softmax", GATES[2](11, 6), 3, 6, 11)
    head.targets = [np.array([1]), np.array([], int), np.array([2])]
    step = head.forward()
    assert step.losses[1] == 0
    gradients = step.backward(np.ones(3, np.float32))
    assert not gradients[1].any()
    assert gradients[0].any()


def test_steps_refuse_what_is_out_of_turn(rng):
    head = Head(rng, "softmax", None, 3, 4, 5)
    step = head.forward()
    with pytest.raises(ValueError, match="no gradients before backward"):
        step.gradients(0, 4)
    with pytest.raises(ValueError, match="a scale for each example"):
        step.backward(np.ones(2, np.float32))
    step.backward(np.ones(3, np.float32))
    with pytest.raises(ValueError, match="goes backward once"):
        step.backward(np.ones(3, np.float32))
    with pytest.raises(ValueError, match="no such layer"):
        step.gradients(1, 4)


@pytest.mark.parametrize(
    ("rows", "message"), [([0, 0], "twice"), ([0, 5], "out of range"), ([0, -1], "out of range")]
)
def test_rows_that_learn_are_checked(rng, rows, message):
    head = Head(rng, "softmax", None, 3, 4, 5)
    stepper, before = _core.Stepper(head.model, 1), head.net.copy_of_arrays()
    gradients = np.ones((2, 4), np.float32), np.ones(2, np.float32)
    with pytest.raises(ValueError, match=message):
        stepper.learn(
            0, head.net.optimizer, head.net.states[0], 1.0, 1, np.array(rows, np.int32), *gradients
        )
    for a, b in zip(head.net.arrays(), before, strict=True):
        assert_array_equal(a, b)


def test_steps_may_be_open_side_by_side(rng):
    """Their workspaces are apart, and used again when a step is gone."""
    head = Head(rng, "softmax", GATES[2](11, 6), 4, 6, 11)
    scales = np.ones(4, np.float32)
    alone = head.forward().backward(scales)
    given = native.vectors(head.X), native.targets(head.targets, head.loss)
    stepper, ids = _core.Stepper(head.model, 1), np.arange(4)
    steps = [stepper.forward(*given, ids, 0) for _ in range(3)]
    for step in steps[::-1]:
        assert_array_equal(step.backward(scales), alone)
    del steps, step
    assert_array_equal(stepper.forward(*given, ids, 0).backward(scales), alone)
