"""With more than 256 cells a row is compared with some of them, nearly always with the nearest, and
a query with all of them, rounded. And refits in pieces: what they give is what a refresh gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import native
import reference
import strategies
from fewfire import _core
from reference import FIELDS

MANY = st.sampled_from([257, 289, 300, 400])
few = settings(max_examples=15)


def split(rows):
    rows = np.asarray(rows, np.float32)
    return rows[:, :-1].copy(), rows[:, -1].copy()


def fitted(rows, n_cells, seed=0, n_threads=1, **options):
    weights, bias = split(rows)
    options = {"sample_per_cell": 2, "n_iterations": 2, **options}
    cells = _core.Centroids(weights.shape[1], n_cells, seed, **options)
    cells.fit(weights, bias, n_threads)
    return cells


def visited(cells, x):
    ids, values = reference.nonzeros(x)
    return cells.hash_query(ids.astype(np.int32), values.astype(np.float32))[0]


# -- many cells -----------------------------------------------------------------------------------


@few
@given(
    n=st.integers(400, 700),
    d=strategies.SIZES,
    n_cells=MANY,
    spherical=st.booleans(),
    seed=strategies.SEEDS,
    level=strategies.LEVELS,
)
def test_every_row_has_a_cell_for_every_number_of_threads(n, d, n_cells, spherical, seed, level):
    _core.set_simd_level(level)
    rows = strategies.rows(np.random.default_rng(seed), n, d)
    one, *others = (
        fitted(rows, n_cells, seed, n_threads, spherical=spherical) for n_threads in (1, 2, 3)
    )
    codes = one.hash_rows(*split(rows))
    assert codes.shape == (n, 1)
    assert codes.max() < len(one.centroids) == n_cells
    for other, n_threads in zip(others, (2, 3), strict=True):
        assert_array_equal(other.centroids, one.centroids)
        assert_array_equal(other.hash_rows(*split(rows), n_threads), codes)


@pytest.mark.parametrize("spherical", [False, True])
@pytest.mark.parametrize("d", [2, 16, 64])
@pytest.mark.parametrize("seed", [0, 1])
def test_nearly_every_row_gets_the_nearest_cell(d, spherical, seed):
    """Of rows in clusters, and of rows without any: an eighth of the cells drawn by lot would hold
    the nearest of an eighth of the rows."""
    rng = np.random.default_rng(seed)
    cloud = strategies.rows(rng, 3000, d)
    clusters = strategies.rows(rng, 150, d)[rng.integers(0, 150, 3000)]
    clusters += 0.1 * strategies.rows(rng, 3000, d)
    for rows, share in ((clusters, 0.95), (cloud, 0.45)):
        cells = fitted(rows, 300, seed, spherical=spherical)
        likes = reference.cells_of_rows(rows, np.array(cells.centroids, float), spherical)
        codes = cells.hash_rows(*split(rows))[:, 0]
        assert (codes == likes.argmax(axis=1)).mean() > share


@few
@given(
    d=st.integers(2, 70), n=st.integers(257, 500), spherical=st.booleans(), seed=strategies.SEEDS
)
def test_a_row_that_is_a_centroid_is_found(d, n, spherical, seed):
    rows = strategies.rows(np.random.default_rng(seed), n, d)
    cells = fitted(rows, n, seed, spherical=spherical, n_iterations=0)
    order = np.array(cells.centroids)
    codes = cells.hash_rows(*split(rows))[:, 0]
    assert_array_equal(order[codes], rows.astype(np.float32))


@few
@given(
    d=strategies.SIZES,
    n_visited=st.integers(1, 300),
    seed=strategies.SEEDS,
    kind=strategies.KINDS,
    level=strategies.LEVELS,
)
def test_queries_are_compared_with_all_cells_rounded(d, n_visited, seed, kind, level):
    """And rounding changes the score of a cell by no more than half a step of each weight."""
    _core.set_simd_level(level)
    rng = np.random.default_rng(seed)
    cells = fitted(strategies.rows(rng, 400, d), 290, seed, n_visited=n_visited)
    centroids = np.array(cells.centroids, float)
    for x in map(reference.nonzeros, strategies.examples(rng, 3, d, kind)):
        rounded = reference.rounded_cells_of_query(x, centroids)
        got = cells.hash_query(x.ids.astype(np.int32), x.values.astype(np.float32))[0]
        assert len(np.unique(got)) == len(got) == min(n_visited, 290)
        lowest, others = rounded[got].min(), np.delete(rounded, got)
        assert lowest >= others.max(initial=-np.inf) - 1e-4
        error = np.abs(rounded - reference.cells_of_query(x, centroids))
        step = np.abs(centroids[:, :-1]).max(axis=1) / 127
        assert (error <= 0.52 * step * np.abs(x.values).sum() + 1e-4).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38, 1e-38, 0.0])
def test_queries_of_any_size_visit_cells(value):
    cells = fitted(strategies.rows(np.random.default_rng(0), 400, 8), 300, n_visited=5)
    for ids in (np.arange(8, dtype=np.int32), np.array([3], np.int32)):
        got = cells.hash_query(ids, np.full(len(ids), value, np.float32))[0]
        assert len(np.unique(got)) == 5
        assert got.max() < 300


@few
@given(n_cells=MANY, spherical=st.booleans(), seed=strategies.SEEDS, level=strategies.LEVELS)
def test_an_index_that_takes_over_many_cells_answers_alike(n_cells, spherical, seed, level):
    """Also to rows that are hashed only then."""
    _core.set_simd_level(level)
    rng = np.random.default_rng(seed)
    rows, later = (strategies.rows(rng, 450, 9) for _ in range(2))
    options = {"n_visited": 3, "spherical": spherical, "sample_per_cell": 2}
    old, new = (_core.Centroids(9, n_cells, seed, **options) for _ in range(2))
    first, second = (_core.TableIndex(cells, 450, "sign", 0) for cells in (old, new))
    first.refresh(*split(rows))
    second.restore(split(rows)[0], first.learned, first.codes, 2)
    for name in ("learned", "codes", "offsets", "rows"):
        assert_array_equal(getattr(second, name), getattr(first, name))
    assert_array_equal(new.hash_rows(*split(later)), old.hash_rows(*split(later)))
    for x in strategies.examples(rng, 4, 9, "gaussian"):
        assert_array_equal(visited(new, x), visited(old, x))


@pytest.mark.parametrize("sizes", [(400, 100), (100, 400), (400, 20, 300)])
def test_a_fit_forgets_the_fit_before(sizes):
    """Cells are no more than rows: few rows need no shortcut, and many no columns."""
    rng = np.random.default_rng(0)
    cells = _core.Centroids(8, 400, 0, n_visited=5)
    for n in sizes:
        rows = strategies.rows(rng, n, 8)
        cells.fit(*split(rows))
    fresh = _core.Centroids(8, 400, 0, n_visited=5)
    fresh.fit(*split(rows))
    assert_array_equal(cells.hash_rows(*split(rows)), fresh.hash_rows(*split(rows)))
    for x in strategies.examples(rng, 5, 8, "gaussian"):
        assert_array_equal(visited(cells, x), visited(fresh, x))


def test_rows_that_are_not_finite_end_in_the_first_cell():
    rows = strategies.rows(np.random.default_rng(0), 400, 8)
    cells = fitted(rows, 300)
    rows[::2] = np.nan
    assert (cells.hash_rows(*split(rows))[::2] == 0).all()
    everywhere = np.full((400, 9), np.inf)
    assert fitted(everywhere, 300).hash_rows(*split(everywhere)).max() == 0


@pytest.mark.parametrize("spherical", [False, True])
def test_the_ledger_of_a_shortcut_worked_by_hand(spherical):
    """289 cells of width 9 are in 17 groups. In each of 5 rounds: 17 norms and 289 x 17 products,
    on the sphere with their scales; and 4 times the means. Rounding multiplies the width of each
    cell. A row is compared with the 17 means and 36 cells or a few more."""
    cells = _core.Centroids(8, 289, 0, spherical=spherical)
    index = _core.TableIndex(cells, 400, "union", 0)
    weights, bias = split(strategies.rows(np.random.default_rng(0), 400, 8))
    index.refresh(weights, bias)
    build = 5 * (17 * 9 + 289 * 17 * (9 + spherical)) + 4 * 17 * 9 + 289 * 9
    (none,) = index.refresh_rows(weights, bias, np.empty(0, np.int32))
    assert none[FIELDS.index("refresh")] == build
    index.begin_refit(weights, bias)
    (cost,) = index.refit_rows(weights, bias, np.array([3], np.int32))
    compared = cost[FIELDS.index("comparisons")]
    assert 17 + 289 // 8 <= compared < 17 + 289
    assert cost[FIELDS.index("refresh")] == compared * (9 + spherical)


# -- refits in pieces -----------------------------------------------------------------------------


@given(
    n=strategies.SIZES,
    n_cells=st.integers(1, 20),
    rank=st.sampled_from(["union", "sign"]),
    n_pieces=st.integers(1, 5),
    n_threads=st.integers(1, 3),
    seed=strategies.SEEDS,
)
def test_a_refit_in_pieces_is_a_refresh(n, n_cells, rank, n_pieces, n_threads, seed):
    """And until it ends, queries see the old codes."""
    rng = np.random.default_rng(seed)
    rows, later = strategies.rows(rng, n, 8), strategies.rows(rng, n, 8)
    weights, bias = split(later)
    index, fresh = (
        _core.TableIndex(_core.Centroids(8, n_cells, seed, n_visited=2), n, rank, 0)
        for _ in range(2)
    )
    index.refresh(*split(rows))
    fresh.refresh(weights, bias)
    names = ["learned", "codes", "offsets", "rows", "sign_bits"]
    before = [getattr(index, name) for name in names]
    index.begin_refit(weights, bias, n_threads)
    for piece in np.array_split(rng.permutation(n).astype(np.int32), n_pieces):
        index.refit_rows(weights, bias, piece, n_threads)
        for name, was in zip(names, before, strict=True):
            assert_array_equal(getattr(index, name), was)
    index.end_refit(weights, n_threads)
    for name in names:
        assert_array_equal(getattr(index, name), getattr(fresh, name))
    X = native.vectors(strategies.examples(rng, 3, 8, "gaussian"))
    scores = []
    for each in (index, fresh):
        layer = _core.Linear(weights, bias, "linear", _core.Retrieve(each, 1 + n // 3, 0, 0))
        scores.append(_core.scores(_core.Model([layer], "softmax"), X, np.arange(3), False, 1))
    assert_array_equal(*scores)


def test_a_refit_is_begun_before_it_goes_on():
    index = _core.TableIndex(_core.Centroids(8, 3, 0), 20, "union", 0)
    weights, bias = split(strategies.rows(np.random.default_rng(0), 20, 8))
    rows = np.arange(20, dtype=np.int32)
    for _ in range(2):
        with pytest.raises(ValueError, match="no refit has begun"):
            index.refit_rows(weights, bias, rows)
        with pytest.raises(ValueError, match="no refit has begun"):
            index.end_refit(weights)
        index.begin_refit(weights, bias)
        with pytest.raises(ValueError, match="out of range"):
            index.refit_rows(weights, bias, rows + 1)
        index.end_refit(weights)


def test_families_that_learn_nothing_of_rows_have_no_refit():
    index = _core.TableIndex(_core.SimHash(8, 3, 4, 0), 20, "count", 0)
    with pytest.raises(RuntimeError, match="learns nothing"):
        index.begin_refit(*split(strategies.rows(np.random.default_rng(0), 20, 8)))
