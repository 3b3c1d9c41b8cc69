"""Raw text with labels: `text <tab> label,label` in each line, in UTF-8, gzipped or not."""

from __future__ import annotations

import io
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from scipy.sparse import csr_array

from ...base.files import PathLike
from ..compatible import speaking_of
from ..dataset import Dataset
from ..encoding import Encoding
from ..words import Counted, Words
from .shared import content, in_memory, reading

Labels: TypeAlias = tuple[str, ...]


class Lines(NamedTuple):
    """The lines of a file; one without a tab has no labels, not even an empty list. Lines of the
    same labels share them."""

    texts: list[str]
    labels: list[Labels | None]


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
    with speaking_of(path):
        return _dataset(lines, like, of_interest, vectorizer or Counted())


def _dataset(
    lines: Lines, like: Dataset | Encoding | None, of_interest: bool, words: Words
) -> Dataset:
    if like is None or like.text is None:
        labels, names = _targets(lines.labels, None)
        text, X = words.fit(lines.texts)
        data = Dataset(X, labels, label_names=names)
        data._text = text
        return data
    labelled = of_interest and any(labels is not None for labels in lines.labels)
    y = _targets(lines.labels, like.label_names)[0] if labelled else None
    return Dataset(like.text(lines.texts), y, like=like)


def _lines(raw: bytes, labelled: bool) -> Lines:
    if not raw:
        raise ValueError("it is empty")
    lines, known = Lines([], []), dict[str, Labels]()
    for number, line in enumerate(io.BytesIO(raw), 1):
        text, field = _split(line.removesuffix(b"\n"), number)
        lines.texts.append(text)
        if field is None or not labelled:
            lines.labels.append(None)
            continue
        if field not in known:
            known[field] = _labels(field, number)
        lines.labels.append(known[field])
    return lines


def _split(raw: bytes, number: int) -> tuple[str, str | None]:
    """Return the text of a line and what follows the tab, if there is one."""
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
    return text, rest[0] if rest else None


def _labels(field: str, number: int) -> Labels:
    labels = tuple(label.strip() for label in field.split(","))
    if labels == ("",):
        raise ValueError(f"line {number} has no labels")
    if "" in labels:
        raise ValueError(f"line {number} has an empty label between commas")
    return labels


def _targets(lists: list[Labels | None], names: Labels | None) -> tuple[csr_array, Labels]:
    """Return the labels as CSR, and their names: those known, or those found in sorted order."""
    if None in lists:
        raise ValueError(
            f"line {lists.index(None) + 1} has no tab: write the text, a tab, and labels with "
            "commas between them"
        )
    labelled = [labels for labels in lists if labels is not None]
    found = set(chain.from_iterable(set(labelled)))
    if names is None:
        names = tuple(sorted(found))
    ids = {name: i for i, name in enumerate(names)}
    if unknown := found - ids.keys():
        _refuse(labelled, unknown, len(ids))
    n_labels = np.fromiter(map(len, labelled), np.int64, len(labelled))
    columns = np.fromiter((ids[label] for labels in labelled for label in labels), np.int32)
    ones, rows = np.ones(len(columns), np.float32), np.repeat(np.arange(len(labelled)), n_labels)
    return csr_array((ones, (rows, columns)), (len(labelled), len(names))), names


def _refuse(labelled: list[Labels], unknown: set[str], n_known: int) -> None:
    """Raise for the first line with a label that is unknown."""
    number = next(i for i, labels in enumerate(labelled, 1) if not unknown.isdisjoint(labels))
    label = next(label for label in labelled[number - 1] if label in unknown)
    raise ValueError(
        f"line {number} has the label {label[:80]!r}, which is none of the {n_known:,} of the "
        "training set: drop it, or train on it"
    )
