"""Raw text with labels, in the files that people have (`raw_format.py`), gzipped or not."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from ...base.files import PathLike
from ..columns import Columns
from ..compatible import speaking_of
from ..dataset import Dataset
from ..encoding import Encoding
from ..words import Counted, Words
from .beyond import dataset_like
from .raw_format import Format, format_of
from .raw_labels import BLANKS, Labels, apart, separator_of
from .raw_rows import Rows, rows_of
from .shared import decoded, in_memory, reading, start_of


def read_text(
    path: PathLike,
    like: Dataset | Encoding | None = None,
    *,
    vectorizer: Words | None = None,
    columns: Columns | None = None,
) -> Dataset:
    """Read texts and labels, for `like` as its training set was read."""
    if like is not None and vectorizer is not None:
        raise ValueError("like= brings its own vectorizer: leave out vectorizer")
    if like is not None and like.text is None:
        raise ValueError(
            f"{path} holds raw text, but the training set held numbers: give features like its own"
        )
    path, wanted = Path(path), columns or Columns()
    remembered = like is not None and not wanted.asked  # by the model, and no order of the caller
    if like is not None and like.text is not None:
        wanted = wanted.or_else(like.text.columns)
    kind: Format = format_of(path, start_of(path), wanted, of_texts=True) or "tsv"
    with reading(path, "texts and labels"), in_memory(path):
        rows = rows_of(decoded(path), kind, wanted, remembered=remembered)
        if like is None:
            return _training_set(path, rows, vectorizer or Counted())
    with speaking_of(path):
        return _further(path, rows, like)


def _training_set(path: Path, rows: Rows, words: Words) -> Dataset:
    if all(field is None for field in rows.fields):
        raise ValueError(_UNLABELLED.format(rows.lines[0]))
    separator = _separator(rows)
    lists = apart(rows.fields, separator or BLANKS)
    kept = _with_labels(path, rows, lists)
    texts, labelled = [rows.texts[i] for i in kept], _of(lists, kept)
    names = tuple(sorted(_names_of(labelled)))
    text, X = words.fit(texts)
    data = Dataset(X, _encoded(labelled, names), label_names=names)
    data._text = replace(text, columns=replace(rows.columns, separator=separator))
    return data


def _further(path: Path, rows: Rows, like: Dataset | Encoding) -> Dataset:
    """Return rows that are read as a training set was; labels that it lacks are counted."""
    assert like.text is not None
    if like.n_labels == 0 or all(field is None for field in rows.fields):
        return Dataset(like.text(rows.texts), like=like)  # targets are of no interest
    lists = apart(rows.fields, _separator(rows) or BLANKS)
    kept = _with_labels(path, rows, lists)
    labelled, names = _of(lists, kept), like.label_names or ()
    y = _encoded(labelled, (*names, *sorted(_names_of(labelled) - set(names))))
    return dataset_like(path, like.text([rows.texts[i] for i in kept]), y, like)


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
