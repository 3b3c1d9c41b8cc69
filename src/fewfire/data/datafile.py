"""The file of a converted data set: safetensors, written block by block and mapped part by part.

The header is checked before anything is mapped: every array lies inside the file, aligned. A file
that has changed since is refused. docs/format.md lists what is inside.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..base.checks import shortened
from ..base.files import Blocks, FormatError, PathLike, write_safetensors
from ..base.tensors import Tensor, read_header

KEY = "fewfire.data"
VERSION = 1
MAX_HEADER = 1 << 20  # bytes; ours have about one thousand


def write(path: PathLike, description: Mapping[str, Any], arrays: Mapping[str, Blocks]) -> None:
    """Write a data file: beside `path` first, then renamed. Arrays of wide types come first."""
    metadata = {KEY: json.dumps({"version": VERSION, **description})}
    write_safetensors(path, metadata, arrays)


def looks_like_one(start: bytes) -> bool:
    """Whether a file that begins so may be safetensors: the length of a header, and the header."""
    return start[4:9] == b"\0\0\0\0{"


class DataFile:
    """A data file whose header was found right."""

    def __init__(self, path: PathLike) -> None:
        self.path = Path(path)
        self._absolute = self.path.absolute()
        with open(self._absolute, "rb") as file:
            self._stamp = _stamp(os.stat(file.fileno()))
            try:
                self.description, self.arrays = _read_header(file)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                raise self.damaged(error) from error

    def damaged(self, reason: object) -> FormatError:
        """Return the error that says so."""
        why = shortened(str(reason), 300)
        return FormatError(f"{self.path} is damaged, truncated, or no data of fewfire: {why}")

    def part(self, name: str, begin: int = 0, end: int | None = None) -> NDArray[Any]:
        """Map entries `begin` to `end` of an array, read-only: nothing is read yet."""
        tensor = self.arrays[name]
        dtype, size = tensor.dtype, tensor.size
        end = size if end is None else end
        if not 0 <= begin <= end <= size:
            raise self.damaged(f"entries {begin} to {end} of {name}, which has {size}")
        if begin == end:
            return np.empty(0, dtype)
        if _stamp(os.stat(self._absolute)) != self._stamp:
            raise FormatError(f"{self.path} has changed since it was opened: load it again")
        start = tensor.offset + begin * dtype.itemsize
        try:
            return np.memmap(self._absolute, dtype, "r", offset=start, shape=(end - begin,))
        except OSError as error:  # no address space is left: numpy does not name the file
            raise OSError(error.errno, f"no room to map {name}", str(self.path)) from error


def _stamp(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _read_header(file: IO[bytes]) -> tuple[dict[str, Any], Mapping[str, Tensor]]:
    _, metadata, tensors = read_header(file, MAX_HEADER)
    if KEY not in metadata:
        raise ValueError("it is a model" if "fewfire" in metadata else "another tool wrote it")
    description = json.loads(metadata[KEY])
    if description["version"] != VERSION:
        raise ValueError(
            f"format version {description['version']!r}, this fewfire reads {VERSION}: "
            "install the version that wrote it"
        )
    for name, tensor in tensors.items():
        if tensor.offset % tensor.dtype.itemsize:
            raise ValueError(f"{name} is not aligned")
    return description, tensors
