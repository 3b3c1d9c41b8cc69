"""The programs in examples/ run, and say what they promise."""

import os
import subprocess
import sys

import pytest

from commands import HANG
from structure import ROOT

EXAMPLES = ROOT / "examples"
SAYS = {
    "tags": ("P@1: 9", "works-with-format::pdf"),
    "explain": ("interface::commandline 0.", "leaf 1: "),
    "digits": ("hashed, 10 %: accuracy 0.9", "dense: accuracy 0.9"),
    "pipeline": ("accuracy 0.9", "hashedclassifier__density"),
    "table": (
        "density': 0.",
        "accuracy                           ",
        "shop.safetensors.html",
        "colour_red",
        "['no' 'yes' 'no'] there",
        "['no' 'yes' 'no'] here",
    ),
    "resume": ("stopped after 3 epochs", "the same bits: True"),
    "many_labels": ("of the multiplications of all 2,000 labels", "right of examples not seen"),
    "next_word": ("words not seen: loss 5.", "in the following ... "),
    "next_item": ("2,000 items: ", "is among the first 10 in ", "of the true first 10"),
}
WORDS = {"many_labels": ["2000"], "next_item": ["2000"]}


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the tests run without the examples beside them")
@pytest.mark.parametrize("name", SAYS)
def test_an_example_runs_and_says_what_it_should(name, tmp_path):
    pytest.importorskip("sklearn")
    pytest.importorskip("pandas")
    if name.startswith("next_"):
        pytest.importorskip("torch")
    command = [sys.executable, EXAMPLES / f"{name}.py", *WORDS.get(name, [])]
    one = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        command, cwd=tmp_path, env=one, capture_output=True, text=True, timeout=HANG
    )
    assert done.returncode == 0, done.stderr
    assert [words for words in SAYS[name] if words not in done.stdout] == []


@pytest.mark.skipif(not EXAMPLES.exists(), reason="the tests run without the examples beside them")
def test_every_example_is_tried_and_short():
    found = {path.stem: path for path in EXAMPLES.glob("*.py")}
    assert found.keys() == SAYS.keys()
    assert [name for name, path in found.items() if len(path.read_text().splitlines()) > 60] == []
