"""Codes, tables and sign bits: equal to the twin, nothing lost, and the law of collisions."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import native
import reference
import strategies
from fewfire import _core
from reference import Hashed, Layer, Model, Optimizer, SignIndex

CLOSE = 1e-4
N_BITS, N_TABLES = st.integers(1, 9), st.integers(1, 12)


def native_query(simhash, x):
    ids, values = reference.nonzeros(x)
    return simhash.hash_query(ids.astype(np.int32), values.astype(np.float32))[:, 0]


@given(
    n=strategies.SIZES,
    d=strategies.SIZES,
    kind=strategies.KINDS,
    n_bits=N_BITS,
    n_tables=N_TABLES,
    seed=strategies.SEEDS,
    level=strategies.LEVELS,
)
def test_simhash_codes_equal_the_twin_for_rows_and_queries(
    n, d, kind, n_bits, n_tables, seed, level
):
    _core.set_simd_level(level)
    X = strategies.examples(np.random.default_rng(seed), n, d, kind)
    simhash = _core.SimHash(d, n_bits, n_tables, seed)
    projections = np.array(simhash.projections)
    assert projections.shape == (d, n_tables * n_bits)
    projected = X.astype(float) @ projections.astype(float)
    assume(np.abs(projected[projected != 0]).min(initial=1) > CLOSE)
    want = reference.simhash_codes(projected, n_bits)
    assert_array_equal(simhash.hash_rows(X, np.ones(n, np.float32)), want)
    for x, codes in zip(X, want, strict=True):
        assert_array_equal(native_query(simhash, x), codes)


def test_projections_are_standard_normal_and_differ_between_seeds():
    draws = np.array(_core.SimHash(200, 10, 50, 1).projections, float)
    n = draws.size
    assert abs(draws.mean()) < 4 / np.sqrt(n)
    assert abs(draws.var() - 1) < 4 * np.sqrt(2 / n)
    assert abs((draws**4).mean() - 3) < 4 * np.sqrt(96 / n)
    other = np.array(_core.SimHash(200, 10, 50, 2).projections, float)
    assert abs((draws * other).mean()) < 4 / np.sqrt(n)


def vector_pairs(kind, rng):
    """Pairs from nearly parallel to nearly independent."""
    for mixing in (0.1, 0.4, 1.0, 3.0):
        x = strategies.examples(rng, 20, 60, kind).astype(float) + 1e-3
        noise = rng.normal(size=60)
        if kind == "sparse":
            noise *= rng.random(60) < 0.3
        if kind == "non-negative":
            noise = np.abs(noise)
        yield x[0].astype(np.float32), (x[0] + mixing * noise).astype(np.float32)


@pytest.mark.parametrize("kind", ["gaussian", "sparse", "non-negative"])
@pytest.mark.parametrize("n_bits", [1, 4])
def test_simhash_collides_with_the_probability_of_the_angle(kind, n_bits):
    """p = 1 - angle / pi for a bit, p^K for a table, 1 - (1 - p^K)^L for L tables."""
    n_together, n_draws = 5, 4000
    rng = np.random.default_rng(11)
    for x, y in vector_pairs(kind, rng):
        simhash = _core.SimHash(60, n_bits, n_together * n_draws, int(rng.integers(2**31)))
        collide = native_query(simhash, x) == native_query(simhash, y)
        cosine = x @ y / np.linalg.norm(x) / np.linalg.norm(y)
        p = 1 - np.arccos(np.clip(cosine, -1, 1)) / np.pi
        one = p**n_bits
        some = 1 - (1 - one) ** n_together
        within_three_sigma(collide, one)
        within_three_sigma(collide.reshape(n_draws, n_together).any(axis=1), some)


def within_three_sigma(hits, probability):
    sigma = np.sqrt(probability * (1 - probability) / len(hits))
    assert abs(hits.mean() - probability) <= 3 * sigma, (hits.mean(), probability, sigma)


@given(
    family=st.sampled_from(["simhash", "dwta", "minhash"]),
    n=strategies.SIZES,
    d=strategies.SIZES,
    n_bits=N_BITS,
    n_tables=N_TABLES,
    seed=strategies.SEEDS,
    n_threads=st.integers(1, 4),
)
def test_every_row_is_in_its_bucket_of_every_table(family, n, d, n_bits, n_tables, seed, n_threads):
    """Equal to the twin's counting sort, for every number of threads."""
    rows = strategies.rows(np.random.default_rng(seed), n, d).astype(np.float32)
    weights, bias = rows[:, :-1].copy(), rows[:, -1].copy()
    hashing = native.make_hash(family, d, n_bits, n_tables, seed)
    tables = _core.TableIndex(hashing, n, "count", 0)
    tables.refresh(weights, bias, n_threads)
    tables.refresh(weights, bias, n_threads)  # nothing is left of what was there before
    codes = hashing.hash_rows(weights, bias)
    for table in range(n_tables):
        n_buckets = tables.offsets.shape[1] - 1
        offsets, in_order = reference.build_table(codes[:, table], n_buckets)
        assert_array_equal(tables.offsets[table], offsets)
        assert_array_equal(tables.rows[table], in_order)
        assert_array_equal(np.sort(tables.rows[table]), np.arange(n))


@given(n=strategies.SIZES, d=strategies.SIZES, seed=strategies.SEEDS, n_threads=st.integers(1, 4))
def test_sign_bits_are_the_signs_of_the_weights(n, d, seed, n_threads):
    rng = np.random.default_rng(seed)
    weights = np.rint(rng.normal(size=(n, d))).astype(np.float32)  # some exact zeros
    signs = _core.SignIndex(n, d, 0.1, 0)
    signs.refresh(-weights, np.zeros(n, np.float32), 1)
    signs.refresh(weights, np.zeros(n, np.float32), n_threads)
    assert_array_equal(signs.bits, reference.sign_bits(weights))


def test_columns_that_a_query_reads_are_drawn_with_equal_chance():
    d, n_read, n_draws = 12, 5, 3000
    drawn = np.array([_core.SignIndex(3, d, 0.1, seed, n_read).reads for seed in range(n_draws)])
    assert_array_equal(drawn.sum(axis=1), n_read)
    strategies.assert_uniform(drawn.sum(axis=0), n_read / d, n_draws)
    for n in (0, d + 1):
        with pytest.raises(ValueError, match="1 column"):
            _core.SignIndex(3, d, 0.1, 0, n)


@given(
    case=strategies.cases(n_layers=2, loss="softmax"),
    how=st.sampled_from([{}, {"deterministic": True, "n_threads": 3}]),
    rate=st.sampled_from([0.1, 3.0]),
)
def test_sign_bits_follow_the_weights_through_training(case, how, rate):
    _core.set_simd_level(case.level)
    hidden = case.model.layers[0]
    k = 1 + len(hidden.rows) // 3
    hidden.gate, hidden.activation = Hashed(SignIndex(0.1), k, min(2 * k, len(hidden.rows))), "relu"
    net = case.network()
    index = native.make_index(hidden.gate.index, *hidden.weights.shape)
    index.refresh(net.weights[0], net.bias[0], 1)
    gate = _core.Hashed(index, k, hidden.gate.candidates, False, False, 0)
    net.layers[0] = _core.Linear(net.weights[0], net.bias[0], "relu", gate)
    net.model = _core.Model(net.layers, net.loss)
    for epoch in range(3):
        case.rates[:] = rate
        case.train(net, first_step=epoch * len(case.rates), epoch=epoch, **how)
        assert_array_equal(index.bits, reference.sign_bits(net.weights[0]))


def test_sign_bits_follow_a_weight_that_decays_to_nothing():
    """A weight that underflows is no longer positive."""
    gate = Hashed(SignIndex(1.0), 1, 2)
    rows = np.array([[1e-30, 1.0, 1.0], [-1.0, -1.0, -1.0], [-2.0, -1.0, -2.0]])
    net = native.Network(Model([Layer(rows, "linear", None)], "squared"), Optimizer(l2=1.0))
    index = native.make_index(gate.index, 3, 2)
    index.refresh(net.weights[0], net.bias[0], 1)
    layer = _core.Linear(
        net.weights[0], net.bias[0], "linear", _core.Hashed(index, 1, 2, False, False, 0)
    )
    net.layers, net.model = [layer], _core.Model([layer], "squared")
    X = native.vectors(np.array([[0, 1]], np.float32))
    y = native.targets(np.zeros((1, 3)), "squared")
    for step in range(40):
        net.train(X, y, [0], [0.9], 1, first_step=step)
    assert_array_equal(index.bits, reference.sign_bits(net.weights[0]))


def test_rows_found_by_no_bucket_are_drawn_uniformly():
    """All rows sit in one bucket and the queries in the other, so every row is a fill."""
    n, m, n_draws = 16, 3, 4000
    rng = np.random.default_rng(5)
    direction = np.array(_core.SimHash(8, 1, 1, 3).projections)[:, 0]
    rows = np.hstack([np.tile(-direction, (n, 1)), np.zeros((n, 1))])
    noise = rng.normal(size=(n_draws, 8)) * 0.01
    X = (direction + noise).astype(np.float32)
    for rank in ("union", "count"):
        gate = Hashed(native.twin_index(rows[:, :-1], 1, 1, rank, 3), m, m, seed=9)
        net = native.Network(Model([Layer(rows, "linear", gate)]))
        drawn = np.isfinite(net.scores(native.vectors(X), range(n_draws))).sum(axis=0)
        strategies.assert_uniform(drawn, m / n, n_draws)


@pytest.mark.parametrize("shape", [(4, 5), (3, 6), (70, 70)])
@pytest.mark.parametrize("kind", ["sign", "tables"])
def test_an_index_of_another_shape_is_refused(kind, shape):
    """The core would read and write past its codes."""
    hashing = _core.SimHash(5, 2, 3, 0)
    index = (
        _core.SignIndex(3, 5, 0.1, 0)
        if kind == "sign"
        else _core.TableIndex(hashing, 3, "count", 0)
    )
    weights, bias = np.ones(shape, np.float32), np.zeros(shape[0], np.float32)
    with pytest.raises(ValueError, match="another shape"):
        index.refresh(weights, bias, 1)
    with pytest.raises(ValueError, match="another shape"):
        _core.Linear(weights, bias, "relu", _core.Hashed(index, 1, 1, False, False, 0))


@pytest.mark.parametrize("level", _core.simd_levels())
@pytest.mark.parametrize(("n", "d", "k"), [(1, 1, 1), (64, 9, 8), (130, 70, 7), (1000, 700, 650)])
def test_binary_queries_count_the_positive_weights_that_inputs_meet(level, n, d, k):
    """Scores that are counts, plus a bias that tells rows of equal counts apart."""
    _core.set_simd_level(level)
    rng = np.random.default_rng(n)
    weights = rng.normal(size=(n, d)).astype(np.float32)
    bias = rng.permutation(n).astype(np.float32) / (4 * n)
    x = np.zeros((1, d), np.float32)
    ids = np.sort(rng.choice(d, k, replace=False))
    x[0, ids] = 0.5
    index = _core.SignIndex(n, d, 1.0, 0, binary=True)
    index.refresh(weights, bias, 1)
    m = 1 + n // 3
    layer = _core.Linear(weights, bias, "linear", _core.Hashed(index, m, m, False, False, 0))
    model = _core.Model([layer], "squared")
    scores = _core.scores(model, native.vectors(x), np.zeros(1, np.int64), False, 1)
    wanted = 0.5 * (2 * (weights[:, ids] > 0).sum(axis=1) - k) + bias
    assert set(np.flatnonzero(np.isfinite(scores[0]))) == set(np.argsort(-wanted)[:m])
