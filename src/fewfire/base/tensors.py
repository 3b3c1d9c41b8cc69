"""The header of a safetensors file: what it says of its arrays, found right before any is read.

Each array is of a type of ours, they follow each other without gaps, and the last ends where the
file does: whatever a header promises, no more is read than there is.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import IO, Any, NamedTuple

import numpy as np

from .checks import shown

TYPES: dict[str, type[Any]] = {
    "I64": np.int64, "U64": np.uint64, "F32": np.float32, "I32": np.int32, "U32": np.uint32,
    "BF16": np.uint16, "U8": np.uint8,
}  # fmt: skip


class Tensor(NamedTuple):
    """Where an array is in its file."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    offset: int

    @property
    def size(self) -> int:
        """Its values."""
        return math.prod(self.shape)


class Header(NamedTuple):
    """The first bytes of a file, and what they say."""

    text: bytes
    metadata: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


def read_header(file: IO[bytes], most: int | None = None) -> Header:
    """Read a header of at most `most` bytes; raise a `ValueError` or the like if it is damaged."""
    space = os.stat(file.fileno()).st_size
    start = file.read(8)
    size = int.from_bytes(start, "little")
    if len(start) < 8 or size > (space - 8 if most is None else most):
        raise ValueError(f"a header of {size} bytes in a file of {space}")
    text = file.read(size)
    described = json.loads(text)
    metadata = described.pop("__metadata__", {})
    tensors, end = {}, 8 + size
    for name, entry in sorted(described.items(), key=lambda item: item[1]["data_offsets"]):
        tensors[name] = _tensor(name, entry, end, 8 + size)
        end += tensors[name].size * tensors[name].dtype.itemsize
    if end != space:
        raise ValueError(f"the arrays end at byte {end}, the file at {space}")
    return Header(start + text, metadata, tensors)


def _tensor(name: str, entry: Mapping[str, Any], offset: int, base: int) -> Tensor:
    kind, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    if not isinstance(kind, str) or kind not in TYPES:
        raise ValueError(f"{shown(name)} is of the type {shown(kind)}, wanted {', '.join(TYPES)}")
    if not all(type(number) is int and number >= 0 for number in (*shape, begin, end)):
        raise ValueError(f"{shown(name)} has no shape")
    dtype = np.dtype(TYPES[kind])
    if base + begin != offset or math.prod(shape) * dtype.itemsize != end - begin:
        raise ValueError(f"{shown(name)} is not where it should be, or of another size")
    return Tensor(dtype, tuple(shape), offset)
