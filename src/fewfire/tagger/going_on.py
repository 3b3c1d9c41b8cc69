"""What is settled before a trained forest goes on with examples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from scipy.sparse import csr_array

from ..data import Dataset
from .forest import Forest
from .layout import LevelSize
from .memory import TaggerMemory, all_example_bytes, check_fits
from .preparing import Plan, Prepared, label_lists


class SizedPlan(Plan, Protocol):
    """One that tells what it will take."""

    @property
    def sizes(self) -> list[LevelSize]:
        """The size of each level."""


def prepare_more(
    forest: Forest,
    data: Dataset,
    n_labels: int,
    limit: int,
    n_threads: int,
    n_at_once: int,
    n_forests: int,
    plan: Callable[[list[csr_array], csr_array], Sequence[SizedPlan]],
) -> Prepared:
    """Settle how a trained forest goes on with examples; raise `MemoryError` if that takes more
    than `limit`, besides what the forest does. `plan` makes trees of it, for the examples as each
    tree reads them and their label lists."""
    lists = label_lists(data, n_labels)
    n_values = forest.for_each(lambda own: own.n_values(data, n_threads))
    examples = all_example_bytes(forest.expansions, n_values, lists)
    check_fits(examples, limit)
    rows = forest.rows(data, n_threads)
    plans = plan(rows, lists)
    sizes = [own.sizes for own in plans]
    width = forest.expansion.width
    memory = TaggerMemory.of(examples, 0, 0, sizes, width, n_threads, n_at_once, n_forests)
    check_fits(memory.total, limit)
    return Prepared(
        forest.settings,
        forest.expansion,
        rows,
        lists,
        plans,
        memory,
        limit,
        n_at_once,
        n_forests,
        data.sample_weight,
    )
