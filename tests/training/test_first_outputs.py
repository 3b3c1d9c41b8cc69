"""What a last layer answers before anything is learned, and that values may be of any unit."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.optim import RMS, SGD, Adagrad, Adam

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 6)).astype(np.float32)
VALUES = (X[:, 0] * X[:, 1] + X[:, 2]).astype(np.float32)
SPARSE = ff.Hashed(0.3)
OPTIMIZERS = {
    "Adam": Adam(lr=0.01),
    "RMS": RMS(lr=0.01, rowwise=True, centred=True),
    "Adagrad": Adagrad(lr=0.05),
    "SGD": SGD(lr=0.05),
}
GATES = {"dense": ff.gates.All(), "hashed": SPARSE}


def net_of(n_outputs, gate=SPARSE, last=None, **options):
    hidden = ff.Linear(6, 40, "relu", gate)
    return ff.Network(hidden, ff.Linear(40, n_outputs, gate=last, **options), random_state=1)


def fit(net, data, optimizer, **how):
    trainer = ff.Trainer(net, **{"optimizer": optimizer, "max_epochs": 5, "n_jobs": 1, **how})
    return trainer.fit(data)


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
@pytest.mark.parametrize(("unit", "zero"), [(1000.0, 5e4), (0.01, -3.0)])
def test_values_in_any_unit_are_learned_alike(gate, optimizer, unit, zero):
    answers = []
    for y in (VALUES, unit * VALUES + zero):
        data = ff.Dataset(X, y, kind="values")
        net = net_of(1, gate)
        fit(net, data, optimizer, batch_size=4)
        answers.append((net.decision_function(data).ravel() - y.mean()) / y.std())
    standard = (VALUES - VALUES.mean()) / VALUES.std()
    assert ((answers[0] - standard) ** 2).mean() < 0.6
    assert ((answers[0] - answers[1]) ** 2).mean() < 0.01  # the last bit decides what gates choose


def test_values_start_at_their_mean_with_weights_of_their_size():
    data = ff.Dataset(X, VALUES, kind="values")
    net, other = net_of(1), net_of(1)
    fit(net, data, SGD(lr=1e-12), max_epochs=1)
    assert_allclose(net.layers[-1].bias, VALUES.mean(), atol=1e-5)
    assert_allclose(
        net.layers[-1].weights, other.layers[-1].weights * VALUES.std(), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize("unit", [0.0, 1e-27, 1e-20, 1e12])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_no_unit_is_too_odd(unit, optimizer):
    data = ff.Dataset(X, unit * VALUES, kind="values")
    net = net_of(1)
    fit(net, data, optimizer)
    assert np.isfinite(net.decision_function(data)).all()


def test_values_that_are_all_the_same_are_answered():
    weights = RNG.random(300)
    for value in (1e-4, 7e8):
        data = ff.Dataset(X, np.full(300, value), kind="values", sample_weight=weights)
        net = net_of(1)
        fit(net, data, Adam(lr=1e-12))
        assert_allclose(net.layers[-1].bias, value, rtol=1e-5)


@pytest.mark.parametrize("last", [None, SPARSE], ids=["plain", "hashed"])
def test_classes_start_at_their_shares(last):
    y = np.repeat([0, 1, 2], [200, 90, 10])
    net = net_of(3, last=last)
    before = net_of(3, last=last)
    fit(net, ff.Dataset(X, y), SGD(lr=1e-12), max_epochs=1)
    counts = np.array([200.5, 90.5, 10.5])
    wanted = np.log(counts / counts.sum())
    added = net.layers[-1].bias - before.layers[-1].bias
    centred = np.zeros(3)
    assert_allclose(added - centred, wanted, atol=1e-4)


def test_labels_start_at_their_odds_and_what_is_trained_stays():
    data = ff.Dataset(X, csr_array(np.arange(300)[:, None] < np.array([300, 30])))
    net = net_of(2)
    fit(net, data, SGD(lr=1e-12), max_epochs=1)
    share = np.minimum(np.array([300.5, 30.5]) / 300, 0.99)
    assert_allclose(net.layers[-1].bias, np.log(share / (1 - share)), atol=1e-4)
    was = net.layers[-1].bias.copy()
    fit(net, data, SGD(lr=1e-12), max_epochs=1)
    assert_allclose(net.layers[-1].bias, was, atol=1e-5)


def test_a_layer_without_biases_has_none():
    net = net_of(3, bias=False)
    fit(net, ff.Dataset(X, RNG.integers(0, 3, 300)), SGD(lr=1e-12), max_epochs=1)
    assert not net.layers[-1].bias.any()
