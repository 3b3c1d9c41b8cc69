"""Descriptions of labels, in a file like those of examples: a row has the labels it describes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .csr import make_csr
from .dataset import Dataset


class Described(NamedTuple):
    """A training set, with labels behind its own that it only has descriptions of, and the features
    of each label, (n_labels, n_features); 0 of labels without a description."""

    train: Dataset
    label_features: csr_array


def described(train: Dataset, by: Dataset) -> Described:
    """Return `train` with the labels of `by` behind its own, and the sum of the rows of each label.

    Raises a `ValueError` where there are no labels, or it is not clear which is which.
    """
    for data, name in ((train, "the training set"), (by, "the file of descriptions")):
        if data.kind not in ("classes", "labels"):
            raise ValueError(f"{name} has no labels to describe: it holds {data.kind}")
    if by.n_features != train.n_features:
        raise ValueError(
            f"descriptions have {by.n_features} features, not the {train.n_features} of examples"
        )
    numbers, n_labels, names = _numbered(train, by)
    indptr, labels = by.label_lists()
    lists = make_csr(np.ones(len(labels), np.float32), numbers[labels], indptr, (len(by), n_labels))
    lists.sort_indices()
    return Described(_with_labels(train, n_labels, names), csr_array(lists.T @ csr_array(by.X)))


def _numbered(train: Dataset, by: Dataset) -> tuple[NDArray[np.int32], int, tuple[Any, ...] | None]:
    """Return which label of training each of `by` is, how many there are with those behind, and the
    names of all."""
    known, new = train.label_names, by.label_names
    are_numbers = known is not None and all(isinstance(name, int) for name in known)
    if new is None and by.kind == "classes" and are_numbers:
        new = tuple(range(by.n_labels))  # numbers, as those of the training set are
    if new is None:  # numbers of labels, whether these have names or not
        if known is not None and by.n_labels > len(known):
            raise ValueError(f"label {by.n_labels - 1} is described, and has no name")
        n_labels = max(train.n_labels, by.n_labels)
        return np.arange(by.n_labels, dtype=np.int32), n_labels, known
    if known is None:
        raise ValueError("descriptions are of names, but labels of the training set are numbers")
    ids = {name: i for i, name in enumerate(known)}
    numbers = np.array([ids.setdefault(name, len(ids)) for name in new], np.int32)
    return numbers, len(ids), tuple(ids)


def _with_labels(train: Dataset, n_labels: int, names: tuple[Any, ...] | None) -> Dataset:
    """Return a training set whose labels are the first of so many."""
    if n_labels == train.n_labels:
        return train
    wider = replace(train.encoding, n_labels=n_labels, label_names=None)  # names may be numbers
    y: NDArray[np.int32] | csr_array
    if train.kind == "classes":
        y = np.asarray(train.y, np.int32)
    else:
        indptr, ids = train.label_lists()
        y = make_csr(np.ones(len(ids), np.float32), ids, indptr, (len(train), n_labels))
    both = Dataset(train.X, y, like=wider, sample_weight=train.sample_weight)
    both._label_names = names
    return both
