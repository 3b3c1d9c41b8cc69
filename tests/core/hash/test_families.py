"""Winner take all and minwise hashing: equal to the twin, in range, and the law of collisions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import native
import reference
import strategies
from fewfire import _core

FAMILIES = ["dwta", "minhash"]
KINDS = ["gaussian", "non-negative", "skewed", "sparse"]
D = 200


def examples(rng, n, d, kind):
    if kind == "skewed":
        return rng.lognormal(sigma=2, size=(n, d)).astype(np.float32)
    return strategies.examples(rng, n, d, kind)


def row_codes(hashing, X, n_threads=1):
    X = np.ascontiguousarray(X, np.float32)
    return hashing.hash_rows(X, np.zeros(len(X), np.float32), n_threads)


def query_codes(hashing, x):
    ids = np.flatnonzero(x).astype(np.int32)
    return hashing.hash_query(ids, x[ids].astype(np.float32))[:, 0]


@given(
    d=strategies.SIZES,
    kind=st.sampled_from([*KINDS, "grid"]),
    n_hashes=st.integers(1, 4),
    n_tables=st.integers(1, 12),
    n_bits=st.integers(1, 24),
    seed=strategies.SEEDS,
    n_threads=st.integers(1, 4),
)
def test_codes_equal_the_twin_for_rows_and_queries(
    d, kind, n_hashes, n_tables, n_bits, seed, n_threads
):
    """Dense or sparse, for every number of threads."""
    X = examples(np.random.default_rng(seed), 5, d, kind)
    shape = n_hashes, n_tables
    dwta, minhash = _core.Dwta(d, *shape, seed), _core.MinHash(d, *shape, n_bits, seed)
    places = np.array(dwta.places)
    for hashing, want in [
        (dwta, [reference.dwta_codes(x, places, *shape, seed) for x in X]),
        (minhash, [reference.minhash_codes(x, *shape, n_bits, seed) for x in X]),
    ]:
        many = np.tile(X, (10, 1))  # more rows than a thread takes at a time
        assert_array_equal(row_codes(hashing, many, n_threads), np.tile(want, (10, 1)))
        for x, codes in zip(X, want, strict=True):
            assert_array_equal(query_codes(hashing, x), codes)


@given(d=strategies.SIZES, n_hashes=st.integers(1, 4), n_tables=st.integers(1, 40))
def test_bins_are_cut_from_permutations(d, n_hashes, n_tables):
    """Every place of every bin has a coordinate of its own; no permutation more than it takes."""
    places = np.array(_core.Dwta(d, n_hashes, n_tables, 1).places)
    n_bins, bins_each, size = n_hashes * n_tables, max(1, d // 8), min(8, d)
    assert places.shape == (d, -(-n_bins // bins_each))
    wanted = 8 * np.arange(n_bins)[:, None] + np.arange(size)
    assert_array_equal(np.sort(places[places >= 0]), wanted.ravel())
    in_order = places.max(axis=0) // 8
    assert (np.diff(in_order) > 0).all()


def test_every_coordinate_is_drawn_alike_for_every_place():
    """Over seeds, a coordinate stands in each place of bin 0 with probability 1 / d."""
    d, n_draws = 20, 8000
    places = np.stack([np.array(_core.Dwta(d, 1, 1, seed).places)[:, 0] for seed in range(n_draws)])
    for place in range(8):
        strategies.assert_uniform((places == place).sum(axis=0), 1 / d, n_draws)


@pytest.mark.parametrize("d", [1, 7, 8, 9, 64, 65])
@pytest.mark.parametrize("family", FAMILIES)
def test_any_vector_gets_codes_in_range(family, d):
    hashing = native.make_hash(family, d, 12, 20, 3)
    one = np.eye(d, dtype=np.float32)[d // 2]
    odd = np.resize(np.float32([np.nan, np.inf, -np.inf, 1, -1, 0]), d)
    endless = np.where(one, np.float32(np.inf), 0)
    for x in (one, -one, endless, -endless, np.ones(d), -np.ones(d), odd):
        codes = query_codes(hashing, x)
        assert codes.max() < 2**12
        assert_array_equal(row_codes(hashing, [x])[0], codes)
    for nothing in (np.zeros(d), -np.zeros(d), np.full(d, np.nan)):
        assert not row_codes(hashing, [nothing]).any()
        assert not query_codes(hashing, nothing).any()


@given(kind=st.sampled_from(KINDS), d=strategies.SIZES, seed=strategies.SEEDS)
def test_a_nan_is_absent(kind, d, seed):
    rng = np.random.default_rng(seed)
    X = examples(rng, 5, d, kind)
    gone = rng.random(X.shape) < 0.3
    for family in FAMILIES:
        hashing = native.make_hash(family, d, 6, 7, seed)
        without, with_nan = np.where(gone, 0, X), np.where(gone, np.nan, X)
        assert_array_equal(row_codes(hashing, with_nan), row_codes(hashing, without))


@given(
    kind=st.sampled_from(KINDS),
    d=strategies.SIZES,
    power=st.integers(-20, 20),
    seed=strategies.SEEDS,
)
def test_winners_do_not_depend_on_the_scale_and_sets_not_on_values(kind, d, power, seed):
    X = examples(np.random.default_rng(seed), 5, d, kind)
    dwta, minhash = (native.make_hash(family, d, 6, 7, seed) for family in FAMILIES)
    assert_array_equal(row_codes(dwta, X * np.float32(2.0**power)), row_codes(dwta, X))
    assert_array_equal(row_codes(minhash, X > 0), row_codes(minhash, X))


def test_of_equal_values_the_lowest_place_wins():
    dwta = _core.Dwta(40, 1, 20, 5)
    places = np.array(dwta.places)
    x = np.zeros(40, np.float32)
    x[::3] = 2.0
    x[1::3] = 1.0
    for bin_, code in enumerate(query_codes(dwta, x)):
        inside = places // 8 == bin_
        best = x[inside.any(axis=1)].max()
        assert code == min(places[(x == best)[:, None] & inside] % 8)


@pytest.mark.parametrize("kind", KINDS)
def test_every_place_wins_alike(kind):
    """All eight digits of every hash of a code are reached, about equally often."""
    n = 4000
    X = examples(np.random.default_rng(2), n, D, kind)
    codes = row_codes(_core.Dwta(D, 3, 2, 7), X[X.any(axis=1)])
    for digit in range(3):
        for table in range(2):
            hits = np.bincount(codes[:, table] >> 3 * digit & 7, minlength=8)
            strategies.assert_uniform(hits, 1 / 8, len(codes))


def test_every_bucket_of_minhash_is_reached_alike():
    x, n_draws = np.random.default_rng(3).random((1, 40)) < 0.1, 4000
    codes = np.vstack([row_codes(_core.MinHash(40, 2, 3, 5, seed), x) for seed in range(n_draws)])
    for table in range(3):
        hits = np.bincount(codes[:, table], minlength=32)
        strategies.assert_uniform(hits, 1 / 32, n_draws)


# -- the law of collisions ----------------------------------------------------------------------

N_SEEDS, N_TOGETHER = 4000, 4


def collisions(pair, make):
    """(N_SEEDS, n_tables): whether the two agree, under independent hash functions."""
    codes = np.stack([row_codes(make(seed), pair) for seed in range(N_SEEDS)])
    return codes[:, 0] == codes[:, 1]


def assert_law(collide, one, n_draws=np.inf, slack=0.0):
    """One table of a hash function collides with this probability, found in `n_draws` draws; of
    those of several independent functions some does with 1 - (1 - one)^L."""
    some = 1 - (1 - one) ** N_TOGETHER
    steepness = N_TOGETHER * (1 - one) ** (N_TOGETHER - 1)
    together = collide.reshape(-1, N_TOGETHER).any(axis=1)
    for hits, probability, slope in [(collide, one, 1), (together, some, steepness)]:
        variance = probability * (1 - probability) / len(hits)
        variance += slope**2 * one * (1 - one) / n_draws
        assert abs(hits.mean() - probability) <= 3 * np.sqrt(variance) + slope * slack


def vector_pairs(kind):
    rng = np.random.default_rng(11)
    for mixing in (0.1, 0.5, 2.0):
        X = examples(rng, 40, D, kind)
        x, y = X[X.any(axis=1)][:2]
        if kind == "sparse":
            y *= rng.random(D) < 0.5
        yield np.stack([x, x + np.float32(mixing) * y])


def common_winner(pair, n_bins, n_draws):
    """How often two vectors agree in the place of the largest of 8 random coordinates. Whoever has
    none of these takes the next 8, up to `n_bins` times."""
    rng = np.random.default_rng(12)
    order = rng.permuted(np.tile(np.arange(D), (n_draws, 1)), axis=1)
    order = order[:, : 8 * n_bins].reshape(n_draws, n_bins, 8)
    places = []
    for x in pair:
        values = np.where(x == 0, -np.inf, x)[order]
        first = np.isfinite(values).any(axis=2).argmax(axis=1)
        places.append(values[np.arange(n_draws), first].argmax(axis=1))
    return (places[0] == places[1]).mean()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_hashes", [1, 3])
def test_dwta_collides_with_the_probability_of_a_common_winner(kind, n_hashes):
    """p for a hash, p^K for a table, 1 - (1 - p^K)^L for L of them. The bins of a permutation have
    no coordinate in common, which K > 1 feels a little."""
    n_bins, n_draws = 8 * n_hashes, 30_000
    for pair in vector_pairs(kind):
        collide = collisions(pair, lambda seed: _core.Dwta(D, n_hashes, 8, seed))
        p = common_winner(pair, n_bins, n_draws)
        steepness = n_hashes * p ** (n_hashes - 1)
        one = p**n_hashes
        assert_law(collide[:, 0], one, n_draws / steepness**2, slack=0.02 * (n_hashes > 1))


def set_pairs(n_elements):
    """Sets of this many elements with Jaccard indexes from 0 to 1."""
    for n_common in sorted({0, n_elements // 3, n_elements * 4 // 5, n_elements}):
        pair = np.zeros((2, D))
        pair[0, :n_elements] = 1
        pair[1, n_elements - n_common : 2 * n_elements - n_common] = 1
        yield pair, n_common / (2 * n_elements - n_common)


@pytest.mark.parametrize("n_elements", [1, 3, 20, 90])
@pytest.mark.parametrize(("n_hashes", "n_bits"), [(1, 3), (1, 12), (3, 12)])
def test_minhash_collides_with_the_jaccard_index(n_elements, n_hashes, n_bits):
    """q = J^K + (1 - J^K) / 2^n_bits for a table, 1 - (1 - q)^L for L, for K = 1 however few bins
    are full. Bins that borrow have elements in common, which K > 1 feels a little."""
    for pair, jaccard in set_pairs(n_elements):
        collide = collisions(pair, lambda seed: _core.MinHash(D, n_hashes, 6, n_bits, seed))
        q = jaccard**n_hashes
        q += (1 - q) / 2**n_bits
        for table in range(6):
            assert_law(collide[:, table], q, slack=0.02 * (n_hashes > 1))


@given(n=strategies.SIZES, d=strategies.SIZES, n_hashes=st.integers(1, 4))
def test_refresh_counts_a_comparison_per_coordinate_and_permutation(n, d, n_hashes):
    """Rows without a zero; of minhash, with every bin full."""
    weights, bias = np.ones((n, d), np.float32), np.zeros(n, np.float32)
    dwta, minhash = _core.Dwta(d, n_hashes, 5, 1), _core.MinHash(d, 1, 1, 6, 1)
    for hashing, cost in [(dwta, n * np.array(dwta.places).size), (minhash, n * d)]:
        ledger = _core.TableIndex(hashing, n, "count", 1).refresh(weights, bias, 2)
        spent = dict(zip(_core.LEDGER_FIELDS, ledger[0].tolist(), strict=True))
        assert spent == {**dict.fromkeys(_core.LEDGER_FIELDS, 0), "comparisons": cost}


@pytest.mark.parametrize("n_hashes", [0, 9, 17])
def test_a_code_too_long_is_refused(n_hashes):
    with pytest.raises(ValueError, match="n_hashes"):
        _core.Dwta(8, n_hashes, 1, 0)
    if n_hashes != 9:
        with pytest.raises(ValueError, match="n_hashes"):
            _core.MinHash(8, n_hashes, 1, 6, 0)
