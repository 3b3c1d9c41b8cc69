"""Training in pieces: an epoch of the data that there is now, and later one of other data.

The optimizer's state and the number of steps go on from piece to piece. So pieces of the same data
are the epochs of one training with a constant rate, to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from ..base.history import History
from ..data import Dataset, Encoding
from ..data.class_weights import BALANCED
from ..data.dataset import Examples
from ..data.label_names import checked_names
from ..model.learned import Learned
from ..network.network import Network
from .optimizers import Optimizer
from .run import GoingOn, Run
from .schedules import Constant
from .settings import Plan


class Kept(NamedTuple):
    """What a network keeps between pieces, until another training; of one the next goes on that
    has the same optimizer and loss."""

    past: GoingOn
    optimizer: Optimizer
    loss: str


class Piece(Run):
    """A run of one epoch, after those of other pieces."""

    def _learned(self) -> Learned:
        before = self.net.learned
        if before.encoding is None:
            return super()._learned()
        return before.and_of(self.known, before.encoding)

    def kept(self) -> Kept:
        """Return what the next piece goes on from."""
        past = GoingOn(self.moments, self.unit, self.epoch, self.step)
        return Kept(past, self.plan.optimizer, self.loss)


def train_piece(plan: Plan, net: Network, train: Dataset) -> History:
    """Train one epoch, after those of the pieces before if there are any.

    Raises
    ------
    ValueError
        If the plan has callbacks or a schedule that is not constant, or the data does not fit.
    """
    plan = _constant(plan)
    piece = _next(plan, net, train)
    history = piece.go()
    net.going_on = None if history.interrupted else piece.kept()
    return history


def _constant(plan: Plan) -> Plan:
    """Return the plan of a piece."""
    if plan.callbacks:
        raise ValueError(
            "callbacks watch a training from its start to its end, and partial_fit is a piece of "
            "one: make its Trainer without callbacks"
        )
    if plan.class_weight == BALANCED:
        raise ValueError(
            'class_weight="balanced" counts the classes of all examples, and partial_fit sees '
            "some: give a dict of weights"
        )
    if "schedule" in plan.left_out:
        return replace(plan, schedule=Constant())
    if not isinstance(plan.schedule, Constant):
        raise ValueError(
            f"{plan.schedule} needs to know how many steps will come, and partial_fit does not: "
            "leave schedule out, or give Constant()"
        )
    return plan


def _next(plan: Plan, net: Network, train: Dataset) -> Piece:
    kept = net.going_on
    if isinstance(kept, Kept) and kept.optimizer == plan.optimizer:
        epochs = kept.past.epochs
        piece = Piece(replace(plan, max_epochs=epochs + 1), net, train, {}, kept.past)
        if piece.loss == kept.loss:
            return piece
    return Piece(replace(plan, max_epochs=1), net, train, {})


def as_piece(
    net: Network, X: Examples, y: Any, classes: Sequence[Any] | None, loss: str | None
) -> Dataset:
    """Return examples and targets in the numbering of a network: its own, or that of `classes`.

    Raises
    ------
    TypeError, ValueError
        If targets are missing, are words of which nobody has given all, or are none of the classes.
    """
    if isinstance(X, Dataset):
        if y is not None or classes is not None:
            raise TypeError("a data set brings its own targets: leave out y and classes")
        return X
    if y is None:
        raise ValueError("there are no targets: partial_fit(X, y), or partial_fit(Dataset(X, y))")
    if net.encoding is not None:
        _check_classes(classes, net.encoding)
        return Dataset(X, y, like=net.encoding)
    if classes is not None:
        names = checked_names(classes)
        if names == tuple(range(len(names))):
            return Dataset(X, y, n_labels=len(names))
        return Dataset(X, y, label_names=names)
    found = Dataset(X, y, kind="values" if loss == "squared" else None)
    if found.kind == "values":
        return found
    if found.label_names is None or all(isinstance(x, int | np.integer) for x in found.label_names):
        return Dataset(X, y, n_labels=net.n_outputs, kind=found.kind)
    raise ValueError(
        "y holds names, and may lack some: give all there will be to the first partial_fit, "
        "classes=[...]"
    )


def _check_classes(classes: Sequence[Any] | None, known: Encoding) -> None:
    if classes is None:
        return
    names = range(known.n_labels) if known.label_names is None else known.label_names
    if list(classes) != list(names):
        raise ValueError(
            f"classes are not the {known.n_labels:,} that the model was trained on, in their "
            "order: leave them out, or begin again with another model"
        )
