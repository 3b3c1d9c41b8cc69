"""Text of any size becomes a data file, piece by piece: what the text reader would have read."""

import gzip
import json

import pytest
from numpy.testing import assert_array_equal
from safetensors.numpy import load_file

from fewfire import datasets
from fewfire.data import spill as column
from fewfire.data.readers import streaming
from texts import TEXTS, assert_same, converted, svm


@pytest.fixture(params=[1 << 24, 500], ids=["one piece", "many pieces"])
def piece(request, monkeypatch):
    monkeypatch.setattr(streaming, "PIECE", request.param)
    return request.param


@pytest.mark.parametrize("name", TEXTS)
def test_a_converted_text_is_the_text(tmp_path, name, piece):
    path = converted(tmp_path, TEXTS[name])
    assert_same(datasets.load(path), datasets.load(tmp_path / "a.txt"))


def test_gzipped_text_gives_the_same_file(tmp_path, piece):
    path = converted(tmp_path, TEXTS["header"])
    with gzip.open(tmp_path / "b.txt.gz", "wt") as file:
        file.write(TEXTS["header"])
    datasets.convert(tmp_path / "b.txt.gz", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == path.read_bytes()


def test_blocks_of_classes_and_values_are_numbered_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(column, "BLOCK", 7)
    for name in ("other classes", "values", "header"):
        path = converted(tmp_path, TEXTS[name])
        assert_same(datasets.load(path), datasets.load(tmp_path / "a.txt"))


def test_other_tools_can_read_the_arrays(tmp_path):
    path = converted(tmp_path, TEXTS["header"], label_names=[f"é{i}" for i in range(12)])
    arrays, data = load_file(path), datasets.load(path)
    assert_array_equal(arrays["X.indices"], data.X.indices)
    assert_array_equal(arrays["y.indptr"], data.y.indptr)
    assert json.loads(arrays["label_names"].tobytes()) == list(data.label_names)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 1:1\n" * 400 + "0 1:x\n", "line 401, column 5: .*value"),
        ("0 1:1\n" * 400 + "0 1:3e38 1:3e38\n" + "0 z\n", "line 401, column 10: .*not finite"),
        ("0,1 1:1\n" * 400 + "a 1:1\n", "line 401, column 1: .*label"),
        ("500 9 3\n" + "0 1:1\n" * 400 + "0 9:1\n", "line 402, column 3: feature is not below 9"),
        ("500 9 3\n" + "0 1:1\n" * 400 + "3 1:1\n0 x\n", "line 402, column 1: label is not below"),
        ("500 9 3\n" + "0 1:1\n" * 400 + "0 x\n3 1:1\n", "line 402, column 3: expected a feature"),
        ("500 9 3\n" + "0 1:1\n" * 400, "line 1, .* 500 rows, but the text has 400"),
        ("1 9 3 # no header\n", "line 1, column 4: expected ':'"),
        ("0 1:1\n" + "\0" * 3000, "line 2"),
        ("1 2147483647 3\n0 1:1\n", "line 1, column 3: number of features is not below"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_stays(tmp_path, text, words, piece):
    with pytest.raises(ValueError, match=rf"a\.txt cannot be read .*: {words}"):
        converted(tmp_path, text)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_line_that_has_no_end_is_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(streaming, "PIECE", 1 << 20)
    with pytest.raises(ValueError, match="line 2 is longer than 1 MiB"):
        converted(tmp_path, "0 1:1\n0 " + "1" * (3 << 20))


def test_damaged_gzip_is_named(tmp_path):
    whole = gzip.compress(TEXTS["header"].encode())
    (tmp_path / "a.gz").write_bytes(whole[:-20])
    with pytest.raises(ValueError, match=r"a\.gz cannot be read"):
        datasets.convert(tmp_path / "a.gz", tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a.gz"]


def test_a_text_is_not_overwritten_by_itself(tmp_path):
    (tmp_path / "a.txt").write_text("0 1:1\n")
    with pytest.raises(ValueError, match="overwritten"):
        datasets.convert(tmp_path / "a.txt", tmp_path / "a.txt")
    with pytest.raises(FileNotFoundError, match="nowhere is no folder"):
        datasets.convert(tmp_path / "a.txt", tmp_path / "nowhere" / "a")


LIKE = {
    "classes": (TEXTS["other classes"], svm([1, 1, -1], 1)),
    "one class of two": (TEXTS["other classes"], svm([1, 1, 1], 1)),
    "features from 0": (TEXTS["features from 0"], svm([3, 7], 1)),
    "fewer features": (TEXTS["classes from 0"], "1 2:1\n"),
    "values that are whole": (TEXTS["values"], "1 2:1\n2 2:1\n"),
    "lists of one": (TEXTS["no header"], "1 2:1\n2 2:1\n"),
}


@pytest.mark.parametrize("name", LIKE)
def test_a_test_set_is_converted_like_the_training_set(tmp_path, name):
    train_text, test_text = LIKE[name]
    train = datasets.load(converted(tmp_path, train_text, "train"))
    path = converted(tmp_path, test_text, "test", like=train)
    expected = datasets.load(tmp_path / "test.txt", datasets.load(tmp_path / "train.txt"))
    assert_same(datasets.load(path, train), expected)
    assert_same(datasets.load(path), expected)


UNLIKE = {
    "an unknown class": (TEXTS["other classes"], "1 2:1\n5 2:1\n", "label 5.0 in row 1"),
    "a feature 0": (TEXTS["classes from 0"], "1 0:1\n", "a feature 0"),
    "more features": (TEXTS["classes from 0"], "1 99:1\n", "99 features"),
    "values for classes": (TEXTS["other classes"], "1.5 2:1\n", "y holds values"),
    "more labels": (TEXTS["no header"], "99 2:1\n", "100 columns"),
}


@pytest.mark.parametrize("name", UNLIKE)
def test_a_test_set_that_is_not_alike_is_not_converted(tmp_path, name):
    train_text, test_text, words = UNLIKE[name]
    train = datasets.load(converted(tmp_path, train_text, "train"))
    with pytest.raises(ValueError, match=rf"test\.txt: .*{words}"):
        converted(tmp_path, test_text, "test", like=train)
    assert not (tmp_path / "test.safetensors").exists()
    (tmp_path / "test.txt").unlink()
    if name != "a feature 0":
        path = converted(tmp_path, test_text, "test")
        with pytest.raises(ValueError, match="convert it again with --like"):
            datasets.load(path, train)


def test_what_counts_features_otherwise_is_refused(tmp_path):
    train = datasets.load(converted(tmp_path, svm([0, 1], 0), "train"))
    path = converted(tmp_path, "0 1:1\n1 2:1\n", "test")
    with pytest.raises(ValueError, match=r"features from 1, not 0: convert it again with --like"):
        datasets.load(path, train)


def test_text_that_counts_from_0_keeps_how_the_training_set_counts(tmp_path):
    """Else what was converted like it could not be read like it."""
    (tmp_path / "train.txt").write_text("0,1 1:1 3:2\n1 2:1\n")
    (tmp_path / "test.txt").write_text("2 3 2\n0 0:1 2:2\n1 1:1\n")
    like = datasets.load(tmp_path / "train.txt")
    assert not like.zero_based
    loaded = datasets.load(tmp_path / "test.txt", like)
    datasets.convert(tmp_path / "test.txt", tmp_path / "made", like=like)
    mapped = datasets.load(tmp_path / "made", like)
    assert mapped.encoding == loaded.encoding == like.encoding
    assert_array_equal(mapped[:].X.toarray(), loaded.X.toarray())


def test_what_is_no_text_is_refused_by_both(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"0 1:\x00\n1 2:1\n")
    for use in (datasets.load, lambda path: datasets.convert(path, tmp_path / "made")):
        with pytest.raises(ValueError, match="is of no known format"):
            use(path)


@pytest.mark.parametrize("names", [None, ["a", "b"]])
def test_a_zero_byte_in_a_later_comment_is_taken_by_both(tmp_path, names):
    path = tmp_path / "a.txt"
    path.write_bytes(b"0 1:1\n1 2:1 # one\x00 word\n")
    loaded = datasets.load(path, label_names=names)
    datasets.convert(path, tmp_path / "made", label_names=names)
    assert_array_equal(datasets.load(tmp_path / "made")[:].X.toarray(), loaded.X.toarray())
