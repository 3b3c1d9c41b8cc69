"""Taggers of data with few of very many features, such as hashed words: what they take follows from
the features that training has, and they answer as if there were no others."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.base.files import read_model, write_model
from tags import tagged

N_FEATURES = 2**24
SMALL = {"labels_per_leaf": 5, "n_jobs": 1, "max_epochs": 2}


@pytest.fixture(scope="module")
def narrow():
    return tagged(n=500)


@pytest.fixture(scope="module")
def places(narrow):
    """Where the features lie among many."""
    rng = np.random.default_rng(0)
    return np.sort(rng.choice(N_FEATURES, narrow.n_features, replace=False)).astype(np.int32)


def widened(data, places):
    X = csr_array(data.X)
    shape = (len(data), N_FEATURES)
    return csr_array((X.data, places[X.indices], X.indptr), shape=shape)


@pytest.fixture(scope="module")
def wide(narrow, places):
    return ff.Dataset(widened(narrow, places), narrow.y)


@pytest.fixture(scope="module")
def taggers(narrow, wide):
    known = np.flatnonzero(csr_array(narrow.X).sum(axis=0) != 0)
    assert len(known) == narrow.n_features
    return [ff.Tagger("balanced", **SMALL).fit(data) for data in (narrow, wide)]


def test_answers_are_those_without_the_other_features(narrow, wide, taggers):
    plain, own = (x.predict_topk(data, 5) for x, data in zip(taggers, (narrow, wide), strict=True))
    assert_array_equal(plain.indices, own.indices)
    assert_array_equal(plain.scores, own.scores)


def test_features_that_training_had_not_are_left_out(wide, places, taggers):
    other = np.setdiff1d(np.arange(5000, dtype=np.int32), places)
    noise = csr_array((np.ones(len(other), np.float32), other, [0, len(other)]), wide.X[:1].shape)
    noisy = csr_array(wide.X[:1] + noise)
    assert_array_equal(
        taggers[1].predict_topk(noisy, 5).scores, taggers[1].predict_topk(wide[:1], 5).scores
    )


def test_memory_and_files_follow_what_is_used(narrow, wide, taggers, tmp_path):
    sizes, needs = [], []
    for tagger, data in zip(taggers, (narrow, wide), strict=True):
        path = tmp_path / "tagger.safetensors"
        tagger.save(path)
        sizes.append(path.stat().st_size)
        needs.append(tagger.estimate_memory(data).total)
    assert sizes[1] < 1.1 * sizes[0]
    assert needs[1] == needs[0]


def test_a_file_answers_as_before_and_goes_on(wide, taggers, tmp_path):
    path = tmp_path / "tagger.safetensors"
    taggers[1].save(path)
    again = ff.load(path)
    assert again.n_features == N_FEATURES
    assert_array_equal(again.predict_topk(wide, 3).scores, taggers[1].predict_topk(wide, 3).scores)
    again.partial_fit(wide, max_epochs=1)
    assert again.evaluate(wide)["P@1"] >= taggers[1].evaluate(wide)["P@1"] - 0.05


def test_going_on_tells_of_features_that_are_left_out(wide, taggers):
    more = csr_array(wide.X[:50])
    more = csr_array((more.data, (more.indices + 1) % N_FEATURES, more.indptr), shape=more.shape)
    with pytest.warns(UserWarning, match=r"values are of features that no example of the first"):
        copy.deepcopy(taggers[1]).partial_fit(more, wide.y[:50], max_epochs=1)


def test_reasons_and_leaves_have_the_numbers_of_the_data(narrow, wide, places, taggers):
    plain, own = (
        x.explain(data[:1], n=50)[0][0] for x, data in zip(taggers, (narrow, wide), strict=True)
    )
    n = narrow.n_features
    pair = plain.features >= n
    want = np.where(
        pair, plain.features - n + N_FEATURES, places[np.where(pair, 0, plain.features)]
    )
    assert pair.any()
    assert not pair.all()
    assert_array_equal(own.features, want)
    assert_allclose(own.contributions, plain.contributions)
    for feature in own.features[:20]:
        name = taggers[1].feature_name(feature)
        assert all(int(part) in places for part in name.split(" + "))
    for leaf in taggers[1].leaves(n=3):
        assert np.isin(leaf.features[leaf.features < N_FEATURES], places).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda x: x[::-1], "features must ascend"),
        (lambda x: x + np.int32(N_FEATURES), "features must ascend"),
        (lambda x: x.astype(np.int64), "wanted int32"),
        (lambda x: x[:0], "wanted int32"),
        (lambda x: x[:-1], "pairs|knows more features|children|fit"),
    ],
    ids=["order", "range", "type", "none", "one less"],
)
def test_damaged_features_are_refused(change, message, taggers, tmp_path):
    path = tmp_path / "tagger.safetensors"
    taggers[1].save(path)
    config, arrays = read_model(path)
    config = {name: own for name, own in config.items() if name != "version"}
    write_model(
        path, config, {**arrays, "features": np.ascontiguousarray(change(arrays["features"]))}
    )
    with pytest.raises(ff.errors.FormatError, match=message):
        ff.load(path)
