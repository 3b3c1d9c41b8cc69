"""Examples as callers give them: a `Dataset`, arrays, or texts for a model trained on text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np

from .dataset import Dataset
from .encoding import Encoding, Kind
from .frames import is_frame
from .generators import Deformed


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
        if encoding is not None and encoding.feature_names is not None and is_frame(X):
            return Dataset(X, like=encoding.of_features())
        return Dataset(X)
    if encoding is None or encoding.text is None:
        raise ValueError(
            "X holds text, but the model was not trained on text: train on a data set that "
            "load_text read, or give numbers"
        )
    return Dataset(encoding.text([str(text) for text in X]), like=encoding.of_features())


def as_training_set(
    X: Any, y: Any, like: Encoding | None = None, kind: Kind = None
) -> Dataset | Deformed:
    """Return the examples and targets that a training is given, `X` and `y` or a data set.

    Raises
    ------
    TypeError
        If a data set comes with targets, or named data sets come where targets go.
    ValueError
        If `y` is missing, or what `Dataset` raises.
    """
    if isinstance(y, Mapping):
        raise TypeError("data sets to measure on go by name: fit(data, eval_sets={...})")
    if isinstance(X, Dataset | Deformed):
        if y is not None:
            raise TypeError("a data set brings its own targets: leave out y")
        return X
    if y is None:
        raise ValueError("there are no targets: fit(X, y), or fit(Dataset(X, y))")
    return Dataset(X, y, like=like) if like is not None else Dataset(X, y, kind=kind)


def as_eval_sets(given: Any, like: Dataset) -> dict[str, Dataset]:
    """Return data sets to measure on, by name; each may be a pair of X and y, and a single pair is
    called "val"."""
    sets = {"val": given} if isinstance(given, tuple) else {} if given is None else given
    if not isinstance(sets, Mapping):
        raise TypeError(
            'eval_sets names its data sets: eval_sets={"val": data}; a single one may be a pair: '
            "eval_sets=(X, y)"
        )
    return {name: _evaluated(name, each, like) for name, each in sets.items()}


def _evaluated(name: str, given: Any, like: Dataset) -> Any:
    if not isinstance(given, tuple):
        return given
    if len(given) != 2:
        raise ValueError(f"{name} has {len(given)} parts: give a pair of X and y, or a Dataset")
    return Dataset(*given, like=like)


def _are_texts(X: Any) -> TypeGuard[Sequence[str]]:
    if isinstance(X, np.ndarray):
        return X.ndim == 1 and X.dtype.kind in "OUT" and all(isinstance(text, str) for text in X)
    return isinstance(X, list | tuple) and len(X) > 0 and all(isinstance(text, str) for text in X)
