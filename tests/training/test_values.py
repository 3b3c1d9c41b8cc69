"""Regression on whole numbers: the squared loss takes classes that are numbers as values."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

import fewfire as ff
from fewfire import datasets
from fewfire.data.generators import Deformed

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4)).astype(np.float32)
COUNTS = np.round(10 + 3 * X[:, 0] + 2 * X[:, 1]).astype(int)  # with gaps, and not from 0
LISTS = sparse.csr_array(np.eye(4)[np.arange(120) % 4])


def make(n_outputs=1, n_in=4):
    return ff.Network(ff.Linear(n_in, 8, activation="relu"), ff.Linear(8, n_outputs))


def fit(net, train, eval_sets=None, *, resume=None, **options):
    options = {"loss": "squared", "max_epochs": 3, "batch_size": 8, "n_jobs": 1, **options}
    return ff.Trainer(net, **options).fit(train, eval_sets=eval_sets, resume=resume)


def same(net, other):
    assert net.encoding == other.encoding
    for a, b in zip(net.weights(), other.weights(), strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("rows", [X, sparse.csr_array(X)])
def test_whole_numbers_are_learned_as_the_same_numbers_given_as_values(rows):
    net, other = make(), make()
    data, values = ff.Dataset(rows, COUNTS), ff.Dataset(rows, COUNTS, kind="values")
    found = fit(net, data[:80], {"val": data[80:]})
    expected = fit(other, values[:80], {"val": values[80:]})
    same(net, other)
    assert net.encoding.kind == "values"
    assert [row["val/loss"] for row in found] == [row["val/loss"] for row in expected]
    assert net.predict(rows).shape == (120, 1)


def test_a_network_of_values_takes_numbers_as_values_ever_after(tmp_path):
    net = make()
    fit(net, ff.Dataset(X, COUNTS))
    values = ff.Dataset(X, COUNTS, kind="values")
    expected = net.evaluate(values)
    net.save(tmp_path / "net")
    for model in (net, net.copy(), ff.load(tmp_path / "net")):
        for data in (ff.Dataset(X, COUNTS), ff.Dataset(X, COUNTS, like=net.encoding)):
            assert dict(model.evaluate(data)) == dict(expected)
    net.count_labels(ff.Dataset(X, COUNTS))
    assert net.n_trained == 120
    again = net.copy()
    fit(net, ff.Dataset(X, COUNTS))
    fit(again, ff.Dataset(X, COUNTS), loss=None)  # it has learned values
    same(net, again)
    with pytest.raises(ValueError, match="are not labels"):
        net.recall_by_group(ff.Dataset(X, COUNTS))


def test_files_and_deformed_images_are_learned_as_values(tmp_path):
    rows = np.abs(X)
    datasets.save_svmlight(tmp_path / "t.txt", ff.Dataset(rows, COUNTS))
    datasets.convert(tmp_path / "t.txt", tmp_path / "t.safetensors")
    mapped, net, other = datasets.load(tmp_path / "t.safetensors"), make(), make()
    fit(net, mapped, {"val": mapped})
    fit(other, mapped.as_values(), {"val": mapped.as_values()})
    same(net, other)
    net.evaluate(mapped)

    source = ff.Dataset(np.eye(9, dtype=np.float32), np.arange(9))
    net, other = make(n_in=9), make(n_in=9)
    fit(net, Deformed(source, 30))
    fit(other, Deformed(source.as_values(), 30))
    same(net, other)


def test_a_training_on_whole_numbers_is_resumed(tmp_path):
    data, file = ff.Dataset(X, COUNTS), tmp_path / "checkpoint"
    whole, net = make(), make()
    schedule = ff.optim.Constant()
    fit(whole, data, {"val": data}, max_epochs=4, schedule=schedule)
    saver = ff.callbacks.Checkpoint(file)
    fit(net, data, {"val": data}, max_epochs=2, schedule=schedule, callbacks=[saver])
    net = make()
    options = {"max_epochs": 4, "schedule": schedule, "resume": file}
    fit(net, data, {"val": data}, **options, callbacks=[ff.callbacks.Checkpoint(file)])
    same(net, whole)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (np.where(COUNTS > 10, "many", "few"), r"words as classes, such as 'few': give numbers"),
        (LISTS, "holds labels: give one number per example, or train without loss='squared'"),
    ],
)
def test_words_and_lists_are_no_values(y, words):
    net = make()
    before = net.weights()
    for train, val in ((y, COUNTS), (COUNTS, y)):
        with pytest.raises(ValueError, match=words):
            fit(net, ff.Dataset(X, train), {"val": ff.Dataset(X, val)})
    assert_array_equal(net.weights()[0], before[0])
    fit(net, ff.Dataset(X, COUNTS))
    with pytest.raises(ValueError, match=words):
        net.evaluate(ff.Dataset(X, y))


def test_a_last_layer_of_classes_is_told_to_be_of_one_row():
    with pytest.raises(ValueError, match=r"1 column of values .*: make it Linear\(..., 1\)"):
        fit(make(20), ff.Dataset(X, COUNTS))


NUMBERS = np.arange(120) % 60 * 3
WARNING = "60 classes of 120 examples: if they are numbers to predict, give kind='values' or"


def test_many_classes_of_few_examples_are_told_where_the_training_is_called():
    data, options = ff.Dataset(X, NUMBERS), {"max_epochs": 1, "n_jobs": 1}
    with pytest.warns(UserWarning, match=WARNING) as told:
        ff.Trainer(make(60), **options).fit(data, eval_sets={"val": data})
    with pytest.warns(UserWarning, match=WARNING) as told_by_tagger:
        ff.Tagger(**options).fit(sparse.csr_array(X), NUMBERS)
    assert [each.filename for each in (*told, *told_by_tagger)] == [__file__] * 2


def test_values_and_classes_with_names_are_no_cause_for_a_warning():
    words, rows = NUMBERS.astype(str), sparse.csr_array(X)
    fit(make(), ff.Dataset(X, NUMBERS))
    fit(make(), ff.Dataset(X, NUMBERS, kind="values"), loss=None)
    fit(make(60), ff.Dataset(X, words), loss=None)
    fit(make(60), ff.Dataset(X, NUMBERS // 3), loss=None)  # 0, 1, ...: two examples of each
    tagger = ff.Tagger(max_epochs=1, n_jobs=1)
    tagger.fit(ff.Dataset(rows, words))
    tagger.fit(rows, LISTS)
