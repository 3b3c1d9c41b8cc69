"""The losses of networks, and which one fits which targets and layers."""

from __future__ import annotations

from collections.abc import Sequence

from ..data.encoding import Kind
from .bag import EmbeddingBag
from .layer import Layer

LOSSES = ("softmax", "decoupled", "logistic", "squared")
_OF_KIND = {"classes": "softmax", "labels": "logistic", "values": "squared"}


def default_loss(layers: Sequence[Layer], kind: Kind) -> str:
    """Return the loss of a training that is given none: label lists behind an embedding bag have a
    softmax, because few of very many labels are right."""
    assert kind is not None
    is_wide = isinstance(layers[0].settings, EmbeddingBag)
    return "softmax" if kind == "labels" and is_wide else _OF_KIND[kind]


def check_loss(layers: Sequence[Layer], loss: str, *, hashed_by_default: bool) -> None:
    """Raise unless the loss fits the last layer, and what chooses its rows."""
    last = layers[-1].settings
    if loss == "squared" and hashed_by_default:
        raise ValueError(
            f"values need every row, but a last layer of {last.out_features:,} rows is hashed "
            "unless it is said otherwise: make it Linear(..., gate=All())"
        )
    if loss != "squared" and last.activation != "linear":
        raise ValueError(
            f'the {loss} loss needs activation="linear" in the last layer, got {last.activation!r}'
        )
