"""The data sets of a study: training, validation and test part of each, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from .. import datasets
from ..data import Dataset
from ..data.epoch import Examples

_SEED = 2017  # of generated sets: the same for every seed of a training


class Parts(NamedTuple):
    """Settings are chosen on `validation`; `test` is read once, at the end."""

    train: Examples
    validation: Dataset
    test: Dataset


N_DEFORMED = 240_000  # images of an epoch
GENERATED: dict[str, Callable[[], datasets.Pair]] = {
    "convex": lambda: datasets.convex(random_state=_SEED),
    "rectangles-images": lambda: datasets.rectangles_images(random_state=_SEED),
    "strokes": lambda: datasets.strokes(random_state=_SEED),
}
READ: dict[str, Callable[[Path], datasets.Pair]] = {
    "mnist8m": datasets.mnist,
    "norb": datasets.norb,
}
N_VALIDATION = {"convex": 2000, "rectangles-images": 2000, "strokes": 2000}  # as published


def check_source(name: str, folder: Path | None) -> None:
    """Raise unless the set can be generated, or has a folder to be read from."""
    if not name:
        raise ValueError(f"a data set needs a name: one of {', '.join(GENERATED)}, or NAME=FOLDER")
    if folder is None and name not in GENERATED:
        raise ValueError(
            f"{name} is read from files: give its folder, --data {name}=FOLDER; "
            f"generated are {', '.join(GENERATED)}"
        )
    if folder is not None and name in GENERATED:
        raise ValueError(f"{name} is generated, it takes no folder")
    if folder is not None and not folder.is_dir():
        raise ValueError(f"{name}: {folder} is no folder")


@lru_cache(maxsize=1)
def load(name: str, folder: Path | None) -> Parts:
    """Read or generate a data set.

    The validation part are the last rows of the training set: 2,000 of a generated one, as its
    authors do, else a twelfth (5,000 of MNIST). Any other name is a folder in the format of MNIST.
    """
    check_source(name, folder)
    if folder is None:
        train, test = GENERATED[name]()
    else:
        train, test = READ.get(name, datasets.mnist)(folder)
    train, validation = train.split(N_VALIDATION.get(name, len(train) // 12))
    if name == "mnist8m":  # made while they are trained on
        return Parts(datasets.Deformed(train, N_DEFORMED, random_state=_SEED), validation, test)
    return Parts(train, validation, test)
