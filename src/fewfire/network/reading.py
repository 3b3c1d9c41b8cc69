"""Networks from the config and the arrays of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from ..base.checks import check_integer
from ..base.files import Arrays, PathLike
from ..model.damage import checked
from ..model.learned import Learned
from .architecture import Settings, layer_from_dict
from .arrays import array_specs
from .losses import LOSSES
from .network import Network


def from_state(path: PathLike, config: Mapping[str, Any], arrays: Arrays) -> Network:
    """Make the network that the file `path` holds; raise `FormatError` if it is damaged."""
    return checked(path, network_of, config, arrays)


def network_of(config: Mapping[str, Any], arrays: Arrays) -> Network:
    """Make a network; raise what says of damage: a `KeyError`, `ValueError` or the like."""
    layers = [
        _layer(layer, arrays.get(f"layers.{position}.centroids"))
        for position, layer in enumerate(config["layers"])
    ]
    own = [arrays[name] for name in array_specs(layers)]
    net = Network.from_arrays(layers, own, config["random_state"])
    net.loss = config["loss"]
    if net.loss is not None and net.loss not in LOSSES:
        raise ValueError(f"unknown loss {net.loss!r}")
    if "columns" in arrays:
        net.read_only(arrays["columns"], check_integer("n_features", config["n_features"], low=1))
    learned = Learned.from_state(config, arrays, net.n_outputs)
    encoding = learned.encoding
    if encoding is not None and (
        encoding.n_features != net.n_features or encoding.n_labels > net.n_outputs
    ):
        raise ValueError("its encoding does not fit its layers")
    net.learned = learned
    return net


def _layer(described: Mapping[str, Any], centroids: NDArray[Any] | None) -> Settings:
    """Make a layer. Older files may leave the number of cells to the library, which has changed its
    mind since: theirs is that of the centroids."""
    if centroids is not None:
        gate = described["gate"]
        family = {"n_cells": len(centroids), **gate["family"]}
        described = {**described, "gate": {**gate, "family": family}}
    return layer_from_dict(described)
