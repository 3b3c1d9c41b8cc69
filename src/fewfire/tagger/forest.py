"""Several trees over the same labels, and the features they read: what answers for a tagger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .. import _core
from ..base.checks import LARGEST_ID, check_integer
from ..base.files import Arrays
from ..base.ledger import Ledger
from ..data import Dataset
from ..data.core_views import core_inputs
from ..measure.result import TopKResult
from .calibration import Calibration
from .expansion import Expansion, T, expansions_of, for_each
from .packed import PackedTree, prune_to_fit
from .settings import LEARNING, Settings
from .tree import Tree

_CHUNK = 4096  # examples per call into the core: Ctrl-C is noticed in between
_GRAIN = 16  # examples that a thread of the core takes at a time: fewer want no more threads


class Forest:
    """Trees whose likelihoods are averaged.

    Parameters
    ----------
    settings : Settings
    expansion : Expansion
        Of the first `settings.pairs` trees; the others read no pairs.
    trees : list of PackedTree
        Over the same labels.
    calibration : Calibration, optional
        Of the likelihoods; None: that of trees with this loss.
    """

    def __init__(
        self,
        settings: Settings,
        expansion: Expansion,
        trees: list[PackedTree],
        calibration: Calibration | None = None,
    ) -> None:
        self.settings, self.expansion, self.trees = settings, expansion, trees
        self.calibration = calibration or LEARNING[settings.loss].calibration
        seen = trees[0].places >= 0
        if any(((tree.places >= 0) != seen).any() for tree in trees[1:]):
            raise ValueError("the trees hold different labels")
        self.is_seen = seen  # of each label
        self.expansions = expansions_of(settings, expansion)
        self._cores = [tree.core for tree in trees]
        self._path_weight = LEARNING[settings.loss].path_weight

    @classmethod
    def pack(
        cls,
        settings: Settings,
        expansion: Expansion,
        trees: list[Tree],
        room: int,
        n_threads: int,
        before: Sequence[PackedTree] = (),
        calibration: Calibration | None = None,
    ) -> Forest:
        """Pack trained trees into at most `room` bytes, behind those `before`: where more weights
        would be kept, those below a larger `settings.prune` are left out."""
        n_trees = len(before) + len(trees)
        settings = replace(settings, n_trees=n_trees, pairs=min(settings.pairs, n_trees))
        expansions = expansions_of(settings, expansion)[len(before) :]
        assert settings.prune is not None
        prune = prune_to_fit(trees, settings.prune, room)
        packed = [
            PackedTree.pack(tree, own.width, settings.loss, prune, n_threads)
            for tree, own in zip(trees, expansions, strict=True)
        ]
        return cls(replace(settings, prune=prune), expansion, [*before, *packed], calibration)

    def find(
        self, data: Dataset, k: int, *, exact: bool, n_threads: int
    ) -> tuple[TopKResult, Ledger]:
        """Return the `k` likeliest labels of each example, and the work."""
        beam = max(tree.most_nodes for tree in self.trees) if exact else self.settings.beam
        found = [
            _core.predict_trees(
                self._cores, inputs, ids, k, beam, self._path_weight,
                self._threads(len(ids), n_threads),
            )
            for inputs, ids in self._calls(data)
        ]  # fmt: skip
        indices, scores, counts = found[0] if len(found) == 1 else _joined(found, k)
        return TopKResult(indices, self.calibration(scores)), Ledger(counts)

    def score(
        self, data: Dataset, wanted: csr_array, n_threads: int
    ) -> tuple[NDArray[np.float32], Ledger]:
        """Return how likely the stored places of `wanted` are, and the work; -inf for labels in no
        tree."""
        scores = np.full(wanted.nnz, -np.inf, np.float32)
        is_seen = self.is_seen[wanted.indices]
        n_seen = np.concatenate([np.zeros(1, np.int64), np.cumsum(is_seen)])
        indptr, labels = n_seen[wanted.indptr], wanted.indices[is_seen].astype(np.int32)
        done, parts, ledger = 0, [np.empty(0, np.float32)], Ledger.empty(1)
        for inputs, ids in self._calls(data):
            own = indptr[done : done + len(ids) + 1]
            found, counts = _core.score_labels(
                self._cores, inputs, ids, own - own[0], labels[own[0] : own[-1]],
                self._path_weight, self._threads(len(ids), n_threads),
            )  # fmt: skip
            parts.append(found)
            ledger += Ledger(counts)
            done += len(ids)
        scores[is_seen] = self.calibration(np.concatenate(parts))
        return scores, ledger

    def dense(self, data: Dataset, n_threads: int) -> Ledger:
        """Return what opening every node would multiply, for every feature and for those only that
        examples have."""
        dense = nonzero = 0
        for begin in range(0, len(data), _CHUNK):
            part = data[begin : begin + _CHUNK]
            for tree, rows in zip(self.trees, self.rows(part, n_threads), strict=True):
                dense += len(part) * tree.width * tree.n_children
                nonzero += int(rows.nnz) * tree.n_children
        return Ledger.of_dense(dense, nonzero)

    @property
    def n_bytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self.arrays().values())

    @property
    def most_found(self) -> int:
        """Labels that a search finds at most: those of the largest leaves."""
        sizes = [np.sort(np.diff(tree.levels[-1].children)) for tree in self.trees]
        return int(sum(own[-self.settings.beam :].sum() for own in sizes))

    def largest(self) -> str:
        """Return where the largest weight or bias is, in words."""
        sizes = [max(level.largest for level in tree.levels) for tree in self.trees]
        number = int(np.argmax(sizes))
        return f"largest {sizes[number]:.3g} in tree {number}"

    def rows(self, data: Dataset, n_threads: int) -> list[csr_array]:
        """Return the examples as each tree reads them."""
        return self.for_each(lambda own: own.rows(data, n_threads))

    def for_each(self, make: Callable[[Expansion], T]) -> list[T]:
        """Return what `make` makes of how each tree reads examples; trees that read alike share
        it."""
        return for_each(self.expansions, make)

    def arrays(self) -> Arrays:
        """Return what a file holds, by name."""
        found: Arrays = {"pairs": self.expansion.keys}
        if self.expansion.known is not None:
            found["features"] = self.expansion.known
        for number, tree in enumerate(self.trees):
            found |= tree.arrays(f"trees.{number}.")
        return found

    def describe(self) -> dict[str, Any]:
        """Return what a file says beside the arrays, for JSON."""
        return {
            "settings": self.settings.to_dict(),
            "n_levels": len(self.trees[0].levels),
            "calibration": list(self.calibration),
        }

    @classmethod
    def from_arrays(
        cls, described: Mapping[str, Any], arrays: Arrays, n_features: int, n_labels: int
    ) -> Forest:
        """Make the forest of a file; raise `ValueError` if it is damaged."""
        settings = Settings.from_dict(described["settings"])
        if settings.prune is None or settings.max_epochs is None:
            raise ValueError("a trained tagger says its prune, and its epochs")
        n_levels = check_integer("n_levels", described["n_levels"], low=1, high=64)
        keys = arrays["pairs"]
        if keys.dtype != np.uint64 or keys.ndim != 1:
            raise ValueError(f"pairs are {keys.dtype}{keys.shape}, wanted uint64(n,)")
        known = arrays.get("features")
        if known is not None:
            _check_known(known, n_features)
        expansion = Expansion(n_features, settings.power, settings.in_pairs, keys, known)
        if len(keys) and (keys & np.uint64(0xFFFFFFFF)).max() >= expansion.n_read:
            raise ValueError(f"pairs must be of features 0 to {expansion.n_read - 1}")
        check_integer("features and pairs", expansion.width, low=1, high=LARGEST_ID)
        trees = [
            PackedTree.from_arrays(
                arrays, f"trees.{number}.", n_levels, n_labels, own.width, settings.loss
            )
            for number, own in enumerate(expansions_of(settings, expansion))
        ]
        return cls(settings, expansion, trees, Calibration.from_file(described["calibration"]))

    def _inputs(self, data: Dataset) -> list[_core.Inputs]:
        """Return the core's view of the examples as each tree reads them."""
        examples = core_inputs(data)
        return self.for_each(lambda own: own.over(examples))

    def _calls(self, data: Dataset) -> Iterator[tuple[list[_core.Inputs], NDArray[np.int64]]]:
        """Go through the examples window by window, in pieces."""
        for window in data.windows():
            inputs = self._inputs(window)
            ids = np.arange(len(window), dtype=np.int64)
            for begin in range(0, len(window), _CHUNK):
                yield inputs, ids[begin : begin + _CHUNK]

    @staticmethod
    def _threads(n_examples: int, n_threads: int) -> int:
        return min(n_threads, -(-n_examples // _GRAIN))


def _joined(parts: Sequence[tuple[NDArray[Any], ...]], k: int) -> tuple[NDArray[Any], ...]:
    """Return what several calls found, or none: labels, scores, and the work of all."""
    none = np.empty((0, k), np.int32), np.empty((0, k), np.float32)
    indices, scores = (
        np.concatenate(own) for own in zip(none, *(x[:2] for x in parts), strict=True)
    )
    return indices, scores, sum((x[2] for x in parts), Ledger.empty(1).counts)


def _check_known(known: NDArray[Any], n_features: int) -> None:
    """Raise unless these are features, ascending."""
    if known.dtype != np.int32 or known.ndim != 1 or len(known) == 0:
        raise ValueError(f"features are {known.dtype}{known.shape}, wanted int32(n,)")
    if known[0] < 0 or known[-1] >= n_features or (known[1:] <= known[:-1]).any():
        raise ValueError(f"features must ascend from 0 to {n_features - 1} at most")
