"""What training starts from: the arrays of each layer, drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.bfloat16 import DTYPES, is_bfloat16, nearest
from .architecture import Settings
from .arrays import layer_specs
from .bag import EmbeddingBag
from .gates import Dropout
from .hashed import Hashed
from .linear import Linear

_DRAWN = 1 << 20  # weights at a time


def initial_arrays(layers: Sequence[Settings], random_state: int) -> list[list[NDArray[Any]]]:
    """Draw what training starts from, for each layer; what its index learns is left out."""
    arrays: list[list[NDArray[Any]]] = []
    for position, layer in enumerate(layers):
        deviation = _initial_deviation(
            layer,
            layers[position - 1] if position else None,
            is_last=position == len(layers) - 1,
        )
        rng = np.random.default_rng(seed_sequence(random_state, position))
        weights = _drawn(layer, deviation, rng)
        others = [
            np.arange(layer.out_features, dtype=spec.dtype)
            if name == "origins"
            else np.zeros(spec.shape, spec.dtype)
            for name, spec in layer_specs(layer).items()
            if name in ("bias", "origins", "center", "draws")
        ]
        arrays.append([weights, *others])
    return arrays


def _drawn(layer: Settings, deviation: float, rng: np.random.Generator) -> NDArray[Any]:
    """Draw weights, some rows at a time: in bfloat16 they shall take no float's memory."""
    weights: NDArray[Any] = np.empty(layer.weights_shape, DTYPES[layer.dtype])
    n_columns = layer.weights_shape[1]
    for part in np.array_split(weights, math.ceil(weights.size / _DRAWN)):
        values = rng.standard_normal((len(part), n_columns), dtype=np.float32)
        values *= np.float32(deviation)
        part[...] = nearest(values) if is_bfloat16(part) else values
    return weights


def default_gain(settings: Linear, *, is_first: bool) -> float:
    """Return the gain of a layer that is given none: small where a hashed gate is soft."""
    if isinstance(settings.gate, Hashed) and settings.soft:
        return 0.2 if is_first else 0.5
    return 1.0


def _initial_deviation(settings: Settings, below: Settings | None, *, is_last: bool) -> float:
    """Root of 2 / active inputs (He et al., ICCV 2015), scaled up by dropout; half at the end. Of a
    bag 1 / root of its width: the number of its inputs is the data's."""
    if isinstance(settings, EmbeddingBag):
        return settings.gain / math.sqrt(settings.dim)
    gain = settings.gain
    if gain is None:
        gain = default_gain(settings, is_first=below is None)
    if below is not None and isinstance(below.gate, Dropout):
        gain *= below.active / below.out_features
    active_inputs = settings.in_features if below is None else below.active
    return gain * math.sqrt(2.0 / active_inputs) * (0.5 if is_last else 1.0)


def seed_sequence(random_state: int, position: int) -> np.random.SeedSequence:
    """Return what seeds a layer: its weights, its hash functions, what its gate draws."""
    return np.random.SeedSequence([random_state, position])
