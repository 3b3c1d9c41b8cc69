"""The command line with data files and label names; bad input gets one line."""

import gzip
import json
import os

import numpy as np
import pytest

import fewfire as ff
from commands import run
from fewfire import datasets

TRAIN = ("--hidden", 16, "--gate", "all", "--batch-size", 4, "--max-epochs", 40, "--n-jobs", 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Text with as many labels as features, each label telling one, its names, its data file."""
    folder = tmp_path_factory.mktemp("mapped")
    rng = np.random.default_rng(0)
    lines = ["600 9 9", *(f"{i} {i}:1 {(i + 3) % 9}:0.1" for i in rng.integers(0, 9, 600))]
    (folder / "train.txt").write_text("\n".join(lines))
    with gzip.open(folder / "train.txt.gz", "wt") as file:
        file.write("\n".join(lines))
    (folder / "labels.txt").write_text("".join(f"label {i}\n" for i in range(9)))
    words = ("convert", "train.txt.gz", "train.safetensors", "--labels", "labels.txt")
    out, _ = run(*words, cwd=folder)
    assert out == "train.safetensors: Mapped(600 examples, 9 sparse features, 9 labels)\n"
    return folder


def test_a_data_file_goes_wherever_text_goes(folder):
    options = (*TRAIN, "-q", "--json")
    mapped, text = (("train", path, "--val", path) for path in ("train.safetensors", "train.txt"))
    run(*mapped, *options, "-o", "mapped", cwd=folder)
    out, _ = run(*text, "--labels", "labels.txt", *options, "-o", "text", cwd=folder)
    assert json.loads(out)["val"]["exact"]["metrics"]["P@1"] > 0.95
    assert (folder / "mapped").read_bytes() == (folder / "text").read_bytes()
    for command in (("evaluate", "mapped", "--json"), ("predict", "mapped", "-k", 2)):
        model = command[:2]
        from_file, _ = run(*model, "train.safetensors", *command[2:], cwd=folder)
        from_text, _ = run(*model, "train.txt", *command[2:], cwd=folder)
        assert from_file == from_text
    assert from_text.splitlines()[0].split("\t")[0] == label_of_first_row(folder)
    assert ff.load(folder / "mapped").label_names[3] == "label 3"


def label_of_first_row(folder):
    return f"label {datasets.load(folder / 'train.txt').y.indices[0]}"


def test_a_data_file_becomes_text_again(folder):
    run("data", "convert", "train.safetensors", "again.txt", cwd=folder)
    run("convert", "again.txt", "again", "--like", "train.safetensors", "--json", cwd=folder)
    assert (folder / "again").read_bytes() == (folder / "train.safetensors").read_bytes()


def test_the_help_tells_what_is_read(folder):
    out, _ = run("convert", "--help", cwd=folder)
    assert "TEXT OUT.safetensors" in out
    assert "svmlight or Extreme Classification" in out


FILES = {
    "bad.txt": b"2 9 9\n1 1:1\n2 2:x\n",
    "count.txt": b"3 9 9\n1 1:1\n",
    "wide.txt": b"1 9 9\n1 9:1\n",
    "cut.gz": gzip.compress(b"0 1:1\n" * 99)[:-9],
    "bytes": b"\0\1\2" * 999,
    "few": b"a\nb\n",
    "twice": b"a\n" * 9,
    "latin": "\n".join("äbcdefghi").encode("latin-1"),
    "svm.txt": b"0 0:1\n1 2:1\n",
    "lists.txt": b"0,1 0:1\n",
    "one.txt": b"0 1:1\n1 2:1\n",
    "cut": b"",  # the data file's first half
    "model": b"",  # a model
}
ERRORS = {
    "no such text": ("convert nothing out", "nothing"),
    "a folder": ("convert . out", "Is a directory"),
    "the text itself": ("convert train.txt train.txt", "overwritten"),
    "a wrong value": ("convert bad.txt out", "line 3, column 5: expected a value"),
    "a wrong count": ("convert count.txt out", "3 rows, but the text has 1"),
    "a feature beyond": ("convert wide.txt out", "line 2, column 3: feature is not below 9"),
    "a cut gzip": ("convert cut.gz out", "cut.gz cannot be read"),
    "bytes": ("convert bytes out", "bytes is of no known format"),
    "no such names": ("convert train.txt out --labels nothing", "nothing"),
    "too few names": ("convert train.txt out --labels few", "2 label_names for 9 labels"),
    "too few names to train": ("train train.txt --labels few", "9 labels, but there are 2"),
    "too few names of a file": ("train out9 --labels few", "2 names, 2 of them distinct"),
    "equal names": ("train train.txt --labels twice", "lines 1 and 2 are the same name"),
    "names that are not text": ("train train.txt --labels latin", "line 1 is not UTF-8"),
    "names for names": ("train train.safetensors --labels labels.txt", "names of its own"),
    "names for images": ("train plain.npy --labels labels.txt", "label names are for text"),
    "no such training set": ("convert train.txt out --like nothing", "nothing"),
    "a wider text": ("convert train.txt out --like svm.txt", "X has 9 features"),
    "lists for classes": ("convert lists.txt out --like svm.txt", "expected a blank after the"),
    "a cut file": ("train cut", "cut is damaged, truncated"),
    "a model as data": ("train model", "it is a model"),
    "data as a model": ("inspect train.safetensors", "holds data, not a model"),
    "a val set of other features": ("train svm.txt --val one --batch-size 1", "from 1, not 0"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_bad_input_gets_one_line_and_leaves_nothing_behind(folder, name):
    words, expected = ERRORS[name]
    for file, content in FILES.items():
        (folder / file).write_bytes(content)
    (folder / "cut").write_bytes((folder / "train.safetensors").read_bytes()[:5000])
    ff.Network(ff.Linear(2, 3)).save(folder / "model")
    np.save(folder / "plain.npy", np.zeros((2, 3)))
    datasets.convert(folder / "one.txt", folder / "one")
    datasets.convert(folder / "train.txt", folder / "out9")
    before = sorted(os.listdir(folder))
    out, err = run(*words.split(), cwd=folder, code=1)
    assert out == ""
    assert expected in err
    assert len(err.splitlines()) == 1
    assert sorted(os.listdir(folder)) == before


def test_names_of_two_sources_are_wrong_usage(folder):
    words = ("convert", "train.txt", "out", "--labels", "labels.txt", "--like", "train.txt")
    _, err = run(*words, cwd=folder, code=2)
    assert "leave out --labels" in err
