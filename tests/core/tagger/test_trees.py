"""Laws of label trees: training, packed prediction, and what trees are grown from."""

from __future__ import annotations

import copy
import itertools
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import native
from fewfire import _core
from fewfire.tagger.layout import Layout
from fewfire.tagger.tree import Level
from reference import trees as reference
from reference.trees import Member, Node, Options
from strategies import LEVELS, SEEDS, examples

LOSSES = st.sampled_from(["squared_hinge", "logistic"])
PADDING = -1.0  # bias of columns that are not child


# -- trees, for the twin and the core -----------------------------------------------------------


def split(rng, n, n_cells):
    """Begins of n_cells stretches of n, none of them empty."""
    cuts = np.sort(rng.choice(np.arange(1, n), n_cells - 1, replace=False))
    return np.array([0, *cuts, n], np.int64)


def make_node(rng, d, first, n_children, kind, *, is_dense):
    """A node of an own vocabulary. Weights of a grid are exact in any sum; fresh ones are 0."""
    n_known = d if is_dense else int(rng.integers(0, d + 1))
    vocabulary = np.arange(d) if is_dense else rng.permutation(d)[:n_known]
    shape = n_known + (0 if is_dense else int(rng.integers(1, 6))), n_children
    weights, bias = rng.normal(size=shape), rng.normal(size=n_children) * 0.5
    bias -= rng.choice([0.5, 3])  # by 3: all children of a line are on their side of the margin
    if kind == "grid":
        weights, bias = np.rint(2 * weights) / 4, np.rint(2 * bias) / 4
    if kind == "fresh":
        weights, bias = np.zeros(shape), np.full(n_children, -0.5)
    weights, bias = (array.astype(np.float32).astype(float) for array in (weights, bias))
    return Node(first, vocabulary.astype(np.int32), weights, bias, np.full(n_children, 0.01))


def make_tree(rng, d, n_labels, n_levels, kind):
    """Levels of a tree in which every node but the root knows some of the features."""
    sizes = [n_labels]
    for _ in range(n_levels - 1):
        sizes.insert(0, int(rng.integers(1, min(sizes[0], 20) + 1)))
    tree = []
    for n_nodes, n_children in zip([1, *sizes], sizes, strict=False):
        begins = split(rng, n_children, n_nodes)
        tree.append([
            make_node(rng, d, int(first), int(end - first), kind,
                      is_dense=not tree and bool(rng.integers(2)))
            for first, end in itertools.pairwise(begins)
        ])  # fmt: skip
    return tree


def native_level(nodes):
    """The core's arrays of the twin's nodes."""
    layout = Layout(
        np.cumsum([0, *(len(node.bias) for node in nodes)]),
        np.array([len(node.vocabulary) for node in nodes]),
        np.array([len(node.weights) for node in nodes]),
        np.concatenate([
            node.vocabulary[: 0 if len(node.vocabulary) == len(node.weights) else None]
            for node in nodes
        ]).astype(np.int32),
    )  # fmt: skip
    level = Level.fresh(layout, PADDING)
    for at, node in enumerate(nodes):
        level.block(at)[:, : len(node.bias)] = node.weights
        columns = slice(layout.columns[at], layout.columns[at] + len(node.bias))
        level.bias[columns], level.bias_moments[columns] = node.bias, node.moments
    return level


def native_tree(tree, d):
    levels = [native_level(nodes) for nodes in tree]
    return levels, _core.Tree([level.core() for level in levels], d)


def lists(per_example):
    indptr = np.cumsum([0, *map(len, per_example)]).astype(np.int64)
    return indptr, np.concatenate([*per_example, []]).astype(np.int32)


def some_labels(rng, n, n_labels):
    """0 to 3 labels per example; the last label is of the first example alone."""
    own = [rng.choice(max(1, n_labels - 1), size=rng.integers(0, 4)) for _ in range(n)]
    own[0] = np.append(own[0], n_labels - 1)
    return [np.unique(labels) for labels in own]


def unit_rows(rng, n, d):
    X = examples(rng, n, d, "sparse" if d > 20 else "gaussian")
    return X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-6)


# -- training -----------------------------------------------------------------------------------


@dataclass
class Case:
    tree: reference.Tree
    X: np.ndarray
    labels: list[np.ndarray]
    order: np.ndarray
    rates: np.ndarray
    weights: np.ndarray
    options: Options
    form: str
    level: str

    def train(self, core: Any, n_threads: int = 1) -> tuple[float, np.ndarray]:
        inputs = native.vectors(self.X, self.form)
        slice_of = inputs, *lists(self.labels), self.order, self.rates, self.weights
        return _core.train_tree(core, *slice_of, self.core_options(), 0.0, n_threads)

    def core_options(self, levels: slice = slice(None)) -> Any:
        return _core.TreeOptions(**asdict(self.options) | {"lr": list(self.options.lr)[levels]})


@st.composite
def cases(draw):
    rng = np.random.default_rng(draw(SEEDS))
    d, n = draw(st.integers(1, 40)), draw(st.integers(1, 12))
    n_labels, n_levels = draw(st.integers(1, 70)), draw(st.integers(1, 3))
    options = Options(
        loss=draw(LOSSES),
        lr=tuple(rng.uniform(0.01, 0.2, n_levels).tolist()),
        n_negatives=draw(st.integers(0, 6)),
        least_path=draw(st.sampled_from([-np.inf, -3.5, -1.0])),
        negative_scale=draw(st.sampled_from([0.0, 0.6, 1.0])),
        thin=draw(st.sampled_from([0.0, 0.001, 0.3])),
        bias_lr=draw(st.sampled_from([0.0, 0.1])),
        slowing=draw(st.sampled_from([0.0, 0.05, 1.0])),
    )
    return Case(
        make_tree(rng, d, n_labels, n_levels, draw(st.sampled_from(["gaussian", "fresh"]))),
        unit_rows(rng, n, d),
        some_labels(rng, n, n_labels),
        rng.permutation(n),
        rng.uniform(0.1, 1, n).astype(np.float32),
        rng.choice(draw(st.sampled_from([[1], [0, 0.5, 1, 3]])), n).astype(np.float32),
        options,
        draw(st.sampled_from(["dense", "sparse"])),
        draw(LEVELS),
    )


@given(case=cases())
def test_an_epoch_matches_its_twin(case):
    _core.set_simd_level(case.level)
    levels, core = native_tree(case.tree, case.X.shape[1])
    twin = copy.deepcopy(case.tree)
    want = reference.train(
        twin, case.X, case.labels, case.order, case.rates, case.weights, case.options
    )
    assume(want.margin > 1e-5)
    loss, _ = case.train(core)
    assert_allclose(loss, want.loss, rtol=1e-4, atol=1e-4)
    for level, nodes in zip(levels, twin, strict=True):
        for at, node in enumerate(nodes):
            n, begin = len(node.bias), int(level.layout.columns[at])
            assert_allclose(level.block(at)[:, :n], node.weights, rtol=1e-4, atol=1e-5)
            assert_allclose(level.bias[begin : begin + n], node.bias, rtol=1e-4, atol=1e-4)
            moments = level.bias_moments[begin : begin + n]
            assert_allclose(moments, node.moments, rtol=1e-3, atol=1e-5)


@given(case=cases())
def test_training_leaves_the_padding_alone(case):
    _core.set_simd_level(case.level)
    levels, core = native_tree(case.tree, case.X.shape[1])
    case.train(core)
    for level in levels:
        for at, n in enumerate(np.diff(level.layout.children)):
            begin, end = level.layout.columns[at : at + 2]
            assert not level.block(at)[:, n:].any()
            assert (level.bias[begin + n : end] == PADDING).all()


# -- packed prediction --------------------------------------------------------------------------


@dataclass
class Forest:
    members: list[Member]
    loss: str
    n_labels: int
    X: np.ndarray

    def core(self) -> list[Any]:
        return [
            native_packed(member, self.X.shape[1], self.loss, self.n_labels)
            for member in self.members
        ]

    def predict(self, k: int, beam: int, path_weight: float, n_threads: int = 1) -> Any:
        inputs = [native.vectors(self.X, "sparse")] * len(self.members)
        ids = np.arange(len(self.X))
        return _core.predict_trees(self.core(), inputs, ids, k, beam, path_weight, n_threads)


def native_packed(member, d, loss, n_labels, least=0.0):
    levels = []
    for nodes in member.tree:
        level = native_level(nodes)
        bias, *rest = _core.pack_level(level.core(), d, least, n_threads=1)
        levels.append(_core.PackedLevel(level.layout.children, level.layout.parents, bias, *rest))
    return _core.PackedTree(levels, d, loss, member.labels, n_labels)


@st.composite
def forests(draw):
    """Up to three trees, each of them of some of the labels; many scores of a grid are equal."""
    rng = np.random.default_rng(draw(SEEDS))
    d, n_labels = draw(st.integers(1, 30)), draw(st.integers(1, 50))
    kind = draw(st.sampled_from(["gaussian", "grid"]))
    members = []
    for _ in range(draw(st.integers(1, 3))):
        n_own = int(rng.integers(1, n_labels + 1))
        tree = make_tree(rng, d, n_own, draw(st.integers(1, 3)), kind)
        labels = rng.permutation(n_labels)[:n_own].astype(np.int32)
        members.append(Member(reference.packed(tree, 0.0), labels))
    n = draw(st.integers(1, 20))
    X = examples(rng, n, d, "grid") / 2 if kind == "grid" else unit_rows(rng, n, d)
    return Forest(members, draw(LOSSES), n_labels, X.astype(np.float32))


@given(
    forest=forests(),
    k=st.integers(1, 60),
    beam=st.integers(1, 8),
    path_weight=st.sampled_from([0.0, 0.5, 1.0, 0.3]),
    n_threads=st.integers(1, 3),
)
def test_predictions_match_their_twin(forest, k, beam, path_weight, n_threads):
    labels, scores, _ = forest.predict(k, beam, path_weight, n_threads)
    for i, x in enumerate(forest.X):
        ids, likely, record = reference.predict(
            forest.members, x, forest.loss, k, beam, path_weight
        )
        if record.margin > 1e-4:
            assert_array_equal(labels[i], ids)
            assert_allclose(scores[i], likely, rtol=1e-4, atol=1e-37)


@given(forest=forests(), k=st.integers(1, 60), beam=st.integers(1, 8))
def test_any_number_of_threads_predicts_the_same_bits(forest, k, beam):
    one, *others = (forest.predict(k, beam, 0.3, n_threads) for n_threads in (1, 2, 3))
    for other in others:
        for got, want in zip(other, one, strict=True):
            assert_array_equal(got, want)


@given(forest=forests(), path_weight=st.sampled_from([0.0, 0.3, 1.0]))
def test_a_beam_of_all_nodes_scores_every_label(forest, path_weight):
    labels, scores, _ = forest.predict(forest.n_labels, 70, path_weight)
    for i, x in enumerate(forest.X):
        want = np.zeros(forest.n_labels)
        for member in forest.members:
            for label in member.labels:
                likely = reference.likelihood(member, x, label, forest.loss, path_weight)
                want[label] += likely / len(forest.members)
        found = labels[i][labels[i] >= 0]
        assert_array_equal(np.sort(found), np.flatnonzero(want))
        assert_allclose(scores[i][: len(found)], want[found], rtol=1e-4, atol=1e-37)
        assert (scores[i][len(found) :] == -np.inf).all()


@given(forest=forests(), path_weight=st.sampled_from([0.0, 0.3, 1.0]))
def test_given_labels_have_the_likelihoods_of_the_twin(forest, path_weight):
    common = set.intersection(*({int(label) for label in m.labels} for m in forest.members))
    wanted = [sorted(common)[i:] for i in range(len(forest.X))]
    inputs = [native.vectors(forest.X, "sparse")] * len(forest.members)
    ids = np.arange(len(forest.X))
    got, _ = _core.score_labels(forest.core(), inputs, ids, *lists(wanted), path_weight, 2)
    want = [
        np.mean([reference.likelihood(m, x, i, forest.loss, path_weight) for m in forest.members])
        for x, own in zip(forest.X, wanted, strict=True)
        for i in own
    ]
    assert_allclose(got, want, rtol=1e-4, atol=1e-37)


def test_equal_labels_come_in_their_order_and_missing_ones_are_none():
    node = Node(0, np.arange(2, dtype=np.int32), np.zeros((2, 4)), np.zeros(4), np.ones(4))
    labels = np.array([5, 0, 3, 1], np.int32)
    forest = Forest([Member([[node]], labels)], "squared_hinge", 6, np.ones((1, 2), np.float32))
    got, scores, _ = forest.predict(6, 1, 0.3)
    assert_array_equal(got[0], [0, 1, 3, 5, -1, -1])
    assert_allclose(scores[0], [np.exp(-1)] * 4 + [-np.inf] * 2, rtol=1e-6)


@given(
    forest=forests(),
    least=st.sampled_from([0.0, 0.25, 0.7, 100.0]),
    n_threads=st.integers(1, 3),
)
def test_packed_weights_are_the_twins(forest, least, n_threads):
    member, d = forest.members[0], forest.X.shape[1]
    for nodes, small in zip(member.tree, reference.packed(member.tree, least), strict=True):
        level = native_level(nodes)
        bias, *rest = _core.pack_level(level.core(), d, least, n_threads)
        packed = _core.PackedLevel(level.layout.children, level.layout.parents, bias, *rest)
        for node in small:
            rows = [node.row(feature) for feature in range(d)]
            for column, child in enumerate(node.children):
                got = _core.packed_weights(packed, child, np.arange(d, dtype=np.int32))
                assert_array_equal(got, node.weights[rows, column])


# -- what trees are grown from ------------------------------------------------------------------


@st.composite
def clusterings(draw):
    """Unit rows, some of them equal or empty, and a depth that they are enough for."""
    rng = np.random.default_rng(draw(SEEDS))
    depth = draw(st.integers(0, 4))
    n = draw(st.integers(2**depth, 100))
    X = unit_rows(rng, n, draw(st.integers(1, 30)))
    X[rng.random(n) < 0.2] = X[0]
    return native.vectors(X, "sparse"), n, depth, draw(SEEDS)


@given(case=clusterings())
def test_cells_are_halves_of_halves_of_all_rows(case):
    rows, n, depth, seed = case
    order, begins = _core.cluster(rows, depth, seed, 1)
    assert_array_equal(np.sort(order), np.arange(n))
    sizes = [n]
    for _ in range(depth):
        sizes = [half for size in sizes for half in (size // 2, size - size // 2)]
    assert_array_equal(np.diff(begins), sizes)


@given(case=clusterings(), n_threads=st.integers(2, 4))
def test_any_number_of_threads_finds_the_same_clusters(case, n_threads):
    rows, _, depth, seed = case
    one, other = (_core.cluster(rows, depth, seed, n)[0] for n in (1, n_threads))
    assert_array_equal(one, other)


# Groups are of odd size: two rows of one group to begin with would otherwise give halves that hold
# as many rows of either, which no round can tell apart.
@given(half=st.integers(0, 20), d=st.integers(1, 8), seed=SEEDS)
def test_two_groups_of_equal_size_are_split(half, d, seed):
    rng = np.random.default_rng(seed)
    n = 2 * half + 1
    X = np.zeros((2 * n, 2 * d), np.float32)
    group = rng.permutation(2 * n) % 2
    for side in (0, 1):  # rows of a group share a direction, and nothing with the other
        own = 1 + 0.1 * rng.random((n, d))
        X[group == side, side * d : (side + 1) * d] = own / np.linalg.norm(own, axis=1)[:, None]
    order, _ = _core.cluster(native.vectors(X, "sparse"), 1, seed, 1)
    assert len(set(group[order[:n]])) == len(set(group[order[n:]])) == 1


@given(depth=st.integers(1, 4), extra=st.integers(0, 10), seed=SEEDS)
def test_equal_rows_share_a_cell_where_halves_allow(depth, extra, seed):
    """Of two kinds of rows that fill a half each, no cell holds both."""
    n = 2 ** (depth - 1) + 2 * extra + (depth > 1)
    X = np.random.default_rng(seed).permutation(np.repeat(np.eye(2, dtype=np.float32), n, axis=0))
    order, begins = _core.cluster(native.vectors(X, "sparse"), depth, seed, 1)
    for begin, end in itertools.pairwise(begins):
        assert len(np.unique(X[order[begin:end]], axis=0)) == 1


@st.composite
def memberships(draw):
    """Examples on a grid (sums are exact, and often equal), those of each node, which features need
    how many of them, and the limits of nodes."""
    rng = np.random.default_rng(draw(SEEDS))
    n, d, n_nodes = (draw(st.integers(1, most)) for most in (20, 30, 6))
    X = examples(rng, n, d, "grid") * (rng.random((n, d)) < 0.5)
    members = [rng.choice(n, size=rng.integers(0, n + 1), replace=False) for _ in range(n_nodes)]
    first, least = int(rng.integers(0, d + 1)), int(rng.integers(1, 5))
    return X, members, first, least, rng.integers(0, d + 2, n_nodes)


@given(case=memberships(), form=st.sampled_from(["dense", "sparse"]), n_threads=st.integers(1, 3))
def test_a_node_knows_the_heaviest_features_of_its_examples(case, form, n_threads):
    X, members, first, least, most = case
    inputs, worth = native.vectors(X, form), (first, least)
    indptr, features = _core.collect_vocabulary(inputs, *lists(members), *worth, most, n_threads)
    counts = _core.count_vocabulary(inputs, *lists(members), *worth, n_threads)
    for node, own in enumerate(members):
        sums, n_examples = abs(X[own]).sum(axis=0), (X[own] != 0).sum(axis=0)
        known = [j for j in np.flatnonzero(sums) if j < first or n_examples[j] >= least]
        ranked = sorted(known, key=lambda feature: (-sums[feature], feature))
        assert_array_equal(features[indptr[node] : indptr[node + 1]], ranked[: most[node]])
        assert counts[node] == len(known)


@given(case=memberships(), form=st.sampled_from(["dense", "sparse"]), n_threads=st.integers(1, 3))
def test_centroids_are_the_directions_of_sums(case, form, n_threads):
    X, members, *_ = case
    inputs = native.vectors(X, form)
    indptr, indices, values = _core.centroids(inputs, *lists(members), n_threads)
    for (begin, end), own in zip(itertools.pairwise(indptr), members, strict=True):
        assert_array_equal(indices[begin:end], np.flatnonzero((X[own] != 0).any(axis=0)))
        want = reference.centroid(X[own])[indices[begin:end]]
        assert_allclose(values[begin:end], want, rtol=1e-6, atol=1e-7)
    assert_array_equal(_core.count_features(inputs, *lists(members), n_threads), indptr)


@given(vocabularies=st.lists(st.lists(st.integers(0, 20), unique=True), min_size=1, max_size=40))
def test_tables_find_the_row_of_each_known_feature_and_no_other(vocabularies):
    begins, entries = _core.fill_tables(*lists(vocabularies))
    for feature in range(25):
        table = entries[slice(*begins[feature : feature + 2])] if feature + 1 < len(begins) else []
        want = {node: own.index(feature) for node, own in enumerate(vocabularies) if feature in own}
        found = {node: row_in(table, node) for node in range(len(vocabularies))}
        assert {node: row for node, row in found.items() if row is not None} == want


def row_in(table, node):
    """Where the search for a node ends: at it, or at an empty place."""
    if len(table) == 0:
        return None
    at = (node * 0x9E3779B1 % 2**32 * len(table)) >> 32
    while table[at] != 2**64 - 1:
        if int(table[at]) >> 32 == node:
            return int(table[at]) & 0xFFFFFFFF
        at = (at + 1) % len(table)
    return None


# -- arrays that do not fit ---------------------------------------------------------------------

TYPES = {
    **dict.fromkeys(["children", "tables", "known", "blocks", "columns"], np.int64),
    **dict.fromkeys(["lists", "shared"], np.int64),
    **dict.fromkeys(["parents", "nodes", "labels"], np.int32),
    **dict.fromkeys(["weights", "bias", "bias_moments"], np.float32),
    "entries": np.uint64,
    "rows": np.uint32,
}
NOTHING = 2**64 - 1  # an empty place of a table


def arrays_of(fields, **changed):
    return {name: np.array(value, TYPES[name]) for name, value in (fields | changed).items()}


# Two nodes of one and two children; the first knows feature 0, and both share one row.
LEVEL = {
    "children": [0, 1, 3], "parents": [0, 1, 1], "tables": [0, 2], "entries": [0, NOTHING],
    "known": [1, 0], "blocks": [0, 32, 48], "columns": [0, 16, 32], "weights": [0] * 48,
    "bias": [0] * 32, "bias_moments": [1] * 32,
}  # fmt: skip
ROOT = {
    "children": [0, 2], "parents": [0, 0], "tables": [0], "entries": [], "known": [3],
    "blocks": [0, 48], "columns": [0, 16], "weights": [0] * 48, "bias": [0] * 16,
    "bias_moments": [1] * 16,
}  # fmt: skip


def level(fields, **changed):
    return _core.Level(**arrays_of(fields, **changed))


def test_levels_that_fit_make_a_tree():
    _core.Tree([level(ROOT), level(LEVEL)], 3)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"children": [0, 3]}, "children must be the begins"),
        ({"children": [0, 1, 2]}, "children must be the begins"),
        ({"children": [0, 4, 3]}, "children must be the begins"),
        ({"children": [0, 0, 3]}, "its children, padded"),
        ({"parents": [0, 0, 1]}, "parents do not fit"),
        ({"tables": []}, "tables need a begin"),
        ({"tables": [0, 3]}, "tables must be begins"),
        ({"tables": [0, 2], "entries": [0, 1 << 32]}, "names a row"),
        ({"entries": [2 << 32, NOTHING]}, "names a row"),
        ({"entries": [1, NOTHING]}, "names a row"),
        ({"tables": [0, 1], "entries": [0]}, "an empty place"),
        ({"tables": [0, 3], "entries": [0, NOTHING, NOTHING]}, "power of two"),
        ({"known": []}, "needs a node"),
        ({"known": [3, 0]}, "whole rows"),
        ({"known": [-1, 0]}, "whole rows"),
        ({"blocks": [0, 32, 64]}, "blocks must be begins"),
        ({"blocks": [0, 40, 48]}, "whole rows"),
        ({"blocks": [0, 48, 48]}, "whole rows"),
        ({"columns": [0, 32, 32]}, "padded to 16"),
        ({"columns": [0, 16, 48]}, "columns must be begins"),
        ({"weights": [0] * 47}, "blocks must be begins"),
        ({"bias_moments": [1] * 31}, "one moment per bias"),
    ],
)
def test_a_level_refuses_what_it_would_follow_out_of_range(changed, message):
    with pytest.raises(ValueError, match=message):
        level(LEVEL, **changed)


@pytest.mark.parametrize(
    ("levels", "n_features", "message"),
    [
        ([], 3, "needs a level"),
        ([LEVEL], 3, "the root alone"),
        ([ROOT, ROOT], 3, "are the nodes below"),
        ([ROOT, LEVEL], 4, "a row for each feature"),
    ],
)
def test_a_tree_refuses_levels_that_do_not_fit(levels, n_features, message):
    with pytest.raises(ValueError, match=message):
        _core.Tree([level(fields) for fields in levels], n_features)


# The same two nodes; node 0 has a row of feature 0, and each a shared one.
PACKED = {
    "children": [0, 1, 3], "parents": [0, 1, 1], "bias": [0] * 3, "lists": [0, 1], "nodes": [0],
    "shared": [0, 1, 2], "rows": [0, 1, 1, 2], "weights": [0, 1 << 16],
}  # fmt: skip
PACKED_ROOT = {
    "children": [0, 2], "parents": [0, 0], "bias": [0] * 2, "lists": [0, 1, 2, 3],
    "nodes": [0, 0, 0], "shared": [0, 0], "rows": [0] * 4, "weights": [],
}  # fmt: skip


def packed_level(fields, **changed):
    arrays = arrays_of(fields, **changed)
    return _core.PackedLevel(**arrays | {"weights": arrays["weights"].astype(np.uint32)})


def packed_tree(levels, labels, n_labels, loss="logistic"):
    levels = [packed_level(fields) for fields in levels]
    return _core.PackedTree(levels, 3, loss, np.array(labels, np.int32), n_labels)


def test_packed_levels_that_fit_make_a_tree():
    packed_tree([PACKED_ROOT, PACKED], [4, 0, 2], 5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"children": [0, 3]}, "children must be the begins"),
        ({"children": [0, 4, 3]}, "children must be the begins"),
        ({"children": [0, 0, 3]}, "needs a child"),
        ({"parents": [0, 0, 1]}, "parents do not fit"),
        ({"bias": [0] * 2}, "one bias per child"),
        ({"lists": []}, "needs a node"),
        ({"lists": [0, 2]}, "lists must be begins"),
        ({"nodes": [2]}, "must ascend"),
        ({"nodes": [-1]}, "must ascend"),
        ({"lists": [0, 2], "nodes": [0, 0], "shared": [0, 0, 1]}, "must ascend"),
        ({"shared": []}, "needs a node"),
        ({"shared": [0]}, "needs a node"),
        ({"shared": [0, 1, 3]}, "then the shared"),
        ({"rows": []}, "needs a node"),
        ({"rows": [0]}, "then the shared"),
        ({"rows": [0, 1, 1, 3]}, "begins in the weights"),
        ({"rows": [0, 2, 1, 2]}, "begins in the weights"),
        ({"weights": [1 << 16, 0]}, "of no child"),
        ({"weights": [0, 2 << 16]}, "of no child"),
    ],
)
def test_a_packed_level_refuses_what_it_would_follow_out_of_range(changed, message):
    with pytest.raises(ValueError, match=message):
        packed_level(PACKED, **changed)


@pytest.mark.parametrize(
    ("levels", "labels", "n_labels", "message"),
    [
        ([], [], 5, "needs a level"),
        ([PACKED], [4, 0, 2], 5, "the root alone"),
        ([PACKED_ROOT, PACKED_ROOT], [4, 0], 5, "are the nodes below"),
        ([PACKED_ROOT, PACKED], [4, 0], 5, "one label per place"),
        ([PACKED_ROOT, PACKED], [4, 0, 5], 5, "distinct, and in range"),
        ([PACKED_ROOT, PACKED], [4, 0, -1], 5, "distinct, and in range"),
        ([PACKED_ROOT, PACKED], [4, 0, 4], 5, "distinct, and in range"),
    ],
)
def test_a_packed_tree_refuses_what_does_not_fit(levels, labels, n_labels, message):
    with pytest.raises(ValueError, match=message):
        packed_tree(levels, labels, n_labels)
