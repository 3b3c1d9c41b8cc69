"""The checksum of a model file: a CRC-32 of all its bytes, itself taken for zeros. Any bit that
changes is noticed; who means to forge a model is not held up by it."""

from __future__ import annotations

import zlib
from typing import IO

KEY = "fewfire.crc32"  # of the metadata
UNKNOWN = "0" * 8  # what stands there while it is computed
PIECE = 1 << 20  # bytes that are read or written at a time: a checksum finds them in the cache


class Sealed:
    """A file that is written, with the checksum of its bytes in its header at the end.

    Pieces are copied first: a training may change an array while it is written.
    """

    def __init__(self, file: IO[bytes], header: bytes) -> None:
        self._file, self._header = file, header
        self._found = zlib.crc32(header)
        file.write(header)

    def write(self, data: memoryview) -> None:
        """Write bytes behind those before."""
        for begin in range(0, len(data), PIECE):
            piece = bytes(data[begin : begin + PIECE])
            self._found = zlib.crc32(piece, self._found)
            self._file.write(piece)

    def seal(self) -> None:
        """Write the checksum in its place."""
        self._file.seek(0)
        self._file.write(_with(self._header, UNKNOWN, f"{self._found:08x}"))


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
