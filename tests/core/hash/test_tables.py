"""What tables propose by each rank, what it costs, and the bits that sign scores are made of."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import native
import reference
import strategies
from fewfire import _core
from reference import FIELDS, Hashed, Layer, Model

RANKS = ["union", "count", "hamming", "sign"]


@given(
    n=strategies.SIZES,
    n_bits=st.integers(1, 5),
    n_tables=st.integers(1, 30),
    probe_share=st.floats(0, 1),
    rank=st.sampled_from(RANKS),
    share=st.floats(0.05, 1),
    seed=strategies.SEEDS,
    level=strategies.LEVELS,
)
def test_tables_propose_the_best_of_what_they_hold(
    n, n_bits, n_tables, probe_share, rank, share, seed, level
):
    """What is in a bucket visited comes before what is not; of that, the better by the rank."""
    _core.set_simd_level(level)
    rng = np.random.default_rng(seed)
    rows, X = strategies.rows(rng, n, 20), strategies.examples(rng, 4, 20, "gaussian")
    m, probes = max(1, int(share * n)), int(probe_share * (2**n_bits - 1))
    index = native.twin_index(rows[:, :-1], n_bits, n_tables, rank, seed, probes, alpha=0.3)
    layer = Layer(rows, "linear", Hashed(index, m, m, seed=seed))
    got = native.Network(Model([layer])).scores(native.vectors(X), range(4))
    for x, scores in zip(X, got, strict=True):
        chosen = np.flatnonzero(np.isfinite(scores))
        assert len(chosen) == m
        found, ratings = index.rated(layer, reference.nonzeros(x))
        rating = np.full(n, -np.inf)
        rating[found] = ratings
        assert rating[chosen].min() >= np.delete(rating, chosen).max(initial=-np.inf) - 1e-5


def test_union_visits_the_likeliest_bucket_of_every_table_first():
    """With room for what these hold, nothing comes from a second bucket."""
    rng = np.random.default_rng(2)
    rows, X = strategies.rows(rng, 400, 20), strategies.examples(rng, 30, 20, "gaussian")
    index = native.twin_index(rows[:, :-1], 6, 3, "union", 5, probes=20)
    near = native.twin_index(rows[:, :-1], 6, 3, "union", 5)
    for x in X:
        first = np.unique(np.concatenate(near.buckets(reference.nonzeros(x))))
        if len(first) == 0:
            continue
        gate = Hashed(index, len(first), len(first), seed=1)
        net = native.Network(Model([Layer(rows, "linear", gate)]))
        (scores,) = net.scores(native.vectors(x[None]), [0])
        assert_array_equal(np.flatnonzero(np.isfinite(scores)), first)


@given(
    n=strategies.SIZES,
    d=strategies.SIZES,
    kind=strategies.KINDS,
    seed=strategies.SEEDS,
    level=strategies.LEVELS,
)
def test_sign_scores_of_candidates_equal_those_of_the_scan(n, d, kind, seed, level):
    """One table with one bucket holds every row, so both rank the same rows alike."""
    _core.set_simd_level(level)
    rng = np.random.default_rng(seed)
    rows, X = strategies.rows(rng, n, d), strategies.examples(rng, 3, d, kind)
    m = 1 + n // 3
    in_bucket = native.twin_index(rows[:, :-1], 1, 1, "sign", seed, probes=1, alpha=0.2)
    layers = [
        Layer(rows, "linear", Hashed(index, m, m))
        for index in (in_bucket, reference.SignIndex(0.2))
    ]
    want = reference.scores(Model([layers[1]]), X, range(3))
    assume(want.record.is_clear)
    for layer in layers:
        got = native.Network(Model([layer])).scores(native.vectors(X), range(3))
        assert_array_equal(np.isfinite(got), np.isfinite(want.values))


@given(
    case=strategies.cases(n_layers=2, loss="softmax"),
    how=st.sampled_from([{}, {"deterministic": True, "n_threads": 3}]),
    rate=st.sampled_from([0.1, 3.0]),
)
def test_sign_bits_of_rows_follow_the_weights_through_training(case, how, rate):
    _core.set_simd_level(case.level)
    hidden = case.model.layers[0]
    n, d = hidden.weights.shape
    k = 1 + n // 3
    hidden.gate, hidden.activation = None, "relu"
    net = case.network()
    index = _core.TableIndex(_core.SimHash(d, 2, 4, 7), n, "sign", 0, 0.1)
    index.refresh(net.weights[0], net.bias[0], 1)
    gate = _core.Hashed(index, k, min(2 * k, n), False, False, 0)
    net.layers[0] = _core.Linear(net.weights[0], net.bias[0], "relu", gate)
    net.model = _core.Model(net.layers, net.loss)
    for epoch in range(3):
        case.rates[:] = rate
        case.train(net, first_step=epoch * len(case.rates), epoch=epoch, **how)
        assert_array_equal(index.sign_bits, reference.sign_bits(net.weights[0].T))


COLUMNS = np.array([0, 1, 5, 9, 10, 11])  # three groups of four


@pytest.mark.parametrize(
    ("rank", "cost"),
    [
        ("union", {}),
        ("count", {"additions": 3 * 40, "comparisons": 40}),
        ("hamming", {"popcounts": 40, "comparisons": 40}),
        ("sign", {"additions": 15 * 3 + 40 * 3, "comparisons": 40, "ranking": 40}),
    ],
)
def test_a_rank_costs_what_it_does_with_the_candidates(rank, cost):
    """40 equal rows lie in the bucket of their likes in each of 3 tables; one is kept."""
    rows = np.tile(strategies.rows(np.random.default_rng(0), 1, 12), (40, 1))
    x = np.zeros(12, np.float32)
    x[COLUMNS] = rows[0, COLUMNS]
    seed = next(
        seed
        for seed in range(1000)
        if all(len(b) for b in native.twin_index(rows[:, :-1], 2, 3, rank, seed).buckets(
            reference.nonzeros(x)
        ))
    )  # fmt: skip
    gate = Hashed(native.twin_index(rows[:, :-1], 2, 3, rank, seed), 1, 1)
    net = native.Network(Model([Layer(rows, "linear", gate)]))
    *_, ledger, _ = net.evaluate(native.vectors(x[None]), None, [0], 1)
    got = dict(zip(FIELDS, ledger[0].tolist(), strict=True))
    always = {"hashing": 6 * 2 * 3, "forward": 6, "rows_touched": 1}
    always |= {"dense": 40 * 12, "dense_nonzero": 40 * 6}
    assert {name: count for name, count in got.items() if count} == always | cost


def changed_index(n, n_bits, n_tables, rank, seed, share):
    """An index of rows of which some have changed since: (index, weights now, bias, changed)."""
    rng = np.random.default_rng(seed)
    rows = strategies.rows(rng, n, 12).astype(np.float32)
    weights, bias = rows[:, :-1].copy(), rows[:, -1].copy()
    index = _core.TableIndex(_core.SimHash(12, n_bits, n_tables, seed), n, rank, 0)
    index.refresh(weights, bias)
    changed = np.flatnonzero(rng.random(n) < share).astype(np.int32)
    weights[changed] = rng.normal(size=(len(changed), 12))
    return index, weights, bias, changed


@given(
    n=strategies.SIZES,
    n_bits=st.integers(1, 6),
    n_tables=st.integers(1, 9),
    rank=st.sampled_from(RANKS[:3]),
    share=st.floats(0, 1),
    n_threads=st.integers(1, 4),
    seed=strategies.SEEDS,
)
def test_hashing_the_changed_rows_is_hashing_all(n, n_bits, n_tables, rank, share, n_threads, seed):
    index, weights, bias, changed = changed_index(n, n_bits, n_tables, rank, seed, share)
    fresh = _core.TableIndex(_core.SimHash(12, n_bits, n_tables, seed), n, rank, 0)
    fresh.refresh(weights, bias)
    (cost,) = index.refresh_rows(weights, bias, changed, n_threads)
    assert cost[FIELDS.index("refresh")] == len(changed) * 12 * n_bits * n_tables
    for name in ("codes", "offsets", "rows"):
        assert_array_equal(getattr(index, name), getattr(fresh, name))
    X = native.vectors(strategies.examples(np.random.default_rng(seed), 3, 12, "gaussian"))
    scores = []
    for each in (index, fresh):
        layer = _core.Linear(weights, bias, "linear", _core.Hashed(each, 1, 1, False, False, 0))
        scores.append(_core.scores(_core.Model([layer], "softmax"), X, np.arange(3), False, 1))
    assert_array_equal(*scores)


@given(n=strategies.SIZES, share=st.floats(0, 1), seed=strategies.SEEDS)
def test_drift_is_the_share_of_bits_that_changed(n, share, seed):
    index, weights, bias, _ = changed_index(n, 3, 5, "count", seed, share)
    now = _core.SimHash(12, 3, 5, seed).hash_rows(weights, bias)
    differing = (now ^ index.codes)[:, :, None] >> np.arange(3) & 1
    drift, _ = index.drift(weights, bias, np.arange(n, dtype=np.int32), 2)
    assert drift == pytest.approx(differing.mean())
    index.refresh_rows(weights, bias, np.arange(n, dtype=np.int32))
    assert index.drift(weights, bias, np.arange(n, dtype=np.int32))[0] == 0


@pytest.mark.parametrize("rows", [[-1], [5], [0, 99]])
def test_rows_that_are_not_there_are_refused(rows):
    index, weights, bias, _ = changed_index(5, 2, 3, "count", 0, 0.5)
    for ask in (index.refresh_rows, index.drift):
        with pytest.raises(ValueError, match="out of range"):
            ask(weights, bias, np.array(rows, np.int32))
