"""Laws of packed trees: what training left, but for small weights and the last bits of others."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fewfire as ff
from fewfire.tagger import preparing
from fewfire.tagger.new_labels import Growth
from fewfire.tagger.packed import PackedTree, _columns
from fewfire.tagger.seeds import TreeSeeds
from fewfire.tagger.settings import LEARNING, MOST_TREES
from tags import tagged

SMALL = {"labels_per_leaf": 5, "n_jobs": 1}


@pytest.fixture(scope="module")
def train():
    return tagged()


@pytest.fixture(scope="module")
def tagger(train):
    return ff.Tagger("balanced", **SMALL).fit(train)


def unpacked(tree):
    growth = Growth(tree, tree.labels, tree.layouts(tree.levels[-1].children))
    return growth.grow(len(tree.places), LEARNING[tree.loss])


def test_packing_what_was_unpacked_gives_the_same_bits(tagger):
    for tree, expansion in zip(tagger.forest.trees, tagger.forest.expansions, strict=True):
        again = PackedTree.pack(unpacked(tree), expansion.width, "squared_hinge", 0.0, 1)
        for name, array in tree.arrays("").items():
            assert_array_equal(array, again.arrays("")[name], err_msg=name)


@pytest.mark.parametrize("prune", [0.0, 0.05, 0.3])
def test_packing_leaves_out_small_weights_and_rounds_the_others(train, prune):
    tagger = ff.Tagger("fast", **SMALL)
    rows = preparing.prepare(train, tagger.settings, 2**40, TreeSeeds(0), 1, MOST_TREES)
    trees = rows.grow(range(len(rows.plans)))
    rng = np.random.default_rng(0)
    for level in trees[0].levels:
        level.weights[:] = rng.normal(0, 0.1, len(level.weights))
        level.bias_moments[_columns(level.layout, level.layout.children)] += rng.random(
            level.layout.n_children
        )
    packed = unpacked(PackedTree.pack(trees[0], rows.expansion.width, "squared_hinge", prune, 1))
    for before, after in zip(trees[0].levels, packed.levels, strict=True):
        assert_array_equal(before.bias, after.bias)
        assert_array_equal(before.bias_moments, after.bias_moments)
        for node in range(before.layout.n_nodes):
            n = int(np.diff(before.layout.children)[node])
            own = [_by_feature(level, node)[:, :n] for level in (before, after)]
            kept = np.where(abs(own[0]) >= prune, own[0], 0)
            assert_allclose(own[1], kept, rtol=2**-8)
            assert_array_equal(own[1] == 0, kept == 0)


def _by_feature(level, node):
    """The rows of a block: known features ascending, then the shared rows."""
    layout = level.layout
    listed = np.split(layout.vocabulary, np.cumsum(layout.listed))[node]
    known = np.arange(layout.known[node]) if layout.is_dense[node] else listed
    order = np.concatenate([np.argsort(known), np.arange(len(known), layout.rows[node])])
    return level.block(node)[order]
