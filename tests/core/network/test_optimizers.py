"""Each rule on one row, against formulae written out again, and the decay that rows owe."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import native
import reference
import strategies
from fewfire import _core
from reference import Layer, Model, Optimizer

RATE = 0.05


def one_row(optimizer, d=3, initial=0.0):
    rows = strategies.rows(np.random.default_rng(1), 1, d)
    return native.Network(Model([Layer(rows, "linear")], "squared"), optimizer, initial)


def pull(net, x, gradient, step, rate=RATE):
    """One step in which the row's delta is exactly `gradient`."""
    x = np.asarray([x], np.float32)
    z = net.scores(native.vectors(x), [0])[0, 0]
    y = native.targets([[z - np.float32(gradient)]], "squared")
    net.train(native.vectors(x), y, [0], [rate], 1, first_step=step - 1)


def written_out(optimizer, gradients):
    """The change of one weight after steps 1, 2, ..., None where the row is not touched: the rules
    of the papers, a step at a time, with nothing lazy about them."""
    o, w, m, v = optimizer, 0.0, 0.0, 0.0
    for t, g in enumerate(gradients, start=1):
        if o.kind == "sgd":
            m = o.momentum * m + (g or 0)
            move = m
        elif o.kind == "adagrad":
            m += (g or 0) ** 2
            move = (g or 0) / (np.sqrt(m) + o.eps)
        elif o.kind == "rms":
            if o.rowwise and m == 0 and g is not None:
                m = g**2  # the first step is as long as others
            m = m if g is None else o.rho * m + (1 - o.rho) * g**2
            move = (g or 0) / (np.sqrt(m) + o.eps)
        else:
            m = o.beta1 * m + (1 - o.beta1) * (g or 0)
            v = o.beta2 * v + (1 - o.beta2) * (g or 0) ** 2
            move = (m / (1 - o.beta1**t)) / (np.sqrt(v / (1 - o.beta2**t)) + o.eps)
        if g is not None:  # lazy: a row nobody touches stands still, whatever its momentum
            w -= RATE * move
    return w


@given(
    optimizer=st.sampled_from(strategies.RULES),
    gradients=st.lists(
        st.one_of(st.none(), st.floats(0.5, 2), st.floats(-2, -0.5)), min_size=1, max_size=12
    ),
    level=strategies.LEVELS,
)
def test_a_weight_follows_its_rule_through_steps_and_gaps(optimizer, gradients, level):
    _core.set_simd_level(level)
    net = one_row(optimizer)
    before = net.weights[0].copy()
    for step, gradient in enumerate(gradients, start=1):
        if gradient is not None:
            pull(net, [1, 0, 0], gradient, step)
            assert net.touched[0][0] == step
    change = net.weights[0] - before
    assert_allclose(change[0, 0], written_out(optimizer, gradients), rtol=1e-4, atol=1e-5)
    assert_array_equal(change[0, 1:], 0)
    of_bias = written_out(replace(optimizer, rowwise=False), gradients)
    assert_allclose(net.bias[0] - one_row(optimizer).bias[0], [of_bias], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("optimizer", strategies.RULES, ids=str)
@given(d=strategies.SIZES, n=strategies.SIZES, level=strategies.LEVELS, seed=strategies.SEEDS)
def test_every_width_is_updated_alike(optimizer, d, n, level, seed):
    """Whole rows between dense layers, scattered columns under sparse inputs: no tail is lost."""
    _core.set_simd_level(level)
    rng = np.random.default_rng(seed)
    rows = [strategies.rows(rng, n, d), strategies.rows(rng, d, n)]
    model = Model([Layer(rows[0], "linear"), Layer(rows[1], "linear")], "squared")
    X = strategies.examples(rng, 3, d, "sparse")
    y = (5 + rng.random((3, d))).astype(np.float32)
    net = native.Network(model, optimizer, initial=1.0)
    states = [reference.new_state(layer, optimizer, 1.0) for layer in model.layers]
    rates = np.full(2, 0.001, np.float32)
    net.train(native.vectors(X), native.targets(y, "squared"), [0, 1, 2], rates, 2)
    reference.train(model, X, y, np.arange(3), rates, 2, optimizer, states)
    for at, layer in enumerate(model.layers):
        assert_array_equal(net.touched[at], states[at].touched)
        assert_allclose(net.weights[at], layer.weights, rtol=2e-4, atol=2e-5)
        assert_allclose(net.bias[at], layer.bias, rtol=2e-4, atol=2e-5)
        for (weights, bias), moment in zip(net.moments[at], states[at].moments, strict=True):
            assert_allclose(weights, moment[:, :-1], rtol=2e-3, atol=2e-4)
            assert_allclose(bias, moment[:, -1], rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("kind", ["adagrad", "rms", "adam"])
def test_row_wise_weights_share_the_mean_of_their_squares(kind):
    """The first step of lr g / sqrt(mean g^2) over the inputs that are not 0; the rest stands."""
    net = one_row(Optimizer(kind, beta1=0.0, rho=0.0, eps=0.0, rowwise=True), d=4)
    before = net.weights[0].copy()
    x = np.array([3, 0, -4, 5])
    pull(net, x, 2.0, step=1)
    assert_allclose(net.weights[0][0] - before[0], -RATE * x / np.sqrt(50 / 3), rtol=1e-4)
    assert net.moments[0][-1][0].shape == (1, 1)


@given(gap=st.integers(0, 50), l2=st.sampled_from([0.01, 1.0, 10.0]))
def test_l2_shrinks_whole_rows_once_for_every_step_since_the_last_touch(gap, l2):
    net = one_row(Optimizer(l2=l2))
    before, bias = net.weights[0].astype(float), net.bias[0].copy()
    pull(net, [0, 0, 0], 1.0, step=gap + 1)
    assert_allclose(net.weights[0], before * (1 - RATE * l2) ** (gap + 1), rtol=1e-4)
    assert_allclose(net.bias[0], bias - RATE, rtol=1e-5)


@given(last=st.integers(1, 50), gap=st.integers(1, 50), period=st.integers(1, 20))
def test_instalments_of_l2_fall_due_at_multiples_of_the_period(last, gap, period):
    net = one_row(Optimizer(l2=1.0, l2_period=period))
    pull(net, [0, 0, 0], 1.0, step=last)
    before = net.weights[0].astype(float)
    pull(net, [0, 0, 0], 1.0, step=last + gap)
    steps = period * sum(step % period == 0 for step in range(last + 1, last + gap + 1))
    assert_allclose(net.weights[0], before * (1 - RATE) ** steps, rtol=1e-4)


def test_a_step_that_ends_late_is_not_paid_for_twice():
    net = one_row(Optimizer(l2=1.0))
    before = net.weights[0].astype(float)
    for step in (10, 9, 11):
        pull(net, [0, 0, 0], 1.0, step)
    assert_allclose(net.weights[0], before * (1 - RATE) ** 11, rtol=1e-4)


def test_decay_too_small_for_float32_adds_up():
    net = one_row(Optimizer(l2=4e-7))
    before = net.weights[0].astype(float)
    pull(net, [0, 0, 0], 1.0, step=10**7)
    assert_allclose(net.weights[0], before * np.exp(-0.2), rtol=1e-4)


def test_l2_that_outweighs_the_rate_does_not_change_signs():
    net = one_row(Optimizer(l2=10.0))
    signs = np.sign(net.weights[0])
    pull(net, [0, 0, 0], 1.0, step=1, rate=1.0)
    assert_allclose(net.weights[0], 0, atol=1e-6)
    assert (net.weights[0] * signs >= 0).all()


@pytest.mark.parametrize("optimizer", strategies.RULES, ids=str)
def test_a_gradient_of_zero_touches_nothing(optimizer):
    net = one_row(optimizer)
    before = net.copy_of_arrays()
    pull(net, [1, 2, 3], 0.0, step=1)
    for was, now in zip(before, net.arrays(), strict=True):
        assert_array_equal(now, was)


def test_moments_of_another_type_are_refused():
    """The core would work on a hidden copy, and what it writes there is lost."""
    moments = [(np.zeros((1, 3)), np.zeros(1))]
    with pytest.raises(TypeError):
        _core.OptimizerState(moments, np.zeros(1, np.int64))
