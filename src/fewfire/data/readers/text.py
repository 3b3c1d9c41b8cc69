"""Svmlight and Extreme Classification text; the core parses it (`core/text.h`)."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from ... import _core
from ...base.files import PathLike
from ..dataset import Dataset
from ..encoding import Encoding, Kind
from ..kinds import wanted_kind
from .beyond import dataset_like
from .shared import content, dataset, in_memory, reading, writing


class Header(NamedTuple):
    """The first line of Extreme Classification text."""

    n_rows: int
    n_features: int
    n_labels: int


def header_of(start: bytes) -> Header | None:
    """Return the sizes that the first line states; None if the text has no header."""
    words = start.split(b"\n", 1)[0].split()
    if len(words) == 3 and all(word.isdigit() for word in words):
        return Header(*map(int, words))
    return None


def read_xc(
    path: PathLike,
    like: Dataset | Encoding | None = None,
    *,
    label_names: Sequence[Any] | None = None,
) -> Dataset:
    """Read text of the Extreme Classification Repository: sparse rows with lists of labels.

    The first line is `rows features labels`, every other one `label,label feature:value ...`; all
    numbers count from 0.
    """
    rows, labels, _ = _parse(path, header=True)
    if label_names is not None and len(label_names) != labels.shape[1]:
        raise ValueError(
            f"{path} has {labels.shape[1]} labels, but there are {len(label_names)} label_names; "
            "give each label a name"
        )
    if like is not None and label_names is None:
        return dataset_like(path, rows, labels, like)
    return dataset(path, rows, labels, like=like, label_names=label_names)


def read_svmlight(
    path: PathLike,
    like: Dataset | Encoding | None = None,
    *,
    n_features: int | None = None,
    zero_based: bool | None = None,
    label_names: Sequence[Any] | None = None,
    kind: Kind = None,
) -> Dataset:
    """Read svmlight text: `target feature:value ...`, with a class, a value or a list of labels.

    Parameters
    ----------
    n_features : int, optional
        Width of the result, if the file may lack the last features; with `like`, its width.
    zero_based : bool, optional
        Whether features count from 0. By default as in `like`, and without it by the file: from 1
        unless it has a feature 0.
    label_names : sequence, optional
        Name of each label, of which the text holds the numbers, from 0.
    kind : {"classes", "labels", "values"}, optional
        What the targets are; default: as in `like`, and without it as the text says.
    """
    rows, targets, zero_seen = _parse(path, header=False, lists=expects_lists(like, kind))
    if zero_based is None:
        zero_based = zero_seen if like is None else like.zero_based
    if zero_seen and not zero_based:
        raise ValueError(f"{path} has a feature 0, but features count from 1; give zero_based=True")
    if not zero_based:
        rows = rows[:, 1:]
    if n_features is not None and n_features < rows.shape[1]:
        raise ValueError(f"{path} has {rows.shape[1]} features, more than n_features={n_features}")
    if n_features is not None:
        rows.resize(rows.shape[0], n_features)
    if like is None or label_names is not None:
        data = dataset(path, rows, targets, like=like, label_names=label_names, kind=kind)
    else:
        data = dataset_like(path, rows, targets, like, kind=kind)
    data._zero_based = zero_based
    return data


def expects_lists(like: Dataset | Encoding | None, kind: Kind) -> bool | None:
    """Whether examples have lists of labels; None leaves it to the text."""
    if like is None and kind is None:
        return None
    return wanted_kind(kind, None if like is None else like.kind) == "labels"


def has_lists(lines: bytes) -> bool:
    """Whether an example of svmlight text has several labels: a comma in its first word."""
    return b"," in lines and re.search(rb"^[^ \t\n#,]*,", lines, re.MULTILINE) is not None


def _parse(path: PathLike, *, header: bool, lists: bool | None = None) -> tuple[Any, Any, bool]:
    """Rows (CSR), targets (CSR of labels, or one value per row), and whether feature 0 occurs."""
    with reading(path, "svmlight or Extreme Classification text"), in_memory(path):
        lines = content(path)
        labels = header or (has_lists(lines) if lists is None else lists)
        text = np.frombuffer(lines, dtype=np.uint8)
        indptr, indices, values, label_indptr, ids, targets, n_features, n_labels, has_feature_0 = (
            _core.parse_text(text, header=header, labels=labels, n_threads=os.cpu_count() or 1)
        )
    n_rows = len(indptr) - 1
    rows = sparse.csr_array((values, indices, indptr), shape=(n_rows, n_features))
    if not labels:
        return rows, targets, has_feature_0
    ones = np.ones(len(ids), np.float32)
    return rows, sparse.csr_array((ones, ids, label_indptr), (n_rows, n_labels)), has_feature_0


def save_svmlight(path: PathLike, data: Dataset) -> None:
    """Write text: with lists of labels as `read_xc` reads it, else as `read_svmlight` does.

    Classes are written by their names where these are integers, and by id otherwise. Svmlight text
    counts features from 1 and does not state how many there are.

    >>> from pathlib import Path
    >>> save_svmlight("two.txt", Dataset([[0.5, 0.0], [0.0, 2.0]], [1, -1]))
    >>> print(Path("two.txt").read_text(), end="")
    1 1:0.5
    -1 2:2.0
    """
    data.check()
    data.check_known("be saved")
    rows = sparse.csr_array(data.X)
    extreme = data.kind == "labels"
    targets = _target_words(data)
    ids = (rows.indices if extreme else rows.indices.astype(np.int64) + 1).tolist()
    with writing(path) as file:
        if extreme:
            file.write(f"{len(data)} {data.n_features} {data.n_labels}\n".encode())
        for target, start, end in zip(targets, rows.indptr[:-1], rows.indptr[1:], strict=True):
            words = rows.data[start:end].astype(str).tolist()  # shortest that reads back the same
            pairs = (f"{i}:{word}" for i, word in zip(ids[start:end], words, strict=True))
            file.write(f"{target} {' '.join(pairs)}".rstrip(" " if target else "").encode() + b"\n")


def _target_words(data: Dataset) -> list[str]:
    if data.y is None:
        return ["0"] * len(data)
    if isinstance(data.y, sparse.csr_array):
        starts, ids = data.label_lists()
        return [",".join(map(str, ids[i:j])) for i, j in pairwise(starts)]
    if data.kind == "values":
        if data.n_labels != 1:
            raise ValueError(
                f"svmlight text holds one value per row, not {data.n_labels}; use save_npz"
            )
        return [str(word) for word in data.y[:, 0].astype(str)]
    names = data.label_names
    if names is None or not all(isinstance(name, int) for name in names):
        return [str(i) for i in data.y]
    return [str(names[i]) for i in data.y]
