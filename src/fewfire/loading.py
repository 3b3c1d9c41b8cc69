"""Models from files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from numpy.typing import NDArray

from .blend import Blend, part
from .config import check_integer
from .data import Encoding
from .files import Arrays, FormatError, PathLike, check_array, checked_counts, read_model
from .hashed import Hashed
from .layers import array_specs
from .network import LOSSES, Network
from .stack import Settings, layer_from_dict
from .tagger import Tagger

Model: TypeAlias = Network | Tagger | Blend
Made = TypeVar("Made")


def load(path: PathLike) -> Model:
    """Read what `save` or a checkpoint wrote; it predicts the same bits.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If the file is damaged, truncated, foreign, or of a newer version.
    """
    config, arrays = read_model(path)
    return _checked(path, _model, config, arrays)


def from_state(path: PathLike, config: Mapping[str, Any], arrays: Arrays) -> Network:
    """Make the network that the file `path` holds; raise `FormatError` if it is damaged."""
    return _checked(path, _network, config, arrays)


def _checked(
    path: PathLike, make: Callable[..., Made], config: Mapping[str, Any], arrays: Arrays
) -> Made:
    try:
        return make(config, arrays)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise FormatError(f"{path}: the model inside is damaged: {error}") from error


def _model(config: Mapping[str, Any], arrays: Arrays) -> Model:
    if "tagger" in config:
        return Tagger.from_state(config, arrays)
    if "blend" in config:
        blend = config["blend"]
        of_tagger, of_network = blend["parts"]
        tagger = Tagger.from_state(of_tagger, part(arrays, 0))
        network = _network(of_network, part(arrays, 1))
        return Blend(tagger, network, weight=blend["weight"])
    return _network(config, arrays)


def _network(config: Mapping[str, Any], arrays: Arrays) -> Network:
    layers = [
        _layer(layer, arrays.get(f"layers.{position}.centroids"))
        for position, layer in enumerate(config["layers"])
    ]
    specs = array_specs(layers)
    for name, spec in specs.items():
        # Before anything is made: a wrong size in a damaged config must not ask for its memory.
        check_array(arrays, name, spec.shape, spec.dtype)
    net = Network.from_arrays(layers, [arrays[name] for name in specs], config["random_state"])
    net.loss = config["loss"]
    if net.loss is not None and net.loss not in LOSSES:
        raise ValueError(f"unknown loss {net.loss!r}")
    if config["encoding"] is not None:
        net.encoding = Encoding.from_state(config["encoding"], arrays)
        if net.encoding.n_features != net.n_features or net.encoding.n_labels > net.n_outputs:
            raise ValueError("its encoding does not fit its layers")
    net.n_trained = check_integer("n_trained", config.get("n_trained", 0), low=0)
    if "label_counts" in arrays:  # not in files of before it was kept
        net.label_counts = checked_counts(arrays, net.n_outputs, net.n_trained)
    return net


def _layer(described: dict[str, Any], centroids: NDArray[Any] | None) -> Settings:
    """Make a layer. Older files leave the number of cells of a last layer to the library, which has
    changed its mind since: theirs is that of the centroids."""
    layer = layer_from_dict(described)
    selector = described.get("selector", {})
    if centroids is None or not isinstance(layer.selector, Hashed):
        return layer
    if selector.get("n_cells") is not None or layer.selector.n_cells in (None, len(centroids)):
        return layer
    return layer_from_dict({**described, "selector": {**selector, "n_cells": len(centroids)}})
