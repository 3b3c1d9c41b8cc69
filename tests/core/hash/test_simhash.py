"""Projections, transforms and probes of simhash: their formulae, and the laws that they obey."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

import reference
import strategies
from fewfire import _core

CLOSE = 2e-3
PROJECTIONS = ["gaussian", "sparse", "hadamard", "coordinates"]
TRANSFORMS = ["none", "sign-alsh", "simple"]


def query(simhash, x):
    ids, values = reference.nonzeros(x)
    return simhash.hash_query(ids.astype(np.int32), values.astype(np.float32))


def draws(n, d, kind, seed):
    """(n, d) vectors: Gaussian, non-negative, sparse, or of a few large coordinates."""
    rng = np.random.default_rng(seed)
    if kind == "skewed":
        return rng.lognormal(sigma=2, size=(n, d)).astype(np.float32)
    return strategies.examples(rng, n, d, kind) + np.float32(kind != "sparse") * np.float32(1e-3)


# -- formulae -----------------------------------------------------------------------------------


@given(
    n=strategies.SIZES,
    d=strategies.SIZES,
    n_bits=st.integers(1, 6),
    n_tables=st.integers(1, 8),
    projection=st.sampled_from(PROJECTIONS),
    mips=st.sampled_from(TRANSFORMS),
    center=st.booleans(),
    n_threads=st.integers(1, 4),
    seed=strategies.SEEDS,
    level=strategies.LEVELS,
)
def test_codes_are_the_signs_of_what_the_twin_projects(
    n, d, n_bits, n_tables, projection, mips, center, n_threads, seed, level
):
    _core.set_simd_level(level)
    rng = np.random.default_rng(seed)
    rows = strategies.rows(rng, n, d)
    X = strategies.examples(rng, 4, d, "gaussian")
    mean_input = rng.normal(size=d).astype(np.float32) if center else np.zeros(d, np.float32)
    how = {"projection": projection, "mips": mips, "center": center}
    simhash = _core.SimHash(d, n_bits, n_tables, seed, **how)
    simhash.set_center(mean_input)
    weights, bias = rows[:, :-1].astype(np.float32), rows[:, -1].astype(np.float32)
    simhash.fit(weights, bias, n_threads)

    twin = reference.Transform(mips, center, mean_input)
    twin.fit(rows)
    for row, row_bias, want in zip(weights, bias, twin.rows(rows), strict=True):
        # The root of 1 - |v|^2 is as wide as the root of float32's last digit where |v| = 1.
        assert_allclose(simhash.transform(row, float(row_bias)), want, rtol=1e-4, atol=1e-3)
    projections = np.array(simhash.projections, float)
    assert_signs_of(
        simhash.hash_rows(weights, bias, n_threads), twin.rows(rows) @ projections, projections
    )
    query_codes = np.stack([query(simhash, x)[:, 0] for x in X])
    assert_signs_of(query_codes, twin.queries(X) @ projections, projections)


@given(
    n=strategies.SIZES,
    d=strategies.SIZES,
    mips=st.sampled_from(TRANSFORMS),
    center=st.booleans(),
    seed=strategies.SEEDS,
)
def test_what_is_learned_of_rows_does_not_depend_on_the_threads(n, d, mips, center, seed):
    """To the bit."""
    rng = np.random.default_rng(seed)
    weights, bias = np.split(strategies.rows(rng, n, d).astype(np.float32), [d], axis=1)
    weights, bias = weights.copy(), bias[:, 0].copy()
    learned = []
    for n_threads in (1, 3):
        simhash = _core.SimHash(d, 4, 3, seed, mips=mips, center=center)
        simhash.set_center(np.full(d, 0.5, np.float32))
        cost = simhash.fit(weights, bias, n_threads)
        row = simhash.transform(weights[0], float(bias[0]))
        learned.append([cost, row, simhash.hash_rows(weights, bias, n_threads)])
    for one, three in zip(*learned, strict=True):
        assert_array_equal(one, three)


def assert_signs_of(codes, products, projections):
    """Bit by bit, but for products that float32 may put on either side of zero."""
    n_bits = products.shape[1] // codes.shape[1]
    bits = (codes[:, :, None] >> np.arange(n_bits) & 1).reshape(products.shape)
    clear = np.abs(products) > CLOSE * np.abs(projections).max()
    assert_array_equal(bits[clear], products[clear] > 0)
    is_clear = clear.sum() > 0.5 * np.count_nonzero(products)
    assert is_clear or products.size < 50 or not products.any()
    assert (codes < 2**n_bits).all()


def test_sparse_projections_are_plus_and_minus_one_in_a_third_of_all_entries():
    entries = np.array(_core.SimHash(300, 10, 30, 1, projection="sparse").projections)
    values, counts = np.unique(entries, return_counts=True)
    assert_array_equal(values, [-1, 0, 1])
    n = entries.size
    for count, share in zip(counts, (1 / 6, 2 / 3, 1 / 6), strict=True):
        assert abs(count / n - share) < 3 * np.sqrt(share * (1 - share) / n)


@pytest.mark.parametrize("d", [1, 2, 16, 64])
def test_a_hadamard_rotation_keeps_angles(d):
    """Its matrix is orthogonal, but for the factor that three transforms leave."""
    rotation = np.array(_core.SimHash(d, 1, d, 5, projection="hadamard").projections, float)
    assert_allclose(rotation @ rotation.T, np.eye(d) * d**3, atol=1e-3 * d**3)


def test_coordinates_are_drawn_with_equal_chance_and_cost_nothing():
    d, n_outputs = 8, 4000
    simhash = _core.SimHash(d, 8, n_outputs // 8, 3, projection="coordinates")
    entries = np.array(simhash.projections)
    assert_array_equal(np.sort(entries, axis=0)[:-1], 0)
    assert_array_equal(entries.max(axis=0), 1)
    strategies.assert_uniform(entries.sum(axis=1), 1 / len(entries), n_outputs)
    weights, bias = np.ones((3, d), np.float32), np.zeros(3, np.float32)
    index = _core.TableIndex(simhash, 3, "count", 0)
    assert index.refresh(weights, bias, 1).sum() == 0


@pytest.mark.parametrize("projection", ["sparse", "hadamard"])
def test_additions_alone_make_sparse_and_hadamard_codes(projection):
    simhash = _core.SimHash(20, 4, 5, 1, projection=projection)
    index = _core.TableIndex(simhash, 30, "count", 0)
    rows = strategies.rows(np.random.default_rng(0), 30, 20).astype(np.float32)
    ledger = dict(
        zip(
            _core.LEDGER_FIELDS,
            index.refresh(rows[:, :-1].copy(), rows[:, -1].copy())[0],
            strict=True,
        )
    )
    assert ledger["refresh"] == 0
    per_row = (2 * 20 + 1) * 20 if projection == "sparse" else 3 * 5 * 32  # 20 outputs; D = 32
    assert ledger["additions"] == 30 * per_row


# -- redraws ------------------------------------------------------------------------------------


def redrawn(simhash, draws):
    """`simhash` after its tables were told how often they have been drawn anew."""
    _core.TableIndex(simhash, 1, "count", 0).set_draws(np.array(draws, np.uint32))
    return simhash


@given(
    d=strategies.SIZES,
    n_bits=st.integers(1, 9),
    draws=st.lists(st.integers(0, 3), min_size=1, max_size=20),
    projection=st.sampled_from(["gaussian", "sparse", "coordinates"]),
    mips=st.sampled_from(TRANSFORMS),
    seed=st.integers(0, 2**32),
)
def test_a_table_drawn_anew_is_that_of_a_later_seed_and_the_others_keep_every_bit(
    d, n_bits, draws, projection, mips, seed
):
    def fresh(seed):
        return _core.SimHash(d, n_bits, len(draws), seed, projection=projection, mips=mips)

    simhash, first = fresh(seed), fresh(seed)
    rows = strategies.rows(np.random.default_rng(seed), 9, d).astype(np.float32)
    weights, bias = rows[:, :-1].copy(), rows[:, -1].copy()
    redrawn(simhash, draws)
    projections, codes = simhash.projections, simhash.hash_rows(weights, bias)
    for table, n_draws in enumerate(draws):
        wanted, own = fresh(seed + n_draws), slice(table * n_bits, (table + 1) * n_bits)
        assert_array_equal(projections[:, own], wanted.projections[:, own])
        assert_array_equal(codes[:, table], wanted.hash_rows(weights, bias)[:, table])
    redrawn(simhash, np.zeros(len(draws)))
    assert_array_equal(simhash.projections, first.projections)
    assert_array_equal(simhash.hash_rows(weights, bias), first.hash_rows(weights, bias))


@pytest.mark.parametrize("projection", ["gaussian", "sparse"])
def test_what_is_drawn_anew_has_the_same_distribution_and_is_independent_of_what_was(projection):
    simhash = _core.SimHash(300, 10, 30, 1, projection=projection)
    draws = [np.array(redrawn(simhash, [k] * 30).projections, float) for k in range(3)]
    deviation = 1 if projection == "gaussian" else np.sqrt(1 / 3)
    fourth = 3 if projection == "gaussian" else 1 / 3
    n = draws[0].size
    for entries in draws:
        assert abs(entries.mean()) < 4 * deviation / np.sqrt(n)
        assert abs((entries**2).mean() - deviation**2) < 4 * np.sqrt((fourth - deviation**4) / n)
    for a, b in combinations(draws, 2):
        assert abs((a * b).mean()) < 4 * deviation**2 / np.sqrt(n)


def test_a_redraw_reaches_the_buckets_with_the_next_refresh():
    rows = strategies.rows(np.random.default_rng(0), 40, 20).astype(np.float32)
    weights, bias = rows[:, :-1].copy(), rows[:, -1].copy()
    simhash = _core.SimHash(20, 4, 5, 3, center=True)
    index = _core.TableIndex(simhash, 40, "count", 0)
    index.refresh(weights, bias)
    before = np.array(index.codes)
    index.set_draws(np.array([0, 0, 1, 0, 0], np.uint32))
    index.refresh(weights, bias)
    assert_array_equal((np.array(index.codes) != before).any(axis=0), [0, 0, 1, 0, 0])
    assert_array_equal(index.codes, simhash.hash_rows(weights, bias))


def test_draws_that_fit_no_table_are_refused():
    simhash = _core.SimHash(8, 2, 3, 0)
    with pytest.raises(ValueError, match="a number for each table"):
        redrawn(simhash, [1, 1])
    with pytest.raises(TypeError):
        _core.TableIndex(simhash, 1, "count", 0).set_draws(np.zeros(3))
    with pytest.raises(ValueError, match="share their rotations"):
        redrawn(_core.SimHash(8, 2, 3, 0, projection="hadamard"), [0, 1, 0])
    with pytest.raises(ValueError, match="this family cannot"):
        redrawn(_core.Dwta(8, 2, 3, 0), [0, 1, 0])


# -- probes -------------------------------------------------------------------------------------


@given(
    n_bits=st.integers(1, 6),
    n_tables=st.integers(1, 5),
    share=st.floats(0, 1),
    seed=strategies.SEEDS,
)
def test_probes_flip_the_least_certain_bits_in_the_order_of_their_margins(
    n_bits, n_tables, share, seed
):
    n_visited = 1 + int(share * (2**n_bits - 1))
    simhash = _core.SimHash(9, n_bits, n_tables, seed, n_visited=n_visited)
    x = strategies.examples(np.random.default_rng(seed), 1, 9, "gaussian")[0]
    products = (x.astype(float) @ np.array(simhash.projections, float)).reshape(n_tables, n_bits)
    subsets = [c for size in range(n_bits + 1) for c in combinations(range(n_bits), size)]
    for codes, margins in zip(query(simhash, x), products, strict=True):
        costs = np.sort([sum(margins[list(c)] ** 2) for c in subsets])
        assert len(set(codes.tolist())) == n_visited
        flipped = [[bit for bit in range(n_bits) if (codes[0] ^ code) >> bit & 1] for code in codes]
        got = [sum(margins[bits] ** 2) for bits in flipped]
        assert_allclose(got, costs[:n_visited], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("projection", PROJECTIONS)
def test_queries_that_are_no_numbers_get_codes_in_range(projection, bad):
    simhash = _core.SimHash(7, 4, 6, 0, n_visited=16, projection=projection, mips="simple")
    for ids, values in (([], []), ([3], [bad]), ([0, 6], [1, bad])):
        codes = simhash.hash_query(np.array(ids, np.int32), np.array(values, np.float32))
        assert_array_equal(np.sort(codes, axis=1), np.tile(np.arange(16), (6, 1)))


# -- laws ---------------------------------------------------------------------------------------


def within_three_sigma(hits, probability):
    sigma = np.sqrt(probability * (1 - probability) / len(hits))
    assert abs(hits.mean() - probability) <= 3 * sigma, (hits.mean(), probability, sigma)


def angle_probability(x, y):
    cosine = x @ y / np.linalg.norm(x) / np.linalg.norm(y)
    return 1 - np.arccos(np.clip(cosine, -1, 1)) / np.pi


@pytest.mark.parametrize("kind", ["gaussian", "non-negative", "skewed"])
@pytest.mark.parametrize("projection", ["sparse", "hadamard"])
def test_cheap_projections_collide_with_the_probability_of_the_angle(projection, kind):
    """A bit of each of many independent families; coordinates enough for the limit to hold."""
    n, d = 3000, 512
    x, noise = draws(2, d, kind, 3).astype(float)
    for mixing in (0.2, 1.0, 4.0):
        y = x + mixing * noise[::-1]
        hits = np.empty(n)
        for seed in range(n):
            simhash = _core.SimHash(d, 1, 1, seed, projection=projection)
            hits[seed] = query(simhash, x)[0, 0] == query(simhash, y)[0, 0]
        within_three_sigma(hits, angle_probability(x, y))


@pytest.mark.parametrize("kind", ["gaussian", "non-negative", "sparse", "skewed"])
@pytest.mark.parametrize("mips", ["sign-alsh", "simple"])
def test_transformed_rows_collide_by_the_angle_of_their_transforms(mips, kind):
    """p of a bit, p^K of a table, 1 - (1 - p^K)^L of L tables."""
    d, n_bits, n_together, n_draws = 24, 3, 4, 3000
    rows = draws(6, d, kind, 5) * np.float32([[0.2], [0.5], [1], [1], [2], [3]])
    bias = np.linspace(-1, 1, 6).astype(np.float32)
    x = draws(9, d, kind, 8)[0]
    simhash = _core.SimHash(d, n_bits, n_together * n_draws, 12, mips=mips)
    simhash.fit(rows, bias)
    transformed = np.array(
        [simhash.transform(w, float(b)) for w, b in zip(rows, bias, strict=True)]
    )
    asked = np.zeros(transformed.shape[1])
    asked[: d + 1] = [*x, 1]
    query_codes = query(simhash, x)[:, 0]
    for codes, row in zip(simhash.hash_rows(rows, bias), transformed, strict=True):
        collide = codes == query_codes
        one = angle_probability(row, asked) ** n_bits
        within_three_sigma(collide, one)
        together = collide.reshape(n_draws, n_together).any(axis=1)
        within_three_sigma(together, 1 - (1 - one) ** n_together)


@pytest.mark.parametrize("kind", ["gaussian", "non-negative", "sparse", "skewed"])
def test_transforms_order_rows_of_unequal_norms_by_inner_product(kind):
    """Collisions rise with w x + b; without a transform they follow the angle instead."""
    d, n_tables = 24, 20000
    rng = np.random.default_rng(2)
    rows = draws(40, d, kind, 5) * rng.lognormal(sigma=0.8, size=(40, 1)).astype(np.float32)
    rows *= rng.choice([-1, 1], (40, 1)).astype(np.float32)
    bias = rng.normal(size=40).astype(np.float32)
    x = draws(9, d, kind, 8)[0]
    scores = rows @ x + bias

    def agreement(mips):
        simhash = _core.SimHash(d, 1, n_tables, 7, mips=mips)
        simhash.fit(rows, bias)
        collisions = (simhash.hash_rows(rows, bias) == query(simhash, x)[:, 0]).sum(axis=1)
        return stats.spearmanr(scores, collisions).statistic

    assert agreement("simple") > 0.97
    assert agreement("sign-alsh") > 0.97
    assert agreement("none") < min(agreement("simple"), agreement("sign-alsh"))


def test_centring_keeps_the_order_of_scores():
    """Of rows and queries: inner products change by a number that all rows of a query share."""
    rng = np.random.default_rng(4)
    rows, X = rng.normal(size=(30, 10)) + 2, np.abs(rng.normal(size=(5, 9)))
    twin = reference.Transform("none", True, X.mean(axis=0))
    twin.fit(rows)
    shift = twin.queries(X) @ twin.rows(rows).T - (X @ rows[:, :-1].T + rows[:, -1])
    assert_allclose(shift, np.tile(shift[:, :1], (1, 30)))


def test_centring_spreads_the_codes_of_rows_and_queries_that_share_a_direction():
    """Most of these sit in one bucket of a table unless the means are taken away."""
    rng = np.random.default_rng(6)
    rows = (rng.normal(size=(400, 20)) + 3).astype(np.float32)
    X = np.abs(rng.normal(size=(400, 20))).astype(np.float32)

    def largest_shares(center):
        simhash = _core.SimHash(20, 4, 60, 3, center=center)
        if center:
            simhash.set_center(X.mean(axis=0))
        simhash.fit(rows, np.zeros(400, np.float32))
        of_rows = simhash.hash_rows(rows, np.zeros(400, np.float32))
        of_queries = np.stack([query(simhash, x)[:, 0] for x in X])
        for codes in (of_rows, of_queries):
            loads = np.stack([np.bincount(table, minlength=16) for table in codes.T])
            yield loads.max(axis=1).mean() / 400

    assert min(largest_shares(center=False)) > 0.35
    assert max(largest_shares(center=True)) < 0.2  # 1/16 each, were they independent
