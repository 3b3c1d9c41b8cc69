"""Arrays that grow on disk: what is appended is in a nameless file, and nowhere in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

BLOCK = 1 << 20  # entries that are read back at a time


class Column:
    """A 1-D array in a nameless file of `folder`, which is gone when it is closed.

    >>> with Column(Path(), np.int32) as column:
    ...     column.append(np.array([1, 2]))
    ...     column.append(np.array([3]))
    ...     len(column), list(column.blocks())
    (3, [array([1, 2, 3], dtype=int32)])
    """

    def __init__(self, folder: Path, dtype: DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self._size = 0
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115

    def __enter__(self) -> Column:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._size

    def append(self, values: NDArray[Any]) -> None:
        """Add `values` at the end."""
        self._file.write(np.ascontiguousarray(values, self.dtype).data)
        self._size += len(values)

    def blocks(self) -> Iterator[NDArray[Any]]:
        """Go through all values, a block at a time."""
        self._file.seek(0)
        while block := self._file.read(BLOCK * self.dtype.itemsize):
            yield np.frombuffer(block, self.dtype)
