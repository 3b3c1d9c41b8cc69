"""What gates choose: the budget exactly, all labels, the same for an example wherever it stands."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import native
import reference
import strategies
from fewfire import _core
from reference import AdaptiveDropout, CentroidIndex, Dropout, Hashed, Layer, Model, SignIndex, TopK

RANKING = ["topk", "sign", "union", "count", "hamming", "signs in buckets", "dwta", "minhash"]
RANKING += ["centroid"]
KINDS = ["adaptive", "dropout", *RANKING]


def make_gate(kind, rows, k, seed=0, rerank=1, weights=0):
    n, m = len(rows), min(len(rows), rerank * k)
    if kind == "dropout":
        return Dropout(k, seed)
    if kind == "adaptive":  # as many on average, where scores are near 0
        share = min(k / n, 0.9)
        return AdaptiveDropout(1.0, np.log(share / (1 - share)), seed)
    if kind == "topk":
        return TopK(k, seed=seed)
    if kind == "sign":
        return Hashed(SignIndex(0.1, seed), k, m, seed=seed, weights=weights)
    if kind == "centroid":
        return Hashed(CentroidIndex(n_cells=4, n_visited=2, seed=seed), k, m, seed=seed)
    if kind in ("dwta", "minhash"):
        return Hashed(native.Tables(kind, 3, 5, "count", seed), k, m, seed=seed)
    rank = "sign" if kind == "signs in buckets" else kind
    index = native.twin_index(rows[:, :-1], 3, 5, rank, seed, probes=2)
    return Hashed(index, k, min(n, m), seed=seed)


def gated_layer(kind, n, k, seed, d=9, rerank=1, weights=0, activation="linear"):
    rows = strategies.rows(np.random.default_rng(seed), n, d) / 32  # so that no loss saturates
    return Layer(rows, activation, make_gate(kind, rows, k, seed, rerank, weights))


def chosen_in_training(layer, X, labels, epoch=0):
    """Touched rows of each example alone; the logistic loss gives every active row a gradient."""
    targets = native.targets(labels, "logistic")
    for i in range(len(X)):
        net = native.Network(Model([layer], "logistic"))
        trained = net.train(native.vectors(X), targets, [i], [0.0], 1, epoch=epoch)
        yield np.flatnonzero(net.touched[0]), trained


@given(
    kind=st.sampled_from(["dropout", *RANKING]),
    n=strategies.SIZES,
    share=st.floats(0.01, 1),
    rerank=st.integers(1, 3),
    n_labels=st.integers(0, 5),
    inputs=st.sampled_from(["gaussian", "grid", "sparse"]),
    seed=strategies.SEEDS,
    level=strategies.LEVELS,
)
def test_labels_are_active_and_the_budget_is_exact(
    kind, n, share, rerank, n_labels, inputs, seed, level
):
    _core.set_simd_level(level)
    rng = np.random.default_rng(seed)
    k = max(1, int(share * n))
    layer = gated_layer(kind, n, k, seed, rerank=rerank)
    X = strategies.examples(rng, 3, 9, inputs)
    labels = [np.sort(rng.choice(n, min(n_labels, n), replace=False)) for _ in X]
    for (rows, trained), wanted in zip(chosen_in_training(layer, X, labels), labels, strict=True):
        assert np.isin(wanted, rows).all()
        assert len(rows) == max(k, len(wanted)) == trained.usage[0].sum()
    if kind != "dropout":
        net = native.Network(Model([layer], "logistic"))
        assert (np.isfinite(net.scores(native.vectors(X), range(3))).sum(axis=1) == k).all()


@given(
    kind=st.sampled_from(["adaptive", *RANKING]),
    n=strategies.SIZES,
    n_next=strategies.SIZES,
    soft=st.booleans(),
    seed=strategies.SEEDS,
    level=strategies.LEVELS,
    n_threads=st.integers(1, 4),
)
def test_an_example_gets_the_same_scores_wherever_it_stands(
    kind, n, n_next, soft, seed, level, n_threads
):
    """To the bit: alone or among others, twice, in any order, with threads, dense or sparse."""
    _core.set_simd_level(level)
    rng = np.random.default_rng(seed)
    hidden = gated_layer(kind, n, 1 + n // 3, seed, d=33, rerank=2, activation="relu")
    if kind in ("topk", "sign"):
        hidden.gate = type(hidden.gate)(**{**vars(hidden.gate), "soft": soft})
    output = strategies.rows(rng, n_next, n)
    X = strategies.examples(rng, 70, 33, str(rng.choice(["gaussian", "grid", "sparse"])))
    for top_gate in (None, TopK(1 + n_next // 2)):
        net = native.Network(Model([hidden, Layer(output, "linear", top_gate)]))
        alone = np.vstack([net.scores(native.vectors(X), [i]) for i in range(len(X))])
        order = rng.permutation(np.repeat(np.arange(len(X)), 2))
        for form in ("dense", "sparse"):
            among = net.scores(native.vectors(X, form), order, n_threads=n_threads)
            assert_array_equal(among, alone[order])


@given(n=strategies.SIZES, middle=strategies.SIZES, seed=strategies.SEEDS, level=strategies.LEVELS)
def test_a_dense_net_gives_the_same_scores_wherever_an_example_stands(n, middle, seed, level):
    _core.set_simd_level(level)
    rng = np.random.default_rng(seed)
    layers = [
        Layer(strategies.rows(rng, middle, 33), "relu"),
        Layer(strategies.rows(rng, n, middle), "tanh"),
        Layer(strategies.rows(rng, 5, n), "linear"),
    ]
    X = native.vectors(strategies.examples(rng, 40, 33, "gaussian"))
    net = native.Network(Model(layers))
    together = net.scores(X, range(40))
    for i in (0, 7, 15, 16, 31, 39):
        assert_array_equal(net.scores(X, [i]), together[i : i + 1])


@given(kind=st.sampled_from(KINDS), n=strategies.SIZES, seed=strategies.SEEDS)
def test_a_batch_trains_the_rows_its_examples_train_alone(kind, n, seed):
    """At rate 0 the weights stand still; the last example is the first again."""
    rng = np.random.default_rng(seed)
    layer = gated_layer(kind, n, 1 + n // 4, seed)
    X = strategies.examples(rng, 6, 9, "grid")
    X = np.vstack([X, X[:1]])
    labels = [rng.choice(n, 1) for _ in range(6)]
    labels.append(labels[0])
    alone = [rows for rows, _ in chosen_in_training(layer, X, labels, epoch=3)]
    assert_array_equal(alone[0], alone[6])
    for n_threads in (1, 3):
        net = native.Network(Model([layer], "logistic"))
        order, targets = rng.permutation(7), native.targets(labels, "logistic")
        how = {"epoch": 3, "n_threads": n_threads, "deterministic": n_threads > 1}
        net.train(native.vectors(X), targets, order, [0.0], 7, **how)
        assert_array_equal(np.flatnonzero(net.touched[0]), np.unique(np.concatenate(alone)))


def noisy_examples(n_draws):
    """Distinct contents on a grid, so that sums are exact in any order."""
    return np.random.default_rng(3).integers(-50, 50, (n_draws, 4)).astype(np.float32) / 16


@pytest.mark.parametrize("level", native.LEVELS)
@pytest.mark.parametrize("n", [5, 16, 33, 70])
@pytest.mark.parametrize("kind", RANKING)
def test_ties_fall_on_every_row_alike(kind, n, level):
    """Of equal rows each is chosen equally often: none wins by its number."""
    _core.set_simd_level(level)
    k = 1 if kind == "union" else 1 + n // 4  # union takes neighbours together
    rows, n_draws = np.ones((n, 5)), 3000
    net = native.Network(Model([Layer(rows, "linear", make_gate(kind, rows, k, seed=4))]))
    scores = net.scores(native.vectors(noisy_examples(n_draws)), range(n_draws))
    strategies.assert_uniform(np.isfinite(scores).sum(axis=0), k / n, n_draws)


@pytest.mark.parametrize("labels", [[], [0], [1, 4, 5]])
def test_dropout_keeps_every_other_row_alike(labels):
    n, k, n_draws = 6, 4, 1000
    X, layer = noisy_examples(n_draws), Layer(np.ones((n, 5)), "linear", Dropout(k, 4))
    hits = np.zeros(n)
    for rows, _ in chosen_in_training(layer, X, [np.array(labels, int)] * n_draws):
        hits[rows] += 1
    assert (hits[labels] == n_draws).all()
    free = np.delete(hits, labels)
    strategies.assert_uniform(free, (k - len(labels)) / len(free), n_draws)


def adaptive_layer(rows, alpha, beta, activation="linear"):
    return Layer(rows, activation, AdaptiveDropout(alpha, beta, seed=2))


def is_kept(layer, X, label=None):
    """Which rows each example keeps in training, (n_examples, n_rows); all with the same label."""
    labels = [np.array([] if label is None else [label], int)] * len(X)
    kept = np.zeros((len(X), len(layer.rows)), bool)
    for i, (rows, _) in enumerate(chosen_in_training(layer, X, labels)):
        kept[i, rows] = True
    return kept


@pytest.mark.parametrize("alpha", [0, 0.5, 1])
@pytest.mark.parametrize("beta", strategies.BETAS)
def test_adaptive_dropout_keeps_a_row_as_often_as_its_score_says(alpha, beta):
    """Within 3 sigma; the label sees to it that no draw is empty."""
    rows, X = strategies.rows(np.random.default_rng(0), 5, 4), noisy_examples(3000)
    kept = is_kept(adaptive_layer(rows, alpha, beta), X, label=4)
    assert kept[:, 4].all()
    p = reference.keep_probabilities(alpha, beta, X @ rows[:, :-1].T + rows[:, -1])
    sigmas = (kept - p).sum(axis=0) / np.sqrt((p * (1 - p)).sum(axis=0))
    assert (np.abs(sigmas[:4]) < 3).all(), sigmas


def test_adaptive_dropout_draws_every_row_for_itself():
    """Variances add up: those of the single rows to that of the number of rows kept."""
    rows, X = strategies.rows(np.random.default_rng(0), 20, 4), noisy_examples(2000)
    kept = is_kept(adaptive_layer(rows, 0.5, 0.0), X)
    p = reference.keep_probabilities(0.5, 0.0, X @ rows[:, :-1].T + rows[:, -1])
    spread = ((kept - p).sum(axis=1) ** 2).sum()
    assert_allclose(spread, (p * (1 - p)).sum(), rtol=0.1)


@pytest.mark.parametrize("alpha", [0, 1])
def test_adaptive_dropout_ends_in_every_row_or_in_the_best(alpha):
    rows, X = strategies.rows(np.random.default_rng(0), 33, 4), noisy_examples(50)
    assert is_kept(adaptive_layer(rows, alpha, 1e6), X).all()
    best = np.argmax(X @ rows[:, :-1].T + rows[:, -1], axis=1)
    assert_array_equal(
        is_kept(adaptive_layer(rows, alpha, -1e6), X), best[:, None] == np.arange(33)
    )
    assert_array_equal(
        is_kept(adaptive_layer(rows, alpha, -1e6), X, label=7), [np.arange(33) == 7] * 50
    )


def test_the_best_row_is_drawn_among_equals():
    n, n_draws = 6, 1000
    kept = is_kept(adaptive_layer(np.ones((n, 5)), 1.0, -1e6), noisy_examples(n_draws))
    strategies.assert_uniform(kept.sum(axis=0), 1 / n, n_draws)


@given(
    n=strategies.SIZES,
    alpha=st.floats(0, 4),
    beta=st.floats(-4, 4),
    activation=st.sampled_from(list(reference.ACTIVATIONS)),
    seed=strategies.SEEDS,
    level=strategies.LEVELS,
)
def test_adaptive_dropout_predicts_the_expectation(n, alpha, beta, activation, seed, level):
    """act(z) times the probability that training keeps the row, gated and exact alike."""
    _core.set_simd_level(level)
    rng = np.random.default_rng(seed)
    rows, X = strategies.rows(rng, n, 9), strategies.examples(rng, 5, 9, "gaussian")
    z = X @ rows[:, :-1].T + rows[:, -1]
    net = native.Network(Model([adaptive_layer(rows, alpha, beta, activation)], "squared"))
    got = net.scores(native.vectors(X), range(5))
    p = reference.keep_probabilities(alpha, beta, z)
    assert_allclose(got, reference.ACTIVATIONS[activation](z) * p, rtol=1e-4, atol=1e-6)
    assert_array_equal(net.scores(native.vectors(X), range(5), exact=True), got)


def test_a_row_without_a_number_is_kept():
    """So that a net that diverges shows it."""
    rows = np.array([[1.0, 0], [np.nan, 0], [1, 0]])
    layer, y = adaptive_layer(rows, 1.0, -1e6), native.targets(np.ones((1, 3)), "squared")
    net = native.Network(Model([layer], "squared"))
    usage = net.train(native.vectors(np.ones((1, 1))), y, [0], [0.0], 1).usage[0]
    assert_array_equal(usage, [0, 1, 0])


def test_randomness_changes_with_the_epoch_and_the_seed_only():
    rows, X = np.ones((40, 5)), noisy_examples(5)
    labels = [np.array([], int)] * 5

    def draw(kind, seed, epoch):
        layer = Layer(rows, "linear", make_gate(kind, rows, 10, seed))
        return [tuple(chosen) for chosen, _ in chosen_in_training(layer, X, labels, epoch)]

    for kind in KINDS:
        assert draw(kind, 1, 0) == draw(kind, 1, 0)
        assert draw(kind, 1, 0) != draw(kind, 2, 0)
        assert draw(kind, 1, 0) != draw(kind, 1, 1)


@given(
    n=strategies.SIZES,
    k=st.integers(1, 70),
    seed=strategies.SEEDS,
    level=strategies.LEVELS,
    inputs=st.sampled_from(["gaussian", "grid"]),
)
def test_topk_keeps_the_largest_scores(n, k, seed, level, inputs):
    """Ties included: what is kept is never below what is not."""
    _core.set_simd_level(level)
    rng = np.random.default_rng(seed)
    X = native.vectors(strategies.examples(rng, 5, 7, inputs))
    rows = np.rint(strategies.rows(rng, n, 7) * 2)  # a grid again
    every = native.Network(Model([Layer(rows, "linear")])).scores(X, range(5))
    some = native.Network(Model([Layer(rows, "linear", TopK(k, seed=seed))])).scores(X, range(5))
    for all_scores, kept in zip(every, some, strict=True):
        chosen = np.isfinite(kept)
        assert chosen.sum() == min(n, k)
        assert_array_equal(kept[chosen], all_scores[chosen])
        assert all_scores[chosen].min() >= all_scores[~chosen].max(initial=-np.inf)


@given(
    n=strategies.SIZES,
    k=st.integers(1, 20),
    rerank=st.integers(1, 4),
    weights=st.integers(0, 40),
    inputs=st.sampled_from(["gaussian", "sparse"]),
    seed=strategies.SEEDS,
)
def test_sign_scores_are_masked_sums(n, k, rerank, weights, inputs, seed):
    """The candidates are the best by the twin's sign scores, more of inputs with few values; of
    these the exactly best are kept."""
    rng = np.random.default_rng(seed)
    layer = gated_layer("sign", n, min(n, k), seed, rerank=rerank, weights=weights)
    X = strategies.examples(rng, 5, 9, inputs)
    want = reference.scores(Model([layer]), X, range(5))
    assume(want.record.is_clear)
    got = native.Network(Model([layer])).scores(native.vectors(X), range(5))
    assert_array_equal(np.isfinite(got), np.isfinite(want.values))


def test_soft_values_fall_to_zero_at_the_threshold():
    """The example of the formula: scores 4, 3, 2, -1 and two active rows give 2, 1."""
    rows = np.array([[4.0, 0], [3, 0], [2, 0], [-1, 0]])
    X = native.vectors(np.ones((1, 1), np.float32))

    def values(active, soft, exact=False):
        net = native.Network(Model([Layer(rows, "relu", TopK(active, soft))], "squared"))
        return net.scores(X, [0], exact=exact)[0].tolist()

    out = -np.inf
    assert values(2, soft=False) == [4, 3, out, out]
    assert values(2, soft=True) == [2, 1, out, out]
    assert values(3, soft=True) == [4, 3, 2, out]  # a negative score is not a threshold
    assert values(4, soft=True) == [4, 3, 2, 0]
    assert values(2, soft=False, exact=True) == [4, 3, 2, 0]
    assert values(2, soft=True, exact=True) == [2, 1, out, out]


@pytest.mark.parametrize("gate", [TopK(0), TopK(-1), Dropout(0, 0)], ids=str)
def test_a_gate_that_keeps_no_row_is_refused(gate):
    with pytest.raises(ValueError, match="active"):
        native.Network(Model([Layer(np.ones((3, 2)), "linear", gate)]))


def exploring_layer(n, k, explored, rare, seed=4):
    """Rows of two scores, so that who of the better half is chosen is drawn."""
    weights, bias = np.ones((n, 4), np.float32), np.zeros(n, np.float32)
    index = _core.SignIndex(n, 4, 1.0, seed)
    index.refresh(weights, bias)
    gate = _core.Hashed(index, k, k, False, False, seed, explored)
    gate.set_rare(np.array(rare, np.int32), n)
    bias[: n // 2] = 10  # these win the cut
    return _core.Linear(weights, bias, "linear", gate)


@given(
    n=st.integers(8, 70),
    explored=st.integers(0, 4),
    labels=st.sets(st.integers(0, 7), max_size=5),
    seed=strategies.SEEDS,
)
def test_rare_rows_take_their_share_of_the_budget_in_training_alone(n, explored, labels, seed):
    rare, k = np.arange(n // 2, n), 4
    layer = exploring_layer(n, k, explored, rare, seed)
    model = _core.Model([layer], "logistic")
    touched = np.zeros(n, np.int64)
    X = native.vectors(np.random.default_rng(seed).normal(size=(1, 4)).astype(np.float32))
    wanted = np.array(sorted(labels), np.int32)
    targets = _core.LabelTargets(np.array([0, len(wanted)], np.int64), wanted)
    optimizer = _core.Optimizer("sgd")
    state = _core.OptimizerState([], touched)
    ids, rates = np.array([0]), np.zeros(1, np.float32)
    _core.train(model, X, targets, ids, rates, 1, optimizer, [state], 0, 0, 1, False)
    chosen = np.flatnonzero(touched)
    assert len(chosen) == max(k, len(labels))
    assert np.isin(wanted, chosen).all()
    n_drawn = max(0, min(explored, k - len(labels), len(rare) - len(labels)))
    n_winners = max(0, k - len(labels) - n_drawn)
    free = np.setdiff1d(chosen, wanted)
    assert np.isin(free, rare).sum() >= n_drawn
    assert (free < n // 2).sum() == min(n_winners, n // 2 - (wanted < n // 2).sum())
    scores = _core.scores(model, X, ids, False, 1)[0]
    assert_array_equal(np.isfinite(scores[rare]), np.zeros(len(rare)))


def test_rare_rows_are_drawn_alike():
    n, n_draws, rare = 30, 3000, np.arange(15, 30)
    hits = np.zeros(n)
    layer = exploring_layer(n, 4, 2, rare)
    model, X = _core.Model([layer], "logistic"), native.vectors(noisy_examples(n_draws))
    targets = _core.LabelTargets(np.zeros(n_draws + 1, np.int64), np.empty(0, np.int32))
    touched = np.zeros(n, np.int64)
    state = _core.OptimizerState([], touched)
    for i in range(n_draws):
        touched[:] = 0
        rates = np.zeros(1, np.float32)
        _core.train(
            model,
            X,
            targets,
            np.array([i]),
            rates,
            1,
            _core.Optimizer("sgd"),
            [state],
            0,
            0,
            1,
            False,
        )
        hits[touched > 0] += 1
    strategies.assert_uniform(hits[rare], 2 / 15, n_draws)


@pytest.mark.parametrize("rare", [[-1], [8], [3, 3]])
def test_rare_rows_that_are_no_rows_are_refused(rare):
    with pytest.raises(ValueError, match="a row is"):
        exploring_layer(8, 2, 1, rare)
