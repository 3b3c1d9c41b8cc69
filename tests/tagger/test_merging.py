"""Laws of taggers that are merged: the bits of trees that were trained side by side."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fewfire as ff
from tags import tagged

SMALL = {"labels_per_leaf": 5, "n_jobs": 1, "max_epochs": 2, "slowing": 0.0}
NAMES = [f"tag {i}" for i in range(40)]


@pytest.fixture(scope="module")
def data():
    return tagged(names=NAMES)


def fitted(data, **options):
    return ff.Tagger("balanced", **{**SMALL, **options}).fit(data)


def assert_same(one, other):
    (described, ours), (told, theirs) = one.state(), other.state()
    assert described == told
    assert ours.keys() == theirs.keys()
    for name, array in ours.items():
        assert_array_equal(array, theirs[name])


@pytest.mark.parametrize("reads_pairs", [False, True])
def test_trees_trained_apart_are_those_trained_side_by_side(data, reads_pairs):
    sizes = [1, 2]
    parts = [
        fitted(data, n_trees=n, pairs=n * reads_pairs, first_tree=sum(sizes[:i]))
        for i, n in enumerate(sizes)
    ]
    assert_same(ff.Tagger.merge(parts), fitted(data, n_trees=3, pairs=3 * reads_pairs))


def test_a_merged_tagger_is_calibrated_saved_pickled_and_goes_on(data, tmp_path):
    parts = [fitted(data, n_trees=1, pairs=0, random_state=seed) for seed in range(2)]
    merged = ff.Tagger.merge(parts)
    assert merged.forest.calibration == parts[0].forest.calibration
    merged.save(tmp_path / "merged")
    for other in (ff.load(tmp_path / "merged"), pickle.loads(pickle.dumps(merged))):
        assert_same(merged, other)
        other.n_jobs = 1
        assert len(other.partial_fit(data, max_epochs=1).forest.trees) == 2


def test_parts_from_files_and_pickles_merge_to_the_same_bits(data, tmp_path):
    parts = [fitted(data, n_trees=1, pairs=0, first_tree=number) for number in range(2)]
    parts[1].save(tmp_path / "second")
    read = [pickle.loads(pickle.dumps(parts[0])), ff.load(tmp_path / "second")]
    assert read[1].first_tree == 1
    assert_same(ff.Tagger.merge(read), ff.Tagger.merge(parts))


def test_trees_that_read_pairs_come_first_and_likelihoods_are_averaged(data):
    plain, paired = fitted(data, n_trees=1, pairs=0), fitted(data, n_trees=1, pairs=1)
    merged = ff.Tagger.merge([plain, paired])
    assert merged.settings.n_trees == 2
    assert merged.settings.pairs == 1
    assert merged.forest.trees == [*paired.forest.trees, *plain.forest.trees]
    assert merged.settings.prune == max(plain.settings.prune, paired.settings.prune)
    assert merged.evaluate(data)["P@1"] > 0.9


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (lambda data: fitted(data, loss="logistic"), "loss=logistic"),
        (lambda data: fitted(data, beam=3), "beam=3"),
        (lambda data: fitted(tagged(names=NAMES[::-1])), "other labels or names"),
        (lambda data: fitted(tagged(n_noise=61, names=NAMES)), "other features"),
        (lambda data: fitted(data[:500]), "other examples"),
    ],
    ids=["loss", "beam", "labels", "features", "examples"],
)
def test_taggers_that_differ_are_refused(data, other, why):
    with pytest.raises(ValueError, match=f"tagger 1 .*{why}"):
        ff.Tagger.merge([fitted(data), other(data)])


def test_nothing_and_untrained_taggers_are_refused():
    with pytest.raises(ValueError, match="no tagger"):
        ff.Tagger.merge([])
    with pytest.raises(ValueError, match="not trained"):
        ff.Tagger.merge([ff.Tagger()])


def test_a_training_of_another_first_tree_is_not_resumed(data, tmp_path):
    checkpoint = ff.callbacks.Checkpoint(tmp_path / "checkpoint")
    ff.Tagger("fast", **SMALL, first_tree=1).fit(data, callbacks=[checkpoint])
    with pytest.raises(ValueError, match="first_tree"):
        ff.Tagger("fast", **SMALL, first_tree=2).fit(data, resume=tmp_path / "checkpoint")
    again = ff.Tagger("fast", **SMALL, first_tree=1).fit(data, resume=tmp_path / "checkpoint")
    assert np.isfinite(again.history_[-1]["train/loss"])
