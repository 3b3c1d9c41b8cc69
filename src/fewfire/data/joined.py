"""One data set of several, such as files that each hold some of the examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
from scipy.sparse import csr_array, vstack

from .dataset import Dataset


def joined(parts: Sequence[Dataset]) -> Dataset:
    """Return the examples of all parts, which are encoded like the first, in their order.

    >>> first = Dataset([[1.0], [2.0]], ["cat", "dog"])
    >>> joined([first, Dataset([[3.0]], ["dog"], like=first)]).y
    array([0, 1, 1], dtype=int32)
    """
    first = parts[0]
    for number, part in enumerate(parts):
        part.check_known("be learned")
        if not part.encoding.agrees(first.encoding):
            raise ValueError(
                f"part {number} has other features or labels than part 0: read it like that one, "
                "load(path, like=first)"
            )
    if len(parts) == 1:
        return first
    X = vstack([csr_array(part.X) for part in parts]) if first.is_sparse else _rows(parts)
    y: Any = (
        np.concatenate([np.asarray(part.y) for part in parts])
        if first.kind != "labels"
        else (csr_array(vstack([cast(csr_array, part.y) for part in parts])))
    )
    weights = [
        np.ones(len(part), np.float32) if part.sample_weight is None else part.sample_weight
        for part in parts
    ]
    has_weights = any(part.sample_weight is not None for part in parts)
    by_id = replace(first.encoding, label_names=None)  # whose names may be numbers, too
    whole = Dataset(
        X, y, like=by_id, sample_weight=np.concatenate(weights) if has_weights else None
    )
    whole._label_names = first.label_names
    return whole


def _rows(parts: Sequence[Dataset]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.concatenate([np.asarray(part.X) for part in parts])
