"""One slice of training, and prediction, against the numpy twin."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import native
import reference
import strategies
from fewfire import _core
from reference import Hashed, Layer, Model, Optimizer, SignIndex, TopK


def assert_same_network(net, model, states):
    for at, (layer, state) in enumerate(zip(model.layers, states, strict=True)):
        assert_array_equal(net.touched[at], state.touched)
        assert_allclose(net.rows(at), layer.rows, rtol=1e-3, atol=1e-4, err_msg=f"layer {at}")
        for (weights, bias), moment in zip(net.moments[at], state.moments, strict=True):
            got = np.hstack([weights, bias[:, None]])
            assert_allclose(got, moment, rtol=1e-3, atol=1e-4, err_msg=f"layer {at}")


@given(case=strategies.cases(), how=st.sampled_from([{}, {"deterministic": True, "n_threads": 2}]))
def test_train_equals_the_twin(case, how):
    net, states, got, want = strategies.trained_like_the_twin(case, how)
    assert_same_network(net, case.model, states)
    if case.model.loss != "squared":
        assert got.n_correct == want.n_correct


@given(case=strategies.cases(), exact=st.booleans(), n_threads=st.integers(1, 4))
def test_predictions_equal_the_twin(case, exact, n_threads):
    _core.set_simd_level(case.level)
    net = case.network()
    want, record = reference.scores(case.model, case.X, case.order, exact)
    assume(record.is_clear)
    got = net.scores(case.inputs, case.order, exact=exact, n_threads=n_threads)
    assert_allclose(got, want, rtol=1e-4, atol=1e-5)

    k = min(1 + len(case.order) % 7, net.weights[-1].shape[0])
    ids, top, *_ = net.evaluate(case.inputs, None, case.order, k, exact=exact, n_threads=n_threads)
    assert_array_equal(ids >= 0, np.isfinite(top))
    assert_array_equal((ids >= 0).sum(axis=1), np.minimum(k, np.isfinite(got).sum(axis=1)))
    assert_array_equal(top, reference.best(got, k)[1])
    rows, columns = np.nonzero(ids >= 0)
    assert_array_equal(got[rows, ids[rows, columns]], top[rows, columns])


@given(case=strategies.cases(), exact=st.booleans())
def test_evaluation_losses_equal_the_twin(case, exact):
    _core.set_simd_level(case.level)
    case.model.layers[-1].gate = None  # a label that is not computed has no softmax
    net = case.network()
    _, record = reference.scores(case.model, case.X, case.order, exact)
    assume(record.is_clear)
    loss = net.evaluate(case.inputs, case.native_targets, case.order, 1, exact=exact)[2]
    want = reference.losses(case.model, case.X, case.targets, case.order, exact)
    assert_allclose(loss, want, rtol=1e-4, atol=1e-4)


@given(case=strategies.cases(kinds=st.sampled_from(["grid", "sparse"])))
def test_parameters_nobody_touched_keep_every_bit(case):
    _core.set_simd_level(case.level)
    net = case.network()
    before = net.copy_of_arrays()
    case.train(net)
    for was, now in zip(before, net.arrays(), strict=True):
        at = next(i for i, arrays in enumerate(owners(net)) if any(now is a for a in arrays))
        untouched = net.touched[at] == 0
        assert_array_equal(now[untouched], was[untouched])
    unread = np.flatnonzero(~case.X[case.order].any(axis=0))
    if case.optimizer.l2 == 0:
        was = before[0][:, unread]
        assert_array_equal(net.weights[0][:, unread], was)


def owners(net):
    """The arrays of each layer."""
    for at in range(len(net.weights)):
        moments = [array for pair in net.moments[at] for array in pair]
        yield [net.weights[at], net.bias[at], net.touched[at], *moments]


@given(case=strategies.cases())
def test_no_example_is_no_change(case):
    net = case.network()
    before = net.copy_of_arrays()
    empty = np.empty(0, np.int64)
    got = net.train(case.inputs, case.native_targets, empty, np.empty(0), case.batch_size)
    assert got.loss == 0
    assert got.n_correct == 0
    assert not got.ledger.any()
    for was, now in zip(before, net.arrays(), strict=True):
        assert_array_equal(now, was)


def toy_net(gate, activation="tanh", loss="softmax"):
    rng = np.random.default_rng(7)
    layers = [
        Layer(strategies.rows(rng, 33, 17), activation, gate),
        Layer(strategies.rows(rng, 16, 33), activation, gate and TopK(7)),
        Layer(strategies.rows(rng, 5, 16), "linear"),
    ]
    return Model(layers, loss), strategies.examples(rng, 6, 17, "gaussian"), rng


GATED = [
    ("tanh", None),
    ("sigmoid", None),
    ("relu", TopK(9)),
    ("relu", TopK(9, soft=True, differentiate=True)),
    ("relu", Hashed(SignIndex(0.1), 9, 20, soft=True, differentiate=True)),
    ("tanh", Hashed(SignIndex(0.1), 9, 20)),
]


@pytest.mark.parametrize("loss", ["softmax", "logistic", "squared"])
@pytest.mark.parametrize(("activation", "gate"), GATED)
def test_gradients_equal_finite_differences(activation, gate, loss):
    """The twin in float64, and the core through one step of SGD at rate 1. The difference is far
    smaller than any gate's margin, so the gate stands still; a threshold that is differentiated
    must move."""
    model, X, rng = toy_net(gate, activation, loss)
    n = len(X)
    targets = strategies.some_targets(rng, loss, n, 5)
    net = native.Network(model)
    before = [array.copy() for array in net.weights]
    net.train(native.vectors(X), native.targets(targets, loss), np.arange(n), [1.0], n)

    def mean_loss():
        return reference.losses(model, X, targets, range(n)).mean()

    assert reference.scores(model, X, range(n)).record.margin > 1e-4
    for at, layer in enumerate(model.layers):
        gradient = before[at].astype(float) - net.weights[at]
        for i, j in rng.integers(0, layer.weights.shape, (40, 2)):
            here, h = layer.rows[i, j], 1e-6
            layer.rows[i, j] = here + h
            above = mean_loss()
            layer.rows[i, j] = here - h
            slope = (above - mean_loss()) / (2 * h)
            layer.rows[i, j] = here
            assert_allclose(gradient[i, j], slope, rtol=1e-3, atol=1e-5)


def test_gradients_of_the_core_equal_its_own_finite_differences():
    model, X, rng = toy_net(None, "tanh")
    n, everyone = len(X), np.arange(len(X))
    inputs, targets = native.vectors(X), native.targets(rng.integers(0, 5, (n, 1)), "softmax")
    net, fixed = native.Network(model), native.Network(model)
    net.train(inputs, targets, everyone, [1.0], n)
    for at, weights in enumerate(fixed.weights):
        for i, j in rng.integers(0, weights.shape, (30, 2)):
            here, h = weights[i, j].copy(), np.float32(1e-2)
            weights[i, j] = here + h
            above = fixed.evaluate(inputs, targets, everyone, 1)[2].mean()
            weights[i, j] = here - h
            slope = (above - fixed.evaluate(inputs, targets, everyone, 1)[2].mean()) / (2 * h)
            weights[i, j] = here
            assert_allclose(here - net.weights[at][i, j], slope, rtol=2e-2, atol=2e-4)


HUGE = np.float32(1e18)


@pytest.mark.parametrize("level", native.LEVELS)
@pytest.mark.parametrize("loss", ["softmax", "logistic", "squared"])
@pytest.mark.parametrize(
    "gate",
    [None, TopK(1), TopK(3, True, True), Hashed(SignIndex(0.1), 2, 3, True), TopK(99)],
    ids=str,
)
@pytest.mark.parametrize("fill", [0, 1, -1, HUGE, np.float32(3e38), np.nan], ids=str)
@pytest.mark.parametrize("n", [1, 5])
def test_degenerate_nets_and_inputs_do_not_crash(level, loss, gate, fill, n):
    """All weights equal, one-row layers, empty examples, overflow: any number, but no crash."""
    _core.set_simd_level(level)
    last = "relu" if loss == "squared" else "linear"
    hidden, output = np.full((n, 4), float(fill)), np.ones((n, n + 1))
    model = Model([Layer(hidden, "relu", gate), Layer(output, last)], loss)
    net = native.Network(model, Optimizer("adam", l2=1))
    X = np.array([[0, 0, 0], [1, 0, -1], [fill, fill, fill]], np.float32)
    targets = [np.array([0]), np.array([], int), np.arange(n)]
    if loss == "squared":
        targets = np.ones((3, n))
    for form in ("dense", "sparse"):
        inputs = native.vectors(X, form)
        net.train(inputs, native.targets(targets, loss), [0, 1, 2, 2], [0.1, 0.1], 2)
        ids, *_ = net.evaluate(inputs, None, [2, 1, 0], n)
        assert ids.shape == (3, n)
        assert ((ids >= -1) & (ids < n)).all()
