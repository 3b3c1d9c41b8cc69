"""A number that keeps data sets apart: whoever goes on with a training must bring the same."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from .dataset import Dataset
from .epoch import Examples
from .generators import Deformed
from .mapped import Mapped

_LOOKED_AT = 256  # examples of a file, spread over it


def fingerprint(examples: Examples) -> int:
    """Return the checksum of features and targets: of all in memory, of some that are in a file, of
    the source of deformed images.

    >>> data = Dataset([[1.0], [2.0]], [0, 1])
    >>> fingerprint(data) == fingerprint(data[:]), fingerprint(data) == fingerprint(data[::-1])
    (True, False)
    """
    if isinstance(examples, Deformed):
        made = np.array([len(examples), examples.random_state])
        return _checksum(made, fingerprint(examples.source))
    seen: Dataset = examples
    if isinstance(examples, Mapped):
        seen = examples[np.linspace(0, len(examples) - 1, _LOOKED_AT).astype(np.int64)]
    own = _checksum(seen.y, _checksum(seen.X, len(examples) & 0xFFFFFFFF))
    return _checksum(seen.sample_weight, own)


def fingerprints(examples: Examples, eval_sets: Mapping[str, Dataset]) -> dict[str, Any]:
    """Return what a checkpoint says of the data that a run is trained and measured on."""
    measured = {name: fingerprint(own) for name, own in eval_sets.items()}
    return {"data": fingerprint(examples), "eval_sets": measured}


def _checksum(array: Any, start: int) -> int:
    if array is None:
        return start
    if isinstance(array, csr_array):
        indptr, indices = np.asarray(array.indptr, np.int64), np.asarray(array.indices, np.int32)
        return _checksum(array.data, _checksum(indices, _checksum(indptr, start)))
    return zlib.crc32(
        np.ascontiguousarray(array).data, zlib.crc32(repr(array.shape).encode(), start)
    )
