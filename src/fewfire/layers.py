"""Fully connected layers: what they are (`Linear`), and what they are made of (`Layer`)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import _core
from .config import check_choice, check_flag, check_integer, check_number, from_dict, to_dict
from .hashed import Hashed
from .indexes import make_index, wants_center
from .selectors import SELECTORS, AdaptiveDropout, All, Dropout, Selector, TopK, active_rows

ACTIVATIONS = ("relu", "tanh", "sigmoid", "linear")


@dataclass(frozen=True)
class Linear:
    """A fully connected layer: a = activation(W x + b), for the rows that `selector` chooses.

    Parameters
    ----------
    in_features, out_features : int
        Columns and rows of the weights.
    activation : {"linear", "relu", "tanh", "sigmoid"}
    selector : All, Dropout, AdaptiveDropout, TopK or Hashed, optional
        What chooses the rows that are computed; None is `All()`.
    bias : bool
        False keeps the bias at 0.
    gain : float, optional
        Factor of the initial weights' standard deviation. None: 1, but for soft hashed layers 0.2
        in a network's first layer and 0.5 later: small first steps keep rows from dying.

    >>> Linear(784, 1000, activation="relu", selector=Hashed(density=0.05)).out_features
    1000
    """

    in_features: int
    out_features: int
    activation: str = "linear"
    selector: Selector = field(default_factory=All)
    bias: bool = True
    gain: float | None = None

    def __post_init__(self) -> None:
        for name in ("in_features", "out_features"):
            width = check_integer(name, getattr(self, name), low=1, high=2**31 - 1)
            object.__setattr__(self, name, width)
        check_choice("activation", self.activation, ACTIVATIONS)
        check_flag("bias", self.bias)
        if self.selector is None:
            object.__setattr__(self, "selector", All())
        if not isinstance(self.selector, Selector):
            raise TypeError(
                f"selector must be one of {', '.join(SELECTORS)}; got {self.selector!r}"
            )
        if self.gain is not None:
            check_number("gain", self.gain, above=0.0, high=1e6)
        if getattr(self.selector, "soft", False) and self.activation != "relu":
            raise ValueError(
                f'a soft gate subtracts a threshold before a ReLU; with activation="'
                f'{self.activation}" use soft=False'
            )

    @property
    def active(self) -> int:
        """Rows that an example keeps; all for a selector without a budget."""
        return active_rows(self.selector, self.out_features)

    @property
    def soft(self) -> bool:
        """Whether values start at the threshold of the gate."""
        soft = getattr(self.selector, "soft", False)
        return self.activation == "relu" if soft is None else bool(soft)

    @property
    def differentiate(self) -> bool:
        """Whether gradient flows through the threshold."""
        differentiate = getattr(self.selector, "differentiate", False)
        return self.soft if differentiate is None else bool(differentiate)

    def to_dict(self) -> dict[str, Any]:
        """Return the layer as a plain dict, for files."""
        return {**to_dict(self), "selector": to_dict(self.selector)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Linear:
        """Make the layer that `to_dict` described."""
        selector = from_dict(SELECTORS, data["selector"])
        layer = from_dict({"Linear": cls}, {**data, "selector": selector})
        assert isinstance(layer, cls)
        return layer


def check_layers(layers: Sequence[Linear]) -> None:
    """Raise unless the layers make a network."""
    if not layers:
        raise ValueError("a network needs at least one layer")
    for position, layer in enumerate(layers):
        if not isinstance(layer, Linear):
            raise TypeError(f"layer {position} must be a Linear, got {layer!r}")
        below = layers[position - 1]
        if position and layer.in_features != below.out_features:
            raise ValueError(
                f"layer {position} wants {layer.in_features} inputs "
                f"but layer {position - 1} has {below.out_features} rows"
            )
    if layers[-1].soft:
        raise ValueError("the last layer's scores are compared with each other: use soft=False")


def array_shapes(layers: Sequence[Linear]) -> dict[str, tuple[int, ...]]:
    """Return the arrays that the layers are made of, by name: weights, bias, and the mean input
    where hashing takes it away."""
    return {
        f"layers.{position}.{name}": shape
        for position, layer in enumerate(layers)
        for name, shape in (
            ("weights", (layer.out_features, layer.in_features)),
            ("bias", (layer.out_features,)),
            ("center", (layer.in_features,)),
        )
        if name != "center" or wants_center(layer.selector)
    }


class Layer:
    """A layer of a network: its settings and its arrays.

    Attributes
    ----------
    settings : Linear
    weights : ndarray of float32, (out_features, in_features)
    bias : ndarray of float32, (out_features,)
    center : ndarray of float32, (in_features,), or None
        The mean input, of a layer with `Hashed(center=True)`; training sets it.
    index : SignIndex, TableIndex or None
        What proposes rows to a hashed layer.

    `random_state` of the network and `position` seed its hash functions and what its gate draws.
    """

    def __init__(
        self,
        settings: Linear,
        weights: NDArray[np.float32],
        bias: NDArray[np.float32],
        center: NDArray[np.float32] | None = None,
        *,
        random_state: int,
        position: int,
    ) -> None:
        seed = int(_sequence(random_state, position).generate_state(1, np.uint64)[0])
        self.settings = settings
        self.weights = weights
        self.bias = bias
        self.center = center
        shape = settings.out_features, settings.in_features
        self.index = make_index(settings.selector, shape, seed, is_first=position == 0)
        self.gate = _make_gate(settings, self.index, seed)
        self.core = _core.Linear(
            weights,
            bias,
            settings.activation,
            self.gate,
            settings.bias,
        )

    @property
    def arrays(self) -> list[NDArray[np.float32]]:
        """What `array_shapes` tells of."""
        arrays = [self.weights, self.bias]
        return arrays if self.center is None else [*arrays, self.center]

    def refresh(self, n_threads: int = 1) -> NDArray[np.int64] | None:
        """Recompute the codes of all rows; return the cost, (1, n_fields); None without codes."""
        if self.index is None:
            return None
        if self.center is not None and isinstance(self.index, _core.TableIndex):
            self.index.set_center(self.center)
        return np.asarray(self.index.refresh(self.weights, self.bias, n_threads))

    def refresh_rows(self, rows: NDArray[np.int32], n_threads: int = 1) -> NDArray[np.int64]:
        """Recompute the codes of some rows of a layer with tables; return the cost."""
        assert isinstance(self.index, _core.TableIndex)
        return np.asarray(self.index.refresh_rows(self.weights, self.bias, rows, n_threads))

    def set_rare(self, rows: NDArray[np.int32]) -> None:
        """Tell a hashed layer with `explore` which rows to draw from."""
        assert isinstance(self.gate, _core.Hashed)
        self.gate.set_rare(rows, len(self.bias))

    def drift(self, rows: NDArray[np.int32], n_threads: int = 1) -> tuple[float, NDArray[np.int64]]:
        """Return how stale the codes of some rows are, a share of bits or codes, and the cost."""
        assert isinstance(self.index, _core.TableIndex)
        share, cost = self.index.drift(self.weights, self.bias, rows, n_threads)
        return float(share), np.asarray(cost)


def initial_arrays(layers: Sequence[Linear], random_state: int) -> list[NDArray[np.float32]]:
    """Draw what training starts from: the arrays of each layer in turn."""
    arrays = []
    for position, layer in enumerate(layers):
        active_inputs = layers[position - 1].active if position else layer.in_features
        deviation = _initial_deviation(
            layer, active_inputs, is_first=position == 0, is_last=position == len(layers) - 1
        )
        rng = np.random.default_rng(_sequence(random_state, position))
        weights = rng.standard_normal((layer.out_features, layer.in_features), dtype=np.float32)
        weights *= np.float32(deviation)
        arrays += [weights, np.zeros(layer.out_features, dtype=np.float32)]
        if wants_center(layer.selector):
            arrays.append(np.zeros(layer.in_features, dtype=np.float32))
    return arrays


def _initial_deviation(
    settings: Linear, active_inputs: int, *, is_first: bool, is_last: bool
) -> float:
    """Root of 2 / active inputs (He et al., ICCV 2015); half of that at the end."""
    gain = settings.gain
    if gain is None:
        is_hashed = isinstance(settings.selector, Hashed) and settings.soft
        gain = (0.2 if is_first else 0.5) if is_hashed else 1.0
    return gain * math.sqrt(2.0 / active_inputs) * (0.5 if is_last else 1.0)


def _sequence(random_state: int, position: int) -> np.random.SeedSequence:
    """Return what seeds a layer: its weights, its hash functions, what its gate draws."""
    return np.random.SeedSequence([random_state, position])


def _make_gate(settings: Linear, index: _core.Index | None, seed: int) -> _core.Gate | None:
    selector, active = settings.selector, settings.active
    if isinstance(selector, Dropout):
        return _core.Dropout(active, seed)
    if isinstance(selector, AdaptiveDropout):
        return _core.AdaptiveDropout(selector.alpha, selector.beta, seed)
    if isinstance(selector, TopK):
        return _core.TopK(active, settings.soft, settings.differentiate, seed)
    if isinstance(selector, Hashed) and index is not None:
        wanted = max(round(selector.rerank * active), active + settings.soft)
        candidates = min(wanted, settings.out_features)
        explored = round((selector.explore or 0.0) * active)
        return _core.Hashed(
            index,
            active,
            max(candidates, active),
            settings.soft,
            settings.differentiate,
            seed,
            explored,
        )
    return None
