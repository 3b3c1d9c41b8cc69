"""Data files of every format, changed word by word, array by array or byte by byte.

What is read has the promised layout, and is the same when it is converted first; then something
learns from it.
"""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import fewfire as ff
from fewfire import datasets

from . import laws, mutate
from .array_files import idx, idx_folder, npy, npz
from .attempt import REFUSED, Attempt
from .draw import Draw
from .reading import packed, read
from .texts import N_LABELS, NAMES, RAW, TEXTS

MOST = 500  # features and labels of data that something learns from


@cache
def prepare() -> dict[str, bytes]:
    """Return good files: what is changed by bytes alone."""
    with tempfile.TemporaryDirectory() as folder:
        text, made = Path(folder) / "text", Path(folder) / "made"
        files = {}
        for name, content in TEXTS.items():
            text.write_text(content, newline="")
            datasets.convert(text, made)
            files[name] = made.read_bytes()
        text.with_suffix(".tsv").write_text(RAW)
        datasets.load_text(text.with_suffix(".tsv"))  # scikit-learn takes seconds to import
        return files


def attempt(draw: Draw, attempt: Attempt) -> None:
    """Write a file, read it, and learn from it."""
    kinds = [_text, _text, _text, _raw, _names, npz, npz, npy, idx, idx_folder, _converted]
    kind = draw.one_of(kinds)
    attempt.note(kind.__name__)
    found = kind(draw, attempt, attempt.folder)
    for data in found if isinstance(found, tuple) else (found,):
        if isinstance(data, ff.Dataset):
            laws.dataset(attempt, data[:])
            if draw.one_in(4):
                _learn(attempt, data)


def _changed(draw: Draw, attempt: Attempt, content: bytes) -> bytes:
    changed, done = mutate.words(draw, content)
    attempt.note(done)
    return changed


def _text(draw: Draw, attempt: Attempt, folder: Path) -> Any:
    """Text of numbers: loaded and converted."""
    name = draw.one_of(sorted(TEXTS))
    attempt.note(name)
    content = _changed(draw, attempt, TEXTS[name].encode())
    path = packed(draw, attempt, folder / "text.txt", content)
    options = {}
    if draw.one_in(4):
        options["like"] = _good(draw.one_of(sorted(TEXTS)))
    elif draw.one_in(6):
        options["label_names"] = [f"name {i}" for i in range(N_LABELS)]
    loaded, made = read(attempt, path, **options), folder / "made.safetensors"
    done = attempt.ask("convert", lambda: datasets.convert(path, made, **options), file=path)
    law = "load and convert disagree: one of them refuses"
    reads_beyond = "like" in options and loaded is not REFUSED  # what the training set lacks
    attempt.demand(law, reads_beyond or (loaded is REFUSED) == (done is REFUSED))
    if loaded is not REFUSED and done is not REFUSED:
        mapped = attempt.ask("load what was converted", lambda: datasets.load(made))
        attempt.demand("what was converted cannot be read", mapped is not REFUSED)
        laws.same_data(attempt, loaded, mapped[:])
    return loaded


@cache
def _good(name: str) -> ff.Dataset:
    """Return what is in a good file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "good.txt"
        path.write_text(TEXTS[name], newline="")
        return datasets.load(path)


def _raw(draw: Draw, attempt: Attempt, folder: Path) -> Any:
    content = _changed(draw, attempt, RAW.encode())
    path = packed(draw, attempt, folder / "raw.tsv", content)
    vectorizer = draw.one_of([datasets.Counted(min_rows=1), datasets.Hashing(n_features=16)])
    return attempt.ask(
        "load_text", lambda: datasets.load_text(path, vectorizer=vectorizer), file=path
    )


def _names(draw: Draw, attempt: Attempt, folder: Path) -> Any:
    content = _changed(draw, attempt, NAMES.encode())
    path = packed(draw, attempt, folder / "names.txt", content)
    names = attempt.ask("load_names", lambda: datasets.load_names(path), file=path)
    if names is REFUSED:
        return names
    text = folder / "text.txt"
    text.write_text(TEXTS["lists"])
    return attempt.ask("load with names", lambda: datasets.load(text, label_names=names))


def _converted(draw: Draw, attempt: Attempt, folder: Path) -> Any:
    """What `convert` wrote, changed in its header, its description or anywhere."""
    content = prepare()[draw.one_of(sorted(TEXTS))]
    size = int.from_bytes(content[:8], "little")
    header, arrays = content[8 : 8 + size], content[8 + size :]
    how = draw.below(4)
    if how == 0:
        content, done = mutate.content(draw, content)
    else:
        if how == 1:
            header, done = mutate.words(draw, header)
        else:
            entries = json.loads(header)
            inner = json.loads(entries["__metadata__"]["fewfire.data"])
            done = mutate.tree(draw, inner if how == 2 else entries)
            if "__metadata__" in entries and isinstance(entries["__metadata__"], dict):
                entries["__metadata__"]["fewfire.data"] = json.dumps(inner)
            header = json.dumps(entries).encode()
        header += b" " * (-len(header) % 8)
        content = len(header).to_bytes(8, "little") + header + arrays
    attempt.note(done)
    path = folder / "data.safetensors"
    path.write_bytes(content)
    return read(attempt, path)


def _learn(attempt: Attempt, data: ff.Dataset) -> None:
    """Train something small on data, and measure it."""
    few = max(data.n_features, data.n_labels) <= MOST and min(len(data), data.n_features) > 0
    if not few or data.kind is None or data.n_labels < 1:
        return
    if data.kind == "labels" and data.is_sparse:
        model = ff.Tagger("fast", max_epochs=1, labels_per_leaf=2, n_jobs=1, memory="1G")
        trained = attempt.ask("fit", lambda: model.fit(data))
    else:
        model = ff.Network(ff.Linear(data.n_features, data.n_labels))
        trainer = ff.Trainer(model, max_epochs=1, n_jobs=1)
        trained = attempt.ask("fit", lambda: trainer.fit(data))
    if trained is not REFUSED:
        attempt.ask("evaluate", lambda: model.evaluate(data, n_jobs=1))
        some = data[: min(4, len(data))]
        top = attempt.ask("predict_topk", lambda: model.predict_topk(some, 1, n_jobs=1))
        if top is not REFUSED:
            laws.topk(attempt, model, top, len(some))
