"""What an epoch goes through: a data set, or window by window one that is made while it is read, or
that is in a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .dataset import Dataset
from .generators import Deformed
from .mapped import Mapped

WINDOW = 1 << 16  # examples that are held at a time

Examples: TypeAlias = Dataset | Deformed


def known(examples: Examples) -> Dataset:
    """Return a data set that describes the features and labels of `examples`."""
    return examples if isinstance(examples, Dataset) else examples.source


def windows_of(
    examples: Examples, batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[Dataset, NDArray[np.int64]]]:
    """Yield data sets, and the order in which their examples come, every example once.

    A data set in memory is one window. Others come in windows of neighbours, in random order, each
    shuffled for itself; all but the last in number are whole batches.
    """
    if isinstance(examples, Dataset) and not isinstance(examples, Mapped):
        yield examples, rng.permutation(len(examples))
        return
    at_once = examples.window if isinstance(examples, Mapped) else WINDOW
    size = max(at_once // batch_size, 1) * batch_size
    for first in rng.permutation(np.arange(0, len(examples), size)):
        window = examples[first : first + size]
        yield window, rng.permutation(len(window))
