"""Examples as workers get them: files that each reads itself, or a data set that is sent."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array, issparse, vstack

from .. import datasets
from ..data import Dataset
from ..data.joined import joined
from ..data.words import Counted, Words


class Files(NamedTuple):
    """Files by their paths, the first of which decides what features and labels there are."""

    paths: tuple[str, ...]

    def read(self) -> Dataset:
        """Read them one after the other, as one data set."""
        parts: list[Dataset] = []
        for path in self.paths:
            part = datasets.load(path, like=parts[0] if parts else None)
            if not isinstance(part, Dataset):
                raise ValueError(f"{path} brings a test set of its own: give files, or a Dataset")
            if part.unknown_labels is not None:
                raise ValueError(
                    f"{path} has {part.unknown_labels.shape[1]:,} labels that {self.paths[0]} "
                    "lacks, which decides what labels there are: give a file with all of them first"
                )
            parts.append(part)
        return joined(parts)


def source_of(data: Any, client: Any, vectorizer: Words | None) -> Any:
    """Return what tasks get as the examples: `Files`, or a future of a data set."""
    if isinstance(data, str | PathLike):
        return Files((fspath(data),))
    if isinstance(data, list) and data and all(isinstance(x, str | PathLike) for x in data):
        return Files(tuple(fspath(path) for path in data))
    if isinstance(data, Dataset):
        return client.scatter(data, hash=False)
    if isinstance(data, tuple) and len(data) == 2:
        import dask

        X, y = data
        if not is_collection(X):
            return client.scatter(Dataset(X, y), hash=False)
        if not is_collection(y):
            raise TypeError("y must be a dask array or bag, as X is")
        whole = dask.delayed(assembled, pure=False)(partitions(X), partitions(y), vectorizer)
        return client.compute(whole)
    raise TypeError(
        f"data is a {type(data).__name__}: give a path, a list of paths, a Dataset, or a pair of X "
        "and y, dask arrays or bags"
    )


def read(source: Any) -> Dataset:
    """Return the examples; runs on a worker."""
    data: Dataset = source.read() if isinstance(source, Files) else source
    return data


def partitions(collection: Any) -> list[Any]:
    """Return the partitions of a dask collection, futures or tasks of arrays or lists: of an array
    its blocks of whole rows."""
    if getattr(collection, "ndim", 1) > 1 and collection.numblocks[1] > 1:
        collection = collection.rechunk({1: -1})
    return list(np.asarray(collection.to_delayed(), object).ravel())


def assembled(X: Sequence[Any], y: Sequence[Any], vectorizer: Words | None) -> Dataset:
    """Make a data set of the partitions of its features, or texts, and of its targets; runs on a
    worker."""
    rows, targets = _together(X), _together(y)
    if not (isinstance(rows, list) and rows and isinstance(rows[0], str)):
        return Dataset(rows, targets)
    text, features = (vectorizer or Counted()).fit(rows)
    data = Dataset(features, targets)
    data._text = text
    return data


def _together(parts: Sequence[Any]) -> Any:
    if all(isinstance(part, list) for part in parts):
        return [item for part in parts for item in part]
    if any(issparse(part) for part in parts):
        return csr_array(vstack(parts))
    return np.concatenate([np.asarray(part) for part in parts])


def is_collection(data: Any) -> bool:
    """Whether these are partitions of dask."""
    import dask

    return bool(dask.is_dask_collection(data)) and hasattr(data, "to_delayed")
