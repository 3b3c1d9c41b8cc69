"""Weights of 16 bits: they count as the floats that they are, a step is a float's step rounded by
lot, and lots depend on seed, step, row and column alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import native
import reference
import strategies
from fewfire import _core
from reference import (
    Bag,
    CentroidIndex,
    Layer,
    Model,
    Optimizer,
    Retrieve,
    lots,
    rounded_by,
    widened,
)

CASES = st.booleans().flatmap(lambda bag: strategies.cases(bag=bag))


def both(case):
    """The case's net on floats that bfloat16 holds, and on the bfloat16 numbers themselves."""
    _core.set_simd_level(case.level)
    for layer in case.model.layers:
        layer.rows[:, :-1] = widened(reference.nearest_bfloat16(layer.rows[:, :-1]))
    make = native.Network
    return [make(case.model, case.optimizer, case.initial, bfloat16=narrow) for narrow in (0, 1)]


@given(case=CASES, exact=st.booleans(), n_threads=st.integers(1, 3))
def test_they_score_as_the_same_floats_to_the_bit(case, exact, n_threads):
    floats, narrow = both(case)
    scores = [net.scores(case.inputs, case.order, exact=exact) for net in (floats, narrow)]
    assert_array_equal(*scores)
    k = min(5, len(case.model.layers[-1].rows))
    for of_floats, of_narrow in zip(
        floats.evaluate(case.inputs, case.native_targets, case.order, k, exact=exact)[:3],
        narrow.evaluate(
            case.inputs, case.native_targets, case.order, k, exact=exact, n_threads=n_threads
        )[:3],
        strict=True,
    ):
        assert_array_equal(of_narrow, of_floats)


def assert_is_rounded(floats, narrow, seeds, step=1):
    """All but the weights is the same, and these are the floats rounded by their lots."""
    for at, seed in enumerate(seeds):
        weights = floats.weights[at]
        by = lots(seed, 4, step, *weights.shape)
        assert_array_equal(narrow.weights[at], rounded_by(weights, by), err_msg=f"layer {at}")
    n = len(floats.weights)
    for of_floats, of_narrow in zip(floats.arrays()[n:], narrow.arrays()[n:], strict=True):
        assert_array_equal(of_narrow, of_floats)


@given(case=CASES, how=st.sampled_from([{}, {"deterministic": True, "n_threads": 3}]))
def test_a_step_is_that_of_floats_rounded_by_lot(case, how):
    """Whole rows and scattered columns, with every rule; what stays has nothing to round."""
    optimizer = replace(case.optimizer, l2=0.0)
    case = replace(case, optimizer=optimizer, batch_size=len(case.order), rates=case.rates[:1])
    floats, narrow = both(case)
    for net in (floats, narrow):
        assume(np.isfinite(case.train(net, **how).loss))
    assert_is_rounded(floats, narrow, [getattr(x, "seed", 0) for x in case.model.layers])


def retrieval(rng, n=60, width=33, index=None):
    """A bag below a last layer that keeps candidates and draws negatives."""
    output = strategies.rows(rng, n, width)
    gate = Retrieve(index or CentroidIndex(5, 2, rank="union", seed=3), 12, 20, 3)
    layers = [Bag(strategies.rows(rng, width, 40), "relu"), Layer(output, "linear", gate)]
    return Model(layers, "softmax")


@pytest.mark.parametrize("rank", ["union", "sign"])
@pytest.mark.parametrize("optimizer", strategies.RULES, ids=str)
@given(seed=strategies.SEEDS, level=strategies.LEVELS)
def test_a_sampled_layer_steps_as_floats_rounded_by_lot(rank, optimizer, seed, level):
    rng = np.random.default_rng(seed)
    X = strategies.examples(rng, 6, 40, "sparse")
    model = retrieval(rng, index=CentroidIndex(5, 2, rank=rank, seed=3))
    labels = strategies.some_targets(rng, "softmax", 6, 60)
    case = strategies.Case(
        model, X, "sparse", labels, np.arange(6), np.full(1, 0.1, np.float32), 6, optimizer, 0.1,
        level,
    )  # fmt: skip
    floats, narrow = both(case)
    assert case.train(floats).loss == case.train(narrow).loss
    assert_is_rounded(floats, narrow, [0, 0])
    if rank == "sign":  # a lot may turn a weight to 0
        want = reference.sign_bits(widened(narrow.weights[1]).T)
        assert_array_equal(narrow.index.sign_bits, want)


def decayed(rows, optimizer, factor=0.875):
    """What a step without a gradient leaves of weights, (rows, columns) and a bias."""
    net = native.Network(Model([Layer(rows, "linear")], "squared"), optimizer, bfloat16=True)
    nothing = native.vectors(np.zeros((1, rows.shape[1] - 1)))
    net.train(nothing, native.targets(np.ones((1, len(rows))), "squared"), [0], [1 - factor], 1)
    return net.weights[0]


@pytest.mark.parametrize("optimizer", strategies.RULES, ids=str)
@given(n=strategies.SIZES, d=strategies.SIZES, seed=strategies.SEEDS)
def test_decay_is_rounded_by_lots_of_its_own(optimizer, n, d, seed):
    rows = strategies.rows(np.random.default_rng(seed), n, d)
    before = widened(reference.nearest_bfloat16(rows[:, :-1]))
    want = rounded_by(before * np.float32(0.875), lots(0, 3, 1, n, d))
    assert_array_equal(decayed(rows, replace(optimizer, l2=1.0)), want)


@given(case=CASES)
def test_rows_that_no_step_touches_keep_every_bit(case):
    _, net = both(case)
    before = [weights.copy() for weights in net.weights]
    case.train(net)
    for was, now, touched in zip(before, net.weights, net.touched, strict=True):
        assert_array_equal(now[touched == 0], was[touched == 0])


@given(case=CASES, n_threads=st.integers(2, 5))
def test_any_number_of_threads_gives_the_same_bits(case, n_threads):
    nets = [both(case)[1] for _ in range(2)]
    for net, threads in zip(nets, (1, n_threads), strict=True):
        case.train(net, n_threads=threads, deterministic=True)
    for one, other in zip(*(net.arrays() for net in nets), strict=True):
        assert_array_equal(one, other)


def test_lots_are_uniform_and_differ_by_step_row_and_column():
    by_step = [lots(7, 4, step, 40, 50) for step in range(1, 6)]
    drawn = np.stack(by_step)
    counts = np.bincount((drawn >> 10).ravel(), minlength=64)
    strategies.assert_uniform(counts, 1 / 64, drawn.size)
    for axis in range(3):
        pairs = np.corrcoef(
            drawn.take(range(drawn.shape[axis] - 1), axis).ravel(),
            drawn.take(range(1, drawn.shape[axis]), axis).ravel(),
        )
        assert abs(pairs[0, 1]) < 0.05


def test_tiny_steps_move_weights_by_their_mean():
    """Each is a hundredth of what the nearest rounding would notice."""
    n, d, steps = 50, 40, 100
    rows = np.hstack([np.ones((n, d)), np.zeros((n, 1))])
    net = native.Network(Model([Layer(rows, "linear")], "squared"), Optimizer(), bfloat16=True)
    net.layers[0] = _core.Linear(net.weights[0], net.bias[0], "linear", None, False)
    net.model = _core.Model(net.layers, "squared")
    tiny, x = 2.0**-14, np.ones((1, d))
    for step in range(steps):
        z = net.scores(native.vectors(x), [0])
        targets = native.targets(z - 1, "squared")  # a gradient of 1
        net.train(native.vectors(x), targets, [0], [tiny], 1, first_step=step)
    moved = 1.0 - widened(net.weights[0])
    # A weight moves by steps of 2^-8 with chance 2^-6: the mean of 2,000 is steps * tiny.
    error = np.sqrt(steps * tiny * 2.0**-8 / (n * d))
    assert_allclose(moved.mean(), steps * tiny, atol=5 * error)


def test_what_is_infinite_or_no_number_stays_it():
    rows = np.array([[np.inf, -np.inf, np.nan, 1.0, 0.0]])
    weights = widened(decayed(rows, Optimizer(l2=1.0)))[0]
    assert_array_equal(weights[:3], rows[0, :3])
    assert 0.8 < weights[3] < 0.9
