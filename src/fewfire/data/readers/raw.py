"""Raw text with labels, in the files that people have (`raw_format.py`), gzipped or not."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from os import PathLike as PathLike_
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from ...base.files import PathLike
from ..columns import Columns
from ..dataset import Dataset
from ..encoding import Encoding
from ..words import Counted, Words
from .beyond import dataset_like
from .raw_format import Format, format_of
from .raw_labels import BLANKS, Labels, apart, separator_of
from .raw_rows import Rows, rows_of
from .shared import decoded, in_memory, reading, start_of


class _File(NamedTuple):
    path: Path
    rows: Rows


def read_text(
    path: PathLike | Sequence[PathLike],
    like: Dataset | Encoding | None = None,
    *,
    vectorizer: Words | None = None,
    columns: Columns | None = None,
) -> Dataset:
    """Read texts and labels of one file or several, for `like` as its training set was read."""
    paths = [path] if isinstance(path, str | PathLike_) else list(path)
    if like is not None and vectorizer is not None:
        raise ValueError("like= brings its own vectorizer: leave out vectorizer")
    if like is not None and like.text is None:
        raise ValueError(
            f"{paths[0]} holds raw text, but the training set held numbers: give features like "
            "its own"
        )
    wanted = columns or Columns()
    remembered = like is not None and not wanted.asked  # by the model, and no order of the caller
    if like is not None and like.text is not None:
        wanted = wanted.or_else(like.text.columns)
    files = [_read(Path(each), wanted, remembered=remembered) for each in paths]
    if like is None:
        return _training_set(files, vectorizer or Counted())
    return _further(files, like)


def _read(path: Path, wanted: Columns, *, remembered: bool) -> _File:
    kind: Format = format_of(path, start_of(path), wanted, of_texts=True) or "tsv"
    with reading(path, "texts and labels"), in_memory(path):
        return _File(path, rows_of(decoded(path), kind, wanted, remembered=remembered))


def _training_set(files: Sequence[_File], words: Words) -> Dataset:
    for path, rows in files:
        if all(field is None for field in rows.fields):
            with reading(path, "texts and labels"):
                raise ValueError(_UNLABELLED.format(rows.lines[0]))
    texts, labelled = _labelled(files)
    names = tuple(sorted(_names_of(labelled)))
    with reading(files[0].path, "texts and labels"), in_memory(files[0].path):
        text, X = words.fit(texts)
    data = Dataset(X, _encoded(labelled, names), label_names=names)
    columns = files[0].rows.columns
    data._text = replace(text, columns=replace(columns, separator=_separator(files[0].rows)))
    return data


def _further(files: Sequence[_File], like: Dataset | Encoding) -> Dataset:
    """Return rows that are read as a training set was; labels that it lacks are counted."""
    assert like.text is not None
    fields = (field for _, rows in files for field in rows.fields)
    if like.n_labels == 0 or all(field is None for field in fields):
        every = [text for _, rows in files for text in rows.texts]
        return Dataset(like.text(every), like=like)  # targets are of no interest
    texts, labelled = _labelled(files)
    names = like.label_names or ()
    y = _encoded(labelled, (*names, *sorted(_names_of(labelled) - set(names))))
    return dataset_like(files[0].path, like.text(texts), y, like)


def _labelled(files: Sequence[_File]) -> tuple[list[str], list[Labels]]:
    """Return the texts of all files that have labels, and these."""
    texts: list[str] = []
    labelled: list[Labels] = []
    for path, rows in files:
        with reading(path, "texts and labels"):
            lists = apart(rows.fields, _separator(rows) or BLANKS)
            kept = _with_labels(path, rows, lists)
        texts += [rows.texts[i] for i in kept]
        labelled += _of(lists, kept)
    return texts, labelled


def _separator(rows: Rows) -> str | None:
    """Return what stands between labels; None where they were apart already."""
    if not any(isinstance(field, str) for field in rows.fields):
        return rows.columns.separator
    return rows.columns.separator or separator_of(rows.fields)


_UNLABELLED = (
    "line {} has no labels: write the text, a tab, and labels with commas between them; CSV and "
    "JSON lines are known by their names, .csv and .jsonl, and fastText's lines by __label__"
)


def _with_labels(path: Path, rows: Rows, lists: Sequence[Labels | None]) -> list[int]:
    """Return the rows that have a text and labels; warn of others, but raise for a line of text
    that has no place for labels."""
    kept, left_out = [], []
    for row, labels in enumerate(lists):
        has_text = bool(rows.texts[row].strip())
        if has_text and rows.fields[row] is None and not rows.may_lack_labels:
            raise ValueError(_UNLABELLED.format(rows.lines[row]))
        if has_text and labels:
            kept.append(row)
        elif has_text or rows.fields[row]:
            left_out.append(row)
    if not kept:
        raise ValueError("no row has a text and labels")
    if left_out:
        warnings.warn(
            f"{path}: {len(left_out):,} of {len(lists):,} rows have no text or no labels and are "
            f"left out, the first in line {rows.lines[left_out[0]]}",
            UserWarning,
            stacklevel=2,
        )
    return kept


def _of(lists: Sequence[Labels | None], kept: Sequence[int]) -> list[Labels]:
    return [lists[i] or () for i in kept]


def _encoded(lists: Sequence[Labels], names: Labels) -> csr_array:
    """Return labels as CSR of ones, a column for each name."""
    ids = {name: i for i, name in enumerate(names)}
    n_labels = np.fromiter(map(len, lists), np.int64, len(lists))
    columns = np.fromiter(
        (ids[label] for labels in lists for label in labels), np.int32, int(n_labels.sum())
    )
    rows = np.repeat(np.arange(len(lists)), n_labels)
    ones = np.ones(len(columns), np.float32)
    return csr_array((ones, (rows, columns)), (len(lists), len(names)))


def _names_of(lists: Sequence[Labels]) -> set[str]:
    return set(chain.from_iterable(set(lists)))
