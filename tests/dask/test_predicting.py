"""Partitions are predicted as the whole is."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fewfire as ff
import fewfire.dask as fd
from tags import tagged

pytest.importorskip("distributed", reason="needs dask: pip install 'fewfire[dask]'")


@pytest.fixture(scope="module")
def data():
    return tagged()


@pytest.fixture(scope="module")
def tagger(data):
    return ff.Tagger("fast", n_jobs=1, max_epochs=1, slowing=0.0).fit(data)


def test_blocks_have_the_answers_of_the_whole(tagger, data, client):
    from dask import array, compute

    X = array.from_array(data.X.toarray(), chunks=(250, 70))
    wanted = tagger.predict_topk(data, 3, exact=True)
    top = fd.predict_topk(tagger, X, 3, exact=True)
    assert top.indices.chunks == ((250, 250, 100), (3,))
    indices, scores = compute(*top)
    assert_array_equal(indices, wanted.indices)
    assert_array_equal(scores, wanted.scores)


def test_sparse_blocks_and_empty_ones_are_predicted(tagger, data):
    from dask import array, delayed

    rows = [data.X[:100], data.X[:0], data.X[100:]]
    blocks = [array.from_delayed(delayed(x), x.shape, np.float32) for x in rows]
    top = fd.predict_topk(tagger, array.concatenate(blocks), 2)
    found = top.indices.compute(scheduler="synchronous")
    assert_array_equal(found, tagger.predict_topk(data, 2).indices)


def test_texts_in_a_bag_are_predicted():
    from dask import bag

    pytest.importorskip("sklearn", reason="texts need scikit-learn")
    text, X = ff.datasets.Counted().fit(["a red cat", "a blue dog"] * 20)
    data = ff.Dataset(X, [["cat"], ["dog"]] * 20)
    data._text = text
    tagger = ff.Tagger("fast", n_jobs=1).fit(data)
    top = fd.predict_topk(tagger, bag.from_sequence(["cat", "dog", "cat"], npartitions=2), 1)
    assert top.indices.compute(scheduler="synchronous").ravel().tolist() == [0, 1, 0]


def test_what_is_wrong_is_said_before_anything_is_computed(tagger):
    from dask import array

    with pytest.raises(ValueError, match="X has 3 features but the model needs"):
        fd.predict_topk(tagger, array.zeros((2, 3)))
    with pytest.raises(ValueError, match="k must be"):
        fd.predict_topk(tagger, array.zeros((2, 180)), k=41)
    with pytest.raises(TypeError, match="X is a ndarray"):
        fd.predict_topk(tagger, np.zeros((2, 180)))
