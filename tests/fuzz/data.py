"""Data files of every format, changed word by word, array by array or byte by byte.

What is read has the promised layout, and is the same when it is converted first; then something
learns from it.
"""

from __future__ import annotations

import gzip
import json
import struct
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

import fewfire as ff
from fewfire import datasets

from . import hostile, laws, mutate
from .attempt import REFUSED, Attempt
from .draw import Draw
from .texts import N_LABELS, N_ROWS, NAMES, RAW, TEXTS, WIDTH

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
    kinds = [_text, _text, _text, _raw, _names, _npz, _npz, _npy, _idx, _folder, _converted]
    kind = draw.one_of(kinds)
    attempt.note(kind.__name__)
    found = kind(draw, attempt, attempt.folder)
    for data in found if isinstance(found, tuple) else (found,):
        if isinstance(data, ff.Dataset):
            laws.dataset(attempt, data[:])
            if draw.one_in(4):
                _learn(attempt, data)


def _read(attempt: Attempt, path: Path, like: Any = None, **options: Any) -> Any:
    return attempt.ask("load", lambda: datasets.load(path, like, **options), file=path)


def _changed(draw: Draw, attempt: Attempt, content: bytes) -> bytes:
    changed, done = mutate.words(draw, content)
    attempt.note(done)
    return changed


def _packed(draw: Draw, attempt: Attempt, path: Path, content: bytes) -> Path:
    """Write content, now and then as gzip, good or damaged."""
    if draw.one_in(5):
        content = gzip.compress(content, 1, mtime=0)
        if draw.one_in(2):
            content, done = mutate.content(draw, content)
            attempt.note(f"gzip: {done}")
        path = path.with_name(f"{path.name}.gz")
    path.write_bytes(content)
    return path


def _text(draw: Draw, attempt: Attempt, folder: Path) -> Any:
    """Text of numbers: loaded and converted."""
    name = draw.one_of(sorted(TEXTS))
    attempt.note(name)
    content = _changed(draw, attempt, TEXTS[name].encode())
    path = _packed(draw, attempt, folder / "text.txt", content)
    options = {}
    if draw.one_in(4):
        options["like"] = _good(draw.one_of(sorted(TEXTS)))
    elif draw.one_in(6):
        options["label_names"] = [f"name {i}" for i in range(N_LABELS)]
    loaded, made = _read(attempt, path, **options), folder / "made.safetensors"
    done = attempt.ask("convert", lambda: datasets.convert(path, made, **options), file=path)
    law = "load and convert disagree: one of them refuses"
    attempt.demand(law, (loaded is REFUSED) == (done is REFUSED))
    if loaded is not REFUSED:
        mapped = attempt.ask("load what was converted", lambda: datasets.load(made))
        attempt.demand("what was converted cannot be read", mapped is not REFUSED)
        laws.same_data(attempt, loaded, mapped[:])
    return loaded


@cache
def _good(name: str) -> ff.results.Model:
    """Return the encoding of a good file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "good.txt"
        path.write_text(TEXTS[name], newline="")
        return datasets.load(path)


def _raw(draw: Draw, attempt: Attempt, folder: Path) -> Any:
    content = _changed(draw, attempt, RAW.encode())
    path = _packed(draw, attempt, folder / "raw.tsv", content)
    vectorizer = draw.one_of([datasets.Counted(min_rows=1), datasets.Hashing(n_features=16)])
    return attempt.ask(
        "load_text", lambda: datasets.load_text(path, vectorizer=vectorizer), file=path
    )


def _names(draw: Draw, attempt: Attempt, folder: Path) -> Any:
    content = _changed(draw, attempt, NAMES.encode())
    path = _packed(draw, attempt, folder / "names.txt", content)
    names = attempt.ask("load_names", lambda: datasets.load_names(path), file=path)
    if names is REFUSED:
        return names
    text = folder / "text.txt"
    text.write_text(TEXTS["lists"])
    return attempt.ask("load with names", lambda: datasets.load(text, label_names=names))


def _arrays(draw: Draw) -> dict[str, Any]:
    """Return the arrays of a good npz file, in one of its layouts."""
    X = draw.normal(N_ROWS, WIDTH)
    X[X < 0.3] = 0
    classes = draw.rng.integers(0, N_LABELS, N_ROWS)
    how = draw.below(4)
    if how == 0:
        return {"X": X, "y": classes, "n_labels": np.int64(N_LABELS)}
    if how == 1:
        names = np.array([f"name {i}" for i in range(N_LABELS)])
        return {"X": X, "y": classes, "label_names": names}
    if how == 2:
        pictures = draw.rng.integers(0, 256, (N_ROWS, 3, 3), dtype=np.uint8)
        return dict.fromkeys(("x_train", "x_test"), pictures) | dict.fromkeys(
            ("y_train", "y_test"), classes
        )
    lists = csr_array(np.eye(N_LABELS, dtype=np.float32)[classes])
    arrays = {}
    for name, csr in (("X", csr_array(X)), ("y", lists)):
        parts = hostile.csr_parts(draw, csr) if draw.one_in(2) else _parts(csr)
        arrays |= {f"{name}_{part}": array for part, array in parts.items()}
    return arrays


def _parts(csr: Any) -> dict[str, Any]:
    return {part: np.asarray(getattr(csr, part)) for part in ("data", "indices", "indptr", "shape")}


def _npz(draw: Draw, attempt: Attempt, folder: Path) -> Any:
    arrays = _arrays(draw)
    if draw.one_in(6) and "X_data" in arrays:  # scipy's own layout
        arrays = {
            name.removeprefix("X_"): array for name, array in arrays.items() if name[0] == "X"
        }
        arrays["format"] = np.array(draw.one_of([b"csr", b"csc", b"coo", b"x", b""]))
    for _ in range(draw.below(3)):
        name, how = draw.one_of(sorted(arrays)), draw.below(5)
        array = arrays[name]
        if how == 0 and len(arrays) > 1:
            del arrays[name]
        elif how == 1:
            arrays[name] = draw.one_of(
                [np.float32(1), np.array("x"), np.zeros((0, 3)), np.int64(-1)]
            )
        elif how == 2:
            other = draw.one_of(sorted(arrays))
            arrays[other], arrays[name] = array, arrays[other]
        elif np.ndim(array) and array.dtype.kind != "U":
            changed = hostile.dense(draw, np.array(array))
            arrays[name] = changed if isinstance(changed, np.ndarray) else array
        attempt.note(f"{name}: {how}: {arrays.get(name)!r:.80}")
    path = folder / "arrays.npz"
    np.savez(path, **{name: _plain(array) for name, array in arrays.items()})
    if draw.one_in(6):
        content, done = mutate.content(draw, path.read_bytes())
        attempt.note(done)
        path.write_bytes(content)
    return _read(attempt, path)


def _plain(array: Any) -> Any:
    """Return what numpy can write: no mask, and of no array an array of objects."""
    known = isinstance(array, np.ndarray | np.generic)
    return np.ma.getdata(array) if known else np.array([array, None], dtype=object)[:1]


def _npy(draw: Draw, attempt: Attempt, folder: Path) -> Any:
    path = folder / "array.npy"
    array = hostile.dense(draw, draw.normal(N_ROWS, WIDTH))
    np.save(path, _plain(array))
    content, done = mutate.content(draw, path.read_bytes())
    if draw.one_in(2):
        attempt.note(done)
        path.write_bytes(content)
    return _read(attempt, path)


def _idx_bytes(draw: Draw, *shape: int) -> bytes:
    """Return an idx file of bytes."""
    sizes = list(shape)
    if draw.one_in(3):
        sizes[draw.below(len(sizes))] = draw.one_of(
            [0, 1, 2**31 - 1, 2**31, 2**32 - 1, shape[0] + 1]
        )
    magic = bytes([0, 0, draw.one_of([8, 8, 8, 9, 13, 14, 0]), len(shape)])
    values = draw.rng.integers(0, 3, int(np.prod(shape)), dtype=np.uint8).tobytes()
    return magic + struct.pack(f">{len(sizes)}I", *sizes) + values


def _idx(draw: Draw, attempt: Attempt, folder: Path) -> Any:
    content = _idx_bytes(draw, N_ROWS, 2, 3)
    if draw.one_in(2):
        content, done = mutate.content(draw, content)
        attempt.note(done)
    return _read(attempt, _packed(draw, attempt, folder / "images-idx3-ubyte", content))


def _folder(draw: Draw, attempt: Attempt, folder: Path) -> Any:
    """A folder as MNIST ships."""
    home = folder / "images"
    home.mkdir()
    for part in ("train", "t10k"):
        for name, shape in (("images-idx3", (N_ROWS, 2, 3)), ("labels-idx1", (N_ROWS,))):
            content = _idx_bytes(draw, *shape)
            if draw.one_in(8):
                content, done = mutate.content(draw, content)
                attempt.note(f"{part} {name}: {done}")
            if not draw.one_in(20):
                _packed(draw, attempt, home / f"{part}-{name}-ubyte", content)
    return _read(attempt, home)


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
    return _read(attempt, path)


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
