"""Several labels per example, as people have them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array

import fewfire as ff

NAMES = ["cat", "dog", "small", "wild"]


def features(n):
    return np.arange(n, dtype=np.float32)[:, None]


def lists_back(data):
    indptr, ids = data.label_lists()
    names = range(data.n_labels) if data.label_names is None else data.label_names
    return [{names[i] for i in ids[a:b]} for a, b in pairwise(indptr)]


@given(
    lists=st.lists(st.sets(st.sampled_from(NAMES)), min_size=1, max_size=8),
    make=st.sampled_from([list, tuple, set, frozenset, lambda x: np.array(sorted(x), dtype=str)]),
    as_objects=st.booleans(),
)
def test_lists_of_names_come_back(lists, make, as_objects):
    y = [make(each) for each in lists]
    if as_objects:
        y, whole = np.empty(len(lists), object), y
        y[:] = whole
    data = ff.Dataset(features(len(lists)), y, kind="labels")
    assert data.kind == "labels"
    assert lists_back(data) == lists
    again = ff.Dataset(features(len(lists)), y, like=data)
    assert_array_equal(again.y.toarray(), data.y.toarray())


@given(lists=st.lists(st.sets(st.integers(0, 9)), min_size=1, max_size=8))
def test_whole_numbers_are_ids(lists):
    data = ff.Dataset(features(len(lists)), list(map(list, lists)), kind="labels", n_labels=12)
    assert (data.n_labels, data.label_names) == (12, None)
    assert lists_back(data) == lists


@pytest.mark.parametrize("dtype", [int, bool, np.uint8])
def test_columns_of_0_and_1_are_labels(dtype):
    y = np.array([[1, 0, 1], [0, 0, 0], [0, 1, 1]], dtype)
    data = ff.Dataset(features(3), y, label_names=["a", "b", "c"])
    assert lists_back(data) == [{"a", "c"}, set(), {"b", "c"}]
    assert_array_equal(data.y.toarray(), ff.Dataset(features(3), csr_array(y)).y.toarray())


def test_columns_of_floats_are_asked_about():
    y = np.eye(3)
    with pytest.raises(ValueError, match='kind="labels" or kind="values"'):
        ff.Dataset(features(3), y)
    assert ff.Dataset(features(3), y, kind="labels").kind == "labels"
    assert ff.Dataset(features(3), y, kind="values").kind == "values"
    assert ff.Dataset(features(3), y[:, :1]).kind == "values"
    assert ff.Dataset(features(3), y / 2).kind == "values"


@pytest.mark.parametrize(
    ("y", "how", "said"),
    [
        ([["a"], ["b"]], {"label_names": ["a"]}, "'b' in row 1, which is none of the 1 known"),
        ([[0], [-2, 1]], {}, "the label -2: ids of labels are 0 to"),
        ([["a"], [1, "b"]], {}, "make them all words"),
        ([["a"]], {}, "X has 2 rows but y has 1"),
        ([[0, 3], [1]], {"n_labels": 2}, "4 columns but there are 2 labels"),
        ([["a"], ["b"]], {"n_labels": 2}, "the 2 labels have no names"),
        ([[10**12], [1, 2]], {}, "ids of labels are 0 to"),
        ([[1.0], [2.0, 3.0]], {}, "csr_array"),
        (np.array([[0], [1]]), {}, "y.ravel"),
    ],
)
def test_odd_lists_are_refused(y, how, said):
    with pytest.raises(ValueError, match=said):
        ff.Dataset(features(2), y, **how)


def test_a_column_of_a_frame_holds_lists():
    pandas = pytest.importorskip("pandas")
    column = pandas.Series([["a"], ["a", "b"], []])
    assert lists_back(ff.Dataset(features(3), column)) == [{"a"}, {"a", "b"}, set()]


def test_ids_go_where_names_are_words():
    data = ff.Dataset(features(3), [[0], [0, 1], []], label_names=["a", "b"])
    assert lists_back(data) == [{"a"}, {"a", "b"}, set()]
    with pytest.raises(ValueError, match="have no names"):
        ff.Dataset(
            features(2), [["cat"], ["dog"]], like=ff.Dataset(features(1), csr_array([[1, 1]]))
        )


def test_a_tagger_and_a_network_learn_from_lists():
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 4, 200)
    X = np.eye(4, dtype=np.float32)[ids] + 0.1 * rng.random((200, 4)).astype(np.float32)
    y = [[NAMES[i], "animal"] for i in ids]
    tagger = ff.Tagger("fast", n_jobs=1).fit(X, y)
    found = tagger.predict_topk(X[:5], 2).indices
    assert [{tagger.label_names[i] for i in row} for row in found] == list(map(set, y[:5]))
    net = ff.Network(ff.Linear(4, 16, "relu"), ff.Linear(16, 5))
    ff.Trainer(net, n_jobs=1, max_epochs=20).fit(X, y)
    assert net.evaluate(ff.Dataset(X, y))["P@1"] > 0.9
