"""Layers on top of each other: what fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..base.checks import from_dict
from .bag import EmbeddingBag
from .families import FAMILIES
from .gates import GATES, All
from .linear import Linear
from .retrieve import Retrieve

Settings = Linear | EmbeddingBag
WIDE = 8000  # rows of a last layer from which it retrieves by default
_KINDS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (Linear, EmbeddingBag, *GATES.values(), *FAMILIES.values())
}


def check_layers(layers: Sequence[Settings]) -> None:
    """Raise unless the layers make a network."""
    if not layers:
        raise ValueError("a network needs at least one layer")
    for position, layer in enumerate(layers):
        if not isinstance(layer, Settings):
            raise TypeError(f"layer {position} must be a Linear or EmbeddingBag, got {layer!r}")
        if position == 0:
            continue
        if isinstance(layer, EmbeddingBag):
            raise ValueError(
                f"layer {position} is an EmbeddingBag: only the first layer can be one"
            )
        below = layers[position - 1]
        if layer.in_features != below.out_features:
            raise ValueError(
                f"layer {position} needs {layer.in_features} inputs "
                f"but layer {position - 1} has {below.out_features} rows"
            )
    if layers[-1].soft:
        raise ValueError("the last layer's scores are compared with each other: use soft=False")
    for position, layer in enumerate(layers):
        if isinstance(layer.gate, Retrieve) and not _may_retrieve(layers, position):
            raise ValueError(
                f"layer {position} cannot retrieve: that is for a last layer with "
                'activation="linear", alone or above a layer without a gate; choose Hashed'
            )


def with_fitted_output(layers: Sequence[Settings]) -> tuple[Settings, ...]:
    """Let a wide last layer that was given no gate retrieve, where it can."""
    *below, last = layers
    if isinstance(last, Linear) and last.out_features >= WIDE and not last.has_own_gate:
        retrieving = (*below, replace(last, gate=Retrieve()))
        return retrieving if below and _may_retrieve(layers, len(below)) else tuple(layers)
    return tuple(layers)


def _may_retrieve(layers: Sequence[Settings], position: int) -> bool:
    return (
        position == len(layers) - 1
        and layers[position].activation == "linear"
        and (position == 0 or isinstance(layers[position - 1].gate, All))
    )


def layer_from_dict(data: Mapping[str, Any]) -> Settings:
    """Make the layer that `to_dict` described."""
    layer = from_dict(_KINDS, data)
    if not isinstance(layer, Settings):
        raise ValueError(f"{layer!r} is not a layer")
    return layer
