"""One forest of trees that were trained apart, over the same features and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .forest import Forest
from .settings import Settings
from .trained import Trained

_OF_ONE = ("n_trees", "pairs", "prune")  # settings that may differ


def merged(parts: Sequence[Trained]) -> Trained:
    """Return the trees of all parts: first those that read pairs, as in any forest, each kind in
    the order of the parts. Raise `ValueError` unless features, labels and settings are the same."""
    first = parts[0]
    for number, part in enumerate(parts[1:], start=1):
        _check_alike(first, part, number)
    forests = [part.forest for part in parts]
    pairs = [forest.settings.pairs for forest in forests]
    trees = [tree for forest, n in zip(forests, pairs, strict=True) for tree in forest.trees[:n]]
    trees += [tree for forest, n in zip(forests, pairs, strict=True) for tree in forest.trees[n:]]
    prunes = [forest.settings.prune or 0.0 for forest in forests]
    settings = replace(
        first.forest.settings, n_trees=len(trees), pairs=sum(pairs), prune=max(prunes)
    )
    expansion = next((x.expansion for x in forests if x.settings.pairs), first.forest.expansion)
    with_pairs = [forest.expansion.keys for forest in forests if forest.settings.pairs]
    if not all(np.array_equal(keys, expansion.keys) for keys in with_pairs):
        raise ValueError("the taggers know different pairs of features: train them on one data set")
    forest = Forest(settings, expansion, trees, first.forest.calibration)
    return replace(first, forest=forest)


def _check_alike(first: Trained, part: Trained, number: int) -> None:
    """Raise unless a part answers with the same labels, for the same features, in the same way as
    the first."""
    of = f"tagger {number}"
    ours, theirs = first.learned.encoding, part.learned.encoding
    assert ours is not None
    assert theirs is not None
    if (part.n_features, theirs.text) != (first.n_features, ours.text):
        raise ValueError(
            f"{of} reads other features than tagger 0 ({part.n_features:,} and "
            f"{first.n_features:,}): train all on one data set"
        )
    if not ours.agrees(theirs):
        raise ValueError(
            f"{of} has other labels or names than tagger 0: read all data with one encoding, "
            "load(path, like=train)"
        )
    if not _same(first.learned.label_counts, part.learned.label_counts):
        raise ValueError(f"{of} was trained on other examples than tagger 0: train all on the same")
    if not _same(first.forest.expansion.known, part.forest.expansion.known):
        raise ValueError(f"{of} left out other features than tagger 0: train all on the same data")
    for name in (field.name for field in fields(Settings) if field.name not in _OF_ONE):
        wanted, found = (getattr(x.forest.settings, name) for x in (first, part))
        if wanted != found:
            raise ValueError(
                f"{of} has {name}={found}, tagger 0 has {wanted}: train all with one {name}"
            )
    if first.forest.calibration != part.forest.calibration:
        raise ValueError(f"{of} is calibrated in another way than tagger 0: train it again")


def _same(ours: NDArray[Any] | None, theirs: NDArray[Any] | None) -> bool:
    """Whether two arrays are, or both are missing."""
    if ours is None or theirs is None:
        return ours is theirs
    return np.array_equal(ours, theirs)
