"""Trees trained in parts that share nothing have the bits of those trained on one thread."""

import pickle

import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fewfire as ff
from fewfire.tagger.apart import TrainingPlan
from fewfire.tagger.packed import PackedLevel
from tags import tagged

SMALL = {"labels_per_leaf": 3, "n_jobs": 1, "max_epochs": 2}


@pytest.fixture(scope="module")
def data():
    return tagged(names=[f"tag {i}" for i in range(40)])


def parts_of(plan, tree, n):
    """All parts of a tree, the router first; each knows what it was sent."""
    if n == 1:
        return [plan.whole(tree)]
    return [plan.router(tree), *(plan.some_leaves(tree, number, n) for number in range(n))]


def trained_apart(options, data, n):
    plan = TrainingPlan.of(ff.Tagger(**options), data)
    trees = []
    for tree in range(len(plan.trees)):
        first, *rest = [pickle.loads(pickle.dumps(part)) for part in parts_of(plan, tree, n)]
        done = [first.train(first.outline.examples(data, tree))]
        examples = plan.outline.examples(data, tree)
        done += [part.train(examples, done[0].opened) for part in rest]
        trees.append([pickle.loads(pickle.dumps(own)) for own in done])
    return plan.without_trees().trained(trees)


@pytest.mark.parametrize("loss", ["squared_hinge", "logistic"])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_parts_have_the_bits_of_the_whole(data, n, loss):
    options = {"preset": "balanced", "n_trees": 2, "loss": loss, **SMALL}
    whole = ff.Tagger(**options).fit(data)
    trained, history = trained_apart(options, data, n)
    assert_same_forest(trained.forest, whole.forest)
    assert trained.forest.describe() == whole.forest.describe()
    assert_array_equal(history.ledger.counts, whole.history_.ledger.counts)
    losses = [[row["train/loss"] for row in own] for own in (history, whole.history_)]
    assert_allclose(*losses, rtol=1e-12)
    assert history.n_examples == whole.history_.n_examples


def assert_same_forest(one, other):
    ours, theirs = one.arrays(), other.arrays()
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert_array_equal(array, theirs[name], err_msg=name)


def test_a_router_of_two_levels_leads_to_the_same_leaves(monkeypatch, data):
    monkeypatch.setattr("fewfire.tagger.leaves._MOST_LEAVES", 4)
    options = {"preset": "fast", **SMALL, "slowing": 0.5}
    weighted = ff.Dataset(data.X, data.y, sample_weight=[1, 2, 0.5] * 200)
    whole = ff.Tagger(**options).fit(weighted)
    assert len(whole.forest.trees[0].levels) == 3
    assert_same_forest(trained_apart(options, weighted, 3)[0].forest, whole.forest)


def test_levels_joined_are_the_level_packed_together(data):
    level = ff.Tagger("fast", **SMALL).fit(data).forest.trees[0].levels[-1]
    assert PackedLevel.joined([level]).largest == level.largest
    double = PackedLevel.joined([level, level])
    assert double.n_nodes == 2 * level.n_nodes
    assert len(double.weights) == 2 * len(level.weights)
