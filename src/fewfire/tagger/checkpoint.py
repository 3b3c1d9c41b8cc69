"""A tagger's training on file: beside the tagger its trees as training has them, with all weights.

Where these weights lie follows from the packed trees, which keep every feature that a node knows,
and from the order of these features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..base.files import Arrays, check_array, refusing
from ..model.checkpoint import Past, Resume, Saved
from ..model.damage import checked
from .forest import Forest
from .going_on import prepare_more
from .layout import Layout, LevelSize
from .packed import PackedTree
from .preparing import Prepared
from .settings import MOST_TREES, Learning, Settings
from .task import Task
from .trained import Trained
from .tree import Level, Tree

_OF_LEVEL = ("weights", "bias", "bias_moments")


def arrays_of(trees: Sequence[Tree]) -> Arrays:
    """Return what changes in trees while they are trained, by name."""
    found: Arrays = {}
    for number, tree in enumerate(trees):
        for depth, level in enumerate(tree.levels):
            prefix = _prefix(number, depth)
            found |= {f"{prefix}{name}": getattr(level, name) for name in _OF_LEVEL}
            found[f"{prefix}vocabulary"] = level.layout.vocabulary
    return found


@dataclass(frozen=True, eq=False)
class Resumed:
    """A training that goes on where a checkpoint was written."""

    saved: Saved
    trained: Trained  # of that time
    past: Past
    settings: Settings  # that the trees were begun with

    @classmethod
    def read(cls, resume: Resume, task: Task) -> Resumed:
        """Read a file; raise unless it is of a training like this."""
        saved = Saved.read(resume, "tagger")
        trained = checked(saved.path, Trained.from_state, saved.config, saved.arrays)
        past = saved.past(n_layers=1)
        saved.check_encoding(trained.learned.encoding, task.encoding)
        with refusing(f"{saved.path}: the training state is damaged"):
            settings = _settings(saved.config["training"]["trees"], trained.forest)
        past.check(saved, task.settings, task.watchers, trained.check_forest)
        return cls(saved, trained, past, settings)

    def prepare(self, task: Task, limit: int) -> Prepared:
        """Settle everything as it was; raise `MemoryError` if it takes more than `limit`."""
        prepared = prepare_more(
            self.trained.forest,
            task.data,
            task.encoding.n_labels,
            limit,
            task.n_threads,
            MOST_TREES,  # side by side: all have learned
            task.n_forests,
            lambda rows, lists: self._plans(),
        )
        return replace(prepared, settings=replace(self.settings, max_epochs=task.max_epochs))

    def _plans(self) -> list[_Kept]:
        with refusing(f"{self.saved.path}: the trees inside are damaged"):
            return [
                _Kept.of(tree, number, self.saved.arrays, self.trained.forest.settings.prune or 0.0)
                for number, tree in enumerate(self.trained.forest.trees)
            ]


@dataclass(frozen=True, eq=False)
class _Kept:
    """A tree of a checkpoint."""

    tree: PackedTree
    layouts: list[Layout]
    arrays: list[list[Any]]  # of each level

    @classmethod
    def of(cls, tree: PackedTree, number: int, arrays: Arrays, prune: float) -> _Kept:
        """Find the arrays of a tree; raise `ValueError` if they do not fit."""
        layouts, found = [], []
        of_levels = zip(tree.levels, tree.layouts(tree.levels[-1].children), strict=True)
        for depth, (level, layout) in enumerate(of_levels):
            prefix = _prefix(number, depth)
            layouts.append(_in_order(layout, arrays, f"{prefix}vocabulary"))
            n_weights, n_columns = int(layout.blocks[-1]), int(layout.columns[-1])
            for name, size in zip(_OF_LEVEL, (n_weights, n_columns, n_columns), strict=True):
                check_array(arrays, f"{prefix}{name}", (size,))
            found.append([arrays[f"{prefix}{name}"] for name in _OF_LEVEL])
            level.check_unpacked(layout, found[-1], prune)
        return cls(tree, layouts, found)

    @property
    def sizes(self) -> list[LevelSize]:
        """What says how much memory it takes."""
        return [layout.size for layout in self.layouts]

    def grow(self, n_labels: int, learning: Learning) -> Tree:
        """Return the tree, to be trained on."""
        levels = [
            Level(layout, *(np.require(array, requirements=["C", "W"]) for array in own))
            for layout, own in zip(self.layouts, self.arrays, strict=True)
        ]
        return Tree(self.tree.labels, levels, n_labels)


def _settings(described: Mapping[str, Any], forest: Forest) -> Settings:
    """Return what trees were begun with: what their packed forest has, which may prune more."""
    settings = Settings.from_dict(described)
    if settings.prune is None or replace(settings, prune=forest.settings.prune) != forest.settings:
        raise ValueError("the settings of trees are not those of the tagger")
    return settings


def _in_order(layout: Layout, arrays: Arrays, name: str) -> Layout:
    """Return the layout with the features of each node in the order of a file; its own ascend."""
    check_array(arrays, name, layout.vocabulary.shape, np.int32)
    vocabulary = arrays[name]
    nodes = np.repeat(np.arange(layout.n_nodes), layout.listed)
    if not np.array_equal(vocabulary[np.lexsort((vocabulary, nodes))], layout.vocabulary):
        raise ValueError(f"{name} has other features than its nodes")
    return replace(layout, vocabulary=vocabulary)


def _prefix(number: int, depth: int) -> str:
    return f"training.{number}.{depth}."
