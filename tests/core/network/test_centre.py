"""Centred updates: a row that pays what it owes is a row that learned from centred inputs."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

import fewfire as ff
import reference
from fewfire import _core
from fewfire.data.core_views import core_inputs, core_targets
from fewfire.gates import Sign, TopK
from fewfire.training.optimizer_state import OptimizerState
from reference.losses import squared_loss

RNG = np.random.default_rng(0)
N, WIDTH, ROWS = 60, 9, 4
X = (RNG.random((N, WIDTH)) * (RNG.random((N, WIDTH)) < 0.6)).astype(np.float32)
X[::7] = 0  # no input at all: the mean input still has a gradient
Y = RNG.normal(size=(N, ROWS)).astype(np.float32)
MEAN = X.mean(axis=0)
SCALE = RNG.uniform(0.3, 3, WIDTH).astype(np.float32)
RULES = {
    "rms": ff.optim.RMS(lr=0.01, rowwise=True, centred=True),
    "rms, decay": ff.optim.RMS(lr=0.01, l2=0.5, rowwise=True, centred=True),
    "adagrad": ff.optim.Adagrad(lr=0.05, rowwise=True, centred=True),
}


def made():
    net = ff.Network(ff.Linear(WIDTH, ROWS, gate=TopK(1.0)))  # computes every row
    net.loss = "squared"
    net.layers[0].bias[...] = -(net.layers[0].weights @ MEAN)
    return net


def train(net, data, state, order, rates, batch_size, settle_every):
    """Train a slice of some steps at a time, and let all rows pay after each."""
    inputs, targets, n = core_inputs(data), core_targets(data), settle_every
    for first in range(0, len(rates), n):
        own = rates[first : first + n]
        ids = order[first * batch_size : (first + n) * batch_size]
        how = (batch_size, state.core, state.states, first, 0, 1, True)
        _core.train(net.core, inputs, targets, ids, own, *how)
        _core.settle(net.core, state.core, state.states, first + len(own), 1)


def centre(state, mean, scale=1.0):
    """Give the first layer its mean input, and the scale of what is left."""
    owing = state.owing[0]
    owing.mean[...], owing.scale[...], owing.stride[...] = mean, scale, mean * scale


def twin(rule, weights, rates, order, batch_size, scale):
    """Weights and biases of rows that see u = (x - mean) root(scale): z = w' u + b, all columns
    move."""
    root = np.sqrt(scale)
    w, b = weights / root, np.zeros(ROWS)
    second, second_bias = np.zeros(ROWS), np.zeros(ROWS)
    period = _period(rule)
    for step, rate in enumerate(rates, 1):
        batch = order[(step - 1) * batch_size : step * batch_size]
        inputs = (X[batch] - MEAN) * root
        deltas = np.array(
            [squared_loss(w @ x + b, Y[i])[1] for x, i in zip(inputs, batch, strict=True)]
        )
        g, g_bias = deltas.T @ inputs / len(batch), deltas.mean(axis=0)
        if rule.l2 and step % period == 0:
            w *= (1 - rate * rule.l2) ** period
        keep, gain = (rule.rho, 1 - rule.rho) if isinstance(rule, ff.optim.RMS) else (1, 1)
        if isinstance(rule, ff.optim.RMS) and step == 1:  # it starts at the first square
            second = (g**2).mean(axis=1)
        second = keep * second + gain * (g**2).mean(axis=1)
        second_bias = keep * second_bias + gain * g_bias**2
        w = w - rate * g / (np.sqrt(second) + rule.eps)[:, None]
        b = b - rate * g_bias / (np.sqrt(second_bias) + rule.eps)
    return w * root, b


def _period(rule):
    decay = rule.lr * rule.l2
    return round(max(1.0, 2**-8 / decay)) if decay else 1


@pytest.mark.parametrize("scale", [np.ones_like(SCALE), SCALE], ids=["as it is", "scaled"])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("batch_size", [1, 5])
@pytest.mark.parametrize("name", RULES)
def test_rows_that_pay_at_once_learn_as_from_centred_inputs(name, batch_size, sparse, scale):
    rule, net = RULES[name], made()
    data = ff.Dataset(csr_array(X) if sparse else X, Y)
    order = np.arange(N, dtype=np.int64)
    rates = np.full(N // batch_size, rule.lr, np.float32)
    state = OptimizerState(net, rule)
    centre(state, MEAN, scale)
    before = net.layers[0].weights.copy()
    train(net, data, state, order, rates, batch_size, 1)
    w, b = twin(rule, before, rates, order, batch_size, scale)
    assert_allclose(net.layers[0].weights, w, rtol=1e-3, atol=1e-4)
    assert_allclose(net.layers[0].bias + net.layers[0].weights @ MEAN, b, rtol=1e-3, atol=1e-4)
    assert not state.owing[0].owed.any()


def test_an_index_hears_of_payments():
    gate = ff.Hashed(density=0.3)
    net = ff.Network(ff.Linear(WIDTH, 40, "relu", gate), ff.Linear(40, ROWS))
    net.loss = "squared"
    data, state = ff.Dataset(X, Y), OptimizerState(net, RULES["rms"])
    centre(state, 5 * MEAN)
    rates = np.full(2 * N, 0.01, np.float32)
    order = np.tile(np.arange(N, dtype=np.int64), 2)
    for settle_every in (len(rates), 7):
        train(net, data, state, order, rates, 1, settle_every)
        assert_array_equal(net.layers[0].index.bits, reference.sign_bits(net.layers[0].weights))
    assert state.owing[0].n_owed.max() == 0


@pytest.mark.parametrize("family", [Sign(), Sign(alpha=0.2), Sign(n_columns=5)])
@pytest.mark.parametrize("name", RULES)
def test_the_mean_input_has_its_exact_score_all_the_while(name, family):
    """By signs: a_i s_i . m + offset_i = w_i . m, whatever rows owe, and however they moved."""
    net = ff.Network(
        ff.Linear(WIDTH, 40, "relu", ff.Hashed(0.3, family)), ff.Linear(40, ROWS), random_state=3
    )
    net.loss = "squared"
    layer, data, state = net.layers[0], ff.Dataset(X, Y), OptimizerState(net, RULES[name])
    index = layer.index
    layer.center[...] = MEAN
    centre(state, MEAN, SCALE)
    layer.refresh()
    before, order = layer.weights.copy(), np.arange(N, dtype=np.int64)
    for first in range(0, N, 20):
        how = (1, state.core, state.states, first, 0, 1, True)
        inputs, targets = core_inputs(data), core_targets(data)
        rates = np.full(20, 0.02, np.float32)
        _core.train(net.core, inputs, targets, order[first : first + 20], rates, *how)
        weights = layer.weights
        assert state.owing[0].n_owed.any()
        assert ((before > 0) != (weights > 0)).any()
        signs = np.where(weights > 0, 1, -1) @ (index.betas[0] * MEAN)
        assert_allclose(
            index.alphas[0] * signs + index.offsets[0], weights @ MEAN, rtol=1e-4, atol=1e-5
        )
    layer.refresh()
    share = np.mean(index.reads)
    sizes, betas = np.abs(layer.weights), index.betas[0]
    assert_allclose(betas, index.reads * (sizes.mean(axis=0) if family.alpha is None else 1), 1e-5)
    own = sizes @ betas / (betas @ betas)
    wanted = own if family.alpha is None else family.alpha
    assert_allclose(index.alphas[0], np.broadcast_to(wanted / share, 40), rtol=1e-5)


def test_without_a_mean_input_signs_have_no_offset():
    """A resumed training would begin without one."""
    gate = ff.Hashed(0.3, Sign(center=False))
    net = ff.Network(ff.Linear(WIDTH, 40, "relu", gate), ff.Linear(40, ROWS))
    net.loss = "squared"
    data, state = ff.Dataset(X, Y), OptimizerState(net, RULES["rms"])
    centre(state, MEAN)
    train(net, data, state, np.arange(N), np.full(N, 0.01, np.float32), 1, N)
    assert not net.layers[0].index.offsets.any()
