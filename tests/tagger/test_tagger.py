"""Laws of taggers: what they learn, what they promise to the bit, and what they refuse."""

import os
import signal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.base import progress
from fewfire.tagger import lesson
from fewfire.tagger.leaves import depths_of
from fewfire.tagger.settings import PRESETS
from tags import N_WORDS, tagged

SMALL = {"labels_per_leaf": 5, "n_jobs": 1}


@pytest.fixture(scope="module")
def train():
    return tagged(names=[f"tag {i}" for i in range(40)])


@pytest.fixture(scope="module")
def tagger(train):
    return ff.Tagger("balanced", **SMALL).fit(train)


@pytest.fixture(scope="module")
def test():
    return tagged(seed=1, n=200, names=[f"tag {i}" for i in range(40)])


def weights(tagger):
    return [array for name, array in sorted(tagger.state()[1].items())]


def same(a, b):
    return all(map(np.array_equal, weights(a), weights(b)))


def losses(tagger):
    return [row["train/loss"] for row in tagger.history_]


# -- learning ------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_finds_the_labels(train, test, preset):
    tagger = ff.Tagger(preset, **SMALL).fit(train)
    found = tagger.evaluate(test, ["P@1", "nDCG@3", "PSP@3"])
    assert found["P@1"] > 0.95
    assert min(found.values()) > 0.85


@pytest.mark.parametrize("loss", ["squared_hinge", "logistic"])
@pytest.mark.parametrize("labels_per_leaf", [5, 1000], ids=["router", "one leaf"])
def test_both_losses_learn_with_and_without_a_router(train, test, loss, labels_per_leaf):
    tagger = ff.Tagger("fast", loss=loss, labels_per_leaf=labels_per_leaf, n_jobs=1).fit(train)
    assert tagger.evaluate(test)["P@1"] > 0.95
    assert len(tagger.forest.trees[0].levels) == (2 if labels_per_leaf == 5 else 1)


@pytest.mark.parametrize(("n_features", "wanted"), [(60, 4), (18, 7), (6, 8)])
def test_short_examples_come_more_often(n_features, wanted):
    rng = np.random.default_rng(0)
    X = np.zeros((40, 80), np.float32)
    for row in X:
        row[rng.choice(80, n_features, replace=False)] = 1
    y = csr_array(rng.random((40, 6)) < 0.3)
    for features in (X, csr_array(X)):
        tagger = ff.Tagger("fast", **SMALL).fit(features, y)
        assert tagger.settings.max_epochs == len(tagger.history_) == wanted
    given = ff.Tagger("fast", max_epochs=3, **SMALL).fit(X, y)
    assert given.settings.max_epochs == 3
    assert len(tagger.fit(X[:, ::-1], y).history_) == wanted  # a fit looks at its own data


def test_three_levels_learn(monkeypatch, train, test):
    monkeypatch.setattr("fewfire.tagger.leaves._MOST_LEAVES", 4)
    tagger = ff.Tagger("fast", labels_per_leaf=3, n_jobs=1).fit(train)
    assert [level.n_nodes for level in tagger.forest.trees[0].levels] == [1, 4, 16]
    assert tagger.evaluate(test)["P@1"] > 0.95


def test_classes_are_learned_like_lists_of_one(train):
    data = tagged(kind="classes")
    tagger = ff.Tagger("fast", **SMALL).fit(data.X, data.y)
    assert tagger.evaluate(tagged(kind="classes", seed=1)).accuracy > 0.9


def test_dense_features_give_the_bits_of_sparse_ones(train):
    dense = ff.Dataset(train.X.toarray(), train.y, label_names=train.label_names)
    assert same(ff.Tagger("fast", **SMALL).fit(train), ff.Tagger("fast", **SMALL).fit(dense))


def test_the_history_has_a_row_per_epoch_with_figures_of_the_evaluation_sets(train, test):
    tagger = ff.Tagger("fast", max_epochs=3, **SMALL).fit(train, eval_sets={"val": test})
    assert [row["epoch"] for row in tagger.history_] == [1, 2, 3]
    assert tagger.history_[-1]["val/P@1"] == tagger.evaluate(test)["P@1"]
    assert tagger.history_.n_examples == 3 * len(train)
    assert tagger.history_.ledger.backward > 0


def test_the_ledger_stands_beside_every_weight_and_those_of_the_features_there_are(train, test):
    tagger = ff.Tagger(n_trees=2, pairs=1, max_epochs=3, **SMALL).fit(train)
    trees = tagger.forest.trees
    assert trees[0].width > trees[1].width == train.n_features
    for data, ledger, passes in (
        (test, tagger.evaluate(test, n_jobs=2).ledger, 1),
        (test, tagger.evaluate(test, exact=True).ledger, 1),
        (train, tagger.history_.ledger, 3 * 2),  # epochs; scores and gradients
    ):
        rows = tagger.forest.rows(data, 1)
        dense = [len(data) * tree.width * tree.n_children for tree in trees]
        nonzero = [own.nnz * tree.n_children for own, tree in zip(rows, trees, strict=True)]
        assert ledger.dense == passes * sum(dense)
        assert ledger.dense_nonzero == passes * sum(nonzero)
        assert 0 < ledger.share < ledger.share_nonzero


# -- the same bits -------------------------------------------------------------------------------


@pytest.mark.parametrize("n_trees", [1, 3])
def test_deterministic_trees_are_the_same_to_the_bit_for_any_number_of_threads(n_trees):
    data = tagged(n=1500, n_labels=200)

    def scores(n_jobs):
        how = {"n_trees": n_trees, "max_epochs": 2, "deterministic": True, "labels_per_leaf": 20}
        return ff.Tagger(n_jobs=n_jobs, **how).fit(data).predict_topk(data, 5).scores

    for n_jobs in (2, 5):
        assert_array_equal(scores(n_jobs), scores(1))


def test_one_thread_repeats_itself_to_the_bit(train, tagger):
    assert same(tagger, ff.Tagger("balanced", **SMALL).fit(train))


def test_slices_of_an_epoch_leave_no_trace(monkeypatch, train, tagger):
    for seconds in (1e-9, 1e-3, 1e9):
        monkeypatch.setattr(progress, "_SLICE_SECONDS", seconds)
        other = ff.Tagger("balanced", **SMALL).fit(train)
        assert same(other, tagger)
        assert losses(other) == losses(tagger)


def test_threads_that_share_a_tree_learn_as_well(train, test):
    tagger = ff.Tagger("fast", labels_per_leaf=5, n_jobs=4).fit(train)
    assert tagger.evaluate(test)["P@1"] > 0.95


def test_another_seed_makes_other_trees(train, tagger):
    other = ff.Tagger("balanced", random_state=1, **SMALL).fit(train)
    assert not np.array_equal(tagger.forest.trees[0].labels, other.forest.trees[0].labels)
    assert not np.array_equal(tagger.forest.trees[0].labels, tagger.forest.trees[1].labels)


# -- predictions ---------------------------------------------------------------------------------


def test_likelihoods_fall_from_1_to_0(tagger, test):
    scores = tagger.predict_topk(test, 10).scores
    assert (np.diff(scores, axis=1) <= 0).all()
    assert (scores <= 1).all()
    assert (scores[scores > -np.inf] >= 0).all()


@pytest.mark.parametrize("exact", [False, True])
def test_given_labels_score_as_found_ones(tagger, test, exact):
    tree = ff.Tagger("fast", **SMALL).fit(test)  # of one tree: all that is found was opened
    top = tree.predict_topk(test, 6, exact=exact)
    wanted = csr_array(
        (np.ones(top.indices.size), top.indices.ravel(), np.arange(0, 1201, 6)),
        shape=(200, tree.n_outputs),
    )
    found = tree.predict_scores(test, wanted)
    assert_array_equal(np.take_along_axis(found.toarray(), top.indices, 1), top.scores)


@pytest.mark.parametrize("n_levels", [1, 2, 3])
def test_given_labels_score_as_those_of_all_trees(monkeypatch, test, n_levels):
    monkeypatch.setattr("fewfire.tagger.leaves._MOST_LEAVES", {1: 512, 2: 512, 3: 4}[n_levels])
    per_cell = {1: 100, 2: 5, 3: 3}[n_levels]
    tagger = ff.Tagger(n_trees=3, labels_per_leaf=per_cell, max_epochs=1, n_jobs=1).fit(test)
    assert {len(tree.levels) for tree in tagger.forest.trees} == {n_levels}
    top = tagger.predict_topk(test, 40, exact=True)
    rng = np.random.default_rng(0)
    wanted = csr_array(rng.random((200, 40)) < 0.3)
    found = tagger.predict_scores(test, wanted)
    everything = np.empty((200, 40), np.float32)
    np.put_along_axis(everything, top.indices, top.scores, 1)
    rows = np.repeat(np.arange(200), np.diff(found.indptr))
    assert_array_equal(found.data, everything[rows, found.indices])


def test_exact_opens_every_cell(tagger, test):
    top = tagger.predict_topk(test, tagger.n_outputs, exact=True)
    assert (top.scores > -np.inf).all()
    wanted = csr_array(np.ones((200, tagger.n_outputs)))
    assert_allclose(
        np.sort(tagger.predict_scores(test, wanted).toarray()), np.sort(top.scores), rtol=1e-6
    )
    narrow = ff.Tagger("fast", beam=2, **SMALL).fit(test)
    gated, exact = narrow.evaluate(test), narrow.evaluate(test, exact=True)
    assert gated.ledger.forward < exact.ledger.forward
    assert exact.exact


def test_labels_that_training_never_saw_are_told_and_never_predicted(train):
    wide = ff.Dataset(
        train.X, csr_array((train.y.data, train.y.indices, train.y.indptr), (600, 50))
    )
    tagger = ff.Tagger("fast", **SMALL).fit(wide)
    assert_array_equal(tagger.never_seen, np.arange(40, 50))
    top = tagger.predict_topk(train.X, 50, exact=True)
    assert top.indices.max() < 40
    assert (top.scores[:, 40:] == -np.inf).all()
    assert (top.indices[:, 40:] == -1).all()
    scores = tagger.predict_scores(train.X[:2], csr_array(np.ones((2, 50)))).toarray()
    assert (scores[:, 40:] == -np.inf).all()
    assert (scores[:, :40] >= 0).all()


def test_a_label_with_one_example_is_learned_from_it():
    data = tagged(n=200)
    X = csr_array(np.vstack([data.X.toarray(), np.eye(1, data.n_features, 7)]))
    X = csr_array(np.hstack([X.toarray(), np.eye(201, 1, -200)]))  # a word of its own
    y = csr_array(np.vstack([np.hstack([data.y.toarray(), np.zeros((200, 1))]), np.eye(1, 41, 40)]))
    tagger = ff.Tagger("fast", **SMALL).fit(X, y)
    assert tagger.predict_topk(X[[200]], 1).indices[0, 0] == 40


def test_examples_without_known_features_get_an_answer(tagger, train):
    empty = csr_array((2, train.n_features), dtype=np.float32)
    top = tagger.predict_topk(empty, 3)
    assert (top.indices >= 0).all()
    assert np.isfinite(top.scores).all()
    unknown = csr_array(np.eye(1, train.n_features, train.n_features - 1, dtype=np.float32))
    assert (tagger.predict_topk(unknown, 3).indices >= 0).all()


def test_training_examples_may_lack_features_or_labels(train):
    X = csr_array(np.vstack([train.X.toarray(), np.zeros((3, train.n_features))]))
    y = csr_array(np.vstack([train.y.toarray(), np.eye(3, 40) * [[1], [1], [0]]]))
    tagger = ff.Tagger("fast", **SMALL).fit(X, y)
    assert tagger.evaluate(train[:100].__class__(train.X[:100], train.y[:100]))["P@1"] > 0.95


@given(n_labels=st.integers(1, 30), per_cell=st.integers(1, 8), seed=st.integers(0, 99))
@settings(max_examples=20)
def test_every_label_is_once_in_every_tree_and_no_cell_is_empty(n_labels, per_cell, seed):
    data = tagged(n=40, n_labels=max(3, n_labels), seed=seed)
    keep = np.arange(max(3, n_labels)) < n_labels
    y = csr_array(data.y.toarray() * keep)
    if y.nnz == 0:
        return
    tagger = ff.Tagger(n_trees=2, labels_per_leaf=per_cell, max_epochs=1, n_jobs=1).fit(data.X, y)
    seen = np.flatnonzero(y.sum(axis=0))
    for tree in tagger.forest.trees:
        assert_array_equal(np.sort(tree.labels), seen)
        assert all((np.diff(level.children) > 0).all() for level in tree.levels)


@given(n_labels=st.integers(1, 10**7), per_cell=st.integers(1, 200))
def test_cells_are_of_about_the_wanted_size(n_labels, per_cell):
    depths = depths_of(n_labels, per_cell)
    n_leaves = 2 ** sum(depths)
    assert n_leaves <= n_labels
    assert len(depths) <= 2
    if depths:
        assert 0.5 * per_cell <= n_labels / n_leaves <= 2 * per_cell


# -- new labels ----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_new", [1, 30], ids=["in the padding", "in wider blocks"])
def test_new_labels_are_learned_and_old_ones_kept(n_new):
    whole = tagged(n=1600, n_labels=40 + n_new)
    has_new = whole.y[:, 40:].sum(axis=1) > 0
    old = ff.Dataset(whole.X[~has_new], whole.y[~has_new][:, :40])
    tagger = ff.Tagger("balanced", **SMALL).fit(old)
    before = tagger.evaluate(old)["P@1"]
    tagger.partial_fit(whole)
    assert tagger.n_outputs == 40 + n_new
    fresh = tagged(n=400, n_labels=40 + n_new, seed=5)
    assert tagger.evaluate(fresh)["P@1"] > 0.9
    assert tagger.evaluate(ff.Dataset(old.X, old.y, n_labels=40 + n_new))["P@1"] > before - 0.05
    counts = tagger.label_counts
    assert_array_equal(counts[40:], whole.y[:, 40:].sum(axis=0))
    assert tagger.n_trained == len(old) + len(whole)


def test_a_new_label_goes_where_the_router_likes_its_examples(train):
    tagger = ff.Tagger("fast", **SMALL).fit(train)
    twin = train.y.toarray()[:, [7]]  # a label that is always there when label 7 is
    y = csr_array(np.hstack([train.y.toarray(), twin]))
    names = [*train.label_names, "twin"]
    tagger.partial_fit(ff.Dataset(train.X, y, label_names=names), max_epochs=2)
    tree = tagger.forest.trees[0]
    leaf = tree.levels[-1].parents[tree.places[[7, 40]]]
    assert leaf[0] == leaf[1]
    assert tagger.label_names[-1] == "twin"


def test_going_on_without_new_labels_moves_no_label(tagger, train, tmp_path):
    tagger.save(tmp_path / "t")
    twin = ff.load(tmp_path / "t")
    twin.partial_fit(train[:50], max_epochs=1)
    for ours, theirs in zip(tagger.forest.trees, twin.forest.trees, strict=True):
        assert_array_equal(ours.labels, theirs.labels)
    assert twin.n_trained == tagger.n_trained + 50


def test_data_that_does_not_go_on_where_training_ended_is_refused(tagger, train):
    arrays = [array.copy() for array in weights(tagger)]
    renamed = ff.Dataset(train.X, train.y, label_names=[f"x{i}" for i in range(40)])
    for wrong in (renamed, ff.Dataset(train.X, train.y), tagged(n_noise=9), tagged(kind="classes")):
        with pytest.raises(ValueError, match=r"go on from|features|holds classes"):
            tagger.partial_fit(wrong)
    assert all(map(np.array_equal, arrays, weights(tagger)))


# -- reading -------------------------------------------------------------------------------------


def test_the_words_of_a_label_speak_for_it(train):
    tagger = ff.Tagger("fast", **SMALL).fit(train)
    X = csr_array(np.eye(1, train.n_features, 7 * N_WORDS, dtype=np.float32))
    (found,) = tagger.explain(X, 1)[0]
    assert found.label == 7
    assert found.features[0] == 7 * N_WORDS
    assert found.contributions[0] > 0


def test_contributions_and_biases_make_the_score(tagger, test):
    """Of a tree without a way down the likelihood follows from the sum of contributions."""
    tree = ff.Tagger("fast", labels_per_leaf=1000, n_jobs=1, loss="logistic").fit(test)
    from fewfire.tagger.reasons import contributions, row_of

    rows = tree.forest.rows(test[:20], 1)
    top = tree.predict_topk(test[:20], 1)
    bias = tree.forest.trees[0].levels[0].bias
    for i in range(20):
        label = int(top.indices[i, 0])
        spoke = contributions(tree.forest, [row_of(own, i) for own in rows], label).sum()
        z = spoke + bias[tree.forest.trees[0].places[label]]
        assert top.scores[i, 0] == pytest.approx(1 / (1 + np.exp(-z)), rel=1e-4)


def test_cells_hold_every_label_once_and_name_what_leads_there(train):
    tagger = ff.Tagger("fast", **SMALL).fit(train)
    leaves = list(tagger.leaves(n=6))
    assert_array_equal(np.sort(np.concatenate([leaf.labels for leaf in leaves])), np.arange(40))
    for leaf in leaves:
        words = {label * N_WORDS + i for label in leaf.labels for i in range(N_WORDS)}
        assert len(words & set(leaf.features.tolist())) >= 4
        assert (np.diff(leaf.weights) <= 0).all()


def test_features_are_called_by_their_names_and_pairs_by_both(tagger):
    assert tagger.feature_name(3) == "3"
    names = [f"w{i}" for i in range(tagger.n_features)]
    tagger.set_feature_names(names)
    low, high = divmod(int(tagger.forest.expansion.keys[0]), 1 << 32)
    assert tagger.feature_name(tagger.n_features) == f"w{low} + w{high}"
    with pytest.raises(ValueError, match="3 names for"):
        tagger.set_feature_names(names[:3])


# -- interrupts ----------------------------------------------------------------------------------


def test_ctrl_c_keeps_what_was_learned(monkeypatch):
    data = tagged(n=3000, n_labels=60)
    tagger = ff.Tagger("balanced", max_epochs=5000, **SMALL)
    slices = press_after(monkeypatch, 100 * len(data))
    tagger.fit(data)
    assert tagger.history_.interrupted
    assert 0 < len(tagger.history_) < 5000
    assert sum(slices) < 200 * len(data)
    assert tagger.history_.n_examples >= 3000 * len(tagger.history_)
    assert tagger.evaluate(data)["P@1"] > 0.9


# -- trees in turns ------------------------------------------------------------------------------


def test_trees_in_turns_are_those_that_are_trained_side_by_side():
    data = tagged(n=800)
    in_turns, watched = (ff.Tagger("best", max_epochs=3, **SMALL) for _ in range(2))
    in_turns.fit(data)
    watched.fit(data, eval_sets={"test": data[:50]})
    assert in_turns.settings == watched.settings
    assert same(in_turns, watched)
    losses = [[row["train/loss"] for row in x.history_] for x in (in_turns, watched)]
    assert losses[0] == pytest.approx(losses[1])
    assert_array_equal(in_turns.history_.ledger.counts, watched.history_.ledger.counts)
    assert in_turns.history_.n_examples == watched.history_.n_examples == 3 * len(data)


@pytest.mark.parametrize(("epochs", "n_kept"), [(4.5, 1), (5.5, 2), (8.5, 2), (9.5, 3)])
def test_ctrl_c_keeps_trees_that_are_done_and_one_that_knows_enough(
    epochs, n_kept, monkeypatch, tmp_path
):
    data = tagged(n=3000, n_labels=60)
    tagger = ff.Tagger("balanced", max_epochs=4, slowing=0, **SMALL)
    press_after(monkeypatch, epochs * len(data))
    tagger.fit(data)
    assert tagger.history_.interrupted
    assert tagger.settings.n_trees == len(tagger.forest.trees) == n_kept
    assert len(tagger.history_) == 4
    assert tagger.evaluate(data)["P@1"] > 0.9
    tagger.save(tmp_path / "tagger.safetensors")
    assert same(tagger, ff.load(tmp_path / "tagger.safetensors"))


def test_ctrl_c_while_going_on_keeps_all_trees(monkeypatch):
    data = tagged(n=3000, n_labels=60)
    tagger = ff.Tagger("balanced", max_epochs=2, slowing=0, **SMALL).fit(data)
    press_after(monkeypatch, 0.5 * len(data))
    tagger.partial_fit(data)
    assert tagger.history_.interrupted
    assert len(tagger.forest.trees) == tagger.settings.n_trees == 3
    assert tagger.evaluate(data)["P@1"] > 0.9


def press_after(monkeypatch, n_examples):
    """Press Ctrl-C when trees have been trained on so many."""
    train_tree, slices = lesson._core.train_tree, []

    def press(*arguments):
        slices.append(len(arguments[4]))  # examples
        if sum(slices[:-1]) <= n_examples < sum(slices):
            os.kill(os.getpid(), signal.SIGINT)
        return train_tree(*arguments)

    monkeypatch.setattr(lesson._core, "train_tree", press)
    return slices


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"preset": "slow"}, "preset must be one of fast, balanced, best"),
        ({"n_trees": 0}, "n_trees must be at least 1"),
        ({"max_epochs": 0}, "max_epochs must be at least 1"),
        ({"power": 0.0}, "power must be at most 10 and above 0"),
        ({"loss": "softmax"}, "loss must be one of squared_hinge, logistic"),
        ({"beam": 0}, "beam must be at least 1"),
        ({"largest": 1}, "largest must be"),
        ({"largest": 65}, "largest must be"),
        ({"labels_per_leaf": 0}, "labels_per_leaf must be at least 1"),
        ({"memory": "lots"}, 'size like "2G"'),
        ({"memory": 0}, "memory must be at least 1"),
        ({"n_jobs": 0}, "n_jobs must be at least 1"),
        ({"random_state": -1}, "random_state must be at least 0"),
    ],
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ff.Tagger(**options)


def test_wrong_data_is_refused(train):
    with pytest.raises(ValueError, match="no example has a label"):
        ff.Tagger().fit(train.X, csr_array((600, 4)))
    with pytest.raises(ValueError, match="no examples"):
        ff.Tagger().fit(train[:0])
    with pytest.raises(ValueError, match="no targets"):
        ff.Tagger().fit(train.X)
    with pytest.raises(ValueError, match="values"):
        ff.Tagger().fit(train.X, np.linspace(0, 1, 600))
    with pytest.raises(TypeError, match="leave out y"):
        ff.Tagger().fit(train, train.y)


# -- data that is hard ----------------------------------------------------------------------------


def test_many_unknown_features_on_few_shared_rows_do_not_make_weights_grow():
    rng = np.random.default_rng(0)
    X = (rng.random((400, 2000)) < 0.5).astype(np.float32)
    tagger = ff.Tagger("fast", n_jobs=1, labels_per_leaf=20, memory="6M")
    tagger.fit(X, rng.integers(200, size=400).astype(str))  # names, not values
    assert all(abs(level.bias).max() < 5 for level in tagger.forest.trees[0].levels)
    losses = [row["train/loss"] for row in tagger.history_]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(("size", "power"), [(1e-20, 2.0), (1e20, 2.0), (1e-42, 1.0)])
def test_the_size_of_values_does_not_matter(size, power):
    X = np.eye(6, dtype=np.float32)[np.arange(60) % 6]
    labels = np.arange(60) % 6
    tagger = ff.Tagger("fast", power=power, n_jobs=1).fit(np.float32(size) * X, labels)
    assert_array_equal(tagger.predict_topk(np.float32(size) * X, 1).indices[:, 0], labels)


def test_a_training_that_fails_changes_nothing(train, monkeypatch):
    tagger = ff.Tagger("fast", **SMALL).fit(train)
    before = tagger.state()
    monkeypatch.setattr("fewfire.tagger.forest.Forest.pack", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tagger.partial_fit(train, max_epochs=1)
    assert tagger.state()[0] == before[0]
    assert all(
        array is tagger.state()[1][name] for name, array in before[1].items() if "trees" in name
    )


# -- names and decisions -------------------------------------------------------------------------


@pytest.mark.parametrize("threshold", [0.0, 0.01, 0.5, 0.9, 1.0])
def test_labels_above_a_threshold_are_those_of_a_full_ranking(test, tagger, threshold):
    found = tagger.predict(test, threshold=threshold).toarray()
    top = tagger.predict_topk(test, tagger.n_outputs)
    for own, ids, scores in zip(found, top.indices, top.scores, strict=True):
        assert_array_equal(np.flatnonzero(own), np.sort(ids[scores > threshold]))
    with pytest.raises(ValueError, match="threshold must be at least 0 and at most 1"):
        tagger.predict(test, threshold=1.5)


def test_answers_have_names():
    X = np.eye(5, dtype=np.float32)[[0, 1, 2] * 20]
    data = ff.Dataset(X, ["red", "green", "blue"] * 20)
    tagger = ff.Tagger("fast", n_jobs=1).fit(data)
    top = tagger.predict_topk(X[:3], 3)
    assert top.names[:, 0].tolist() == tagger.predict(X[:3]).tolist() == ["red", "green", "blue"]
    indices, scores = top  # a pair, as ever
    assert indices.shape == scores.shape == top.names.shape
    plain = ff.Tagger("fast", n_jobs=1).fit(ff.Dataset(X, [0, 1, 2] * 20)).predict(X[:3])
    assert plain.tolist() == [0, 1, 2]
