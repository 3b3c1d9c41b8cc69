"""Names of a downloaded model control no terminal, and tables of names keep their columns."""

import ast
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
from scipy.sparse import csr_array

import fewfire as ff
from fewfire import cli
from structure import PYTHON

NAMES = ["\x1b]0;owned\x07", "a\tb\nc\r\\d", "\u202eabc\x7f", "é \x00\u2028\x9b31m"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tagger and a network of labels with such names, and a tagger of features with them."""
    folder = tmp_path_factory.mktemp("names")
    X = np.eye(4, dtype=np.float32)[np.arange(80) % 4]
    ff.datasets.save_npz(folder / "plain.npz", ff.Dataset(X))
    data = ff.Dataset(X, np.arange(80) % 4, label_names=NAMES)
    net = ff.Network(ff.Linear(4, 4), random_state=0)
    ff.Trainer(net, max_epochs=1, n_jobs=1).fit(data)
    net.save(folder / "net")
    tagger = ff.Tagger("fast", n_jobs=1, max_epochs=3)
    tagger.fit(ff.Dataset(csr_array(X), np.arange(80) % 4, label_names=NAMES))
    tagger.set_feature_names(NAMES)
    tagger.save(folder / "tagger")
    return folder


def read_back(text):
    return re.sub(r"\\(?:[\\tnr]|x..|u....)", lambda m: ast.literal_eval(f'"{m[0]}"'), text)


def printed(folder, monkeypatch, capsys, *words):
    monkeypatch.chdir(folder)
    assert cli.run([str(word) for word in words]) == 0
    out = capsys.readouterr().out
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028]", out)
    return out


@pytest.mark.parametrize("model", ["net", "tagger"])
def test_predictions_have_the_promised_fields_and_the_exact_names(
    folder, monkeypatch, capsys, model
):
    out = printed(folder, monkeypatch, capsys, "predict", model, "plain.npz", "-k", 4)
    rows = [line.split("\t") for line in out.split("\n")[:-1]]
    assert len(rows) == 80
    assert {len(row) for row in rows} == {8}
    assert all({read_back(name) for name in row[::2]} == set(NAMES) for row in rows)
    out = printed(folder, monkeypatch, capsys, "predict", model, "plain.npz", "-k", 4, "--json")
    for row in json.loads(out)["predictions"]:
        assert {name for name, _ in row} == set(NAMES)


def test_reasons_have_the_promised_fields_and_the_exact_names(folder, monkeypatch, capsys):
    words = ("predict", "tagger", "plain.npz", "--why", "-k", 2)
    lines = printed(folder, monkeypatch, capsys, *words).split("\n")
    assert len(lines) == 3 * 80 + 1
    for line in lines[:-1:3]:
        label, _, *why = line.split("\t")
        assert read_back(label) in NAMES
        assert {read_back(each.rpartition(" ")[0]) for each in why} <= set(NAMES) | {
            f"{a} & {b}" for a in NAMES for b in NAMES
        }
    found = json.loads(printed(folder, monkeypatch, capsys, *words, "--json"))["predictions"]
    assert {each["label"] for example in found for each in example} <= set(NAMES)


@pytest.mark.parametrize("model", ["net", "tagger"])
def test_what_is_inspected_is_shown_escaped(folder, monkeypatch, capsys, model):
    assert r"\x1b]0;owned\x07" in printed(folder, monkeypatch, capsys, "inspect", model)
    report = json.loads(printed(folder, monkeypatch, capsys, "inspect", model, "--json"))
    if model == "tagger":
        assert {name for leaf in report["leaves"] for name in leaf["labels"]} == set(NAMES)


def test_names_of_files_are_escaped_in_every_message(folder, monkeypatch, capsys):
    evil = "a\x1b]0;x\x07\r.npz"
    monkeypatch.chdir(folder)
    os.link("plain.npz", evil)
    for words in (
        ["train", evil],
        ["train", "no" + evil],
        ["evaluate", "no" + evil, evil],
        ["evaluate", evil, evil],
        ["inspect", "net", "--data", evil],
        ["data", "convert", evil, "no" + evil + "/x.npz"],
        ["data", "convert", evil, evil + ".npz"],
        ["--" + evil],
        [evil],
    ):
        cli.run(words)
        out, err = capsys.readouterr()
        assert out or err
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", out + err), words
    os.remove(evil)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8", "cp1252"])
def test_any_encoding_of_the_output_holds_the_names(folder, encoding):
    words = [sys.executable, "-m", "fewfire", "predict", "net", "plain.npz", "-k", "4"]
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, check=True)
    row = done.stdout.decode(encoding).split("\n")[0].split("\t")
    assert {read_back(name) for name in row[::2]} == set(NAMES)


def test_nothing_is_printed_past_the_escapes():
    around = re.compile(r"(?<!\w)(?<!>>> )print\(|std(out|err)\.write|echo\(")
    files = [path for path in (PYTHON / "cli").glob("*.py") if around.search(path.read_text())]
    assert [path.name for path in files] == ["common.py"]
