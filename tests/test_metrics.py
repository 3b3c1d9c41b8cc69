"""What training knows of its labels' frequencies, and what files keep of it."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array

import fewfire as ff
from fewfire import files

N_LABELS = 6
X = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
Y = np.random.default_rng(1).random((40, N_LABELS)) < np.array([0.9, 0.5, 0.3, 0.2, 0.1, 0.0])


def dataset():
    return ff.Dataset(X, csr_array(Y))


@pytest.fixture(scope="module")
def net():
    net = ff.Network(ff.Linear(8, 16, "relu"), ff.Linear(16, N_LABELS))
    ff.Trainer(net, max_epochs=3, batch_size=4, n_jobs=1).fit(dataset())
    return net


def test_training_counts_labels(net):
    assert_array_equal(net.label_counts, Y.sum(axis=0))
    assert net.label_counts.dtype == np.int64
    assert net.n_trained == 40


def test_training_counts_classes_and_no_values():
    names = ff.Network(ff.Linear(8, 3))
    classes = np.array(["a", "b", "b", "c"] * 10)
    ff.Trainer(names, max_epochs=1, n_jobs=1).fit(ff.Dataset(X, classes))
    assert_array_equal(names.label_counts, [10, 20, 10])
    values = ff.Network(ff.Linear(8, 2))
    ff.Trainer(values, max_epochs=1, n_jobs=1).fit(ff.Dataset(X, X[:, :2]))
    assert values.label_counts is None
    assert values.n_trained == 40


def test_deformed_images_count_as_their_source():
    source = ff.datasets.strokes(n_train=60, n_test=1)[0]
    net = ff.Network(ff.Linear(784, 10))
    ff.Trainer(net, max_epochs=1, n_jobs=1).fit(ff.datasets.Deformed(source, 150))
    assert_array_equal(net.label_counts, np.bincount(source.y, minlength=10))
    assert net.n_trained == 60


def test_label_counts_travel_with_files_and_copies(net, tmp_path):
    net.save(tmp_path / "net")
    for other in (ff.load(tmp_path / "net"), net.copy()):
        assert_array_equal(other.label_counts, net.label_counts)
        assert other.label_counts.dtype == np.int64
        assert other.label_counts is not net.label_counts
        assert other.n_trained == 40


def changed(net, path, change):
    config, arrays = net.state()
    change(config, arrays)
    files.write_model(path, config, arrays)
    return path


def test_an_older_file_loads_and_counting_labels_brings_it_up_to_date(net, tmp_path):
    def forget(config, arrays):
        del config["n_trained"], arrays["label_counts"]

    old = ff.load(changed(net, tmp_path / "old", forget))
    assert (old.label_counts, old.n_trained) == (None, 0)
    old.count_labels(dataset())
    assert_array_equal(old.label_counts, net.label_counts)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c, a: a.update(label_counts=np.ones(5, np.int64)), r"label_counts is int64\(5,\)"),
        (lambda c, a: a.update(label_counts=np.ones(6, np.int32)), "label_counts is int32"),
        (lambda c, a: a.update(label_counts=np.full(6, -1)), "0 to n_trained = 40"),
        (lambda c, a: a.update(label_counts=np.full(6, 41)), "0 to n_trained = 40"),
        (lambda c, a: c.update(n_trained="many"), "n_trained must be a whole number"),
        (lambda c, a: c.update(n_trained=-1), "n_trained must be at least 0"),
    ],
)
def test_counts_that_cannot_be_are_refused(net, tmp_path, change, words):
    with pytest.raises(ff.FormatError, match=words):
        ff.load(changed(net, tmp_path / "net", change))
