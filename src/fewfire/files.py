"""Files: written beside and renamed. A model is safetensors with JSON, as docs/format.md says."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

VERSION = 1
Arrays: TypeAlias = dict[str, NDArray[Any]]
PathLike: TypeAlias = "str | os.PathLike[str]"


class FormatError(ValueError):
    """The file is damaged, truncated, or no model of this version."""


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[Path]:
    """Yield a path beside `path` to write to; renamed to `path` at the end, removed on an error."""
    final = Path(path)
    if not final.parent.is_dir():
        raise FileNotFoundError(f"{final.parent} is no folder: make it first")
    beside = final.with_name(f".{final.name}.{os.getpid()}.part")
    try:
        yield beside
        os.replace(beside, final)
    finally:
        beside.unlink(missing_ok=True)


def write_model(path: PathLike, config: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a model's description and arrays."""
    # One entry: safetensors writes several in any order, and equal models should be equal bytes.
    metadata = {"fewfire": json.dumps({"version": VERSION, **config})}
    with replacing(path) as beside:
        beside.touch()
        mode = beside.stat().st_mode
        save_file(arrays, beside, metadata=metadata)
        beside.chmod(mode)  # safetensors lets nobody but the owner read what it writes


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
            return config, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, UnicodeDecodeError, OverflowError, TypeError) as error:
        raise FormatError(
            f"{path} is damaged, truncated, or no safetensors file: {error}"
        ) from error


def packed(names: Sequence[Any]) -> NDArray[np.uint8]:
    """Return names as an array of JSON text: a million are too many for a safetensors header.

    >>> unpacked(packed(("cat", 7)))
    ['cat', 7]
    """
    return np.frombuffer(json.dumps(names).encode(), np.uint8)


def unpacked(names: NDArray[Any]) -> list[Any]:
    """Return the names that `packed` made an array of."""
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
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not finite")


def checked_counts(arrays: Arrays, n_labels: int, n_trained: int) -> NDArray[np.int64]:
    """Return the label counts of a model; raise unless each is 0 to `n_trained`."""
    check_array(arrays, "label_counts", (n_labels,), np.int64)
    counts = arrays["label_counts"]
    if ((counts < 0) | (counts > n_trained)).any():
        raise ValueError(f"label_counts must be 0 to n_trained = {n_trained}")
    return counts


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
    if config.get("version") != VERSION:
        raise FormatError(
            f"{path} has format version {config.get('version')!r}, this fewfire reads {VERSION}: "
            "install the version that wrote it"
        )
    return config
