"""What models answer."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class _Best(NamedTuple):
    indices: NDArray[np.int32]
    scores: NDArray[np.float32]


class TopKResult(_Best):
    """The k best rows of each example, best first; -1 and -inf where fewer were computed.

    Attributes
    ----------
    indices : ndarray of int32, (n, k)
    scores : ndarray of float32, (n, k)
    names : ndarray of object, (n, k)

    >>> top = TopKResult(np.array([[1, -1]], np.int32), np.array([[0.5, -np.inf]], np.float32))
    >>> top.called(("cat", "dog")).names
    array([['dog', None]], dtype=object)
    """

    label_names: tuple[Any, ...] | None = None

    def called(self, label_names: tuple[Any, ...] | None) -> TopKResult:
        """Return the same with the name of each row."""
        named = TopKResult(*self)
        named.label_names = label_names
        return named

    @property
    def names(self) -> NDArray[Any]:
        """Names of the rows, their numbers where they have none; None where fewer were computed."""
        places, back = np.unique(self.indices, return_inverse=True)  # of a million names, those
        names = self.label_names
        known = [row if names is None else names[row] for row in places.tolist() if row >= 0]
        found = np.empty(len(places), object)
        found[len(places) - len(known) :] = known
        return np.asarray(found[back.reshape(self.indices.shape)])
