"""Names of labels: words or numbers, each once, which come back from every file as they were."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


def checked_names(names: Iterable[Any], n_labels: int | None = None) -> tuple[Any, ...]:
    """Return the names of `n_labels` labels; raise unless each has one of its own that files keep.

    >>> checked_names(["cat", 7, 0.5], 3)
    ('cat', 7, 0.5)
    """
    if not isinstance(names, Iterable):
        raise TypeError(f"label_names are names of labels in their order, got {names!r}")
    found = tuple(names)
    for name in found:
        if not _is_kept(name):
            raise ValueError(
                f"{name!r} is not a name of a label that a file can keep, but "
                f"{type(name).__name__}; make names words or numbers: y.astype(str)"
            )
    n_distinct = len(set(found))
    if not len(found) == n_distinct == (len(found) if n_labels is None else n_labels):
        of = "" if n_labels is None else f" for {n_labels} labels"
        raise ValueError(
            f"label_names holds {len(found)} names, {n_distinct} of them distinct{of}; "
            "give each label one name of its own"
        )
    return found


def _is_kept(name: Any) -> bool:
    """Whether JSON gives back what is equal: dates of numpy become numbers, NaN equals nothing."""
    if isinstance(name, np.generic) and name.dtype.kind not in "biufU":
        return False
    plain = name.item() if isinstance(name, np.generic) else name
    return isinstance(plain, str | int | float) and plain == plain
