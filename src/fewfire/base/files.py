"""Model files: safetensors with JSON, as docs/format.md says.

Its numpy side knows no bfloat16 and no checksum, so safetensors are written and read here.
"""

from __future__ import annotations

import contextlib
import json
import math
import mmap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import checksum
from .checks import said, shown
from .finite import check_finite
from .replacing import PathLike as PathLike
from .replacing import replacing
from .tensors import TYPES, Header, read_header

VERSION = 6  # and those before, whose descriptions `model.older` upgrades
_NAMES = {np.dtype(dtype): name for name, dtype in TYPES.items()}
Arrays: TypeAlias = dict[str, NDArray[Any]]
_OF_DAMAGE = (
    LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError,
)  # fmt: skip


class FormatError(ValueError):
    """The file is damaged, truncated, or no model of this version.

    >>> from fewfire import load
    >>> _ = Path("notes.txt").write_text("no model")
    >>> try:
    ...     load("notes.txt")
    ... except FormatError as error:
    ...     print(str(error).partition(":")[0])
    notes.txt is damaged, truncated, or no safetensors file
    """


@contextlib.contextmanager
def refusing(what: str, of: tuple[type[Exception], ...] = _OF_DAMAGE) -> Iterator[None]:
    """Raise `FormatError`, which says `what`, for whatever reading a damaged file raises.

    >>> with refusing("net: the model inside is damaged"):
    ...     {}["layers"]
    Traceback (most recent call last):
        ...
    fewfire.base.files.FormatError: net: the model inside is damaged: layers is missing
    """
    try:
        yield
    except FormatError:
        raise
    except of as error:
        raise FormatError(f"{what}: {said(error)}") from error


class Blocks(NamedTuple):
    """An array to write: its type, its shape, and its values in pieces."""

    dtype: str
    shape: tuple[int, ...]
    values: Iterable[NDArray[Any]]


def write_safetensors(
    path: PathLike, metadata: Mapping[str, str], arrays: Mapping[str, Blocks]
) -> None:
    """Write a safetensors file, its arrays in turn: those of wide types must come first."""
    with replacing(path) as file:
        file.write(_header(metadata, arrays))
        for array in arrays.values():
            write_blocks(file, array)


def _header(metadata: Mapping[str, str], arrays: Mapping[str, Blocks]) -> bytes:
    """Return what a file begins with."""
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for name, (dtype, shape, _) in arrays.items():
        begin, end = end, end + math.prod(shape) * np.dtype(TYPES[dtype]).itemsize
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # so that the arrays are aligned
    return len(text).to_bytes(8, "little") + text


def write_blocks(file: IO[bytes] | checksum.Sealed, array: Blocks) -> None:
    """Write the values of an array."""
    for block in array.values:
        values = np.ascontiguousarray(block, TYPES[array.dtype])
        file.write(values.reshape(-1).view(np.uint8).data)


def write_model(path: PathLike, config: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a model's description and arrays, and a checksum of them."""
    with replacing(path) as file:
        put_model(file, config, arrays)


def put_model(file: IO[bytes], config: Mapping[str, Any], arrays: Arrays) -> None:
    """Write to a file that is open what `write_model` makes a file of."""
    description = json.dumps({"version": VERSION, **config})
    metadata = {checksum.KEY: checksum.UNKNOWN, "fewfire": description}
    widest_first = sorted(arrays.items(), key=lambda item: -item[1].itemsize)
    blocks = {
        name: Blocks(_NAMES[array.dtype], array.shape, [array]) for name, array in widest_first
    }
    sealed = checksum.Sealed(file, _header(metadata, blocks))
    for array in blocks.values():
        write_blocks(sealed, array)
    sealed.seal()


def read_model(path: PathLike, *, mapped: bool = False) -> tuple[dict[str, Any], Arrays]:
    """Read what `write_model` wrote; raise `FormatError` for anything else.

    Arrays that are `mapped` stay in the file, whose pages all processes share; what is written to
    one is the writer's own. The file may be replaced meanwhile, but not overwritten.
    """
    with _opened(path) as (file, header, config):
        return config, (_mapped if mapped else _arrays)(Path(path), file, header)


def read_description(path: PathLike) -> dict[str, Any]:
    """Read a model's description alone; only the arrays say whether the checksum of all fits."""
    with _opened(path) as (_, _, config):
        return config


@contextlib.contextmanager
def _opened(path: PathLike) -> Iterator[tuple[BufferedReader, Header, dict[str, Any]]]:
    """Open a model file; yield it, its header and its description."""
    path = Path(path)
    if path.is_dir():
        raise FormatError(f"{path} is a folder, not a model file")
    if not path.exists():
        raise FileNotFoundError(f"no such file: {path}")
    if not path.is_file():
        raise FormatError(f"{path} is a device or a pipe, not a model file")
    with open(path, "rb") as file:
        with refusing(f"{path} is damaged, truncated, or no safetensors file"):
            header = read_header(file)
            config = _config(path, header.metadata)
        yield file, header, config


def _arrays(path: Path, file: BufferedReader, header: Header) -> Arrays:
    """Read the arrays of a file, whose header was found right."""
    found = _checksum(header)
    arrays = {}
    for name, tensor in header.tensors.items():
        arrays[name] = np.empty(tensor.shape, tensor.dtype)
        for piece in _pieces(memoryview(arrays[name].reshape(-1).view(np.uint8).data)):
            if file.readinto(piece) < len(piece):
                raise FormatError(f"{path} became shorter while it was read")
            if found is not None:
                found.add(piece)
    _check_sum(path, found)
    return arrays


def _mapped(path: Path, file: BufferedReader, header: Header) -> Arrays:
    """Return the arrays of a file where they are, copied only where they are not aligned."""
    whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    found = _checksum(header)
    if found is not None:
        for piece in _pieces(memoryview(whole)[len(header.text) :]):
            found.add(piece)
    _check_sum(path, found)
    arrays = {}
    for name, tensor in header.tensors.items():
        own: NDArray[Any] = np.ndarray(tensor.shape, tensor.dtype, whole, tensor.offset)
        arrays[name] = own if own.flags.aligned else own.copy()
    return arrays


def _checksum(header: Header) -> checksum.Checksum | None:
    """Return what the bytes of a file must come to; None in files from before it was kept."""
    wanted = header.metadata.get(checksum.KEY)
    return None if wanted is None else checksum.Checksum(header.text, wanted)


def _check_sum(path: Path, found: checksum.Checksum | None) -> None:
    if found is not None and not found.fits:
        raise FormatError(f"{path} is damaged: it does not hold what was written")


def _pieces(whole: memoryview) -> Iterator[memoryview]:
    for begin in range(0, len(whole), checksum.PIECE):
        yield whole[begin : begin + checksum.PIECE]


def holds_model(path: PathLike) -> bool:
    """Whether the file begins as `write_model` wrote it; its arrays are not looked at."""
    try:
        with open(path, "rb") as file:
            return "fewfire" in read_header(file).metadata
    except (OSError, *_OF_DAMAGE):
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
        raise ValueError("label_names are not a list") from error
    if not isinstance(found, list):
        raise ValueError("label_names are not a list")
    return found


def writable(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array that may be written to: itself, or a copy of one that is mapped from a file,
    as those in pickles of joblib are.

    >>> array = np.zeros(2)
    >>> writable(array) is array
    True
    """
    return array if array.flags.writeable else np.array(array)


def check_array(
    arrays: Arrays, name: str, shape: tuple[int, ...], dtype: DTypeLike = np.float32
) -> None:
    """Raise unless `arrays` has finite values of this shape and type under `name`."""
    if name not in arrays:
        raise ValueError(f"{name} is missing")
    array = arrays[name]
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(f"{name} is {array.dtype}{array.shape}, wanted {np.dtype(dtype)}{shape}")
    check_finite(name, array)


def _config(path: Path, metadata: Mapping[str, Any]) -> dict[str, Any]:
    if "fewfire.data" in metadata:
        raise FormatError(f"{path} holds data, not a model")
    if "fewfire" not in metadata:
        raise FormatError(f"{path} is a safetensors file, but not one that fewfire wrote")
    if not {*metadata} <= {"fewfire", checksum.KEY}:  # also a key whose name was damaged
        raise FormatError(f"{path} is damaged: its metadata are {shown([*metadata])}")
    with refusing(f"{path}: its description is damaged"):
        config = json.loads(metadata["fewfire"])
    if not isinstance(config, dict):
        raise FormatError(f"{path}: its description is damaged: not an object")
    if config.get("version") not in range(1, VERSION + 1):
        raise FormatError(
            f"{path} has format version {shown(config.get('version'))}, "
            f"this fewfire reads {VERSION}: install the version that wrote it"
        )
    return config
