"""Where the random numbers of each tree come from: trees that are trained apart draw the same ones
as side by side."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class TreeSeeds(NamedTuple):
    """The seeds of trees that are counted from `first_tree`.

    >>> TreeSeeds(7).of(2) == TreeSeeds(7, first_tree=2).of(0) == [7, 2]
    True
    """

    random_state: int
    first_tree: int = 0

    def of(self, number: int) -> list[int]:
        """Return the seed of a tree."""
        return [self.random_state, self.first_tree + number]

    def told(self) -> dict[str, int]:
        """Return what a file holds of it; trees are counted from 0 where it does not say.

        >>> TreeSeeds(7).told(), TreeSeeds(7, 2).told()
        ({'random_state': 7}, {'random_state': 7, 'first_tree': 2})
        """
        first = {"first_tree": self.first_tree} if self.first_tree else {}
        return {"random_state": self.random_state, **first}

    def leaves(self, number: int) -> int:
        """Return what the leaves of a tree are found with."""
        return int(np.random.SeedSequence(self.of(number)).generate_state(1, np.uint64)[0])
