"""Regression on whole numbers from the command line, from the file to predictions."""

import json

import numpy as np
import pytest

import fewfire as ff
from commands import run
from fewfire import datasets

RNG = np.random.default_rng(0)
X = np.abs(RNG.normal(size=(120, 4))).astype(np.float32)
Y = np.round(30 + 5 * X[:, 0] - 3 * X[:, 1]).astype(int)
Y[100:] += 40  # numbers that training never saw
LEARN = ("--loss", "squared", "--hidden", 8, "--max-epochs", 2, "--n-jobs", 1)
SAID = "targets are whole numbers: taken as values to predict, not as classes"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("values")
    for name, rows in (("train", slice(100)), ("test", slice(100, 120))):
        np.savez(folder / f"{name}.npz", X=X[rows], y=Y[rows])
        datasets.save_svmlight(folder / f"{name}.txt", ff.Dataset(X[rows], Y[rows]))
        datasets.convert(folder / f"{name}.txt", folder / f"{name}.safetensors")
    np.save(folder / "test.npy", X[100:])
    return folder


@pytest.mark.parametrize("end", ["npz", "txt", "safetensors"])
def test_whole_numbers_are_learned_measured_and_predicted(end, folder):
    model, test = f"of-{end}", f"test.{end}"
    words = ("train", f"train.{end}", *LEARN, "--val", test, "-o", model, "--json")
    out, err = run(*words, cwd=folder)
    assert err.count(SAID) == 1
    assert "warning" not in err
    val = json.loads(out)["val"]["gated"]["metrics"]
    out, _ = run("evaluate", model, test, "--json", cwd=folder)
    assert json.loads(out)["metrics"] == val
    predicted, _ = run("predict", model, test, cwd=folder)
    assert len([float(line) for line in predicted.splitlines()]) == 20
    if end == "npz":
        assert run("predict", model, "test.npy", cwd=folder)[0] == predicted
    expected = datasets.load(folder / f"train.{end}", kind="values").encoding
    assert ff.load(folder / model).encoding == expected


def test_a_settings_file_and_a_part_that_is_kept_aside_do_as_well(folder):
    (folder / "t.toml").write_text(
        'data = "train.npz"\nloss = "squared"\nhidden = [8]\nmax-epochs = 1\nval-size = 20\n'
    )
    out, err = run("train", "t.toml", "-o", "of-toml", cwd=folder)
    assert SAID in err
    assert "val, exact" in out


def test_values_that_are_no_whole_numbers_need_no_word(folder):
    np.savez(folder / "half.npz", X=X, y=Y + 0.5)
    _, err = run("train", "half.npz", *LEARN, "-o", "half", cwd=folder)
    assert SAID not in err


def test_tables_of_whole_numbers_are_learned_and_predicted(folder):
    np.savez(folder / "table.npz", X=X, y=np.stack([Y, -Y], axis=1))
    run("train", "table.npz", *LEARN, "-o", "table", "-q", cwd=folder)
    out, _ = run("predict", "table", "table.npz", cwd=folder)
    assert all(len(line.split("\t")) == 2 for line in out.splitlines())


def test_words_and_lists_are_no_values(folder):
    np.savez(folder / "words.npz", X=X, y=np.where(Y > 30, "many", "few"))
    (folder / "lists.txt").write_text("2 4 4\n0,1 0:1\n2 1:1\n")
    (folder / "t.tsv").write_text("a cat\tcat\nthe cat\tcat\n")
    for name in ("words.npz", "lists.txt", "t.tsv"):
        _, err = run("train", name, *LEARN, "-o", "none", cwd=folder, code=1)
        assert err.startswith(f"fewfire: error: {name}: ")
        assert len(err.splitlines()) == 1
    assert not (folder / "none").exists()


@pytest.mark.parametrize("model", [("--hidden", 8), ("--preset", "fast"), ("--blend",)])
def test_many_classes_of_few_examples_get_one_line(model, folder):
    numbers = "".join(f"{i * 2} {i % 4 + 1}:1\n" for i in range(30))
    (folder / "many.txt").write_text(numbers)
    words = ("train", "many.txt", *model, "--max-epochs", 1, "-q", "-o", "many")
    _, err = run(*words, cwd=folder)
    assert err == (
        "fewfire: warning: y holds 30 classes of 30 examples: if they are numbers to predict, "
        "give kind='values' or loss='squared' (--loss squared)\n"
    )


def test_convert_takes_whole_numbers_as_values(folder):
    out, _ = run("convert", "train.txt", "v.safetensors", "--kind", "values", cwd=folder)
    assert out == "v.safetensors: Mapped(100 examples, 4 sparse features, 1 values)\n"
    _, err = run("train", "v.safetensors", *LEARN, "-o", "v", cwd=folder)
    assert SAID in err
