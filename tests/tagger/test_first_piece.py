"""`Tagger.partial_fit` from the start: the first call is a fit that knows all classes."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fewfire as ff
from model_contract import checkerboard

DATA = checkerboard(24)
X, LISTS = np.eye(6, dtype=np.float32)[[0, 1, 2] * 9], [["a"], ["b"], ["b", "c"]] * 9


def new():
    return ff.Tagger("fast", n_jobs=1)


def assert_same(tagger, other):
    (config, arrays), (same, others) = tagger.state(), other.state()
    assert config == same
    for name, array in arrays.items():
        assert_array_equal(array, others[name])


@pytest.mark.parametrize("epochs", [None, 1])
def test_the_first_piece_is_a_fit(epochs):
    whole = ff.Tagger("fast", n_jobs=1, max_epochs=epochs).fit(DATA)
    assert_same(new().partial_fit(DATA, max_epochs=epochs), whole)


def test_classes_may_come_later():
    tagger = new().partial_fit(X, LISTS, classes=list("abcd"))
    assert (tagger.label_names, list(tagger.never_seen)) == (tuple("abcd"), [3])
    twin = pickle.loads(pickle.dumps(tagger))
    for each in (tagger, twin):
        each.partial_fit(X[:2], [["d"], ["b"]], classes=list("abcd"))
        each.partial_fit(X[:1], [["e"]], classes=list("abcde"))
    assert_same(tagger, twin)
    assert tagger.n_outputs == 5
    numbers = new().partial_fit(X, [0, 2, 1] * 9, classes=range(4))
    assert numbers.label_names is None
    assert numbers.n_outputs == 4


def test_what_does_not_fit_changes_nothing():
    tagger = new()
    with pytest.raises(ValueError, match="none of the 2 known"):
        tagger.partial_fit(X, LISTS, classes=["a", "b"])
    with pytest.raises(TypeError, match="a data set has its own"):
        tagger.partial_fit(DATA, classes=["a"])
    assert not tagger.is_trained
    tagger.partial_fit(X, LISTS, classes=["a", "b", "c"])
    before = tagger.state()[0]
    with pytest.raises(ValueError, match="go on from others"):
        tagger.partial_fit(X, LISTS, classes=["c", "b", "a"])
    assert tagger.state()[0] == before
