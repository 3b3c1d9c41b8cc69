"""Whether a network can be trained on some data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..data import Dataset, Encoding
from ..data.epoch import Examples, known
from ..network.losses import check_loss, default_loss
from ..network.network import Network
from ..network.targets import fitting


class Sets(NamedTuple):
    """Data as a loss takes its targets."""

    train: Examples
    eval_sets: dict[str, Dataset]
    loss: str


def fitting_sets(
    net: Network, train: Examples, eval_sets: Mapping[str, Dataset], loss: str | None
) -> Sets:
    """Return the loss that `net` is trained with, and all data as it is taken; raise unless it
    fits."""
    if not isinstance(train, Examples):
        name = type(train).__name__
        raise TypeError(f"train must be a fewfire.Dataset or Deformed, got {name}")
    if net.columns is not None:
        raise ValueError(
            f"this network was compacted, reads {len(net.columns)} of {net.n_features} inputs, and "
            "is trained no more: train the one that it was made of"
        )
    data = known(train)
    if data.kind is None:
        raise ValueError("the training set has no targets: give it y")
    data.check_known("be learned")
    data.check_counted()
    if loss is None and net.encoding is not None and net.encoding.kind == "values":
        loss = "squared"
    loss = loss or default_loss(net.layers, data.kind)
    if loss == "squared":
        train = train.as_values()
    data = fitting(net.layers, known(train), loss, None)
    sets = {
        name: fitting(net.layers, each, loss, data.encoding) for name, each in eval_sets.items()
    }
    check_loss(net.layers, loss, hashed_by_default=net.hashed_by_default)
    if net.encoding is not None:
        _check_meaning(net.encoding, data.encoding)
    return Sets(train, sets, loss)


def _check_meaning(learned: Encoding, given: Encoding) -> None:
    """Raise unless rows and columns of a trained network mean the same in the data."""
    others = [
        what
        for what, before, now in (
            ("targets of another kind", learned.kind, given.kind),
            ("labels of other names", learned.label_names, given.label_names),
            ("other words as features", learned.text, given.text),
        )
        if before != now
    ]
    if others:
        raise ValueError(
            f"the network was trained on {' and '.join(others)}: begin again with a new Network, "
            "or bring the data into its numbering, Dataset(X, y, like=net.encoding)"
        )
