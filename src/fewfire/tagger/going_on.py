"""What is settled before a trained forest goes on with examples."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence

from scipy.sparse import csr_array

from ..data import Dataset
from .expansion import Expansion
from .forest import Forest
from .memory import TaggerMemory, all_example_bytes, check_fits
from .preparing import Plan, Prepared, label_lists
from .settings import count_stored


def prepare_more(
    forest: Forest,
    data: Dataset,
    n_labels: int,
    limit: int,
    n_threads: int,
    n_at_once: int,
    n_forests: int,
    plan: Callable[[list[csr_array], csr_array], Sequence[Plan]],
) -> Prepared:
    """Settle how a trained forest goes on with examples; raise `MemoryError` if that takes more
    than `limit`, besides what the forest does. `plan` makes trees of it, for the examples as each
    tree reads them and their label lists."""
    _warn_of_left_out(forest.expansion, data, n_threads)
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
        forest.calibration,
        data.sample_weight,
    )


def _warn_of_left_out(expansion: Expansion, data: Dataset, n_threads: int) -> None:
    """Warn of values of features that are not read because the first training had none of them."""
    if expansion.known is None:
        return
    n_stored = sum(count_stored(part) for part in data.windows())
    n_left_out = n_stored - expansion.without_pairs().n_values(data, n_threads)
    if n_left_out > 0:
        warnings.warn(
            f"{n_left_out:,} of {n_stored:,} values are of features that no example of the first "
            "training had, and teach nothing: fit all examples together to learn from them",
            UserWarning,
            stacklevel=4,
        )
