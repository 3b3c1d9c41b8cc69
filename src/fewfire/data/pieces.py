"""What an epoch goes through: a data set, or one that is made while it is read, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .dataset import Dataset
from .generators import Deformed

PIECE = 1 << 16  # examples that are held at a time

Examples: TypeAlias = Dataset | Deformed


def known(examples: Examples) -> Dataset:
    """Return a data set that tells the features and labels of `examples`."""
    return examples if isinstance(examples, Dataset) else examples.source


def pieces(
    examples: Examples, batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[Dataset, NDArray[np.int64]]]:
    """Yield data sets, and the order in which their examples come, every example once.

    A data set is one piece. One that is made while it is read comes in pieces of neighbours, in
    random order, each shuffled for itself; all but the last in number are whole batches.
    """
    if isinstance(examples, Dataset):
        yield examples, rng.permutation(len(examples))
        return
    size = max(PIECE // batch_size, 1) * batch_size
    for first in rng.permutation(np.arange(0, len(examples), size)):
        piece = examples[first : first + size]
        yield piece, rng.permutation(len(piece))
