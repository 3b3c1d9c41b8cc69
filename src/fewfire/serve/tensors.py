"""Tensors of the Open Inference Protocol, in JSON or behind it: the extension `binary_tensor_data`
that Triton's clients use unless they are asked not to."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from .problems import Problem

TYPES = {
    "BOOL": np.bool_, "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32,
    "UINT64": np.uint64, "INT8": np.int8, "INT16": np.int16, "INT32": np.int32,
    "INT64": np.int64, "FP16": np.float16, "FP32": np.float32, "FP64": np.float64,
}  # fmt: skip
BYTES = "BYTES"
SIZE = "binary_data_size"
Parameters = dict[str, Any]
Extent = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class Tensor(Struct, forbid_unknown_fields=True):
    """An input: `data`, or `parameters.binary_data_size` bytes behind the JSON."""

    name: str
    shape: Annotated[list[Extent], Meta(max_length=8)]
    datatype: str
    parameters: Parameters = {}
    data: list[Any] | None = None


class Wanted(Struct, forbid_unknown_fields=True):
    """An output that is wanted; `parameters.binary_data`: behind the JSON."""

    name: str
    parameters: Parameters = {}


class Infer(Struct, forbid_unknown_fields=True):
    """A request: examples as tensors, and in `parameters` k, threshold, rank_by, exact."""

    inputs: Annotated[list[Tensor], Meta(min_length=1)]
    id: str | None = None
    parameters: Parameters = {}
    outputs: list[Wanted] | None = None


class Output(Struct, omit_defaults=True):
    """An output; where it has no `data`, its bytes are behind the JSON."""

    name: str
    datatype: str
    shape: list[int]
    parameters: Parameters = {}
    data: list[Any] | None = None


class Inferred(Struct, omit_defaults=True):
    """An answer."""

    model_name: str
    model_version: str
    outputs: list[Output]
    id: str | None = None


def read(tensor: Tensor, behind: memoryview, at: str) -> tuple[NDArray[Any] | list[str], int]:
    """Return the values of an input, of BYTES as texts, and how many bytes `behind` the JSON they
    took."""
    size = tensor.parameters.get(SIZE)
    if (size is None) == (tensor.data is None):
        raise Problem(422, f"give data, or parameters.{SIZE}", f"{at}/data")
    if tensor.datatype != BYTES and tensor.datatype not in TYPES:
        known = ", ".join([BYTES, *TYPES])
        raise Problem(422, f"the datatype must be one of {known}", f"{at}/datatype")
    if size is None:
        return _of_json(tensor, at), 0
    if type(size) is not int or not 0 <= size <= len(behind):
        raise Problem(422, f"{SIZE} is {size!r}, of {len(behind)} bytes", f"{at}/parameters/{SIZE}")
    return _of_bytes(tensor, behind[:size], at), size


def _of_json(tensor: Tensor, at: str) -> NDArray[Any] | list[str]:
    assert tensor.data is not None
    n = math.prod(tensor.shape)
    if tensor.datatype == BYTES:
        flat = _flat(tensor.data)
        if not all(isinstance(text, str) for text in flat):
            raise Problem(422, "BYTES in JSON are strings", f"{at}/data")
        _check_size(len(flat), n, at)
        return flat
    try:
        found = np.asarray(tensor.data)
    except ValueError:
        raise Problem(
            422, "data is not an array: its rows have several lengths", f"{at}/data"
        ) from None
    kinds = "b" if tensor.datatype == "BOOL" else "iuf"
    if found.dtype.kind not in kinds and found.size:
        raise Problem(422, f"data does not hold {tensor.datatype} only", f"{at}/data")
    _check_size(found.size, n, at)
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused later
        return found.astype(TYPES[tensor.datatype]).reshape(tensor.shape)


def _flat(data: list[Any]) -> list[Any]:
    """Return a list without the lists in it."""
    while any(isinstance(each, list) for each in data):
        data = [x for each in data for x in (each if isinstance(each, list) else [each])]
    return data


def _of_bytes(tensor: Tensor, data: memoryview, at: str) -> NDArray[Any] | list[str]:
    n = math.prod(tensor.shape)
    if tensor.datatype != BYTES:
        dtype = np.dtype(TYPES[tensor.datatype]).newbyteorder("<")
        if len(data) != n * dtype.itemsize:
            raise Problem(
                422,
                f"{len(data)} bytes for {n} of {tensor.datatype}, wanted {n * dtype.itemsize}",
                f"{at}/parameters/{SIZE}",
            )
        return np.frombuffer(data, dtype).reshape(tensor.shape)
    texts, place = [], 0
    while place + 4 <= len(data):
        (length,) = struct.unpack_from("<I", data, place)
        place += 4 + length
        if place > len(data):
            break
        try:
            texts.append(str(data[place - length : place], "utf-8"))
        except UnicodeDecodeError as error:
            raise Problem(422, f"text {len(texts)} is not UTF-8: {error.reason}", at) from None
    if place != len(data):
        raise Problem(422, "BYTES are, each, a length in 4 bytes and the bytes of a text", at)
    _check_size(len(texts), n, at)
    return texts


def _check_size(found: int, wanted: int, at: str) -> None:
    if found != wanted:
        raise Problem(422, f"data has {found} values, its shape {wanted}", f"{at}/shape")


def written(
    name: str, values: NDArray[Any] | list[str], shape: tuple[int, ...], *, binary: bool
) -> tuple[Output, bytes]:
    """Return an output, and its bytes if they are wanted behind the JSON.

    >>> written("ids", np.array([[3, 1]], np.int32), (1, 2), binary=False)[0].data
    [3, 1]
    """
    datatype = BYTES if isinstance(values, list) else _NAMES[values.dtype]
    output = Output(name, datatype, list(shape))
    if not binary:
        output.data = values if isinstance(values, list) else values.reshape(-1).tolist()
        return output, b""
    if isinstance(values, list):
        texts = [text.encode() for text in values]
        found = b"".join(part for text in texts for part in (struct.pack("<I", len(text)), text))
    else:
        found = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
    output.parameters = {SIZE: len(found)}
    return output, found


_NAMES: Mapping[np.dtype[Any], str] = {np.dtype(kind): name for name, kind in TYPES.items()}


def decode(body: bytes, json_bytes: int) -> Infer:
    """Return the JSON that a body begins with."""
    return _DECODE(memoryview(body)[:json_bytes])


_DECODE = msgspec.json.Decoder(Infer).decode
