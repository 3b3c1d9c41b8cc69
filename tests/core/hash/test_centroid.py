"""Cells of a k-means: the twin's, given the centroids; complete; and as tight as k-means gets."""

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import fewfire as ff
import native
import reference
import strategies
from fewfire import _core
from fewfire.training.optimizer_state import OptimizerState
from fewfire.training.renumber import renumber

CLOSE = 1e-4
CELLS, PROBES = st.integers(1, 20), st.integers(1, 24)


def split(rows):
    rows = np.asarray(rows, np.float32)
    return rows[:, :-1].copy(), rows[:, -1].copy()


def fitted(rows, n_cells, seed=0, n_threads=1, **options):
    """Cells of a k-means that sees all rows, unless told otherwise."""
    weights, bias = split(rows)
    options = {"sample_per_cell": max(1, len(rows)), "n_iterations": 8, **options}
    cells = _core.Centroids(weights.shape[1], n_cells, seed, **options)
    cells.fit(weights, bias, n_threads)
    return cells


def codes_of(cells, rows, n_threads=1):
    return cells.hash_rows(*split(rows), n_threads)[:, 0]


def visited(cells, x):
    ids, values = reference.nonzeros(x)
    return cells.hash_query(ids.astype(np.int32), values.astype(np.float32))[0]


def clear(scores):
    """Whether float32 orders them as float64 does."""
    return (np.diff(np.sort(scores, axis=-1), axis=-1) > CLOSE).all()


def blobs(rng, n_blobs, per_blob, d=12, spread=0.05):
    """Rows around orthogonal unit vectors, (rows, blob of each), shuffled."""
    blob = rng.permutation(np.repeat(np.arange(n_blobs), per_blob))
    return np.eye(d)[blob] + rng.normal(size=(len(blob), d)) * spread / np.sqrt(d), blob


@given(
    n=strategies.SIZES,
    d=strategies.SIZES,
    n_cells=CELLS,
    n_visited=PROBES,
    spherical=st.booleans(),
    kind=strategies.KINDS,
    seed=strategies.SEEDS,
    level=strategies.LEVELS,
)
def test_rows_and_queries_go_to_the_cells_of_the_twin(
    n, d, n_cells, n_visited, spherical, kind, seed, level
):
    _core.set_simd_level(level)
    rng = np.random.default_rng(seed)
    rows = strategies.rows(rng, n, d)
    cells = fitted(rows, n_cells, seed, n_visited=n_visited, spherical=spherical)
    centroids = np.array(cells.centroids, float)
    assert centroids.shape == (min(n, n_cells), d + 1)
    scores = reference.cells_of_rows(rows, centroids, spherical)
    assume(clear(scores))
    assert_array_equal(codes_of(cells, rows), scores.argmax(axis=1))
    for x in strategies.examples(rng, 3, d, kind):
        products = reference.cells_of_query(reference.nonzeros(x), centroids)
        assume(clear(products))
        got = visited(cells, x)
        assert len(got) == min(n_cells, n_visited)
        assert_array_equal(got[: len(products)], np.argsort(-products)[: len(got)])


@given(n=strategies.SIZES, n_cells=CELLS, spherical=st.booleans(), seed=strategies.SEEDS)
def test_the_cells_are_a_function_of_the_rows_and_the_seed(n, n_cells, spherical, seed):
    """To the bit: for every number of threads, whatever was fitted before."""
    rng = np.random.default_rng(seed)
    rows, others = strategies.rows(rng, n, 9), strategies.rows(rng, n, 9)
    once = fitted(rows, n_cells, seed, spherical=spherical)
    again = fitted(others, n_cells, seed, n_threads=3, spherical=spherical)
    again.fit(*split(rows), 3)
    assert_array_equal(again.centroids, once.centroids)
    assert_array_equal(codes_of(again, rows, 3), codes_of(once, rows))


def moved_rows(rng, n):
    """Rows in 5 cells, as they were and after some moved; their cells before, which moved."""
    rows = strategies.rows(rng, n, 8)
    later = rows.copy()
    changed = np.flatnonzero(rng.random(n) < 0.4)
    later[changed] = strategies.rows(rng, n, 8)[changed]
    return rows, later, changed


@given(
    n=strategies.SIZES,
    spherical=st.booleans(),
    n_threads=st.integers(1, 3),
    seed=strategies.SEEDS,
    level=strategies.LEVELS,
)
def test_centroids_follow_the_rows_that_change(n, spherical, n_threads, seed, level):
    _core.set_simd_level(level)
    rows, later, changed = moved_rows(np.random.default_rng(seed), n)
    cells = _core.Centroids(8, 5, seed, spherical=spherical)
    index = _core.TableIndex(cells, n, "union", 0)
    index.refresh(*split(rows))
    before, codes = np.array(cells.centroids, float), np.array(index.codes[:, 0])
    cost = index.refresh_rows(*split(later), changed.astype(np.int32), n_threads)
    want = reference.followed(before, later, codes, changed)
    assert_allclose(cells.centroids, want, rtol=1e-4, atol=1e-4)
    n_moved = len(np.unique(codes[changed]))
    per_row = len(want) * (9 + spherical)
    assert cost[0, reference.FIELDS.index("refresh")] == (
        2 * (len(changed) + n_moved) * 9 + len(changed) * per_row
    )
    scores = reference.cells_of_rows(later[changed], np.array(cells.centroids, float), spherical)
    assume(clear(scores))
    assert_array_equal(index.codes[changed, 0], scores.argmax(axis=1))
    unchanged = np.setdiff1d(np.arange(n), changed)
    assert_array_equal(index.codes[unchanged, 0], codes[unchanged])
    assert_array_equal(np.sort(index.rows[0]), np.arange(n))


@given(n=strategies.SIZES, spherical=st.booleans(), seed=strategies.SEEDS)
def test_an_index_that_takes_over_cells_answers_alike(n, spherical, seed):
    rng = np.random.default_rng(seed)
    rows, later, changed = moved_rows(rng, n)
    old, new = (
        _core.Centroids(8, 5, i, n_visited=2, spherical=spherical) for i in (seed, seed + 1)
    )
    first, second = (_core.TableIndex(cells, n, "sign", 0) for cells in (old, new))
    first.refresh(*split(rows))
    first.refresh_rows(*split(later), changed.astype(np.int32))
    second.restore(split(later)[0], first.learned, first.codes, 2)
    for name in ("learned", "codes", "offsets", "rows"):
        assert_array_equal(getattr(second, name), getattr(first, name))
    for x in strategies.examples(rng, 4, 8, "gaussian"):
        assert_array_equal(visited(new, x), visited(old, x))


@pytest.mark.parametrize(
    ("learned", "codes", "message"),
    [
        (np.zeros((5, 8), np.float32), np.zeros((9, 1), np.uint32), "learned has another shape"),
        (np.zeros((6, 9), np.float32), np.zeros((9, 1), np.uint32), "learned has another shape"),
        (np.zeros((5, 9), np.float32), np.zeros((8, 1), np.uint32), "codes have another shape"),
        (np.zeros((5, 9), np.float32), np.full((9, 1), 5, np.uint32), "out of range"),
        (np.zeros((3, 9), np.float32), np.full((9, 1), 3, np.uint32), "out of range"),
    ],
)
def test_what_no_such_index_had_learned_is_refused(learned, codes, message):
    index = _core.TableIndex(_core.Centroids(8, 5, 0), 9, "union", 0)
    with pytest.raises(ValueError, match=message):
        index.restore(np.zeros((9, 8), np.float32), learned, codes)


def test_rows_change_before_there_are_cells():
    index = _core.TableIndex(_core.Centroids(8, 3, 0), 20, "union", 0)
    weights, bias = split(strategies.rows(np.random.default_rng(0), 20, 8))
    assert index.refresh_rows(weights, bias, np.arange(20, dtype=np.int32)).sum() == 0
    assert (index.codes == 0).all()


def test_rows_that_are_not_finite_move_no_centroid():
    rows = strategies.rows(np.random.default_rng(0), 20, 8)
    cells = _core.Centroids(8, 3, 0)
    index = _core.TableIndex(cells, 20, "union", 0)
    index.refresh(*split(rows))
    before = np.array(cells.centroids)
    rows[::2] = np.nan
    rows[1, -1] = np.inf
    index.refresh_rows(*split(rows), np.array([0, 1, 2, 4], np.int32))
    assert_array_equal(cells.centroids, before)


def test_a_query_ranks_no_more_rows_than_its_pool():
    """In every cell visited, 5 of 40 rows for each of the 2 wanted."""
    rows = strategies.rows(np.random.default_rng(1), 40, 8)
    x = native.vectors(np.ones((1, 8), np.float32))

    def ranked(pool):
        index = _core.TableIndex(
            _core.Centroids(8, 4, 0, n_visited=4), 40, "sign", 0, n_ranked=pool
        )
        weights, bias = split(rows)
        index.refresh(weights, bias)
        gate = _core.Hashed(index, 2, 2, False, False, 0, 0)
        model = _core.Model([_core.Linear(weights, bias, "linear", gate, True)], "softmax")
        ledger = _core.predict(model, x, None, np.arange(1), 1, False, 1)[3]
        return ledger[0, reference.FIELDS.index("ranking")]

    assert (ranked(5), ranked(0), ranked(100)) == (10, 40, 40)


def test_another_seed_draws_other_cells():
    rows = strategies.rows(np.random.default_rng(0), 60, 9)
    first, second = (fitted(rows, 8, seed, sample_per_cell=2) for seed in (0, 1))
    assert not np.array_equal(first.centroids, second.centroids)


@given(
    n=strategies.SIZES,
    n_distinct=st.integers(1, 70),
    n_cells=CELLS,
    spherical=st.booleans(),
    seed=strategies.SEEDS,
)
@example(n=65, n_distinct=6, n_cells=6, spherical=True, seed=0)
def test_no_cell_is_empty_if_there_are_rows_for_all(n, n_distinct, n_cells, spherical, seed):
    """Also when most rows are equal, so that many seeds are."""
    rng = np.random.default_rng(seed)
    n_distinct = min(n, n_distinct)
    rows = strategies.rows(rng, n_distinct, 20)
    rows = rows[np.concatenate([np.arange(n_distinct), np.zeros(n - n_distinct, int)])]
    cells = fitted(rows, n_cells, seed, spherical=spherical)
    codes = codes_of(cells, rows)
    assert len(np.unique(codes)) >= min(n_cells, n_distinct)
    for row in range(n_distinct, n):
        assert codes[row] == codes[0]


@pytest.mark.parametrize("spherical", [True, False])
@pytest.mark.parametrize("n_blobs", [1, 2, 5, 8])
def test_well_separated_clusters_become_pure_cells(n_blobs, spherical):
    """Given a few cells for each cluster: seeds at random leave none out then."""
    for seed in range(5):
        rows, blob = blobs(np.random.default_rng(seed), n_blobs, 12)
        codes = codes_of(fitted(rows, 3 * n_blobs, seed, spherical=spherical), rows)
        assert all(len(np.unique(blob[codes == code])) == 1 for code in np.unique(codes))


def cost(rows, centroids, spherical):
    if spherical:
        best = reference.cells_of_rows(rows, centroids, spherical).max(axis=1)
        return (np.linalg.norm(rows, axis=1) - best).sum()
    return ((rows[:, None] - centroids) ** 2).sum(axis=2).min(axis=1).sum()


@pytest.mark.parametrize("spherical", [True, False])
def test_cells_are_nearly_as_tight_as_the_best_of_many_kmeans(spherical):
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(6, 10))
    rows = centres[rng.integers(0, 6, 400)] + rng.normal(size=(400, 10))

    def costs(n_iterations, seeds):
        for seed in seeds:
            cells = fitted(rows, 12, seed, spherical=spherical, n_iterations=n_iterations)
            yield cost(rows, np.array(cells.centroids, float), spherical)

    seeded, (few, *_), many = costs(0, range(1)), costs(8, range(1)), costs(50, range(20))
    assert few < 0.8 * next(seeded)
    assert few < 1.1 * min(many)


@given(n=strategies.SIZES, spherical=st.booleans(), seed=strategies.SEEDS)
def test_iterations_never_loosen_the_cells(n, spherical, seed):
    rows = strategies.rows(np.random.default_rng(seed), n, 9)
    costs = [
        cost(rows, np.array(fitted(rows, 6, seed, spherical=spherical, n_iterations=i).centroids),
             spherical)
        for i in (0, 1, 2, 4, 8)
    ]  # fmt: skip
    assert (np.diff(costs) <= 1e-4 * (1 + costs[0])).all()


@given(n=strategies.SIZES, n_cells=CELLS, n_visited=PROBES, seed=strategies.SEEDS)
def test_fewer_probes_visit_the_first_cells_of_more(n, n_cells, n_visited, seed):
    rng = np.random.default_rng(seed)
    rows, X = strategies.rows(rng, n, 9), strategies.examples(rng, 4, 9, "grid")
    every = fitted(rows, n_cells, seed, n_visited=n_cells)
    some = fitted(rows, n_cells, seed, n_visited=n_visited)
    for x in X:
        assert_array_equal(np.sort(visited(every, x)), np.arange(n_cells))
        assert_array_equal(visited(some, x), visited(every, x)[:n_visited])


@given(n=st.integers(2, 70), n_cells=CELLS, seed=strategies.SEEDS)
def test_all_cells_hold_every_row_once_and_all_probes_propose_the_best_of_all(n, n_cells, seed):
    rng = np.random.default_rng(seed)
    rows, X = strategies.rows(rng, n, 9), strategies.examples(rng, 4, 9, "gaussian")
    weights, bias = split(rows)
    index = _core.TableIndex(_core.Centroids(9, n_cells, seed, n_visited=n_cells), n, "sign", 0)
    index.refresh(weights, bias, 2)
    assert_array_equal(np.sort(index.rows[0]), np.arange(n))

    def model(index):
        gate = reference.Hashed(index, 1 + n // 3, 1 + n // 3)
        return reference.Model([reference.Layer(rows, "linear", gate)])

    want = reference.scores(model(reference.SignIndex(0.1)), X, range(4))
    assume(want.record.is_clear)
    net = native.Network(model(reference.CentroidIndex(n_cells, n_cells, seed=seed)))
    got = net.scores(native.vectors(X), range(4))
    assert_array_equal(np.isfinite(got), np.isfinite(want.values))


ODD = [np.nan, np.inf, -np.inf, 3e38, -3e38]


@given(
    n=strategies.SIZES,
    n_cells=CELLS,
    n_visited=PROBES,
    spherical=st.booleans(),
    seed=strategies.SEEDS,
    level=strategies.LEVELS,
)
def test_odd_numbers_stay_in_range(n, n_cells, n_visited, spherical, seed, level):
    """Codes are below the number of cells, and the cells of a query distinct."""
    _core.set_simd_level(level)
    rng = np.random.default_rng(seed)
    rows, X = strategies.rows(rng, n, 9), strategies.examples(rng, 6, 9, "sparse")
    X[1:][rng.random((5, 9)) < 0.3] = rng.choice(ODD)
    X[0] = 0
    for _ in range(2):
        cells = fitted(rows, n_cells, seed, n_visited=n_visited, spherical=spherical)
        assert (codes_of(cells, rows) < min(n, n_cells)).all()
        for x in X:
            got = visited(cells, x)
            assert len(np.unique(got)) == len(got) == min(n_visited, n_cells)
            assert (got < n_cells).all()
        rows[rng.random(rows.shape) < 0.1] = rng.choice(ODD)
        rows[rng.random(n) < 0.3] = 0


@pytest.mark.parametrize("spherical", [True, False])
@pytest.mark.parametrize("value", [0.0, 1.5, np.nan])
def test_equal_rows_share_a_cell(value, spherical):
    rows = np.full((30, 5), value)
    cells = fitted(rows, 8, n_visited=3, spherical=spherical)
    assert_array_equal(codes_of(cells, rows), codes_of(cells, rows)[0])
    assert len(np.unique(visited(cells, np.ones(4)))) == 3


def test_cells_before_the_first_fit_are_visited_in_order():
    cells = _core.Centroids(4, 5, 0, n_visited=3)
    assert visited(cells, np.ones(4)).tolist() == [0, 1, 2]


@pytest.mark.parametrize("spherical", [True, False])
def test_a_refresh_counts_what_the_twin_counts(spherical):
    """Clusters far apart, so that no cell goes empty; 2 of 3 rows are sampled."""
    rows, _ = blobs(np.random.default_rng(1), 1, 60, d=8, spread=1.0)
    weights, bias = split(rows)
    cells = _core.Centroids(7, 4, 1, spherical=spherical, sample_per_cell=10, n_iterations=3)
    got = dict(zip(reference.FIELDS, cells.fit(weights, bias)[0].tolist(), strict=True))
    want = reference.kmeans_cost(40, 4, 8, 3, spherical)
    assert {name: count for name, count in got.items() if count} == want
    index = _core.TableIndex(cells, 60, "union", 0)
    total = dict(zip(reference.FIELDS, index.refresh(weights, bias)[0].tolist(), strict=True))
    assert total["refresh"] == want["refresh"] + 60 * 4 * (8 + spherical)
    assert total["comparisons"] == want["comparisons"] + 60 * 4


def test_the_ledger_of_a_query_worked_by_hand():
    """Six rows of 2 columns in 3 cells. Two inputs: 2 x 3 products, 3 comparisons find the cells.
    Four rows are in the 2 cells visited; both inputs are in one group of four columns: 15 additions
    for its patterns and 1 a row, 4 scores times alpha, and 4 comparisons to keep 2."""
    angles = np.repeat([0, 2, 4], 2) + np.tile([0, 0.1], 3)
    rows = np.column_stack([np.cos(angles), np.sin(angles), np.zeros(6)])
    gate = reference.Hashed(reference.CentroidIndex(3, 2), 2, 2)
    net = native.Network(reference.Model([reference.Layer(rows, "linear", gate)]))
    *_, ledger, _ = net.evaluate(native.vectors(np.ones((1, 2), np.float32)), None, [0], 1)
    counts = dict(zip(reference.FIELDS, ledger[0].tolist(), strict=True))
    assert (counts["hashing"], counts["ranking"], counts["forward"]) == (2 * 3, 4, 2 * 2)
    assert (counts["additions"], counts["comparisons"]) == (15 + 4, 3 + 4)


@pytest.mark.parametrize("rank", ["sign", "union"])
def test_a_net_with_cells_learns_and_is_loaded_as_it_was(tmp_path, rank):
    train, test = ff.datasets.strokes(n_train=600, n_test=200)
    gate = ff.Hashed(density=0.1, family=ff.gates.Centroid(rank=rank, refresh_every=200))
    net = ff.Network(
        ff.Linear(train.n_features, 300, activation="relu", gate=gate),
        ff.Linear(300, train.n_labels),
    )
    ff.Trainer(net, max_epochs=3, n_jobs=1, verbose=False).fit(train)
    assert net.evaluate(test).accuracy > 2 / train.n_labels
    net.save(tmp_path / "net.safetensors")
    loaded = ff.load(tmp_path / "net.safetensors")
    assert loaded.layers[0].settings == net.layers[0].settings
    assert_array_equal(loaded.decision_function(test.X), net.decision_function(test.X))


def test_rows_with_cells_are_renumbered_and_the_function_stays():
    gate = ff.Hashed(density=0.2, family=ff.gates.Centroid(n_cells=6), soft=False)
    net = ff.Network(
        ff.Linear(8, 30, activation="relu", gate=gate),
        ff.Linear(30, 20, activation="relu", gate=gate),
        ff.Linear(20, 5),
    )
    rng = np.random.default_rng(0)
    X, before = strategies.examples(rng, 9, 8, "gaussian"), net.copy()
    usage = [rng.integers(0, 9, len(layer.bias)) for layer in net.layers]
    ledger = renumber(net, OptimizerState(net, ff.optim.RMS()), usage)
    assert ledger.total == 0  # rows, centroids and cells move along
    assert ledger.comparisons == 8 * 30 + 30 * 20  # sign bits, once
    for layer, old in zip(net.layers, before.layers, strict=True):
        assert not np.array_equal(layer.weights, old.weights)
    scores = before.decision_function(X, exact=True)
    assert_allclose(net.decision_function(X, exact=True), scores, rtol=1e-4, atol=1e-5)


def test_more_rows_get_more_cells_but_no_more_than_rows():
    def n_cells(n_rows, **options):
        gate = ff.Hashed(family=ff.gates.Centroid(**options))
        hidden = ff.Linear(3, n_rows, activation="relu", gate=gate)
        net = ff.Network(hidden, ff.Linear(n_rows, 2))
        return net.layers[0].index.offsets.shape[1] - 1

    assert [n_cells(n) for n in (10, 100, 1000, 16_000, 64_000)] == [1, 12, 125, 128, 192]
    assert n_cells(100, n_cells=7) == 7
    assert n_cells(5, n_cells=7) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_cells": 0}, "n_cells"),
        ({"rank": "count"}, "rank must be one of sign, union"),
        ({"rank": "hamming"}, "hamming"),
        ({"rank": "union", "alpha": 0.1}, "alpha"),
        ({"refresh": "rolling", "refresh_growth": 1.3}, "goes round evenly"),
    ],
)
def test_options_that_cells_do_not_use_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ff.gates.Centroid(**options)
