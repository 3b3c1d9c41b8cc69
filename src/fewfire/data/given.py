"""Examples as callers give them: a `Dataset`, arrays, or texts for a model trained on text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np

from .dataset import Dataset
from .encoding import Encoding


def as_dataset(X: Any, encoding: Encoding | None) -> Dataset:
    """Return `X` as a `Dataset`; texts become features as those of the training set did.

    >>> as_dataset([[1.0, 2.0]], None)
    Dataset(1 example, 2 dense features, no targets)
    """
    if isinstance(X, Dataset):
        X.check()
        return X
    if isinstance(X, str):
        raise ValueError('give a list of texts: ["..."], not one text')
    if not _are_texts(X):
        return Dataset(X)
    if encoding is None or encoding.text is None:
        raise ValueError(
            "X holds text, but the model was not trained on text: train on a data set that "
            "load_text read, or give numbers"
        )
    return Dataset(encoding.text([str(text) for text in X]), like=encoding.of_features())


def _are_texts(X: Any) -> TypeGuard[Sequence[str]]:
    if isinstance(X, np.ndarray):
        return X.ndim == 1 and X.dtype.kind in "OUT" and all(isinstance(text, str) for text in X)
    return isinstance(X, list | tuple) and len(X) > 0 and all(isinstance(text, str) for text in X)
