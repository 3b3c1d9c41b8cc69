"""Whether data fits a model: its width, its labels and their names, and candidates to score."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array, issparse

from ..base.checks import said, shown
from ..data import Dataset, Encoding
from ..data.csr import checked_csr


def check_features(data: Dataset, n_features: int, encoding: Encoding | None) -> None:
    """Raise unless examples have the features that a model needs and, where both are named, in the
    same order."""
    if data.n_features != n_features:
        raise ValueError(
            f"the data has {data.n_features} features but the model needs {n_features}"
        )
    known = None if encoding is None else encoding.feature_names
    if known is None or data.feature_names is None or data.feature_names == known:
        return
    place = next(i for i in range(n_features) if data.feature_names[i] != known[i])
    raise ValueError(
        f"feature {place} of the data is {shown(data.feature_names[place])}, that of the training "
        f"set {shown(known[place])}: make the data set with like=train, or like=model.encoding"
    )


def check_examples(data: Dataset) -> None:
    """Raise unless `data` is a data set with examples, and still as it was made."""
    if not isinstance(data, Dataset):
        raise TypeError(f"data must be a fewfire.Dataset, got {type(data).__name__}")
    if len(data) == 0:
        raise ValueError("the data set has no examples")
    if data.n_features == 0:
        raise ValueError(
            "the data set has no features: is it text of another format than svmlight?"
        )
    data.check()


def check_labelled(data: Dataset) -> None:
    """Raise unless `data` is a data set with examples that have labels or classes."""
    check_examples(data)
    if data.kind not in ("classes", "labels"):
        held = "no targets" if data.kind is None else "values"
        raise ValueError(f"labels or classes are wanted as targets; the data set has {held}")


def check_labels(data: Dataset, n_outputs: int, encoding: Encoding | None) -> None:
    """Raise unless the labels of `data` are among a model's and, where `encoding` says what those
    of the training set were called, called the same."""
    if data.n_labels > n_outputs:
        raise ValueError(
            f"the data set has {data.n_labels} labels but the model has {n_outputs}; read both "
            "files with one encoder: like=train"
        )
    if encoding is not None and data.label_names != encoding.label_names:
        raise ValueError(
            "the labels of the data set have other names than those of the training set; "
            "read both files with one encoder: like=train, or like=model.encoding"
        )


def check_alike(data: Dataset, encoding: Encoding) -> None:
    """Raise unless `data` has labels, and they and its features mean what `encoding` says."""
    check_labelled(data)
    check_features(data, encoding.n_features, encoding)
    check_labels(data, encoding.n_labels, encoding)


def warn_of_values(data: Dataset) -> None:
    """Warn whoever called the caller, if what `data` takes as classes looks like values."""
    if data.looks_like_values:
        warnings.warn(
            f"y holds {data.n_labels:,} classes of {len(data):,} examples: if they are numbers to "
            "predict, give kind='values' or loss='squared' (--loss squared)",
            UserWarning,
            stacklevel=3,
        )


def as_candidates(wanted: Any, n_examples: int, n_outputs: int) -> csr_array:
    """Return candidates as CSR of their own, ascending and distinct; raise unless there is a row
    per example and a column per label."""
    matrix: Any = wanted if issparse(wanted) else _of_dense(wanted)
    if matrix.shape != (n_examples, n_outputs):
        raise ValueError(
            f"candidates have the shape {matrix.shape}, wanted ({n_examples}, {n_outputs}): a row "
            "per example, a column per label"
        )
    checked = checked_csr(matrix, "candidates")
    lists = csr_array((checked.data, checked.indices, checked.indptr), checked.shape, copy=True)
    lists.sum_duplicates()
    return lists


def _of_dense(wanted: Any) -> coo_array:
    """Return what is not 0 in an array of numbers."""
    try:
        array = np.asarray(wanted)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"candidates are not an array: {said(error)}") from error
    if array.dtype.kind not in "biuf" or array.ndim != 2:
        raise ValueError(
            f"candidates hold {array.dtype} in {array.ndim} dimensions; give a scipy.sparse array, "
            "or numbers in 2 dimensions"
        )
    return coo_array(array != 0)
