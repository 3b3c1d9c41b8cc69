"""Layers on top of each other: what fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .bag import EmbeddingBag
from .gates import All
from .hashed import Hashed
from .linear import Linear

Settings = Linear | EmbeddingBag
WIDE = 8000  # rows of a last layer from which it is hashed by default


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
                f"layer {position} wants {layer.in_features} inputs "
                f"but layer {position - 1} has {below.out_features} rows"
            )
    if layers[-1].soft:
        raise ValueError("the last layer's scores are compared with each other: use soft=False")
    for position, layer in enumerate(layers):
        if not isinstance(layer.gate, Hashed) or retrieves(layers, position):
            continue
        for option in ("negatives", "head", "thin"):
            if getattr(layer.gate, option) is not None:
                raise ValueError(
                    f"layer {position} does not use {option}: that is for a last layer with "
                    "rerank=1 above a layer without a gate"
                )


def with_fitted_output(layers: Sequence[Settings]) -> tuple[Settings, ...]:
    """Hash a wide last layer that was given no gate, where it then retrieves."""
    *below, last = layers
    if isinstance(last, Linear) and last.out_features >= WIDE and not last.has_own_gate:
        hashed = replace(last, gate=Hashed(family="centroid"))
        if retrieves((*below, hashed), len(below)):
            return (*below, hashed)
    return tuple(layers)


def retrieves(layers: Sequence[Settings], position: int) -> bool:
    """Whether a layer keeps all candidates of its index, and in training draws negatives besides:
    a last layer that is hashed and does not rank, above a layer without a gate."""
    layer = layers[position]
    return (
        0 < position == len(layers) - 1
        and isinstance(layer, Linear)
        and isinstance(layer.gate, Hashed)
        and layer.compares
        and layer.rerank == 1.0
        and not layer.gate.explore
        and isinstance(layers[position - 1].gate, All)
    )


def layer_from_dict(data: Mapping[str, Any]) -> Settings:
    """Make the layer that a `to_dict` described."""
    kind = EmbeddingBag if data.get("type") == "EmbeddingBag" else Linear
    return kind.from_dict(dict(data))
