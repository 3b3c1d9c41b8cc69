"""What a tagger can be trained on, and go on with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..data import Dataset, Encoding
from ..data.frames import is_frame
from ..data.label_names import checked_names
from ..model.checks import check_features, check_labelled


def to_learn(X: Any, y: Any) -> Dataset:
    """Return a training set of labels, checked."""
    if isinstance(X, Dataset) and y is not None:
        raise TypeError("a Dataset brings its own targets: leave out y")
    data = X if isinstance(X, Dataset) else Dataset(X, y)
    check_labelled(data)
    data.check_known("be learned")
    data.check_counted()
    if len(data.label_lists()[1]) == 0:
        raise ValueError("no example has a label: there is nothing to learn")
    return data


def in_classes(
    X: Any, y: Any, classes: Sequence[Any] | None, known: Encoding | None
) -> tuple[Any, Any]:
    """Return examples and targets; as a data set where `classes` are others than the known ones."""
    if classes is None:
        return X, y
    if isinstance(X, Dataset) or y is None:
        raise TypeError("classes name the targets of partial_fit(X, y): a data set has its own")
    names = checked_names(classes)
    if known is not None and names == (known.label_names or tuple(range(known.n_labels))):
        return X, y
    if names == tuple(range(len(names))):
        return Dataset(X, y, n_labels=len(names)), None
    return Dataset(X, y, label_names=names), None


def to_learn_more(X: Any, y: Any, known: Encoding) -> Dataset:
    """Return a further training set, checked; its labels are numbered as the known ones where they
    are among them."""
    if isinstance(X, Dataset):
        return to_learn(X, y)
    try:
        data = Dataset(X, y, like=known)
    except ValueError:  # of new labels; columns of a frame are still in the order of the known ones
        X = Dataset(X, like=known.of_features()).X if is_frame(X) else X
        data = Dataset(X, y)
        check_features(data, known.n_features, known)
        data = Dataset(data.X, y, feature_names=known.feature_names)
    return to_learn(data, None)


def continued(old: Encoding, data: Dataset) -> Encoding:
    """Return the encoding of old labels and those behind them; raise unless `data` has that."""
    check_features(data, old.n_features, old)
    if data.kind != old.kind:
        raise ValueError(f"the data holds {data.kind} but the tagger was trained on {old.kind}")
    n_labels = max(old.n_labels, data.n_labels)
    names, known = data.label_names, old.label_names
    if (names is None) != (known is None) or (names or ())[: old.n_labels] != (known or ()):
        raise ValueError(
            "the labels of the data go on from others than the tagger's: name the tagger's labels "
            "first, in their order, and then the new ones, Dataset(X, y, label_names=[...])"
        )
    return replace(old, n_labels=n_labels, label_names=names)
