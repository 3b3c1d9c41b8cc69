"""The arrays that layers are made of: names, shapes and types."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..base.bfloat16 import DTYPES, nearest
from .architecture import Settings
from .core_index import is_renumbered, n_cells, n_redrawn, wants_center


class ArraySpec(NamedTuple):
    """What an array of a layer must be: numbers that a network stores its weights as or, with a
    bound, uint32 below it."""

    shape: tuple[int, ...]
    bound: int | None = None
    distinct: bool = False
    stored_as: str = "float32"

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the array."""
        return DTYPES[self.stored_as] if self.bound is None else np.dtype(np.uint32)

    def check(self, name: str, array: NDArray[Any]) -> None:
        """Raise unless the array is what it must be, aligned, writeable and C-contiguous."""
        if array.shape != self.shape or array.dtype != self.dtype or not array.flags.carray:
            raise ValueError(
                f"{name} is {array.dtype}{array.shape}, wanted {self.dtype}{self.shape}, aligned, "
                "writeable and C-contiguous"
            )
        if self.bound is not None and (array >= self.bound).any():
            raise ValueError(f"{name} holds {array.max()}, wanted numbers below {self.bound}")
        if self.distinct and len(np.unique(array)) < array.size:
            raise ValueError(f"{name} holds a number twice")


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
    if is_renumbered(layer.gate):
        specs["origins"] = ArraySpec((n_rows,), bound=n_rows, distinct=True)
    if wants_center(layer.gate):
        specs["center"] = ArraySpec((n_columns,))
    if n_tables := n_redrawn(layer.gate):
        specs["draws"] = ArraySpec((n_tables,), bound=1 << 32)
    if cells := n_cells(layer.gate, n_rows):
        specs["centroids"] = ArraySpec((cells, n_columns + 1))
        specs["cells"] = ArraySpec((n_rows, 1), bound=cells)
    return specs


def by_layer(
    layers: Iterable[Settings], arrays: Iterable[NDArray[Any]]
) -> Iterator[list[NDArray[Any]]]:
    """Yield the arrays of each layer, from those of `array_specs` in turn."""
    given = iter(arrays)
    for layer in layers:
        yield list(islice(given, len(layer_specs(layer))))
