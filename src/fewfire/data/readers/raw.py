"""Raw text with labels: `text <tab> label,label` in each line, in UTF-8, gzipped or not."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from ...base.files import PathLike
from ..dataset import Dataset
from ..encoding import Encoding
from ..words import Counted, Words
from .shared import content, in_memory, reading


class Line(NamedTuple):
    """A line of a file; without a tab it has no labels, not even an empty list."""

    number: int
    text: str
    labels: tuple[str, ...] | None


def is_raw(path: Path) -> bool:
    """Whether the name says that lines are text and labels."""
    return path.name.removesuffix(".gz").endswith(".tsv")


def read_text(
    path: PathLike, like: Dataset | Encoding | None = None, *, vectorizer: Words | None = None
) -> Dataset:
    """Read lines of text and labels, for `like` as its training set was read."""
    if like is not None and vectorizer is not None:
        raise ValueError("like= brings its own vectorizer: leave out vectorizer")
    if like is not None and like.text is None:
        raise ValueError(
            f"{path} holds raw text, but the training set held numbers: give features like its own"
        )
    of_interest = like is None or like.n_labels > 0
    with reading(path, "text and labels"), in_memory(path):
        lines = _lines(content(path), of_interest)
    try:
        return _dataset(lines, like, of_interest, vectorizer or Counted())
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _dataset(
    lines: list[Line], like: Dataset | Encoding | None, of_interest: bool, words: Words
) -> Dataset:
    texts = [line.text for line in lines]
    if like is None or like.text is None:
        labels, names = _targets(lines, None)
        text, X = words.fit(texts)
        data = Dataset(X, labels, label_names=names)
        data._text = text
        return data
    labelled = of_interest and any(line.labels is not None for line in lines)
    y = _targets(lines, like.label_names)[0] if labelled else None
    return Dataset(like.text(texts), y, like=like)


def _lines(raw: bytes, labelled: bool) -> list[Line]:
    parts = raw.split(b"\n")
    if parts[-1] == b"":
        parts.pop()
    if not parts:
        raise ValueError("it is empty")
    return [_line(part, number, labelled) for number, part in enumerate(parts, 1)]


def _line(raw: bytes, number: int, labelled: bool) -> Line:
    if b"\0" in raw:
        raise ValueError(f"line {number} holds a NUL byte: it is no text")
    try:
        line = raw.decode().removesuffix("\r")
    except UnicodeDecodeError as error:
        raise ValueError(f"line {number} is not UTF-8 text") from error
    text, *rest = line.split("\t")
    if not text.strip():
        raise ValueError(f"line {number} has no text")
    if len(rest) > 1:
        raise ValueError(
            f"line {number} has {len(rest)} tabs, but one stands between the text and its labels: "
            "make the others spaces"
        )
    if not rest or not labelled:
        return Line(number, text, None)
    labels = tuple(label.strip() for label in rest[0].split(","))
    if labels == ("",):
        raise ValueError(f"line {number} has no labels")
    if "" in labels:
        raise ValueError(f"line {number} has an empty label between commas")
    return Line(number, text, labels)


def _targets(lines: list[Line], names: tuple[str, ...] | None) -> tuple[csr_array, tuple[str, ...]]:
    """Return the labels as CSR, and their names: those known, or those found in sorted order."""
    for line in lines:
        if line.labels is None:
            raise ValueError(
                f"line {line.number} has no tab: write the text, a tab, and labels with commas "
                "between them"
            )
    found = [(line, label) for line in lines for label in line.labels or ()]
    if names is None:
        names = tuple(sorted({label for _, label in found}))
    ids = {name: i for i, name in enumerate(names)}
    for line, label in found:
        if label not in ids:
            raise ValueError(
                f"line {line.number} has the label {label[:80]!r}, which is none of the "
                f"{len(ids):,} of the training set: drop it, or train on it"
            )
    rows = np.repeat(np.arange(len(lines)), [len(line.labels or ()) for line in lines])
    columns = np.array([ids[label] for _, label in found])
    ones = np.ones(len(found), np.float32)
    return csr_array((ones, (rows, columns)), (len(lines), len(names))), names
