"""`fewfire report`: a page that stands alone, of every kind of model."""

import re
import shutil
import subprocess

import numpy as np
import pytest

import fewfire as ff
from commands import HANG, run
from tags import tagged, write_xc

pytest.importorskip("matplotlib")

NAMES = [f"<b>tag</b> {i} & co" for i in range(40)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network of classes, a checkpoint of a tagger whose labels have names with signs, a blend, a
    network of values, and data for each."""
    folder = tmp_path_factory.mktemp("models")
    train, test = ff.datasets.strokes(n_train=300, n_test=100)
    net = ff.Network(
        ff.Linear(784, 40, activation="relu", gate=ff.Hashed(density=0.2)), ff.Linear(40, 10)
    )
    ff.Trainer(net, max_epochs=2, n_jobs=1).fit(train)
    net.save(folder / "net")
    tables = ff.Hashed(0.2, ff.gates.SimHash(n_bits=3, n_tables=4))
    hashed = ff.Network(ff.Linear(784, 40, "relu", tables), ff.Linear(40, 10))
    ff.Trainer(hashed, max_epochs=1, n_jobs=1, tune=False).fit(train)
    hashed.save(folder / "tables")
    ff.datasets.save_npz(folder / "images.npz", test)
    words = tagged(n=300)
    write_xc(folder / "train.txt", words)
    (folder / "tags.txt").write_text("\n".join(NAMES) + "\n")
    common = ("train", "train.txt", "--labels", "tags.txt", "--n-jobs", 1, "-q")
    run(*common, "--max-epochs", 2, "--checkpoint", "tagger", "-o", "done", cwd=folder)
    run(*common, "--blend", "--max-epochs", 1, "-o", "blend", cwd=folder)
    X = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    values = ff.Dataset(X, X.sum(axis=1))
    deep = ff.Network(ff.Linear(4, 8, activation="relu"), ff.Linear(8, 1))
    ff.Trainer(deep, max_epochs=2, n_jobs=1).fit(values)
    deep.save(folder / "values")
    ff.datasets.save_npz(folder / "values.npz", values)
    return folder


CASES = {
    "net": (
        "images.npz",
        ["Model", "Quality", "Rows in use", "Rows computed", "Labels by frequency", "Confusions"],
    ),
    "tables": ("images.npz", ["Rows in use", "Buckets", "Rows computed"]),
    "tagger": ("train.txt", ["Model", "Leaves", "Training", "Quality", "Examples"]),
    "blend": ("train.txt", ["Model", "Leaves", "Quality", "Examples"]),
    "values": ("values.npz", ["Model", "Quality"]),
}


@pytest.mark.parametrize("model", CASES)
def test_a_page_has_its_parts_and_needs_nothing_else(model, folder):
    data, sections = CASES[model]
    run("report", model, "--data", data, "--n-jobs", 1, cwd=folder)
    page = (folder / f"{model}.html").read_text()
    found = re.findall(r"<h2>(.*?)</h2>", page)
    assert [name for name in sections if name not in found] == []
    assert page.count("<section") == page.count("</section>") == len(found)
    assert not re.findall(r'(?:src|href)="(?!#)', page)
    assert "@import" not in page
    assert "<b>tag" not in page
    if model in ("tagger", "blend"):
        assert re.search(r"&lt;b&gt;tag&lt;/b&gt; \d+ &amp; co", page)


def test_a_page_without_data_tells_of_the_model_and_its_training(folder):
    run("train", "images.npz", "--hidden", 20, "--max-epochs", 2, "--log", "run.csv", "-q",
        "-o", "small", cwd=folder)  # fmt: skip
    run("report", "small", "--run", "run.csv", "-o", "page.html", cwd=folder)
    page = (folder / "page.html").read_text()
    assert re.findall(r"<h2>(.*?)</h2>", page) == ["Model", "Training"]
    assert "<svg" in page


def test_what_is_wrong_is_said_and_nothing_written(folder):
    _, err = run("report", "net", "--data", "values.npz", "-o", "no.html", cwd=folder, code=1)
    assert "the data has 4 features but the model needs 784" in err or "features" in err
    _, err = run("report", "net", "--run", "net", "-o", "no.html", cwd=folder, code=1)
    assert "without its history" in err
    _, err = run("report", "net", "-o", "net", cwd=folder, code=1)
    assert "net" in err
    assert not (folder / "no.html").exists()
    assert ff.load(folder / "net").n_features == 784


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_a_browser_shows_it(folder, tmp_path):
    run("report", "net", "--data", "images.npz", "-o", "shown.html", cwd=folder)
    quiet = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking"
    command = ["chromium", *quiet.split(), f"--user-data-dir={tmp_path}", "--dump-dom",
               f"file://{folder / 'shown.html'}"]  # fmt: skip
    shown = subprocess.run(command, capture_output=True, timeout=HANG, check=True).stdout.decode()
    assert re.findall(r'<section id="([\w-]+)">', shown) == [
        "model", "quality", "rows-in-use", "rows-computed", "labels-by-frequency", "confusions",
        "examples",
    ]  # fmt: skip
    assert shown.count("<svg") == 2
