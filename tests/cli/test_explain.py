"""`fewfire explain` tells of one example what a model made of it, in lines for people."""

import json

import numpy as np
import pytest

import fewfire as ff
from commands import run
from fewfire.cli import run as ask
from fewfire.gates import SimHash
from tags import tagged, write_xc

LONG = "a feature whose name is as long as people make them \x1b[31m"
NAMES = [LONG, *(f"feature {i}" for i in range(11))]
CLASSES = ["north", "south"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    X = np.random.default_rng(0).normal(size=(100, 12)).astype(np.float32)
    data = ff.Dataset(X, np.array(CLASSES)[1 * (X[:, 0] > 0)], feature_names=NAMES)
    tables = ff.Hashed(0.2, SimHash(n_bits=3, n_tables=5))
    net = ff.Network(
        ff.Linear(12, 40, "relu", ff.Hashed(0.2)),
        ff.Linear(40, 40, "relu", tables),
        ff.Linear(40, 2),
    )
    ff.Trainer(net, max_epochs=2, n_jobs=1, tune=False).fit(data)
    net.save(folder / "net")
    ff.datasets.save_npz(folder / "data.npz", ff.Dataset(X, data.y))
    values = ff.Network(ff.Linear(12, 1))
    ff.Trainer(values, max_epochs=1, n_jobs=1).fit(X, X.sum(axis=1))
    values.save(folder / "values")
    words = tagged(n=200)
    write_xc(folder / "words.txt", words)
    ff.Tagger("fast", max_epochs=1, n_jobs=1).fit(words).save(folder / "tagger")
    return folder


def asked(folder, monkeypatch, capsys, *words):
    monkeypatch.chdir(folder)
    code = ask(["explain", *map(str, words)])
    found = capsys.readouterr()
    assert code == 0, found.err
    return found.out


def test_people_read_rows_and_features_at_80_columns(folder, monkeypatch, capsys):
    out = asked(folder, monkeypatch, capsys, "net", "data.npz", "--row", 3, "-n", 12)
    assert max(map(len, out.splitlines())) <= 80
    assert "\x1b" not in out
    for told in ("feature 7", "layer 0: 8 of 40 rows fired, by sign", "promised", "of 5", "gave"):
        assert told in out
    few = asked(folder, monkeypatch, capsys, "net", "data.npz", "-n", 2)
    assert "10 others" in few


def test_json_adds_up_to_the_score_of_predict(folder, monkeypatch, capsys):
    found = json.loads(asked(folder, monkeypatch, capsys, "net", "data.npz", "--row", 5, "--json"))
    parts = sum(each["gave"] for each in found["features"]) + found["others"] + found["rest"]
    net, X = ff.load(folder / "net"), np.load(folder / "data.npz")["X"]
    top = net.predict_topk(X[5:6], 1)
    assert found["label"] == top.names[0, 0]
    assert parts == pytest.approx(found["score"]) == pytest.approx(float(top.scores[0, 0]))
    assert [each["n_fired"] for each in found["layers"]] == [8, 8]
    other = {"north": "south", "south": "north"}[found["label"]]
    words = "net", "data.npz", "--row", 5, "--json", "--label", other
    against = json.loads(asked(folder, monkeypatch, capsys, *words))
    assert against["label"] == other
    assert against["score"] < found["score"]


def test_values_and_taggers_are_explained(folder, monkeypatch, capsys):
    assert "column 0, score" in asked(folder, monkeypatch, capsys, "values", "data.npz")
    told = asked(folder, monkeypatch, capsys, "tagger", "words.txt", "--row", 2)
    assert "likelihood" in told
    found = json.loads(asked(folder, monkeypatch, capsys, "tagger", "words.txt", "--json"))
    assert found["labels"][0]["why"]


WRONG = {
    "row": ("net data.npz --row 100", 2, "there are 100 examples"),
    "label": ("net data.npz --label west", 1, "no label 'west'"),
    "tagger": ("tagger words.txt --label 3", 2, "--label is of networks"),
}


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_errors_say_what_to_do(folder, monkeypatch, capsys, case):
    words, code, message = case
    monkeypatch.chdir(folder)
    assert ask(["explain", *words.split()]) == code
    assert message in capsys.readouterr().err


def test_a_user_runs_it(folder):
    out, _ = run("explain", "net", "data.npz", "-n", 1, cwd=folder)
    assert out.startswith("row 0: ")
