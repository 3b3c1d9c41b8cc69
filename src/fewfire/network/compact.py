"""The part of a network that some examples use: rows without values leave, and with them the
columns above; so do inputs that are always 0. What stays keeps its order and its codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..data import Dataset
from ..data.core_views import core_inputs
from ..data.some_columns import used_columns
from .answers import predict
from .architecture import Settings
from .arrays import layer_specs
from .bag import EmbeddingBag
from .families import Centroid, Sign
from .gates import Dropout, Gate, TopK, family_of
from .hashed import Hashed
from .layer import Layer


class Kept(NamedTuple):
    """What stays, ascending: inputs, and rows of each layer."""

    columns: NDArray[np.int32]
    rows: list[NDArray[np.int32]]


def used(
    layers: Sequence[Layer],
    model: _core.Model,
    data: Dataset,
    columns: NDArray[np.int32] | None,
    n_threads: int,
) -> Kept:
    """Return what the examples use: `columns` are those that the first layer reads of them."""
    n_inputs = layers[0].settings.in_features
    kept = np.arange(n_inputs, dtype=np.int32)
    if _loses_columns(layers[0].settings):
        found = used_columns(data)
        is_used = np.isin(kept if columns is None else columns, found)
        kept = _at_least(1, np.flatnonzero(is_used).astype(np.int32))
    values = _values(layers, model, data, columns, n_threads)
    rows = []
    for layer, above, has_value in zip(layers, layers[1:], values, strict=False):
        n_rows, family = layer.settings.out_features, family_of(layer.settings.gate)
        if not _loses_columns(above.settings):
            has_value = np.ones(n_rows, bool)
        least = family.n_cells if isinstance(family, Centroid) else 1
        rows.append(_at_least(least or 1, np.flatnonzero(has_value).astype(np.int32)))
    rows.append(np.arange(layers[-1].settings.out_features, dtype=np.int32))
    return Kept(kept, rows)


def _loses_columns(settings: Settings) -> bool:
    """Whether the codes of a layer stay what they are where columns leave: hash functions that are
    drawn for columns would be others."""
    family = family_of(settings.gate)
    return family is None or (
        isinstance(family, Centroid) or (isinstance(family, Sign) and family.n_columns is None)
    )


def _at_least(n: int, chosen: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the chosen numbers, and the lowest others where they are fewer than `n`."""
    if len(chosen) >= n:
        return chosen
    others = np.setdiff1d(np.arange(n, dtype=np.int32), chosen)
    return np.sort(np.concatenate([chosen, others[: n - len(chosen)]]))


def _values(
    layers: Sequence[Layer],
    model: _core.Model,
    data: Dataset,
    columns: NDArray[np.int32] | None,
    n_threads: int,
) -> list[NDArray[np.bool_]]:
    """Return which rows of each layer but the last give some example a value that is not 0."""
    below = layers[:-1]
    has = [np.zeros(layer.settings.out_features, bool) for layer in below]
    if not below:
        return has
    for window in data.windows():
        inputs, ids = core_inputs(window, columns), np.arange(len(window), dtype=np.int64)
        means = _core.mean_inputs(model, inputs, ids, n_threads)[0]
        for own, mean in zip(has, means[1:], strict=True):
            own |= np.asarray(mean) != 0  # of a ReLU, whose values have one sign
    others = [i for i, layer in enumerate(below) if layer.settings.activation != "relu"]
    if others:  # what a gate chose counts, whatever its value
        found = predict(
            model, len(layers), data, 1, exact=False, n_threads=n_threads, counts_rows=True,
            columns=columns,
        )  # fmt: skip
        for i in others:
            has[i] |= found.usage[i] > 0
    return has


def cut(layers: Sequence[Layer], kept: Kept) -> tuple[list[Settings], list[NDArray[Any]]]:
    """Return the settings and copies of the arrays of the layers that are left."""
    settings, arrays = [], []
    columns: NDArray[np.int32] = kept.columns
    for layer, rows in zip(layers, kept.rows, strict=True):
        settings.append(_smaller(layer.settings, len(rows), len(columns)))
        arrays += _cut_arrays(layer, rows, columns)
        columns = rows
    return settings, arrays


def _smaller(settings: Settings, n_rows: int, n_columns: int) -> Settings:
    if isinstance(settings, EmbeddingBag):
        return replace(settings, n_features=n_columns, dim=n_rows)
    gate = _of_fewer(settings.gate, min(settings.active, n_rows), n_rows)
    return replace(settings, in_features=n_columns, out_features=n_rows, gate=gate)


def _of_fewer(gate: Gate, active: int, n_rows: int) -> Gate:
    """Return a gate that keeps as many of fewer rows."""
    if isinstance(gate, Dropout | TopK | Hashed):
        return replace(gate, density=active / n_rows)
    return gate


def _cut_arrays(
    layer: Layer, rows: NDArray[np.int32], columns: NDArray[np.int32]
) -> list[NDArray[Any]]:
    is_bag = isinstance(layer.settings, EmbeddingBag)
    places: dict[str, Any] = {
        "weights": np.ix_(columns, rows) if is_bag else np.ix_(rows, columns),
        "bias": rows,
        "origins": rows,
        "center": columns,
        "draws": slice(None),
        "centroids": (slice(None), [*columns, layer.settings.in_features]),  # the bias is last
        "cells": rows,
    }
    named = zip(layer_specs(layer.settings), layer.arrays, strict=True)
    own = {name: np.array(array[places[name]], order="C") for name, array in named}
    if "origins" in own:  # numbers from 0, in the same order
        own["origins"] = np.argsort(np.argsort(own["origins"])).astype(np.uint32)
    return list(own.values())
