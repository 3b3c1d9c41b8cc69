"""Data sets one behind the other, as if they had been one: files of one format, read together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_diag, csr_array, issparse, vstack

from .csr import make_csr, read_only
from .dataset import Dataset


def joined(parts: Sequence[Dataset]) -> Dataset:
    """Return the examples of all parts, as one data set.

    Parts that are encoded alike stay so. Of others, the widest decides how many features and labels
    there are; classes are numbered again.

    >>> a, b = Dataset([[1.0], [2.0]], [3, 5]), Dataset([[4.0]], [4])
    >>> both = joined([a, b])
    >>> both.y, both.label_names
    (array([0, 2, 1], dtype=int32), (3, 4, 5))
    """
    first = parts[0]
    _check_alike(parts)
    if len(parts) == 1:
        return first
    whole = first[:]
    widest = max(part.n_features for part in parts)
    whole._X = _stacked([part.X for part in parts], widest)
    if any(part.encoding != first.encoding for part in parts):
        whole._label_features = None
    if first.kind is not None and not _share_labels(parts):
        whole = _numbered_anew(whole, parts)
    elif first.kind == "labels":
        whole._n_labels = max(part.n_labels for part in parts)
        whole._y = _stacked([part.y for part in parts], whole._n_labels)
    elif first.kind is not None:
        whole._y = read_only(np.concatenate([np.asarray(part.y) for part in parts]))
    if any(part.sample_weight is not None for part in parts):
        weights = [_weights(part) for part in parts]
        whole._weights = read_only(np.concatenate(weights))
    if any(part.unknown_labels is not None for part in parts):
        found = csr_array(block_diag([_unknown(part) for part in parts], format="csr"))
        whole._unknown = found
    whole._doubt()
    return whole


def _check_alike(parts: Sequence[Dataset]) -> None:
    first = parts[0]
    for part in parts[1:]:
        if part.kind != first.kind:
            raise ValueError(f"some examples have {first.kind}, others {part.kind}: train on one")
        if part.is_sparse != first.is_sparse or (
            part.n_features != first.n_features and not first.is_sparse
        ):
            raise ValueError(
                f"examples have {first.n_features} features and {part.n_features}: give all the "
                "same"
            )
        if part.feature_names != first.feature_names:
            raise ValueError("features have other names in one part than in the others")
        if part.kind == "values" and part.n_labels != first.n_labels:
            raise ValueError(f"{first.n_labels} columns of values, and {part.n_labels}")
        if (part.label_names is None) != (first.label_names is None) and part.kind == "labels":
            raise ValueError("labels have names in one part and none in another: name all")


def _share_labels(parts: Sequence[Dataset]) -> bool:
    """Whether the numbers of labels mean the same in all parts."""
    first = parts[0]
    same_names = all(part.label_names == first.label_names for part in parts)
    same_width = all(part.n_labels == first.n_labels for part in parts)
    return same_names and (same_width or first.kind != "classes")


def _numbered_anew(whole: Dataset, parts: Sequence[Dataset]) -> Dataset:
    """Return the examples with the labels of all parts, in the order in which one file would
    number them."""
    names = sorted({name for part in parts for name in _names(part)})
    ids = {name: i for i, name in enumerate(names)}
    lists = [csr_array(_lists(part)) for part in parts]
    columns = [
        np.array([ids[name] for name in _names(part)], np.int32)[own.indices]
        for part, own in zip(parts, lists, strict=True)
    ]
    if whole.kind == "classes":
        values: NDArray[Any] = np.array(names)[np.concatenate(columns)]
        made = Dataset(whole.X, values, feature_names=whole.feature_names)
        made._zero_based = whole.zero_based
        return made
    moved = [
        csr_array((np.ones(len(own), np.float32), own, each.indptr), (each.shape[0], len(names)))
        for own, each in zip(columns, lists, strict=True)
    ]
    return Dataset(whole.X, csr_array(vstack(moved)), label_names=names)


def _names(part: Dataset) -> Sequence[Any]:
    return range(part.n_labels) if part.label_names is None else part.label_names


def _lists(part: Dataset) -> csr_array:
    indptr, ids = part.label_lists()
    return make_csr(np.ones(len(ids), np.float32), ids, indptr, (len(part), part.n_labels))


def _stacked(rows: Sequence[Any], width: int) -> Any:
    """Return rows of all parts, widened where they are sparse."""
    if not issparse(rows[0]):
        return read_only(np.concatenate([np.asarray(own) for own in rows]))
    lengths = [np.diff(own.indptr) for own in rows]
    indptr = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    indices = np.concatenate([own.indices for own in rows])
    return make_csr(
        np.concatenate([own.data for own in rows]), indices, indptr, (len(indptr) - 1, width)
    )


def _weights(part: Dataset) -> NDArray[np.float32]:
    own = part.sample_weight
    return np.ones(len(part), np.float32) if own is None else own


def _unknown(part: Dataset) -> csr_array:
    own = part.unknown_labels
    if own is not None:
        return own
    return make_csr(np.empty(0, np.float32), [], np.zeros(len(part) + 1), (len(part), 0))
