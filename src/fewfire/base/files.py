"""Model files: safetensors with JSON, as docs/format.md says.

Its numpy side knows no bfloat16, so safetensors are written here, and arrays of bfloat16 read here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray
from safetensors import SafetensorError, safe_open

from .bfloat16 import is_bfloat16, is_finite
from .replacing import PathLike as PathLike
from .replacing import replacing

VERSION = 2  # and 1, whose descriptions `model.older` upgrades
TYPES: dict[str, type[Any]] = {
    "I64": np.int64, "U64": np.uint64, "F32": np.float32, "I32": np.int32, "U32": np.uint32,
    "BF16": np.uint16, "U8": np.uint8,
}  # fmt: skip
_NAMES = {np.dtype(dtype): name for name, dtype in TYPES.items()}
Arrays: TypeAlias = dict[str, NDArray[Any]]


class FormatError(ValueError):
    """The file is damaged, truncated, or no model of this version."""


class Blocks(NamedTuple):
    """An array to write: its type, its shape, and its values in pieces."""

    dtype: str
    shape: tuple[int, ...]
    values: Iterable[NDArray[Any]]


def write_safetensors(
    path: PathLike, metadata: Mapping[str, str], arrays: Mapping[str, Blocks]
) -> None:
    """Write a safetensors file, its arrays in turn: those of wide types must come first."""
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name, (dtype, shape, _) in arrays.items():
        begin, end = end, end + math.prod(shape) * np.dtype(TYPES[dtype]).itemsize
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # so that the arrays are aligned
    with replacing(path) as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for array in arrays.values():
            write_blocks(file, array)


def write_blocks(file: IO[bytes], array: Blocks) -> None:
    """Write the values of an array."""
    for block in array.values:
        file.write(np.ascontiguousarray(block, TYPES[array.dtype]).data)


def write_model(path: PathLike, config: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a model's description and arrays."""
    metadata = {"fewfire": json.dumps({"version": VERSION, **config})}
    widest_first = sorted(arrays.items(), key=lambda item: -item[1].itemsize)
    blocks = {
        name: Blocks(_NAMES[array.dtype], array.shape, [array]) for name, array in widest_first
    }
    write_safetensors(path, metadata, blocks)


def read_model(path: PathLike) -> tuple[dict[str, Any], Arrays]:
    """Read what `write_model` wrote; raise `FormatError` for anything else."""
    path = Path(path)
    if path.is_dir():
        raise FormatError(f"{path} is a folder, not a model file")
    if not path.exists():
        raise FileNotFoundError(f"no such file: {path}")
    try:
        with safe_open(path, framework="np") as file:
            config = _config(path, file.metadata() or {})
            names = list(file.keys())
            narrow = [name for name in names if file.get_slice(name).get_dtype() == "BF16"]
            arrays = {name: file.get_tensor(name) for name in names if name not in narrow}
        return config, {**arrays, **_bfloat16(path, narrow)}
    except (SafetensorError, UnicodeDecodeError, OverflowError, TypeError) as error:
        raise FormatError(
            f"{path} is damaged, truncated, or no safetensors file: {error}"
        ) from error


def holds_model(path: PathLike) -> bool:
    """Whether the file begins as `write_model` wrote it; its arrays are not looked at."""
    try:
        with safe_open(path, framework="np") as file:
            return "fewfire" in (file.metadata() or {})
    except (SafetensorError, OSError, ValueError):
        return False


def array_of(names: Sequence[Any]) -> NDArray[np.uint8]:
    """Return names as an array of JSON text: a million are too many for a safetensors header.

    >>> names_of(array_of(("cat", 7)))
    ['cat', 7]
    """
    return np.frombuffer(json.dumps(names).encode(), np.uint8)


def names_of(names: NDArray[Any]) -> list[Any]:
    """Return the names that `array_of` made an array of."""
    try:
        found = json.loads(names.tobytes())
    except RecursionError as error:
        raise ValueError("label_names are no list") from error
    if not isinstance(found, list):
        raise ValueError("label_names are no list")
    return found


def check_array(
    arrays: Arrays, name: str, shape: tuple[int, ...], dtype: DTypeLike = np.float32
) -> None:
    """Raise unless `arrays` has finite values of this shape and type under `name`."""
    if name not in arrays:
        raise ValueError(f"{name} is missing")
    array = arrays[name]
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(f"{name} is {array.dtype}{array.shape}, wanted {np.dtype(dtype)}{shape}")
    if not (is_finite(array) if is_bfloat16(array) else np.isfinite(array).all()):
        raise ValueError(f"{name} holds values that are not finite")


def _bfloat16(path: Path, names: Sequence[str]) -> Arrays:
    """Read arrays of bfloat16 from a file that was found right."""
    arrays: Arrays = {}
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        for name in names:
            begin, end = header[name]["data_offsets"]
            file.seek(8 + size + begin)
            values = np.fromfile(file, np.uint16, (end - begin) // 2)
            arrays[name] = values.reshape(header[name]["shape"])
    return arrays


def _config(path: Path, metadata: Mapping[str, str]) -> dict[str, Any]:
    if "fewfire.data" in metadata:
        raise FormatError(f"{path} holds data, not a model")
    if "fewfire" not in metadata:
        raise FormatError(f"{path} is a safetensors file, but not one that fewfire wrote")
    try:
        config = json.loads(metadata["fewfire"])
    except (ValueError, RecursionError) as error:  # ValueError: also integers beyond 4300 digits
        raise FormatError(f"{path}: its description is damaged: {error}") from error
    if not isinstance(config, dict):
        raise FormatError(f"{path}: its description is damaged: not an object")
    if config.get("version") not in (1, VERSION):
        raise FormatError(
            f"{path} has format version {config.get('version')!r}, this fewfire reads {VERSION}: "
            "install the version that wrote it"
        )
    return config
