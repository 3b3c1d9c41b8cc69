"""Classes that are numbers: the values that they stand for, and whether they look like values."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .encoding import Encoding

MANY = 20  # classes up to which nobody asks
FEW = 5  # examples of a class on average, below which numbers look like values ...
FEW_OF_IDS = 2  # ... and 0, 1, ..., which are what encoders of labels give


def numbers_of(encoding: Encoding) -> NDArray[np.float32]:
    """Return the number that each class stands for, (n_labels,); raise if one is not a number.

    >>> numbers_of(Encoding(2, "classes", 2, (31, 58)))
    array([31., 58.], dtype=float32)
    """
    if encoding.kind is None:
        raise ValueError("the data set has no targets: give it y")
    if encoding.kind != "classes":
        raise ValueError(
            f"values are wanted, but y holds {encoding.kind}: give one number per example, or "
            "train without loss='squared'"
        )
    names = encoding.label_names
    if names is None:
        return np.arange(encoding.n_labels, dtype=np.float32)
    words = [name for name in names if not isinstance(name, Real)]
    if words:
        raise ValueError(
            f"values are wanted, but y holds words as classes, such as {words[0]!r:.80}: give "
            "numbers, y.astype(float), or train without loss='squared'"
        )
    numbers = np.array([_as_float32(name) for name in names], np.float32)
    if not np.isfinite(numbers).all():
        name = names[int(np.argmin(np.isfinite(numbers)))]
        raise ValueError(f"values are wanted, but class {name!s:.80} is not a finite float32")
    return numbers


def look_like_values(n_examples: int, n_labels: int, *, are_ids: bool) -> bool:
    """Whether numbers that were taken as classes may be meant as values: many, and of few examples.

    What is measured or counted leaves gaps; 0, 1, ... without one raise fewer doubts.

    >>> look_like_values(442, 214, are_ids=False)  # diabetes
    True
    >>> look_like_values(1797, 10, are_ids=True)  # digits
    False
    """
    few = FEW_OF_IDS if are_ids else FEW
    return n_labels > MANY and n_examples < few * n_labels


def _as_float32(name: Any) -> np.float32:
    try:
        with np.errstate(over="ignore"):  # said above
            return np.float32(name)
    except OverflowError:  # an integer of hundreds of digits
        return np.float32(np.inf)
