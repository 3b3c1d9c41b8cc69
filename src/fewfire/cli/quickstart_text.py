"""`fewfire quickstart --text`: from texts to tags, without files or network."""

from __future__ import annotations

import time
from pathlib import Path

from .. import datasets
from ..base.printable import field
from ..loading import load
from ..tagger.settings import PRESETS
from ..tagger.tagger import Tagger
from .common import metrics_dict, print_json, say, show, table

_METRICS = ["P@1", "P@3", "P@5"]
_TEXTS = (
    "a game where you shoot asteroids",
    "command line tool to resize images",
    "library to parse PDF files in Python",
)


def quickstart_text(output: Path, seed: int, n_jobs: int, *, as_json: bool) -> None:
    """Train two taggers on summaries of packages, compare, save and tag texts."""
    say("reading summaries of Debian packages and their tags ...")
    train, test = datasets.packages()
    rows, results = [], {}
    for preset in list(PRESETS)[:2]:
        say(f"training Tagger({preset!r}) ...")
        tagger = Tagger(preset, random_state=seed, n_jobs=n_jobs, verbose=True)
        start = time.perf_counter()
        tagger.fit(train)
        seconds = time.perf_counter() - start
        if tagger.history_.interrupted:
            raise KeyboardInterrupt
        found = tagger.evaluate(test, _METRICS, n_jobs=n_jobs)
        shown = {name: f"{100 * value:.1f} %" for name, value in found.items()}
        rows.append({"preset": preset, "seconds": f"{seconds:.1f}", **shown})
        results[preset] = {**metrics_dict(found), "seconds": seconds}
    tagger.save(output)
    top = load(output).predict_topk(list(_TEXTS), 3)
    tags = [
        [(str(name), round(float(score), 3)) for name, score in zip(*row, strict=True)]
        for row in zip(top.names, top.scores, strict=True)
    ]
    if as_json:
        answers = dict(zip(_TEXTS, tags, strict=True))
        print_json({"taggers": results, "model": str(output), "predictions": answers})
        return
    show(f"{len(train):,} texts to learn from, {train.n_labels} tags; {len(test):,} texts to test")
    show(table(rows))
    show(f"saved and loaded again: {field(output)}")
    for text, own in zip(_TEXTS, tags, strict=True):
        show(f'"{text}": {", ".join(f"{field(name)} {score:.2f}" for name, score in own)}')
    show(f"next: echo 'a text of yours' | fewfire predict {field(output)} - -k 3 --why")
    show("      fewfire train YOURS.tsv  # in each line a text, a tab, and label,label")
