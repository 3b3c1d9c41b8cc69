"""Small NORB (LeCun, Huang & Bottou, CVPR 2004) from its own files, reduced while it is read.

Its "binary matrices" are little-endian int32 headers, then values: a magic number for the type, the
number of dimensions, and the sizes, three at least, unused ones 1. A header is believed only as far
as the file is long, or could be unpacked, so a short file never asks for much memory.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...base.checks import check_choice, check_memory
from ...base.files import PathLike
from ..dataset import Dataset
from .shared import File, Pair, check_announced, dataset, one_file, reading, unpacked

NORB_NAMES = "*-dat.mat*"
PARTS = {"train": "training", "test": "testing"}
MATRIX_TYPES = {
    0x1E3D4C51: "float32",
    0x1E3D4C52: "packed",
    0x1E3D4C53: "float64",
    0x1E3D4C54: "int32",
    0x1E3D4C55: "uint8",
    0x1E3D4C56: "int16",
}
PAIR_SHAPE = (2, 96, 96)  # left, right
REDUCED_SHAPE = (2, 32, 32)
SCALE = np.float32(3 * 3 * 255)  # a block of nine white pixels sums to this
N_CLASSES = 5
BLOCK = 128  # image pairs held unreduced at a time, 18 kB each

Take: TypeAlias = Callable[[int], NDArray[Any]]


def read_norb_folder(folder: PathLike) -> Pair:
    """Read the four files of small NORB: the training and the test set, as `read_norb` does."""
    return read_norb(folder, "train"), read_norb(folder, "test")


def read_norb(folder: PathLike, part: str) -> Dataset:
    """Read one part of small NORB: rows of 2 x 32 x 32 values from 0 to 1, five classes.

    Each value is the mean of 3 x 3 pixels; the left image comes first.

    Parameters
    ----------
    folder : path
        Folder of `*training*-dat.mat`, `*training*-cat.mat` and the same with `testing`, gzipped or
        not.
    part : {"train", "test"}
        Which of the two sets.

    Raises
    ------
    ValueError
        If a file is missing or damaged, holds something else or does not fit the other.
    """
    check_choice("part", part, tuple(PARTS))
    images_path, labels_path = (_path(Path(folder), part, what) for what in ("dat", "cat"))
    labels = _labels(labels_path)
    return dataset(
        images_path, _reduced(images_path, labels_path, len(labels)), labels, n_labels=N_CLASSES
    )


def _path(folder: Path, part: str, what: str) -> Path:
    name = f"*{PARTS[part]}*-{what}.mat"
    items = "5x46789x9x18x6x2x96x96" if part == "train" else "5x01235x9x18x6x2x96x96"
    example = f"smallnorb-{items}-{PARTS[part]}-{what}.mat"
    return one_file(folder, [name, f"{name}.gz"], example)


def _labels(path: Path) -> NDArray[np.int32]:
    with reading(path, "labels of small NORB"), _matrix(path, "int32", ()) as (n, take):
        labels = take(n)
        wrong = np.flatnonzero((labels < 0) | (labels >= N_CLASSES))
        if len(wrong):
            raise ValueError(
                f"example {wrong[0]} has label {labels[wrong[0]]}, classes are 0 to {N_CLASSES - 1}"
            )
    return labels.astype(np.int32)


def _reduced(path: Path, labels_path: Path, n_labels: int) -> NDArray[np.float32]:
    with reading(path, "images of small NORB"), _matrix(path, "uint8", PAIR_SHAPE) as (n, take):
        if n != n_labels:
            raise ValueError(f"it holds {n} image pairs, {labels_path.name} {n_labels} labels")
        width = math.prod(REDUCED_SHAPE)
        check_memory(f"a set of {n:,} image pairs", 4 * n * width)
        rows = np.empty((n, width), np.float32)
        for start in range(0, n, BLOCK):
            pairs = take(min(BLOCK, n - start))
            rows[start : start + len(pairs)] = _block_means(pairs).reshape(len(pairs), width)
    return rows


def _block_means(pairs: NDArray[Any]) -> NDArray[np.float32]:
    """Average blocks of 3 x 3 pixels: bytes (n, 2, 96, 96) -> 0..1 (n, 2, 32, 32)."""
    blocks = pairs.reshape(len(pairs), 2, 32, 3, 32, 3)
    sums = blocks.sum(axis=3, dtype=np.uint16).sum(axis=4, dtype=np.uint16)
    means: NDArray[np.float32] = sums.astype(np.float32) / SCALE
    return means


@contextmanager
def _matrix(path: Path, dtype: str, item: tuple[int, ...]) -> Iterator[tuple[int, Take]]:
    """Open a binary matrix of shape (n, *item): yield n and what takes the next items from it.

    Whoever leaves the block without an error has taken all that the file holds.
    """
    with unpacked(path) as file:
        n = _n_items(file, dtype, item)
        n_bytes = np.dtype(dtype).itemsize * math.prod(item)
        check_announced(n * n_bytes, path.stat().st_size, isinstance(file, gzip.GzipFile))

        def take(count: int) -> NDArray[Any]:
            raw = _exactly(file, count * n_bytes)
            return np.frombuffer(raw, np.dtype(dtype).newbyteorder("<")).reshape(count, *item)

        yield n, take
        if file.read(1):
            raise ValueError(
                f"more bytes follow than the {n * n_bytes:,} that its header announces"
            )


def _n_items(file: File, dtype: str, item: tuple[int, ...]) -> int:
    magic, n_dimensions = _integers(file, 2)
    if magic not in MATRIX_TYPES:
        raise ValueError("it does not start with the magic number of a binary matrix")
    if MATRIX_TYPES[magic] != dtype:
        raise ValueError(f"it holds {MATRIX_TYPES[magic]} values, wanted {dtype}")
    if n_dimensions != 1 + len(item):
        raise ValueError(f"it has {n_dimensions} dimensions, wanted {1 + len(item)}")
    n, *rest = _integers(file, max(3, n_dimensions))
    if n < 1 or rest != [*item, *[1] * (len(rest) - len(item))]:
        raise ValueError(
            f"its header states the sizes {[n, *rest]}, wanted a number of examples and "
            f"{list(item) or 'ones'}"
        )
    return n


def _integers(file: File, count: int) -> list[int]:
    return [int(value) for value in np.frombuffer(_exactly(file, 4 * count), "<i4")]


def _exactly(file: File, n_bytes: int) -> bytes:
    raw = file.read(n_bytes)
    if len(raw) < n_bytes:
        raise ValueError(f"it ends early: {n_bytes:,} bytes were to come, {len(raw):,} did")
    return raw
