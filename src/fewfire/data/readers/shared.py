"""Opening files, and naming the one that is wrong.

Nothing is unpacked beyond what the header of a file announces or, where there is none, `_MOST_TEXT`
allows: a small file never takes much memory.
"""

from __future__ import annotations

import errno
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...base.checks import said
from ...base.replacing import PathLike, replacing
from ..compatible import speaking_of
from ..dataset import Dataset

Pair: TypeAlias = tuple[Dataset, Dataset]
File: TypeAlias = IO[bytes] | gzip.GzipFile
GZIP_MAGIC = b"\x1f\x8b"
UTF8_MARK, UTF16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")
_MAX_INFLATION = 1032  # bytes that one byte of deflate can unpack to
_MOST_TEXT = 100  # bytes of text, other than the first 64 MiB, that one byte may unpack to: 10 do
_FREE_TEXT = 1 << 26


@contextmanager
def reading(path: PathLike, wanted: str) -> Iterator[None]:
    """Turn whatever a damaged file raises into one `ValueError` that names it."""
    try:
        yield
    except Exception as error:  # gzip, zipfile and numpy raise a dozen types on damaged files
        if isinstance(error, OSError) and error.filename is not None:
            raise  # a missing or forbidden file: the system's words name it
        raise ValueError(
            f"{path} cannot be read as {wanted}: {said(error)}; check the format or fetch it again"
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
        if (
            Path(path).suffix.lower() == ".gz"
        ):  # without name and time: the same content, the same bytes
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


def check_announced(n_bytes: int, n_packed: int, packed: bool) -> None:
    """Raise unless so many bytes may follow a header, in a file or member of `n_packed`."""
    if not 0 <= n_bytes <= n_packed * (_MAX_INFLATION if packed else 1):
        raise ValueError(
            f"its header announces {n_bytes:,} bytes of values, more than a file of "
            f"{n_packed:,} bytes holds"
        )


def is_text(start: bytes) -> bool:
    """Whether a file that begins so has a line of text there."""
    return b"\0" not in start.partition(b"\n")[0] or is_utf16(start)


def check_text(path: PathLike, start: bytes) -> None:
    """Raise if a file that begins so, and is of no other format, is not text either."""
    if not is_text(start):
        raise ValueError(
            f"{path} is of no known format; give a folder of idx files or of small NORB, .npz, "
            ".npy, .safetensors, or svmlight or Extreme Classification text"
        )


def is_utf16(start: bytes) -> bool:
    """Whether a file that begins so is text in UTF-16."""
    return start.startswith(UTF16_MARKS)


class Text:
    """Text that is read piece by piece, unpacked, without the mark of UTF-8 at its begin.

    >>> _ = Path("a.txt").write_bytes(UTF8_MARK + b"1 2:3")
    >>> with text("a.txt") as file:
    ...     file.read(3)
    b'1 2'
    """

    def __init__(self, file: File, n_bytes: int, *, of_words: bool = False) -> None:
        start = file.read(len(UTF8_MARK))
        if is_utf16(start) and not of_words:
            raise ValueError("it is text in UTF-16: save it as UTF-8")
        file.seek(len(start) if start == UTF8_MARK else 0)
        self._file, self._n_read = file, 0
        self._most = max(_FREE_TEXT, _MOST_TEXT * n_bytes)

    def read(self, n: int) -> bytes:
        """Return the next `n` bytes, fewer at the end."""
        return self._counted(self._file.read(n))

    def readline(self, n: int) -> bytes:
        """Return the next line, or its first `n` bytes."""
        return self._counted(self._file.readline(n))

    def _counted(self, block: bytes) -> bytes:
        self._n_read += len(block)
        if self._n_read > self._most:
            raise ValueError(
                f"it unpacks to more than {self._most >> 20} MiB, {_MOST_TEXT} times its size and "
                "more; if that is right, unpack it first: gunzip"
            )
        return block


@contextmanager
def text(path: PathLike, *, of_words: bool = False) -> Iterator[Text]:
    """Open a file of text, gzipped or not; words may be in UTF-16, too."""
    with unpacked(path) as file:
        yield Text(file, Path(path).stat().st_size, of_words=of_words)


def content(path: PathLike, *, of_words: bool = False) -> bytes:
    """Return the text that the file holds, unpacked."""
    with text(path, of_words=of_words) as file:
        return b"".join(iter(lambda: file.read(_FREE_TEXT), b""))


def decoded(path: PathLike) -> str:
    """Return the words that the file holds, in UTF-8 or, with a mark of it, in UTF-16."""
    raw = content(path, of_words=True)
    if not raw:
        raise ValueError("it is empty")
    try:
        words = raw.decode("utf-16" if is_utf16(raw) else "utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not UTF-8 text: save it as UTF-8") from error
    nul = words.find("\0")
    if nul >= 0:
        line = words.count("\n", 0, nul) + 1
        raise ValueError(f"line {line} holds a NUL byte: it is not text")
    return words


def start_of(path: Path) -> bytes:
    """Return the first 4096 bytes, unpacked, without the mark of UTF-8."""
    with reading(path, "a gzip file"), unpacked(path) as file:
        return file.read(4096).removeprefix(UTF8_MARK)


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
    with speaking_of(path):
        return Dataset(X, y, **options)


def flat(images: NDArray[Any]) -> NDArray[Any]:
    """Return one row per image; the bytes of pictures are scaled to 0..1, those of tables stay."""
    if images.ndim < 3:
        return images
    rows = images.reshape(len(images), int(np.prod(images.shape[1:])))
    return rows / np.float32(255) if images.dtype == np.uint8 else rows
