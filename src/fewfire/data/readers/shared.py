"""Opening files, and naming the one that is wrong."""

from __future__ import annotations

import errno
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...base.replacing import PathLike, replacing
from ..dataset import Dataset

Pair: TypeAlias = tuple[Dataset, Dataset]
File: TypeAlias = IO[bytes] | gzip.GzipFile
GZIP_MAGIC = b"\x1f\x8b"


@contextmanager
def reading(path: PathLike, wanted: str) -> Iterator[None]:
    """Turn whatever a damaged file raises into one `ValueError` that names it."""
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
def in_memory(path: PathLike) -> Iterator[None]:
    """Say what to do about text that is too large for memory."""
    try:
        yield
    except MemoryError as error:
        advice = "does not fit into memory: fewfire convert makes a file of it that need not"
        raise OSError(errno.ENOMEM, advice, str(path)) from error


@contextmanager
def writing(path: PathLike) -> Iterator[File]:
    """Open a file that will replace `path`, gzipped if that ends in `.gz`."""
    with replacing(path) as file:
        if Path(path).suffix == ".gz":  # without name and time: the same content, the same bytes
            with gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
                yield packed
        else:
            yield file


@contextmanager
def unpacked(path: PathLike) -> Iterator[File]:
    """Open a file, gzipped or not, to read what it holds piece by piece."""
    with open(path, "rb") as file:
        packed = file.read(2) == GZIP_MAGIC
        file.seek(0)
        yield gzip.GzipFile(fileobj=file) if packed else file


def content(path: PathLike) -> bytes:
    """Return what the file holds, unpacked."""
    raw = Path(path).read_bytes()
    return gzip.decompress(raw) if raw.startswith(GZIP_MAGIC) else raw


def start_of(path: Path) -> bytes:
    """Return the first 4096 bytes, unpacked."""
    with reading(path, "a gzip file"), unpacked(path) as file:
        return file.read(4096)


def one_file(folder: Path, names: list[str], example: str) -> Path:
    """Return the one file that matches any of `names`; unpacked ones go before gzipped ones."""
    found = sorted(path for name in names for path in folder.glob(name) if path.name[0] != ".")
    plain = {path.name.removesuffix(".gz"): path for path in reversed(found)}
    if len(plain) != 1:
        raise ValueError(
            f"{folder} holds {len(plain)} files named {' or '.join(names)}; it needs one, "
            f"such as {example}"
        )
    return next(iter(plain.values()))


def dataset(path: PathLike, X: Any, y: Any, **options: Any) -> Dataset:
    """Make a data set; name the file in its errors."""
    try:
        return Dataset(X, y, **options)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def flat(images: NDArray[Any]) -> NDArray[Any]:
    """Return one row per image; the bytes of pictures are scaled to 0..1, those of tables stay."""
    if images.ndim < 3:
        return images
    rows = images.reshape(len(images), int(np.prod(images.shape[1:])))
    return rows / np.float32(255) if images.dtype == np.uint8 else rows
