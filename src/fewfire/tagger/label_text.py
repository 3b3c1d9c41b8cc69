"""Descriptions of labels, from which a tagger learns as from examples.

An example more for each label that has a description, with that label alone: its own words lead to
it (docs/design.md, "What labels say of themselves"). Labels without any other example get a place
in the trees by them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.sparse import csr_array, vstack

from ..data import Dataset
from ..data.csr import make_csr
from ..data.features import label_features_of
from ..measure.metrics import owners


def with_label_text(train: Dataset, label_features: Any) -> Dataset:
    """Return the examples and, behind them, a row for each label whose features are not all 0.

    Raises a `ValueError` unless there is a row for each label, with the features of an example.
    """
    given = train.label_features if label_features is None else label_features
    if given is None:
        return train
    described = label_features_of(given, train.kind, (train.n_labels, train.n_features))
    indptr = np.asarray(described.indptr, np.int64)
    labels = np.unique(owners(indptr)[described.data != 0]).astype(np.int32)
    X = csr_array(vstack([csr_array(train.X), described[labels]]))
    weights = train.sample_weight
    if weights is not None:
        weights = np.concatenate([weights, np.ones(len(labels), np.float32)])
    by_id = replace(train.encoding, label_names=None)  # whose names may be numbers, too
    both = Dataset(X, _and_own(train, labels), like=by_id, sample_weight=weights)
    both._label_names = train.label_names
    return both


def _and_own(train: Dataset, labels: np.ndarray[Any, np.dtype[np.int32]]) -> Any:
    """Return the targets, and behind them each of `labels` alone."""
    if train.kind == "classes":
        return np.concatenate([np.asarray(train.y), labels])
    indptr, ids = train.label_lists()
    indptr = np.concatenate([indptr, indptr[-1] + np.arange(1, len(labels) + 1)])
    ids = np.concatenate([ids, labels])
    return make_csr(np.ones(len(ids), np.float32), ids, indptr, (len(indptr) - 1, train.n_labels))
