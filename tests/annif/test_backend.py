"""Annif trains, asks and goes on with a project whose backend is fewfire, by its own commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("annif.backend", reason="Annif is not installed")

PROJECTS = """[pets]
name=Pets
language=en
backend=fewfire
preset=fast
analyzer=simple
vocab=animals
limit=5
min_df=1
"""
VOCABULARY = "uri,label_en,notation\n" + "".join(
    f"<http://x/{name}>,{name},{number}\n" for number, name in enumerate(["cat", "dog", "cow"])
)
DOCUMENTS = [
    ("whiskers purr softly", "<http://x/cat>"),
    ("the kitten purrs at milk", "<http://x/cat>"),
    ("barks loudly at postmen", "<http://x/dog>"),
    ("a puppy barks and fetches", "<http://x/dog> <http://x/cat>"),
]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "projects.cfg").write_text(PROJECTS)
    (tmp_path / "animals.csv").write_text(VOCABULARY)
    (tmp_path / "train.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in DOCUMENTS * 5))
    punkt = tmp_path / "nltk_data" / "tokenizers" / "punkt_tab" / "english"
    punkt.mkdir(parents=True)  # that knows nothing of English: Annif wants some, to find words
    for name in ("collocations.tab", "sent_starters.txt", "abbrev_types.txt", "ortho_context.tab"):
        (punkt / name).touch()
    (tmp_path / "more.tsv").write_text("grazes on grass and moos\t<http://x/cow>\n" * 9)
    return tmp_path


def annif(folder, *words, given=""):
    own = {"ANNIF_CONFIG": "fewfire.annif.Config", "NLTK_DATA": str(folder / "nltk_data")}
    environment = {**os.environ, **own}
    command = [str(Path(sys.executable).parent / "annif"), *map(str, words)]
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, cwd=folder, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_commands_of_annif_train_suggest_evaluate_and_learn(folder):
    annif(folder, "load-vocab", "animals", "animals.csv")
    annif(folder, "train", "pets", "train.tsv")
    assert "http://x/dog" in annif(folder, "suggest", "pets", given="it barks").splitlines()[0]
    assert "http://x/cow" not in annif(folder, "suggest", "pets", given="moos")
    figures = annif(folder, "eval", "pets", "train.tsv")
    recall = next(line for line in figures.splitlines() if line.startswith("Recall (doc avg)"))
    assert float(recall.split(":")[1]) > 0.9
    (folder / "projects.cfg").write_text(PROJECTS + "allow_learn=True\n")
    annif(folder, "learn", "pets", "more.tsv")
    assert "http://x/cow" in annif(folder, "suggest", "pets", given="and grazes on grass")
