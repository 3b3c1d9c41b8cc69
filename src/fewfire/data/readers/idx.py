"""Idx files, as MNIST ships."""

from __future__ import annotations

import gzip
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ...base.checks import check_memory
from ...base.files import PathLike
from ..dataset import Dataset
from ..encoding import Encoding
from .shared import (
    Pair,
    check_announced,
    dataset,
    flat,
    one_file,
    reading,
    unpacked,
    writing,
)

# Third byte of an idx file: what follows is big-endian.
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: PathLike) -> NDArray[Any]:
    """Read an idx file, gzipped or not: an array of the shape and type its header states.

    Raises
    ------
    ValueError
        If it is not an idx file, or shorter or longer than its header says.

    Examples
    --------
    >>> save_idx("labels.gz", np.array([3, 1, 4], dtype=np.uint8))
    >>> read_idx("labels.gz")
    array([3, 1, 4], dtype=uint8)
    """
    with reading(path, "an idx file"), unpacked(path) as file:
        magic = file.read(4)
        if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in IDX_TYPES:
            raise ValueError("it does not start with the magic number of one")
        dtype, n_dimensions = np.dtype(IDX_TYPES[magic[2]]), magic[3]
        sizes = file.read(4 * n_dimensions)
        if len(sizes) < 4 * n_dimensions:
            raise ValueError(f"it ends inside its header, after {4 + len(sizes)} bytes")
        shape = [int.from_bytes(sizes[i : i + 4], "big") for i in range(0, len(sizes), 4)]
        expected = dtype.itemsize * math.prod(shape)
        check_announced(expected, Path(path).stat().st_size, isinstance(file, gzip.GzipFile))
        check_memory("it", expected)
        raw = file.read(expected + 1)
        if len(raw) != expected:
            found = len(raw) if len(raw) < expected else "more"
            raise ValueError(f"its header announces {expected} bytes of values, {found} follow")
        values = np.frombuffer(raw, dtype) if expected else np.empty(0, dtype)
        return values.reshape(shape).astype(dtype.newbyteorder("="))


def save_idx(path: PathLike, values: ArrayLike) -> None:
    """Write uint8, int8, int16, int32, float32 or float64 as idx; gzipped if named `.gz`.

    >>> save_idx("images.gz", np.zeros((3, 2, 2), np.uint8))
    >>> read_idx("images.gz").shape
    (3, 2, 2)
    """
    array = np.asarray(values)
    codes = {np.dtype(name).newbyteorder("="): code for code, name in IDX_TYPES.items()}
    if array.dtype not in codes:
        raise ValueError(f"idx cannot hold {array.dtype}; convert it: values.astype(np.float32)")
    dimensions = np.array(array.shape, dtype=">u4").tobytes()
    with writing(path) as file:
        file.write(bytes([0, 0, codes[array.dtype], array.ndim]) + dimensions)
        file.write(array.astype(IDX_TYPES[codes[array.dtype]]).tobytes())


def read_idx_folder(folder: PathLike) -> Pair:
    """Read the four idx files of an MNIST-style folder: the training and the test set.

    Images become rows of float32, from 0 to 1 if they are bytes. Files may be gzipped and are found
    by their names: `*train-images*`, `*train-labels*`, `*t10k-images*` or `*test-images*`, ...
    """
    folder = Path(folder)
    train = _labelled_images(folder, ["train"], None)
    return train, _labelled_images(folder, ["t10k", "test"], train)


def save_idx_folder(
    folder: PathLike, train: Dataset, test: Dataset, *, shape: tuple[int, ...] | None = None
) -> None:
    """Write two sets of images with classes as a folder of four gzipped idx files.

    Images are square unless `shape` says otherwise. Values that are whole multiples of 1/255 are
    written as bytes, others as float32.

    >>> from fewfire import datasets
    >>> save_idx_folder("letters", *datasets.strokes(n_train=40, n_test=20))
    >>> sorted(path.name for path in Path("letters").iterdir())[2:]
    ['train-images-idx3-ubyte.gz', 'train-labels-idx1-ubyte.gz']
    """
    folder = Path(folder)
    for data in (train, test):
        data.check()
        data.check_known("be saved")
        side = round(data.n_features**0.5)
        extents = shape or (side, side)
        if (
            data.kind != "classes"
            or sparse.issparse(data.X)
            or math.prod(extents) != data.n_features
        ):
            raise ValueError(
                f"an idx folder holds {'square' if shape is None else shape} images with classes, "
                f"not {data!r}"
            )
    folder.mkdir(parents=True, exist_ok=True)
    for data, part in ((train, "train"), (test, "t10k")):
        images = np.asarray(data.X).reshape(len(data), *extents)
        scaled = np.round(images * 255)
        if (scaled.astype(np.uint8) / np.float32(255) == images).all():
            images = scaled.astype(np.uint8)
        save_idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        save_idx(folder / f"{part}-labels-idx1-ubyte.gz", np.asarray(data.y).astype(np.uint8))


def _labelled_images(folder: Path, parts: list[str], like: Dataset | Encoding | None) -> Dataset:
    images_path, labels_path = (
        one_file(folder, [f"*{part}-{what}*" for part in parts], "train-images-idx3-ubyte.gz")
        for what in ("images", "labels")
    )
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim < 2 or labels.ndim != 1:
        raise ValueError(
            f"{folder}: {images_path.name} has shape {images.shape}, {labels_path.name} "
            f"{labels.shape}; images need 2 or more dimensions, labels one. Are they swapped?"
        )
    return dataset(images_path, flat(images), labels, like=like)
