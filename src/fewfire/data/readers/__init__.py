"""Files that become a `Dataset`, and back: idx, npz, npy, svmlight and Extreme Classification text;
small NORB and texts with labels are only read. Text of numbers, of any size, is converted to a data
file, which is mapped.

Gzip is recognised by content, on reading, and by the name's `.gz`, on writing. A damaged or foreign
file gives one `ValueError` that names it; nothing is ever unpickled. Writers write beside the file
and rename at the end, so that what stands under the name is always whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...base.files import PathLike
from .. import datafile
from ..columns import Columns
from ..compatible import as_told, speaking_of
from ..dataset import Dataset
from ..encoding import Encoding, Kind
from ..joined import joined
from ..kinds import wanted_kind
from ..mapped import Mapped
from .arrays import read_npy, read_npz, save_npz
from .convert import convert
from .idx import IDX_TYPES, read_idx, read_idx_folder, save_idx, save_idx_folder
from .names import read_names
from .norb import NORB_NAMES, read_norb, read_norb_folder
from .raw import read_text
from .raw_format import format_of
from .shared import Pair, check_text, dataset, flat, is_text, start_of
from .text import header_of, read_svmlight, read_xc, save_svmlight

__all__ = [
    "convert",
    "read",
    "read_all",
    "read_idx",
    "read_idx_folder",
    "read_names",
    "read_norb",
    "read_norb_folder",
    "read_npy",
    "read_npz",
    "read_svmlight",
    "read_text",
    "read_xc",
    "save_idx",
    "save_idx_folder",
    "save_npz",
    "save_svmlight",
]

ZIP_MAGIC, NPY_MAGIC = b"PK", b"\x93NUMPY"


def read_all(
    paths: Sequence[PathLike],
    like: Dataset | Encoding | None = None,
    *,
    label_names: Sequence[Any] | None = None,
    kind: Kind = None,
    columns: Columns | None = None,
) -> Dataset:
    """Read several files of one format, one behind the other, as if they were one."""
    formats = {path: _format(Path(path), like, columns) for path in paths}
    for path, own in formats.items():
        if own != formats[paths[0]]:
            raise ValueError(
                f"{paths[0]} holds {formats[paths[0]]} and {path} {own}: give files of one format"
            )
    own = formats[paths[0]]
    if own in (_FOLDER, _MAPPED):
        raise ValueError(
            f"{paths[0]} is {own}, which is read alone: give files of examples, or convert the "
            "text of all in one"
        )
    if own == _TEXTS:
        if label_names is not None:
            raise ValueError(f"{paths[0]} brings its own labels: leave out their names")
        return as_told(paths[0], read_text(paths, like, columns=columns), kind)
    parts = [
        _one(path, read(path, like, label_names=label_names, kind=kind, columns=columns))
        for path in paths
    ]
    if own == _SVMLIGHT and like is None and label_names is None:
        parts = _read_alike(paths, parts, kind)
    with speaking_of(f"{paths[0]} and {len(paths) - 1} more"):
        return joined(parts)


_FOLDER, _MAPPED, _TEXTS = "a folder", "a converted file", "texts"
_XC, _SVMLIGHT = "Extreme Classification text", "svmlight text"


def _format(path: Path, like: Dataset | Encoding | None, columns: Columns | None) -> str:
    """Return what a file holds, in words."""
    if path.is_dir():
        return _FOLDER
    start, text = start_of(path), None if like is None else like.text
    known = columns or (None if text is None else text.columns)
    if format_of(path, start, known, of_texts=text is not None):
        return _TEXTS
    if datafile.looks_like_one(start):
        return _MAPPED
    if start.startswith(ZIP_MAGIC):
        return "an npz archive"
    if start.startswith(NPY_MAGIC):
        return "an npy array"
    if start[:2] == b"\0\0":
        return "an idx array"
    return _SVMLIGHT if header_of(start) is None else _XC


def _one(path: PathLike, found: Dataset | Pair) -> Dataset:
    if isinstance(found, tuple):
        raise ValueError(f"{path} brings a test set of its own: give it alone")
    return found


def _read_alike(paths: Sequence[PathLike], parts: list[Dataset], kind: Kind) -> list[Dataset]:
    """Return svmlight text read alike: with features from 0 and with lists of labels, if those of
    any file are so."""
    zero_based = any(part.zero_based for part in parts)
    wanted: Kind = "labels" if any(part.kind == "labels" for part in parts) else kind
    return [
        part
        if part.zero_based == zero_based and wanted in (None, part.kind)
        else read_svmlight(path, zero_based=zero_based, kind=wanted)
        for path, part in zip(paths, parts, strict=True)
    ]


def read(
    path: PathLike,
    like: Dataset | Encoding | None = None,
    *,
    label_names: Sequence[Any] | None = None,
    kind: Kind = None,
    columns: Columns | None = None,
) -> Dataset | Pair:
    """Read a folder of idx files or of small NORB, or one file; the format is guessed."""
    path = Path(path)
    wanted_kind(kind, None if like is None else like.kind)  # raises where they contradict
    start = b"" if path.is_dir() else start_of(path)
    of_texts = like is not None and like.text is not None
    known = columns or (like.text.columns if like is not None and like.text is not None else None)
    if not path.is_dir() and format_of(path, start, known, of_texts=of_texts):
        if label_names is not None:
            raise ValueError(f"{path} brings its own labels: leave out their names")
        return as_told(path, read_text(path, like, columns=columns), kind)
    if columns is not None:
        raise ValueError(f"{path} holds no texts: leave out columns")
    if datafile.looks_like_one(start):
        return Mapped(path, like, label_names, kind=kind)
    if header_of(start) is not None:
        return as_told(path, read_xc(path, like, label_names=label_names), kind)
    if label_names is None:
        return _read_unnamed(path, start, like, kind)
    if path.is_dir() or not is_text(start):
        raise ValueError(f"{path} is not text: label names are for text, converted or not")
    return read_svmlight(path, like, label_names=label_names, kind=kind)


def _read_unnamed(
    path: Path, start: bytes, like: Dataset | Encoding | None, kind: Kind
) -> Dataset | Pair:
    if path.is_dir():
        if like is not None:
            raise ValueError(f"{path} brings a training set of its own: leave out like=")
        is_norb = any(path.glob(NORB_NAMES))
        train, test = read_norb_folder(path) if is_norb else read_idx_folder(path)
        return as_told(path, train, kind), as_told(path, test, kind)
    if start.startswith(ZIP_MAGIC):
        return read_npz(path, like, kind=kind)
    if start.startswith(NPY_MAGIC):
        return as_told(path, read_npy(path, like), kind)
    if start[:2] == b"\0\0" and start[2:3] and start[2] in IDX_TYPES:
        return as_told(path, dataset(path, flat(read_idx(path)), None, like=like), kind)
    check_text(path, start)
    return read_svmlight(path, like, kind=kind)
