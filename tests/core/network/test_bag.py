"""A layer stored input by input: the twin's; moves only what examples hold; dropout by content."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import native
import reference
import strategies
from fewfire import _core
from reference import FIELDS, Bag, Hashed, Layer, Model, Optimizer, SignIndex, TopK

BAGS = strategies.cases(bag=True)
HOW = st.sampled_from([{}, {"deterministic": True, "n_threads": 2}])


@given(case=BAGS, how=HOW)
def test_training_equals_the_twin_and_costs_as_much(case, how):
    net, states, got, want = strategies.trained_like_the_twin(case, how)
    assert_array_equal(got.ledger, reference.ledger(want.record))
    for at, (layer, state) in enumerate(zip(case.model.layers, states, strict=True)):
        assert_allclose(net.rows(at, is_bag=at == 0), layer.rows, rtol=1e-3, atol=1e-4)
        assert_array_equal(net.touched[at], state.touched)
    (state, *_), (moments, *_) = states, net.moments
    for (weights, bias), inputs, biases in zip(
        moments, state.moments, state.bias.moments, strict=True
    ):
        assert_allclose(weights, inputs[:, :-1], rtol=1e-3, atol=1e-4)
        assert_allclose(bias, biases[0, :-1], rtol=1e-3, atol=1e-4)


@given(case=BAGS, exact=st.booleans(), n_threads=st.integers(1, 3))
def test_predictions_equal_the_twin(case, exact, n_threads):
    _core.set_simd_level(case.level)
    want, record = reference.scores(case.model, case.X, case.order, exact)
    assume(record.is_clear)
    got = case.network().scores(case.inputs, case.order, exact=exact, n_threads=n_threads)
    assert_allclose(got, want, rtol=1e-4, atol=1e-5)


@given(case=strategies.cases(n_layers=2, bag=True), how=HOW)
def test_a_bag_trains_like_the_layer_that_it_is(case, how):
    """By SGD, where rows of a Linear without a gradient have nothing to decay."""
    _core.set_simd_level(case.level)
    bag, above = case.model.layers
    above.gate = None
    sgd = Optimizer(l2=0.0)
    nets = [
        native.Network(Model([first, Layer(above.rows, above.activation)], case.model.loss), sgd)
        for first in (bag, Layer(bag.rows, bag.activation))
    ]
    assume(case.twin(case.states()).record.is_clear)
    scores = [net.scores(case.inputs, case.order) for net in nets]
    assert_allclose(*scores, rtol=1e-4, atol=1e-5)
    for net in nets:
        case.train(net, **how)
    for at in (0, 1):
        got, want = (net.rows(at, is_bag=net is nets[0] and at == 0) for net in nets)
        assert_allclose(got, want, rtol=1e-4, atol=1e-5)


@given(case=BAGS, input_dropout=st.sampled_from([0, 0.4]), dropout=st.sampled_from([0, 0.4]))
def test_inputs_that_no_example_holds_keep_every_bit(case, input_dropout, dropout):
    _core.set_simd_level(case.level)
    bag = case.model.layers[0]
    bag.input_dropout, bag.dropout = input_dropout, dropout
    net = case.network()
    arrays = [net.weights[0], net.touched[0], *(weights for weights, _ in net.moments[0])]
    before = [array.copy() for array in arrays]
    case.train(net)
    unread = ~case.X[case.order].any(axis=0)
    for was, now in zip(before, arrays, strict=True):
        assert_array_equal(now[unread], was[unread])
    assert not net.touched[0][unread].any()


@given(case=BAGS, share=st.sampled_from([0, 0.3]), epoch=st.integers(0, 3))
def test_threads_do_not_change_a_bit(case, share, epoch):
    _core.set_simd_level(case.level)
    bag = case.model.layers[0]
    bag.input_dropout = bag.dropout = share
    ran = []
    for how in ({}, *({"deterministic": True, "n_threads": n} for n in (1, 2, 3))):
        net = case.network()
        trained = case.train(net, epoch=epoch, **how)
        ran.append([np.float64(trained.loss), trained.ledger, *trained.usage, *net.arrays()])
    for other in ran[1:]:
        for a, b in zip(ran[0], other, strict=True):
            assert_array_equal(a, b)


# -- dropout ------------------------------------------------------------------------------------

FAR = 1e3  # a target that no value reaches, so that every value has a gradient


def apart(rng, n, d):
    """Examples of which no two hold the same input, every input in one: (n, d), (n, d) bool."""
    held = rng.permutation(np.arange(d) % n) == np.arange(n)[:, None]
    return (held * rng.uniform(0.5, 2, (n, d))).astype(np.float32), held


def kept(bag, X, order, batch_size, epoch=0, **how):
    """What dropout keeps: inputs of each example (n, d), neurons of each example (n, rows), for
    examples apart. An input that is left out is not touched, a neuron's gradient is 0."""
    net = native.Network(Model([bag], "squared"))
    before = net.weights[0].copy()
    y = native.targets(np.full((len(X), len(bag.rows)), FAR), "squared")
    rates = np.full(-(-len(order) // batch_size), 1.0)
    net.train(native.vectors(X, "sparse"), y, order, rates, batch_size, epoch=epoch, **how)
    inputs = (X != 0) & (net.touched[0] > 0)
    changed = (net.weights[0] != before).astype(int)
    return inputs, (inputs.astype(int) @ changed > 0)


def make_bag(rng, n, d, activation="linear", **options):
    return Bag(strategies.rows(rng, n, d), activation, **options)


@given(
    n=st.integers(1, 8),
    size=strategies.SIZES,
    share=st.sampled_from([0.2, 0.5]),
    seed=strategies.SEEDS,
    epoch=st.integers(0, 5),
    batch_size=st.integers(1, 8),
    n_threads=st.integers(1, 3),
)
def test_what_is_dropped_depends_on_content_epoch_and_seed_alone(
    n, size, share, seed, epoch, batch_size, n_threads
):
    rng = np.random.default_rng(seed)
    X, _ = apart(rng, n, 60 * n)
    bag = make_bag(rng, size, 60 * n, input_dropout=share, dropout=share, seed=seed)
    inputs, neurons = kept(bag, X, range(n), 1, epoch)
    how = {"deterministic": True, "n_threads": n_threads}
    order = rng.permutation(n)
    for found, want in zip(kept(bag, X, order, batch_size, epoch, **how), (inputs, neurons),
                           strict=True):  # fmt: skip
        assert_array_equal(found[inputs.any(axis=1)], want[inputs.any(axis=1)])
    others = [
        kept(bag, X, range(n), 1, epoch + 1),
        kept(Bag(**{**vars(bag), "seed": seed + 7}), X, range(n), 1, epoch),
    ]
    assert not any(np.array_equal(other, inputs) for other, _ in others)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_dropout_drops_its_share_and_the_mean_value_stays(share):
    """Of 50 inputs and 20 neurons, over 4,000 epochs."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(1, 50)).astype(np.float32)
    n = 4000
    for options in ({"input_dropout": share}, {"dropout": share}):
        bag = make_bag(rng, 20, 50, seed=1, **options)
        bag.rows[:, -1] = 0
        net = native.Network(Model([bag], "squared"))
        X, y, fresh = (
            native.vectors(x),
            native.targets(np.zeros((1, 20)), "squared"),
            net.weights[0].copy(),
        )
        scale = 1 / (1 - options.get("dropout", 0))
        values, hits = np.empty((n, 20)), np.zeros(50)
        for epoch in range(n):
            net.weights[0][:], net.bias[0][:], net.touched[0][:] = fresh, 0, 0
            net.train(X, y, [0], [1.0], 1, epoch=epoch)
            values[epoch] = -net.bias[0] / scale  # the gradient of a bias: value x scale
            hits += net.touched[0]
        net.weights[0][:], net.bias[0][:] = fresh, 0
        (want,) = net.scores(X, [0])
        error = values.std(axis=0) / np.sqrt(n)
        assert (np.abs(values.mean(axis=0) - want) <= 4 * error).all()
        if "dropout" in options:
            hits = (values != 0).sum(axis=0)
        assert np.abs(hits - n * (1 - share)).max() <= 4 * np.sqrt(n * share * (1 - share))


@given(case=BAGS, exact=st.booleans())
def test_prediction_drops_nothing(case, exact):
    _core.set_simd_level(case.level)
    whole = case.network().scores(case.inputs, case.order, exact=exact)
    bag = case.model.layers[0]
    bag.input_dropout, bag.dropout = 0.5, 0.5
    assert_array_equal(case.network().scores(case.inputs, case.order, exact=exact), whole)


@pytest.mark.parametrize("loss", ["softmax", "decoupled", "logistic"])
@pytest.mark.parametrize("activation", reference.ACTIVATIONS)
@pytest.mark.parametrize("shares", [(0.3, 0), (0, 0.3), (0.4, 0.5)])
def test_gradients_under_dropout_equal_finite_differences_at_its_mask(loss, activation, shares):
    """A step of SGD at rate 1; what is dropped is read off a net of the bag alone."""
    rng = np.random.default_rng(11)
    n, d, width, n_out = 5, 30, 17, 6
    X, _ = apart(rng, n, d)
    options = {"input_dropout": shares[0], "dropout": shares[1], "seed": 4}
    bag = make_bag(rng, width, d, activation, **options)
    output = strategies.rows(rng, n_out, width)
    inputs, neurons = kept(make_bag(rng, width, d, **options), X, range(n), 1, epoch=2)
    assert inputs.any(axis=1).all()
    targets = [np.sort(rng.choice(n_out, 2, replace=False)) for _ in range(n)]

    def mean_loss():
        x = X * inputs / (1 - shares[0])
        z = x @ bag.weights.T + bag.bias
        hidden = reference.ACTIVATIONS[activation](z) * neurons / (1 - shares[1])
        scores = hidden @ output[:, :-1].T + output[:, -1]
        is_label = [np.isin(np.arange(n_out), own) for own in targets]
        return np.mean(
            [reference.LOSSES[loss](z, y)[0] for z, y in zip(scores, is_label, strict=True)]
        )

    net = native.Network(Model([bag, Layer(output, "linear")], loss))
    labels = native.targets(targets, loss)
    trained = net.train(native.vectors(X), labels, np.arange(n), [1.0], n, epoch=2)
    assert_allclose(trained.loss / n, mean_loss(), rtol=1e-5)
    gradient = bag.rows - net.rows(0, is_bag=True)
    for i, j in [*rng.integers(0, bag.rows.shape, (40, 2)), *((i, d) for i in range(width))]:
        here, h = bag.rows[i, j], 1e-6
        bag.rows[i, j] = here + h
        above = mean_loss()
        bag.rows[i, j] = here - h
        slope = (above - mean_loss()) / (2 * h)
        bag.rows[i, j] = here
        assert_allclose(gradient[i, j], slope, rtol=1e-3, atol=1e-5)


# -- what may happen, and what it costs ----------------------------------------------------------


@pytest.mark.parametrize("level", native.LEVELS)
@pytest.mark.parametrize("loss", ["softmax", "decoupled", "logistic", "squared"])
@pytest.mark.parametrize("gate", [None, TopK(2, True, True), Hashed(SignIndex(0.1), 2, 3)], ids=str)
@pytest.mark.parametrize("fill", [0, 1, np.float32(1e18), np.float32(3e38), np.nan], ids=str)
@pytest.mark.parametrize("n", [1, 5])
def test_degenerate_bags_do_not_crash(level, loss, gate, fill, n):
    """Equal weights, one neuron, empty examples, no labels, overflow: any number, but no crash."""
    _core.set_simd_level(level)
    bag = Bag(np.full((n, 4), float(fill)), "relu", input_dropout=0.5, dropout=0.5, seed=1)
    output = Layer(np.ones((n, n + 1)), "relu" if loss == "squared" else "linear", gate)
    net = native.Network(Model([bag, output], loss), Optimizer("adam", l2=1))
    X = np.array([[0, 0, 0], [1, 0, -1], [fill, fill, fill]], np.float32)
    targets = [np.array([0]), np.array([], int), np.arange(n)]
    y = native.targets(np.ones((3, n)) if loss == "squared" else targets, loss)
    for form in ("dense", "sparse"):
        inputs = native.vectors(X, form)
        for how in ({}, {"n_threads": 2, "deterministic": True}, {"n_threads": 2}):
            net.train(inputs, y, [0, 1, 2, 2], [0.1, 0.1], 2, **how)
        ids, *_ = net.evaluate(inputs, None, [2, 1, 0], n)
        assert ((ids >= -1) & (ids < n)).all()


def test_a_step_costs_what_was_worked_out_by_hand():
    """Two examples of 2 and 1 inputs, sharing one; 3 neurons; row-wise Adam."""
    net = native.Network(
        Model([Bag(np.ones((3, 6)), "linear")], "squared"), Optimizer("adam", rowwise=True)
    )
    X = np.array([[1, 0, 0, 2, 0], [0, 0, 0, 1, 0]], np.float32)
    y = native.targets(np.zeros((2, 3)), "squared")
    trained = net.train(native.vectors(X, "sparse"), y, [0, 1], [0.1], 2)
    got = dict(zip(FIELDS, trained.ledger[0].tolist(), strict=True))
    assert {name: count for name, count in got.items() if count} == {
        "forward": 3 * 3,  # inputs of all examples x neurons
        "rows_touched": 3,
        "backward": 3 * 3,
        "rows_updated": 2,  # inputs, each once
        "parameters_touched": 2 * 3 + 3,
        "optimizer": 2 * (3 * 3 + 10) + 3 * 10,  # rows with one second moment, and three biases
        "dense": 2 * 2 * 15,
        "dense_nonzero": 2 * 3 * 3,
    }
    assert_array_equal(trained.usage[0], [2, 2, 2])
    assert_array_equal(net.touched[0], [1, 0, 0, 1, 0])
