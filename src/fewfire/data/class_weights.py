"""What the loss of each example counts for: its own weight, times that of its class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.checks import check_number, shown
from .dataset import Dataset

ClassWeight = str | Mapping[Any, float] | None
BALANCED = "balanced"


def check_class_weight(value: ClassWeight) -> None:
    """Raise unless it is "balanced", weights by class, or None."""
    if value is None or value == BALANCED:
        return
    if not isinstance(value, Mapping):
        raise ValueError(
            f'class_weight must be "{BALANCED}" or a dict of a weight for each class, '
            f"got {shown(value)}"
        )
    for name, weight in value.items():
        check_number(f"class_weight[{name!r}]", weight, low=0.0)


def told_weight(value: ClassWeight) -> Any:
    """Return what a checkpoint says of it."""
    if isinstance(value, Mapping):
        return sorted([repr(name), float(weight)] for name, weight in value.items())
    return value


class Weights:
    """The weights of a training run.

    Parameters
    ----------
    train : Dataset
        Whose classes are counted.
    class_weight : "balanced", dict or None
        "balanced": n / (k n_c), for n examples, k classes that occur, and n_c examples of class c,
        as in scikit-learn. A dict has a weight for some classes, by name or id; others count 1.

    Raises
    ------
    ValueError
        If examples have not one class each, or a class of the dict is unknown.
    """

    def __init__(self, train: Dataset, class_weight: ClassWeight) -> None:
        self._of_classes: NDArray[np.float32] | None = None
        if class_weight is None:
            return
        if not _have_one_class(train):
            held = "values" if train.kind == "values" else "lists of several labels, or of none"
            raise ValueError(
                f"class_weight is for examples of one class each, and y holds {held}: leave it "
                "out, or weigh examples by sample_weight"
            )
        if isinstance(class_weight, Mapping):
            self._of_classes = _given(train, class_weight)
        else:
            self._of_classes = _balanced(train)

    def of(self, data: Dataset) -> NDArray[np.float32] | None:
        """Return the weight of each example; None: all count 1."""
        if self._of_classes is None:
            return data.sample_weight
        own = 1.0 if data.sample_weight is None else data.sample_weight
        return np.asarray(self._of_classes[data.label_lists()[1]] * own, np.float32)

    def all_of(self, data: Dataset) -> NDArray[np.float32]:
        """Return the weight of each example, also where all count 1."""
        found = self.of(data)
        return np.ones(len(data), np.float32) if found is None else found


def weighted(data: Dataset, class_weight: ClassWeight) -> Dataset:
    """Return the examples with the weights of their classes, as `Weights` gives them."""
    if class_weight is None:
        return data
    found = Weights(data, class_weight).of(data)
    assert found is not None
    return data.weighing(found)


def _have_one_class(train: Dataset) -> bool:
    """Whether each example has a class, maybe as a list of one label, as in a file of texts."""
    if train.kind != "labels":
        return train.kind == "classes"
    return all(bool((np.diff(part.label_lists()[0]) == 1).all()) for part in train.windows())


def _balanced(train: Dataset) -> NDArray[np.float32]:
    counts = np.zeros(train.n_labels, np.int64)
    for part in train.windows():
        counts += np.bincount(part.label_lists()[1], minlength=train.n_labels)
    weights = len(train) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    return weights.astype(np.float32)


def _given(train: Dataset, wanted: Mapping[Any, float]) -> NDArray[np.float32]:
    names = range(train.n_labels) if train.label_names is None else train.label_names
    ids = {name: i for i, name in enumerate(names)}
    weights = np.ones(train.n_labels, np.float32)
    for name, weight in wanted.items():
        if name not in ids:
            raise ValueError(
                f"class_weight names {name!r}, which is not a class of the training set"
            )
        weights[ids[name]] = weight
    return weights
