"""The choices of a try: all come from here, so that they can come from a seed or from bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Draw:
    """Choices from a seed, whose last number is that of the try: they are the same each time."""

    def __init__(self, *seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.number = seed[-1]

    def below(self, n: int) -> int:
        """Return a whole number from 0 to n - 1."""
        return int(self.rng.integers(n))

    def between(self, low: int, high: int) -> int:
        """Return a whole number, both ends among them."""
        return low + self.below(high - low + 1)

    def one_in(self, n: int) -> bool:
        """Return True once in `n` times."""
        return self.below(n) == 0

    def one_of(self, options: Sequence[T]) -> T:
        """Return one of the options."""
        return options[self.below(len(options))]

    def some_of(self, options: Sequence[T], most: int) -> list[T]:
        """Return up to `most` of the options, in any order, each once."""
        left = list(options)
        return [left.pop(self.below(len(left))) for _ in range(min(most, len(left)))]

    def normal(self, *shape: int) -> NDArray[np.float32]:
        """Return ordinary numbers."""
        return self.rng.standard_normal(shape, dtype=np.float32)


class Bytes(Draw):
    """Choices from bytes, which a fuzzer led by coverage can change one by one."""

    def __init__(self, data: bytes) -> None:
        super().__init__(0, *data[:8])
        self.left = memoryview(data)

    def below(self, n: int) -> int:
        """Return a whole number from the next bytes; 0 when all are used."""
        size = max(1, (n.bit_length() + 7) // 8)
        number, self.left = int.from_bytes(self.left[:size], "little"), self.left[size:]
        return number % n
