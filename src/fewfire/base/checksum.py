"""The checksum of a model file: a CRC-32 of all its bytes, itself taken for zeros. Any bit that
changes is noticed; who wants to forge a model is not held up by it."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

from numpy.typing import NDArray

KEY = "fewfire.crc32"  # of the metadata
UNKNOWN = "0" * 8  # what stands there while it is computed


def sealed(header: bytes, arrays: Iterable[NDArray[Any]]) -> bytes:
    """Return the header of a file with the checksum in its place; `arrays` follow it."""
    checksum = zlib.crc32(header)
    for array in arrays:
        checksum = zlib.crc32(array.reshape(-1).view("u1").data, checksum)
    return _with(header, UNKNOWN, f"{checksum:08x}")


class Checksum:
    """What a file that is being read must come to, piece by piece after its header."""

    def __init__(self, header: bytes, wanted: str) -> None:
        self._wanted = wanted
        self._found = zlib.crc32(_with(header, wanted, UNKNOWN))

    def add(self, piece: memoryview) -> None:
        """Go on with the next bytes of the file."""
        self._found = zlib.crc32(piece, self._found)

    @property
    def fits(self) -> bool:
        """Whether all bytes are those that were written."""
        return f"{self._found:08x}" == self._wanted


def _with(header: bytes, old: str, new: str) -> bytes:
    """Return the header with another checksum; inside of strings its quotes would be escaped."""
    return header.replace(f'"{KEY}": "{old}"'.encode(), f'"{KEY}": "{new}"'.encode(), 1)
