"""The arrays that layers are made of: names, shapes and types."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.bfloat16 import nearest
from .architecture import Settings
from .array_spec import ArraySpec
from .gates import family_of


def array_specs(layers: Sequence[Settings]) -> dict[str, ArraySpec]:
    """Return what the layers are made of, by name: weights, bias, the first number of each row, and
    what hashing has learned: the mean input, how often tables were redrawn, or centroids and the
    cell of each row."""
    return {
        f"layers.{position}.{name}": spec
        for position, layer in enumerate(layers)
        for name, spec in layer_specs(layer).items()
    }


def parameter_bytes(layers: Sequence[Settings]) -> int:
    """Return what weights and biases take."""
    return sum(
        math.prod(spec.shape) * spec.dtype.itemsize
        for layer in layers
        for name, spec in layer_specs(layer).items()
        if name in ("weights", "bias")
    )


def as_stored(layers: Sequence[Settings], arrays: Sequence[NDArray[Any]]) -> Sequence[NDArray[Any]]:
    """Return the arrays, with floats rounded to the nearest where weights are bfloat16."""
    if not isinstance(arrays, Sequence) or not all(isinstance(x, np.ndarray) for x in arrays):
        raise TypeError("weights are a list of numpy arrays, as weights() returns it")
    specs = array_specs(layers).values()
    if len(specs) != len(arrays):
        return arrays
    return [
        nearest(array) if spec.stored_as == "bfloat16" and array.dtype == np.float32 else array
        for spec, array in zip(specs, arrays, strict=True)
    ]


def check_arrays(layers: Sequence[Settings], arrays: Sequence[NDArray[Any]]) -> None:
    """Raise unless the arrays are those of `array_specs`."""
    specs = array_specs(layers)
    if len(arrays) != len(specs):
        raise ValueError(f"{len(arrays)} arrays given, wanted {', '.join(specs)}")
    for (name, spec), array in zip(specs.items(), arrays, strict=True):
        spec.check(name, array)


def layer_specs(layer: Settings) -> dict[str, ArraySpec]:
    """Return what one layer is made of."""
    n_rows, n_columns = layer.out_features, layer.in_features
    weights = ArraySpec(layer.weights_shape, stored_as=layer.dtype)
    specs = {"weights": weights, "bias": ArraySpec((n_rows,))}
    family = family_of(layer.gate)
    return specs if family is None else specs | family.arrays(n_rows, n_columns)


def by_layer(
    layers: Iterable[Settings], arrays: Iterable[NDArray[Any]]
) -> Iterator[list[NDArray[Any]]]:
    """Yield the arrays of each layer, from those of `array_specs` in turn."""
    given = iter(arrays)
    for layer in layers:
        yield list(islice(given, len(layer_specs(layer))))
