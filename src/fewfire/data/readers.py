"""Files that become a `Dataset`, and back: idx, npz, npy, svmlight and Extreme Classification text.

Gzip is recognised by content, on reading, and by the name's `.gz`, on writing. A damaged or foreign
file gives one `ValueError` that names it; nothing is ever unpickled. Writers write beside the file
and rename at the end, so that what stands under the name is always whole.
"""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from .. import _core
from ..files import PathLike, replacing
from .dataset import Dataset
from .encoding import Encoding

Pair: TypeAlias = tuple[Dataset, Dataset]

# Third byte of an idx file: what follows is big-endian.
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
GZIP_MAGIC, ZIP_MAGIC, NPY_MAGIC = b"\x1f\x8b", b"PK", b"\x93NUMPY"


# ---- any file: guess -----------------------------------------------------------------------------


def read(path: PathLike, like: Dataset | Encoding | None = None) -> Dataset | Pair:
    """Read a folder of idx files or one file of any known format, guessed from its content."""
    path = Path(path)
    if path.is_dir():
        if like is not None:
            raise ValueError(f"{path} brings a training set of its own: leave out like=")
        return read_idx_folder(path)
    start = _start(path)
    if start.startswith(ZIP_MAGIC):
        return read_npz(path, like)
    if start.startswith(NPY_MAGIC):
        return read_npy(path, like)
    if start[:2] == b"\0\0" and start[2:3] and start[2] in IDX_TYPES:
        return _dataset(path, _flat(read_idx(path)), None, like=like)
    first_line = start.split(b"\n", 1)[0].split()
    if len(first_line) == 3 and all(word.isdigit() for word in first_line):
        return read_xc(path, like)
    if b"\0" in start:
        raise ValueError(
            f"{path} is of no known format; give a folder of idx files, .npz, .npy, or svmlight or "
            "Extreme Classification text"
        )
    return read_svmlight(path, like)


# ---- idx -----------------------------------------------------------------------------------------


def read_idx(path: PathLike) -> NDArray[Any]:
    """Read an idx file, gzipped or not: an array of the shape and type its header states.

    Raises
    ------
    ValueError
        If it is no idx file, or shorter or longer than its header says.

    Examples
    --------
    >>> save_idx("labels.gz", np.array([3, 1, 4], dtype=np.uint8))
    >>> read_idx("labels.gz")
    array([3, 1, 4], dtype=uint8)
    """
    with _reading(path, "an idx file"):
        content = _bytes(path)
        if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in IDX_TYPES:
            raise ValueError("it does not start with the magic number of one")
        dtype, n_dimensions = np.dtype(IDX_TYPES[content[2]]), content[3]
        header = 4 + 4 * n_dimensions
        if len(content) < header:
            raise ValueError(f"it ends inside its header, after {len(content)} bytes")
        shape = [int.from_bytes(content[i : i + 4], "big") for i in range(4, header, 4)]
        expected = dtype.itemsize
        for extent in shape:
            expected *= extent
        if len(content) != header + expected:
            raise ValueError(
                f"its header announces {expected} bytes of values, {len(content) - header} follow"
            )
        values = np.frombuffer(content, dtype, offset=header) if expected else np.empty(0, dtype)
        return values.reshape(shape).astype(dtype.newbyteorder("="))


def save_idx(path: PathLike, values: ArrayLike) -> None:
    """Write uint8, int8, int16, int32, float32 or float64 as idx; gzipped if named `.gz`."""
    array = np.asarray(values)
    codes = {np.dtype(name).newbyteorder("="): code for code, name in IDX_TYPES.items()}
    if array.dtype not in codes:
        raise ValueError(f"idx cannot hold {array.dtype}; convert it: values.astype(np.float32)")
    dimensions = np.array(array.shape, dtype=">u4").tobytes()
    with _writing(path) as file:
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


def save_idx_folder(folder: PathLike, train: Dataset, test: Dataset) -> None:
    """Write two sets of square images with classes as a folder of four gzipped idx files.

    Values that are whole multiples of 1/255 are written as bytes, others as float32.
    """
    folder = Path(folder)
    for data in (train, test):
        side = round(data.n_features**0.5)
        if data.kind != "classes" or sparse.issparse(data.X) or side * side != data.n_features:
            raise ValueError(f"an idx folder holds square images with classes, not {data!r}")
    folder.mkdir(parents=True, exist_ok=True)
    for data, part in ((train, "train"), (test, "t10k")):
        images = np.asarray(data.X).reshape(len(data), side, side)
        scaled = np.round(images * 255)
        if (scaled.astype(np.uint8) / np.float32(255) == images).all():
            images = scaled.astype(np.uint8)
        save_idx(folder / f"{part}-images-idx3-ubyte.gz", images)
        save_idx(folder / f"{part}-labels-idx1-ubyte.gz", np.asarray(data.y).astype(np.uint8))


def _labelled_images(folder: Path, parts: list[str], like: Dataset | Encoding | None) -> Dataset:
    images_path, labels_path = (_one_file(folder, parts, what) for what in ("images", "labels"))
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim < 2 or labels.ndim != 1:
        raise ValueError(
            f"{folder}: {images_path.name} has shape {images.shape}, {labels_path.name} "
            f"{labels.shape}; images need 2 or 3 dimensions, labels one. Are they swapped?"
        )
    return _dataset(images_path, _flat(images), labels, like=like)


def _one_file(folder: Path, parts: list[str], what: str) -> Path:
    names = [f"*{part}-{what}*" for part in parts]
    found = sorted(path for name in names for path in folder.glob(name) if path.name[0] != ".")
    plain = {path.name.removesuffix(".gz"): path for path in reversed(found)}  # unpacked ones first
    if len(plain) != 1:
        raise ValueError(
            f"{folder} holds {len(plain)} files named {' or '.join(names)}; it needs one, "
            "such as train-images-idx3-ubyte.gz"
        )
    return next(iter(plain.values()))


def _flat(images: NDArray[Any]) -> NDArray[Any]:
    """One row per image; the bytes of pictures are scaled to 0..1, those of tables stay."""
    if images.ndim < 3:
        return images
    rows = images.reshape(len(images), int(np.prod(images.shape[1:])))
    return rows / np.float32(255) if images.dtype == np.uint8 else rows


# ---- npz and npy ---------------------------------------------------------------------------------


def read_npz(path: PathLike, like: Dataset | Encoding | None = None) -> Dataset | Pair:
    """Read an npz: `X`, `y`; `x_train`, `y_train`, `x_test`, `y_test`; or a scipy sparse array.

    Pictures, that is arrays of bytes with 3 or more dimensions, become rows from 0 to 1.
    """
    with _reading(path, "an npz file"):
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        if {"format", "shape", "data"} <= arrays.keys():
            arrays = {"X": sparse.load_npz(Path(path))}
        arrays = _joined(arrays)
        if not ({"X"} <= arrays.keys() or {"x_train", "x_test"} <= arrays.keys()):
            raise ValueError(
                f"it holds {', '.join(sorted(arrays)) or 'nothing'}; name the arrays X and y, or "
                "x_train, y_train, x_test and y_test"
            )
    if "X" in arrays:
        return _npz_dataset(path, arrays, like)
    train = _dataset(path, _flat(arrays["x_train"]), arrays.get("y_train"), like=like)
    return train, _dataset(path, _flat(arrays["x_test"]), arrays.get("y_test"), like=train)


def _npz_dataset(
    path: PathLike, arrays: dict[str, Any], like: Dataset | Encoding | None
) -> Dataset:
    X, y, names = arrays["X"], arrays.get("y"), arrays.get("label_names")
    if not sparse.issparse(X):
        X = _flat(X)
    if names is not None and y is not None and not sparse.issparse(y) and y.dtype.kind in "iu":
        if y.size and (y.min() < 0 or y.max() >= len(names)):
            raise ValueError(f"{path} holds label ids beyond its {len(names)} label_names")
        y = names[y]
    if like is not None:
        return _dataset(path, X, y, like=like)
    n_labels = int(arrays["n_labels"]) if "n_labels" in arrays else None
    return _dataset(
        path, X, y, label_names=None if names is None else names.tolist(), n_labels=n_labels
    )


def _joined(arrays: dict[str, Any]) -> dict[str, Any]:
    """Put the parts of CSR arrays together: `X_data`, `X_indices`, `X_indptr`, `X_shape` -> `X`."""
    for name in ("X", "y"):
        if f"{name}_indptr" in arrays:
            data, indices, indptr, shape = (
                arrays.pop(f"{name}_{part}") for part in ("data", "indices", "indptr", "shape")
            )
            n_rows, n_columns = (int(extent) for extent in shape)
            arrays[name] = sparse.csr_array((data, indices, indptr), shape=(n_rows, n_columns))
    return arrays


def save_npz(path: PathLike, data: Dataset) -> None:
    """Write a data set with its labels and their names; `read_npz` gives the same one back.

    >>> save_npz("pets.npz", Dataset([[1.0], [2.0]], ["cat", "dog"]))
    >>> read_npz("pets.npz").label_names
    ('cat', 'dog')
    """
    arrays: dict[str, Any] = {}
    for name, values in (("X", data.X), ("y", data.y)):
        if isinstance(values, sparse.csr_array):
            for part in ("data", "indices", "indptr", "shape"):
                arrays[f"{name}_{part}"] = np.asarray(getattr(values, part))
        elif values is not None:
            arrays[name] = values
    if data.kind in ("classes", "labels"):
        arrays["n_labels"] = np.int64(data.n_labels)
        if data.label_names is not None:
            names = np.array(data.label_names)
            if names.dtype.kind not in "iuU" or names.tolist() != list(data.label_names):
                raise ValueError("npz holds label_names that are all strings or all integers")
            arrays["label_names"] = names
    with _writing(path) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)


def read_npy(path: PathLike, like: Dataset | Encoding | None = None) -> Dataset:
    """Read an npy array as examples without targets; pictures become rows, as in `read_npz`."""
    with _reading(path, "an npy file"):
        features = np.load(io.BytesIO(_bytes(path)), allow_pickle=False)
    return _dataset(path, _flat(features), None, like=like)


# ---- text ----------------------------------------------------------------------------------------


def read_xc(path: PathLike, like: Dataset | Encoding | None = None) -> Dataset:
    """Read text of the Extreme Classification Repository: sparse rows with lists of labels.

    The first line is `rows features labels`, every other one `label,label feature:value ...`; all
    numbers count from 0.
    """
    rows, labels, _ = _parse(path, header=True, labels=True)
    return _dataset(path, rows, labels, like=like)


def read_svmlight(
    path: PathLike,
    like: Dataset | Encoding | None = None,
    *,
    n_features: int | None = None,
    zero_based: bool | None = None,
) -> Dataset:
    """Read svmlight text: `target feature:value ...`, with a class, a value or a list of labels.

    Parameters
    ----------
    n_features : int, optional
        Width of the result, if the file may lack the last features; with `like`, its width.
    zero_based : bool, optional
        Whether features count from 0. By default as in `like`, and without it by the file: from 1
        unless it has a feature 0.
    """
    with _reading(path, "svmlight text"):
        several = b"," in _bytes(path) if like is None else like.kind == "labels"
    rows, targets, zero_seen = _parse(path, header=False, labels=several)
    if zero_based is None:
        zero_based = zero_seen if like is None else like.zero_based
    if zero_seen and not zero_based:
        raise ValueError(f"{path} has a feature 0, but features count from 1; give zero_based=True")
    if not zero_based:
        rows = rows[:, 1:]
    if n_features is not None and n_features < rows.shape[1]:
        raise ValueError(f"{path} has {rows.shape[1]} features, more than n_features={n_features}")
    if n_features is not None:
        rows.resize(rows.shape[0], n_features)
    data = _dataset(path, rows, targets, like=like)
    data._zero_based = zero_based
    return data


def _parse(path: PathLike, *, header: bool, labels: bool) -> tuple[Any, Any, bool]:
    """Rows (CSR), targets (CSR of labels, or one value per row), and whether feature 0 occurs."""
    with _reading(path, "svmlight or Extreme Classification text"):
        text = np.frombuffer(_bytes(path), dtype=np.uint8)
        indptr, indices, values, label_indptr, ids, targets, n_features, n_labels, has_feature_0 = (
            _core.parse_text(text, header=header, labels=labels, n_threads=os.cpu_count() or 1)
        )
    n_rows = len(indptr) - 1
    rows = sparse.csr_array((values, indices, indptr), shape=(n_rows, n_features))
    if not labels:
        return rows, targets, has_feature_0
    ones = np.ones(len(ids), np.float32)
    return rows, sparse.csr_array((ones, ids, label_indptr), (n_rows, n_labels)), has_feature_0


def save_svmlight(path: PathLike, data: Dataset) -> None:
    """Write text: with lists of labels as `read_xc` reads it, else as `read_svmlight` does.

    Classes are written by their names where these are integers, and by id otherwise. Svmlight text
    counts features from 1 and does not state how many there are.
    """
    rows = sparse.csr_array(data.X)
    extreme = data.kind == "labels"
    targets = _target_words(data)
    ids = (rows.indices if extreme else rows.indices.astype(np.int64) + 1).tolist()
    with _writing(path) as file:
        if extreme:
            file.write(f"{len(data)} {data.n_features} {data.n_labels}\n".encode())
        for target, start, end in zip(targets, rows.indptr[:-1], rows.indptr[1:], strict=True):
            words = rows.data[start:end].astype(str).tolist()  # shortest that reads back the same
            pairs = (f"{i}:{word}" for i, word in zip(ids[start:end], words, strict=True))
            file.write(f"{target} {' '.join(pairs)}".rstrip(" " if target else "").encode() + b"\n")


def _target_words(data: Dataset) -> list[str]:
    if data.y is None:
        return ["0"] * len(data)
    if isinstance(data.y, sparse.csr_array):
        starts, ids = data.label_lists()
        return [",".join(map(str, ids[i:j])) for i, j in pairwise(starts)]
    if data.kind == "values":
        if data.n_labels != 1:
            raise ValueError(
                f"svmlight text holds one value per row, not {data.n_labels}; use save_npz"
            )
        return [str(word) for word in data.y[:, 0].astype(str)]
    names = data.label_names
    if names is None or not all(isinstance(name, int) for name in names):
        return [str(i) for i in data.y]
    return [str(names[i]) for i in data.y]


# ---- shared --------------------------------------------------------------------------------------


@contextmanager
def _reading(path: PathLike, wanted: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # gzip, zipfile and numpy raise a dozen types on damaged files
        if isinstance(error, OSError) and error.errno is not None:
            raise  # a missing or forbidden file: the system's words name it
        reason = str(error) or type(error).__name__
        raise ValueError(
            f"{path} cannot be read as {wanted}: {reason}; check the format or fetch it again"
        ) from error


@contextmanager
def _writing(path: PathLike) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Open a file that will replace `path`, gzipped if that ends in `.gz`."""
    with replacing(path) as part, open(part, "wb") as file:
        if Path(path).suffix == ".gz":  # without name and time: the same content, the same bytes
            with gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
                yield packed
        else:
            yield file


def _bytes(path: PathLike) -> bytes:
    content = Path(path).read_bytes()
    return gzip.decompress(content) if content.startswith(GZIP_MAGIC) else content


def _start(path: Path) -> bytes:
    """The first 4096 bytes, unpacked."""
    with _reading(path, "a gzip file"), open(path, "rb") as file:
        packed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        return gzip.GzipFile(fileobj=file).read(4096) if packed else file.read(4096)


def _dataset(path: PathLike, X: Any, y: Any, **options: Any) -> Dataset:
    try:
        return Dataset(X, y, **options)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
