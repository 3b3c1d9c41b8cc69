"""Data files of arrays: npz in all its layouts, npy, idx and folders of it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from . import hostile, mutate
from .attempt import Attempt
from .draw import Draw
from .reading import packed, read
from .texts import N_LABELS, N_ROWS, WIDTH


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


def npz(draw: Draw, attempt: Attempt, folder: Path) -> Any:
    """Arrays by their names."""
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
        elif np.ndim(array) and array.dtype.kind not in "UO":
            changed = hostile.dense(draw, np.array(array))
            arrays[name] = changed if isinstance(changed, np.ndarray) else array
        attempt.note(f"{name}: {how}: {arrays.get(name)!r:.80}")
    path = folder / "arrays.npz"
    np.savez(path, **{name: _plain(array) for name, array in arrays.items()})
    if draw.one_in(6):
        content, done = mutate.content(draw, path.read_bytes())
        attempt.note(done)
        path.write_bytes(content)
    return read(attempt, path)


def _plain(array: Any) -> Any:
    """Return what numpy can write: no mask, and of no array an array of objects."""
    known = isinstance(array, np.ndarray | np.generic)
    return np.ma.getdata(array) if known else np.array([array, None], dtype=object)[:1]


def npy(draw: Draw, attempt: Attempt, folder: Path) -> Any:
    """One array."""
    path = folder / "array.npy"
    array = hostile.dense(draw, draw.normal(N_ROWS, WIDTH))
    np.save(path, _plain(array))
    content, done = mutate.content(draw, path.read_bytes())
    if draw.one_in(2):
        attempt.note(done)
        path.write_bytes(content)
    return read(attempt, path)


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


def idx(draw: Draw, attempt: Attempt, folder: Path) -> Any:
    """Images without labels."""
    content = _idx_bytes(draw, N_ROWS, 2, 3)
    if draw.one_in(2):
        content, done = mutate.content(draw, content)
        attempt.note(done)
    return read(attempt, packed(draw, attempt, folder / "images-idx3-ubyte", content))


def idx_folder(draw: Draw, attempt: Attempt, folder: Path) -> Any:
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
                packed(draw, attempt, home / f"{part}-{name}-ubyte", content)
    return read(attempt, home)
