"""Descriptions of labels: whose they are, and labels that only have a description."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fewfire as ff
from commands import run
from fewfire.datasets import load_label_text, load_text, load_xc

ANIMALS = {f"animal{i}": f"fur{i} paw{i} tail{i}" for i in range(30)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Texts of all animals but two, and descriptions of all but another."""
    folder = tmp_path_factory.mktemp("described")
    rng = np.random.default_rng(0)
    names = list(ANIMALS)
    rows = []
    for _ in range(400):
        own = rng.choice(names[2:], 2, replace=False)
        words = [rng.choice(ANIMALS[name].split(), 2) for name in own]
        rows.append(f"{' '.join(np.concatenate(words))} {rng.integers(50)}\t{','.join(own)}\n")
    (folder / "train.tsv").write_text(
        "".join([*rows, "fur0 paw0 tail0 fur1 paw1 tail1\tanimal2\n"] * 2)
    )
    told = "".join(f"{text}\t{name}\n" for name, text in list(ANIMALS.items())[:-1])
    (folder / "labels.tsv").write_text(told)
    return folder


def test_rows_are_of_the_labels_that_they_describe(folder):
    train = load_text(folder / "train.tsv")
    more, features = load_label_text(folder / "labels.tsv", train)
    assert more.label_names[: train.n_labels] == train.label_names
    assert more.label_names[train.n_labels :] == ("animal0", "animal1")
    assert features.shape == (30, train.n_features)
    assert_array_equal(more.label_lists()[1], train.label_lists()[1])
    for label, name in enumerate(more.label_names):
        words = {train.text.words[j] for j in features[[label]].indices}
        assert words == (set() if name == "animal29" else set(ANIMALS[name].split()))


def test_descriptions_of_a_label_are_added_up(tmp_path):
    (tmp_path / "train.txt").write_text("2 3 4\n0 0:1\n1 1:1 2:1\n")
    (tmp_path / "labels.txt").write_text("3 3 5\n0,4 0:1\n4 1:2\n1 2:1\n")
    train, features = load_label_text(tmp_path / "labels.txt", load_xc(tmp_path / "train.txt"))
    assert train.n_labels == 5
    assert train.label_names is None
    want = [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0], [1, 2, 0]]
    assert_allclose(features.toarray(), want)


def test_numbers_are_those_of_named_labels(tmp_path):
    (tmp_path / "train.txt").write_text("2 2 2\n0 0:1\n1 1:1\n")
    named = load_xc(tmp_path / "train.txt", label_names=["cat", "dog"])
    train, features = load_label_text(tmp_path / "train.txt", named)
    assert train.label_names == ("cat", "dog")
    assert_allclose(features.toarray(), np.eye(2))
    (tmp_path / "more.txt").write_text("1 2 3\n2 0:1\n")
    with pytest.raises(ValueError, match=r"more.txt: label 2 is described, and has no name"):
        load_label_text(tmp_path / "more.txt", named)


@pytest.mark.parametrize(
    ("content", "message"),
    [("some text\tcat\n", "raw text, but the training set held numbers"), ("1 9:1\n", "features")],
)
def test_files_of_other_labels_are_refused(content, message, tmp_path):
    data = ff.Dataset(np.eye(3, dtype=np.float32), [[0], [1], [0, 1]])
    (tmp_path / "labels.tsv").write_text(content)
    with pytest.raises(ValueError, match=message):
        load_label_text(tmp_path / "labels.tsv", data)


def test_the_command_line_learns_labels_from_descriptions_alone(folder):
    train = ("train", "train.tsv", "--preset", "fast", "--n-jobs", 1, "--label-text", "labels.tsv")
    _, err = run(*train, "--val-size", 20, "-o", "told", cwd=folder)
    assert "30 labels" in err
    (folder / "ask.txt").write_text("fur0 paw0 tail0\nfur5 paw5 tail5\n")
    out, _ = run("predict", "told", "ask.txt", "-k", 2, cwd=folder)
    first, second = out.splitlines()
    assert "animal0" in first
    assert "animal5" in second


def test_a_network_does_not_learn_from_descriptions(folder):
    wanted = ("train", "train.tsv", "--bag", 8, "--label-text", "labels.tsv", "-o", "net")
    _, err = run(*wanted, cwd=folder, code=2)
    assert "a network has no use for descriptions of labels: leave out --label-text" in err


@pytest.mark.parametrize("described", [[0, 1, 2], [1, 2], [2, 3]])
def test_numbers_of_classes_are_their_names(described, tmp_path):
    (tmp_path / "train.svm").write_text("1 1:1\n2 2:1\n3 3:1\n")
    (tmp_path / "labels.svm").write_text("".join(f"{x} {max(x, 1)}:1\n" for x in described))
    train = ff.datasets.load_svmlight(tmp_path / "train.svm")
    train, features = load_label_text(tmp_path / "labels.svm", train)
    for name in described:
        label = train.label_names.index(name)
        assert_array_equal(features[[label]].toarray()[0], np.eye(3)[max(name, 1) - 1])
