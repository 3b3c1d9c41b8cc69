"""What `y` holds can be said, and classes that are numbers can be taken as values."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

import fewfire as ff
from fewfire import datasets
from fewfire.data.generators import Deformed

X = np.eye(4, dtype=np.float32)
AGES = [31, 58, 47, 31]
LISTS = sparse.csr_array(np.eye(4))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, np.float64])
@pytest.mark.parametrize("shape", [(4,), (4, 1), (2, 2)])
def test_values_are_numbers_of_any_type(dtype, shape):
    y = np.array([0, 1, 1, 0], dtype).reshape(shape)
    data = ff.Dataset(X[: len(y)], y, kind="values")
    assert (data.kind, data.n_labels, data.label_names) == ("values", y[0].size, None)
    assert data.y.dtype == np.float32
    assert_array_equal(data.y, y.reshape(len(y), -1))


@pytest.mark.parametrize(
    ("y", "kind"), [(AGES, "classes"), (["a", "b", "a", "b"], "classes"), (LISTS, "labels")]
)
def test_what_is_said_of_y_and_true_changes_nothing(y, kind):
    told, found = ff.Dataset(X, y, kind=kind), ff.Dataset(X, y)
    assert told.encoding == found.encoding
    assert (told.y != found.y).sum() == 0


@pytest.mark.parametrize(
    ("y", "options", "words"),
    [
        (AGES, {"kind": "numbers"}, "kind must be one of classes, labels, values; got 'numbers'"),
        ([1, 2, 0.5, 3], {"kind": "classes"}, r"y holds 0.5 in row 2, but classes are words or"),
        (np.ones((4, 2)), {"kind": "classes"}, r"shape \(4, 2\), but kind=\"classes\" needs one"),
        (list("abab"), {"kind": "values"}, r'kind="values" is for numbers: give y.astype\(float\)'),
        ([1j] * 4, {"kind": "values"}, 'kind="values" is for numbers'),
        (LISTS, {"kind": "values"}, r'y is sparse, .*kind="values": give y.toarray\(\)'),
        (LISTS, {"kind": "classes"}, 'y is sparse, .*kind="classes"'),
        (AGES, {"kind": "labels"}, r'kind="labels" is for lists of labels, .*csr_array'),
        ([1, 2, np.nan, 3], {"kind": "values"}, "y holds nan in row 2"),
        (AGES, {"kind": "values", "label_names": AGES[:3]}, "values, which have no label_names"),
        (AGES, {"kind": "values", "n_labels": 3}, "1 columns of values, 3 are expected"),
        (None, {"kind": "values"}, "there is no y"),
        (AGES, {"kind": "values", "like": ff.Dataset(X, AGES)}, "like= holds classes: leave out"),
        (AGES, {"kind": "classes", "like": ff.Dataset(X, [0.5] * 4)}, "like= holds values"),
    ],
)
def test_what_is_said_of_y_and_false_is_refused(y, options, words):
    with pytest.raises(ValueError, match=words):
        ff.Dataset(X, y, **options)


def test_whole_numbers_like_values_are_values():
    train = ff.Dataset(X, np.full((4, 2), 0.5))
    assert_array_equal(ff.Dataset(X, np.ones((4, 2), int), like=train).y, np.ones((4, 2)))
    assert ff.Dataset(X, AGES, like=ff.Dataset(X, AGES, kind="values")).kind == "values"


@pytest.mark.parametrize("y", [AGES, [-1, 1, 1, -1], [0, 1, 2, 1], [1.0, 3.0, 1.0, 9.0]])
@pytest.mark.parametrize("rows", [X, sparse.csr_array(X)])
def test_classes_that_are_numbers_stand_for_them(y, rows):
    data = ff.Dataset(rows, y)
    values = data.as_values()
    assert_array_equal(values.y[:, 0], y)
    assert values.encoding == ff.Dataset(rows, y, kind="values").encoding
    assert values.as_values() is values
    assert data.kind == "classes"
    values.check()
    assert_array_equal(data[2:].as_values().y[:, 0], y[2:])


@pytest.mark.parametrize(
    ("y", "words"),
    [
        (list("abab"), "words as classes, such as 'a'"),
        (LISTS, "holds labels"),
        (None, "no targets"),
    ],
)
def test_what_is_no_number_is_no_value(y, words):
    with pytest.raises(ValueError, match=words):
        ff.Dataset(X, y).as_values()


def test_a_number_beyond_float32_is_no_value():
    for large in (10**60, 10**400):
        with pytest.raises(ValueError, match="not a finite float32"):
            ff.Dataset(X, [0, 1, 1, 0], label_names=[0.5, large]).as_values()


def test_deformed_images_keep_their_numbers():
    images = Deformed(ff.Dataset(np.eye(9, dtype=np.float32), np.arange(9) * 10), 30)
    values = images.as_values()
    assert_array_equal(values[10:20].X, images[10:20].X)
    assert_array_equal(values[10:20].y[:, 0], np.arange(10, 20) % 9 * 10)


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("ages.npz", X=X, y=AGES)
    np.savez("table.npz", X=X, y=np.ones((4, 2), int))
    np.savez("parts.npz", x_train=X, y_train=AGES, x_test=X, y_test=[99, 0, 1, 2])
    datasets.save_npz("named.npz", ff.Dataset(X, AGES))
    datasets.save_svmlight("ages.txt", ff.Dataset(X, AGES))
    datasets.convert("ages.txt", "classes.safetensors")
    datasets.convert("ages.txt", "values.safetensors", kind="values")
    return tmp_path


OF_AGES = ["ages.npz", "named.npz", "ages.txt", "classes.safetensors", "values.safetensors"]


@pytest.mark.parametrize("name", OF_AGES)
def test_files_are_read_as_the_kind_that_is_said_or_known(name, files):
    told = datasets.load(name, kind="values")
    for data in (told, datasets.load(name, told), datasets.load(name, told.encoding)):
        assert (data.kind, data.n_labels, data.label_names) == ("values", 1, None)
        assert_array_equal(data.y[:, 0], AGES)
        assert_array_equal(data[1:3].y[:, 0], AGES[1:3])
        assert_array_equal(data[[3, 1]].y[:, 0], [31, 58])
        assert_array_equal(np.concatenate([part.y for part in data.windows()])[:, 0], AGES)


def test_archives_of_tables_and_parts_hold_values(files):
    assert datasets.load("table.npz", kind="values").y.shape == (4, 2)
    train, test = datasets.load_npz("parts.npz", kind="values")
    assert_array_equal(test.y[:, 0], [99, 0, 1, 2])
    assert train.encoding == test.encoding
    of_features = ff.Dataset(X, np.ones((4, 2)), kind="values").encoding.of_features()
    assert len(datasets.load("table.npz", of_features)) == 4


def test_a_mapped_file_is_taken_as_values_part_by_part(files, monkeypatch):
    data = datasets.load_mapped("classes.safetensors")
    values = data.as_values()
    assert isinstance(values, datasets.Mapped)
    assert values.encoding == datasets.load_mapped("values.safetensors").encoding
    monkeypatch.setattr("fewfire.data.mapped.WINDOW", 1)
    assert len(list(values.windows())) > 1
    assert_array_equal(np.concatenate([part.y for part in values.windows()])[:, 0], AGES)


def test_single_labels_in_text_are_lists_if_that_is_said(files):
    (files / "one.txt").write_text("2 1:1\n0 2:1\n")
    data = datasets.load_svmlight("one.txt", kind="labels")
    assert (data.kind, data.n_labels) == ("labels", 3)
    datasets.convert("one.txt", "one.safetensors", kind="labels")
    assert datasets.load("one.safetensors").encoding == data.encoding


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("1 1:1\n0.5 1:1\n2 1:1\n", "classes", "0.5 in row 1, but classes are words or whole"),
        ("1 1:1\n2,3 1:1\n", "values", "line 2"),
        ("1 1 4\n2 0:1\n", "values", "holds labels"),
        ("1 1:1\n", "ages", "kind must be one of"),
    ],
)
def test_text_of_another_kind_is_refused(text, kind, words, files):
    (files / "t.txt").write_text(text)
    with pytest.raises(ValueError, match=words):
        datasets.load("t.txt", kind=kind)
    words = words.replace("holds labels", "y is sparse")
    with pytest.raises(ValueError, match=words):
        datasets.convert("t.txt", "t.safetensors", kind=kind)
    assert not (files / "t.safetensors").exists()


def test_files_of_one_kind_refuse_another(files):
    train = ff.Dataset(np.zeros((3, 4)), [0, 1, 2])
    datasets.save_idx_folder("images", train, train)
    assert datasets.load("images", kind="values")[1].kind == "values"
    (files / "t.tsv").write_text("a cat\tcat\nthe cat\tcat\n")
    np.save("x.npy", X)
    for name, words in (("images", "holds classes"), ("x.npy", "no targets")):
        with pytest.raises(ValueError, match=f"{name}.*{words}"):
            datasets.load(name, kind="labels")
    for name in ("t.tsv", "x.npy"):
        with pytest.raises(ValueError, match=name):
            datasets.load(name, kind="values")
    with pytest.raises(ValueError, match="like= holds values"):
        datasets.load("x.npy", ff.Dataset(X, AGES, kind="values"), kind="classes")


def test_text_has_one_column_of_values(files):
    table = replace(datasets.load("ages.txt", kind="values").encoding, n_labels=2)
    with pytest.raises(ValueError, match="1 column of values, not 2"):
        datasets.load("values.safetensors", table)
    with pytest.raises(ValueError, match="1 column of values, 2 are expected"):
        datasets.convert("ages.txt", "t.safetensors", like=table)


@pytest.mark.parametrize(
    ("n", "numbers", "is_doubted"),
    [
        (442, np.arange(214) * 2 + 25, True),  # scikit-learn's diabetes
        (150, np.arange(18, 68), True),  # ages
        (40, np.arange(40), True),  # every example its own
        (150, np.arange(3), False),  # iris
        (178, np.arange(3), False),  # wine
        (1797, np.arange(10), False),  # digits
        (60, np.arange(10), False),  # a small part of MNIST
        (300 * 20, np.arange(300) * 7 + 1000, False),  # texts with the numbers of a catalogue
        (300 * 3, np.arange(300), False),  # few texts of each
        (13_233, np.arange(5749), False),  # faces of people, many of them once
        (40, np.arange(20) * 3, False),  # few classes
    ],
)
def test_many_numbers_of_few_examples_look_like_values(n, numbers, is_doubted):
    y = np.resize(numbers, n)
    rows = np.zeros((n, 1), np.float32)
    data = ff.Dataset(rows, y)
    assert data.looks_like_values == is_doubted
    assert data[:5].looks_like_values == is_doubted
    given = (
        ff.Dataset(rows, y.astype(str)),
        ff.Dataset(rows, y, label_names=numbers.tolist()),
        ff.Dataset(rows, y, n_labels=int(numbers.max()) + 1),
        ff.Dataset(rows, y, kind="values"),
        data.as_values(),
    )
    assert not any(each.looks_like_values for each in given)


def test_numbers_in_files_look_like_values_too(tmp_path):
    text, mapped = tmp_path / "t.txt", tmp_path / "t.safetensors"
    text.write_text("".join(f"{i * 2} 1:1\n" for i in range(60)))
    datasets.convert(text, mapped)
    for data in (datasets.load(text), datasets.load(mapped), datasets.load(mapped)[:9]):
        assert data.looks_like_values
    assert not datasets.load(mapped, kind="values").looks_like_values
