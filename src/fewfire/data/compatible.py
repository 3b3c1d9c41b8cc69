"""Whether targets and features of a file mean what they mean in a training set, or are said to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..base.files import PathLike
from .dataset import Dataset
from .encoding import Encoding, Kind
from .label_names import checked_names


@contextmanager
def speaking_of(path: PathLike) -> Iterator[None]:
    """Begin what is wrong with the content of a file with the file."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def named(path: Path, encoding: Encoding, names: tuple[Any, ...]) -> Encoding:
    if encoding.label_names is not None or encoding.kind == "values":
        held = "values" if encoding.kind == "values" else "label names of its own"
        raise ValueError(f"{path} holds {held}: leave out the label names")
    with speaking_of(path):
        names = checked_names(names, encoding.n_labels)
    return Encoding(encoding.n_features, encoding.kind, len(names), names, encoding.zero_based)


def as_told(path: PathLike, data: Dataset, kind: Kind) -> Dataset:
    """Return what a file holds as the `kind` of targets that its reader was given."""
    if kind in (None, data.kind):
        return data
    with speaking_of(path):
        if kind == "values":
            return data.as_values()
        raise ValueError(f'y holds {data.kind or "no targets"}, but kind="{kind}": leave out kind')


def fitted(path: Path, own: Encoding, like: Dataset | Encoding) -> Encoding:
    """Return the encoding of `like`; raise unless the numbers in the file mean the same there."""
    known = like.kind is not None and like.n_labels > 0
    differ = []
    if own.n_features > like.n_features:
        differ.append(f"{own.n_features} features, not {like.n_features}")
    if own.zero_based != like.zero_based:
        differ.append(f"features from {1 - own.zero_based}, not {1 - like.zero_based}")
    if like.kind not in (None, own.kind):
        differ.append(f"{own.kind}, not {like.kind}")
    elif known and own.kind == "values" and own.n_labels != like.n_labels:
        differ.append(f"{own.n_labels} column of values, not {like.n_labels}")
    elif known and own.n_labels > like.n_labels:
        differ.append(f"{own.n_labels} labels, not {like.n_labels}")
    elif known and not _same_names(own, like.label_names):
        differ.append("labels of other names")
    if differ:
        raise ValueError(
            f"{path} holds {'; '.join(differ)}: convert it again with --like and the training set"
        )
    labels = like if known else own
    return replace(
        own,
        n_features=like.n_features,
        n_labels=labels.n_labels,
        label_names=labels.label_names,
        text=like.text,
        feature_names=like.feature_names,
    )


def _same_names(own: Encoding, names: tuple[Any, ...] | None) -> bool:
    """Whether the ids in the file are those of `names`; without names, numbers are ids."""
    if own.label_names is not None:
        return own.label_names == names
    return own.kind == "labels" or names is None or not all(isinstance(x, int) for x in names)
