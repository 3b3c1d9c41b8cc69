"""What layers are made of: their arrays, what proposes rows, and what chooses among them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _core
from .bag import EmbeddingBag
from .bfloat16 import DTYPES, is_bfloat16, nearest, widened
from .config import thread_count
from .hashed import Hashed
from .indexes import is_renumbered, make_index, n_cells, n_redrawn, wants_center
from .ledger import Ledger
from .linear import Linear
from .selectors import AdaptiveDropout, Dropout, TopK
from .stack import Settings

_NEGATIVES, _HEAD = 3072, 256  # rows of an output layer (docs/design.md)
_THIN = 0.001  # gradients of its scores
_DRAWN = 1 << 20  # weights at a time


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
        for name, spec in _specs(layer).items()
    }


def parameter_bytes(layers: Sequence[Settings]) -> int:
    """Return what weights and biases take."""
    return sum(
        math.prod(spec.shape) * spec.dtype.itemsize
        for layer in layers
        for name, spec in _specs(layer).items()
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


def _specs(layer: Settings) -> dict[str, ArraySpec]:
    n_rows, n_columns = layer.out_features, layer.in_features
    weights = ArraySpec(layer.weights_shape, stored_as=layer.dtype)
    specs = {"weights": weights, "bias": ArraySpec((n_rows,))}
    if is_renumbered(layer.selector):
        specs["origins"] = ArraySpec((n_rows,), bound=n_rows, distinct=True)
    if wants_center(layer.selector):
        specs["center"] = ArraySpec((n_columns,))
    if n_tables := n_redrawn(layer.selector):
        specs["draws"] = ArraySpec((n_tables,), bound=1 << 32)
    if cells := n_cells(layer.selector, n_rows):
        specs["centroids"] = ArraySpec((cells, n_columns + 1))
        specs["cells"] = ArraySpec((n_rows, 1), bound=cells)
    return specs


def by_layer(
    layers: Iterable[Settings], arrays: Iterable[NDArray[Any]]
) -> Iterator[list[NDArray[Any]]]:
    """Yield the arrays of each layer, from those of `array_specs` in turn."""
    given = iter(arrays)
    for layer in layers:
        yield list(islice(given, len(_specs(layer))))


class Layer:
    """A layer of a network: its settings and its arrays.

    Attributes
    ----------
    settings : Linear or EmbeddingBag
    weights : ndarray of float32, (out_features, in_features); of an EmbeddingBag (n_features, dim)
        Of bfloat16 a copy that cannot be written to: assign an array, which is then rounded.
    stored : ndarray of float32 or uint16
        The weights as the core trains them; bfloat16 numbers as uint16, the upper halves of floats.
    bias : ndarray of float32, (out_features,)
    center : ndarray of float32, (in_features,), or None
        The mean input, of a layer with `Hashed(center=True)`; training sets it.
    draws : ndarray of uint32, (n_tables,), or None
        How often each table's hash functions were drawn anew, of a layer with
        `Hashed(redraw_every=...)`; training counts.
    samples : bool
        Whether it is a last layer that keeps every candidate and draws negatives.
    has_cells : bool
        Whether the index keeps centroids and cells that follow the rows.
    index : SignIndex, TableIndex or None
        What proposes rows to a hashed layer.
    origins : ndarray of uint32, (out_features,), or None
        The number of each row when the network was made, of a layer whose rows are renumbered.
    first_cost : ndarray of int64, (1, n_fields)
        What the codes that the layer started with cost.

    `random_state` of the network and `position` seed its hash functions and what its gate draws.
    `samples` says that it is a last layer which keeps every candidate (`stack.is_sampled`).
    """

    def __init__(
        self,
        settings: Settings,
        weights: NDArray[Any],
        bias: NDArray[np.float32],
        *others: NDArray[Any],
        random_state: int,
        position: int,
        samples: bool = False,
    ) -> None:
        seed = int(_sequence(random_state, position).generate_state(1, np.uint64)[0])
        self.settings = settings
        self.samples = samples
        self.stored = weights
        self.bias = bias
        given = dict(zip(_specs(settings), (weights, bias, *others), strict=False))
        self.origins = given.get("origins")
        self.center = given.get("center")
        self.draws = given.get("draws")
        self.has_cells = n_cells(settings.selector, settings.out_features) > 0
        shape = settings.out_features, settings.in_features
        self.index = make_index(settings.selector, shape, seed, is_first=position == 0)
        self.gate: _core.Gate | None = None
        if isinstance(settings, EmbeddingBag):
            self.core = _core.EmbeddingBag(
                weights, bias, settings.activation, settings.bias,
                settings.input_dropout, settings.dropout, seed,
            )  # fmt: skip
        else:
            self.gate = _make_gate(settings, self.index, seed, samples=samples)
            self.core = _core.Linear(
                weights, bias, settings.activation, self.gate, settings.bias, seed
            )
        learned = others[len(self._held) - 2 :]
        self.first_cost = self.restore(*learned) if learned else self.refresh(thread_count(None))

    @property
    def weights(self) -> NDArray[np.float32]:
        """The weights, to look at; float32 ones also to change."""
        if not is_bfloat16(self.stored):
            return self.stored
        copy = widened(self.stored)
        copy.flags.writeable = False  # what is written to it would be lost
        return copy

    @weights.setter
    def weights(self, values: NDArray[np.float32]) -> None:
        self.stored[...] = nearest(values) if is_bfloat16(self.stored) else values

    @property
    def arrays(self) -> list[NDArray[Any]]:
        """What `array_specs` tells of, in its order; what an index has learned is a copy."""
        return [*self._held, *self.learned] if self.has_cells else self._held

    @property
    def _held(self) -> list[NDArray[Any]]:
        """The arrays that are not the index's."""
        arrays = (self.stored, self.bias, self.origins, self.center, self.draws)
        return [array for array in arrays if array is not None]

    @property
    def learned(self) -> tuple[NDArray[np.float32], NDArray[np.uint32]]:
        """Copies of the centroids and of the cell of each row, of a layer that has cells."""
        assert isinstance(self.index, _core.TableIndex)
        return np.asarray(self.index.learned), np.asarray(self.index.codes)

    def restore(
        self, centroids: NDArray[np.float32], cells: NDArray[np.uint32]
    ) -> NDArray[np.int64]:
        """Give a layer that has cells these; return what the rest of its index cost."""
        assert isinstance(self.index, _core.TableIndex)
        return np.asarray(self.index.restore(self.stored, centroids, cells))

    def set_arrays(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Take over what `arrays` of a layer like this returned."""
        held = self._held
        for to, array in zip(held, arrays, strict=False):
            to[...] = array
        if self.has_cells:
            self.restore(*arrays[len(held) :])
        else:
            self.refresh()

    def reorder(
        self, rows: NDArray[np.int64] | None = None, columns: NDArray[np.int64] | None = None
    ) -> NDArray[np.int64]:
        """Put the rows and columns in this order; return what making the codes anew cost.

        Not for a layer whose hash functions belong to its columns.
        """
        if rows is not None:
            assert self.origins is not None
            self.origins[...] = self.origins[rows]
            self.stored[...], self.bias[...] = self.stored[rows], self.bias[rows]
        if columns is not None:
            self.stored[...] = self.stored[:, columns]
        if not self.has_cells:
            return self.refresh()
        centroids, cells = self.learned
        if columns is not None:
            centroids = np.ascontiguousarray(centroids[:, [*columns, len(columns)]])
        return self.restore(centroids, cells if rows is None else cells[rows])

    def refresh(self, n_threads: int = 1) -> NDArray[np.int64]:
        """Recompute the codes of all rows; return the cost, (1, n_fields)."""
        if self.index is None:
            return Ledger.empty(1).counts
        if isinstance(self.index, _core.TableIndex):
            if self.center is not None:
                self.index.set_center(self.center)
            if self.draws is not None:
                self.index.set_draws(self.draws)
        return np.asarray(self.index.refresh(self.stored, self.bias, n_threads))

    def refresh_rows(self, rows: NDArray[np.int32], n_threads: int = 1) -> NDArray[np.int64]:
        """Recompute the codes of some rows of a layer with tables; return the cost."""
        assert isinstance(self.index, _core.TableIndex)
        return np.asarray(self.index.refresh_rows(self.stored, self.bias, rows, n_threads))

    def begin_refit(self, n_threads: int = 1) -> NDArray[np.int64]:
        """Begin to learn the cells anew, in pieces; return the cost."""
        assert isinstance(self.index, _core.TableIndex)
        return np.asarray(self.index.begin_refit(self.stored, self.bias, n_threads))

    def refit_rows(self, rows: NDArray[np.int32], n_threads: int = 1) -> NDArray[np.int64]:
        """Find the new cells of some rows; return the cost."""
        assert isinstance(self.index, _core.TableIndex)
        return np.asarray(self.index.refit_rows(self.stored, self.bias, rows, n_threads))

    def end_refit(self, n_threads: int = 1) -> NDArray[np.int64]:
        """Let the new cells, by now those of all rows, take over; return the cost."""
        assert isinstance(self.index, _core.TableIndex)
        return np.asarray(self.index.end_refit(self.stored, n_threads))

    def set_rare(self, rows: NDArray[np.int32]) -> None:
        """Tell a hashed layer with `explore` which rows to draw from."""
        assert isinstance(self.gate, _core.Hashed)
        self.gate.set_rare(rows, len(self.bias))

    def set_head(self, label_counts: NDArray[np.int64] | None) -> None:
        """Make the most frequent labels candidates of every example, if the layer has a head."""
        if isinstance(self.gate, _core.Sampled):
            n_rows, rows = len(self.bias), np.empty(0, np.int32)
            if label_counts is not None:
                n_head = _head(self.settings)
                rows = np.argsort(-label_counts, kind="stable")[:n_head].astype(np.int32)
            self.gate.set_head(rows, n_rows)

    def drift(self, rows: NDArray[np.int32], n_threads: int = 1) -> tuple[float, NDArray[np.int64]]:
        """Return how stale the codes of some rows are, a share of bits or codes, and the cost."""
        assert isinstance(self.index, _core.TableIndex)
        share, cost = self.index.drift(self.stored, self.bias, rows, n_threads)
        return float(share), np.asarray(cost)


def initial_arrays(layers: Sequence[Settings], random_state: int) -> list[list[NDArray[Any]]]:
    """Draw what training starts from, for each layer; what its index learns is left out."""
    arrays: list[list[NDArray[Any]]] = []
    for position, layer in enumerate(layers):
        deviation = _initial_deviation(
            layer,
            layers[position - 1] if position else None,
            is_last=position == len(layers) - 1,
        )
        rng = np.random.default_rng(_sequence(random_state, position))
        weights = _drawn(layer, deviation, rng)
        others = [
            np.arange(layer.out_features, dtype=spec.dtype)
            if name == "origins"
            else np.zeros(spec.shape, spec.dtype)
            for name, spec in _specs(layer).items()
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
    if isinstance(settings.selector, Hashed) and settings.soft:
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
    if below is not None and isinstance(below.selector, Dropout):
        gain *= below.active / below.out_features
    active_inputs = settings.in_features if below is None else below.active
    return gain * math.sqrt(2.0 / active_inputs) * (0.5 if is_last else 1.0)


def _sequence(random_state: int, position: int) -> np.random.SeedSequence:
    """Return what seeds a layer: its weights, its hash functions, what its gate draws."""
    return np.random.SeedSequence([random_state, position])


def _make_gate(
    settings: Linear, index: _core.Index | None, seed: int, *, samples: bool
) -> _core.Gate | None:
    selector, active = settings.selector, settings.active
    if samples and isinstance(selector, Hashed) and index is not None:
        thin = _THIN if selector.thin is None else selector.thin
        return _core.Sampled(index, active, _negatives(selector, settings.out_features), seed, thin)
    if isinstance(selector, Dropout):
        return _core.Dropout(active, seed)
    if isinstance(selector, AdaptiveDropout):
        return _core.AdaptiveDropout(selector.alpha, selector.beta, seed)
    if isinstance(selector, TopK):
        return _core.TopK(active, settings.soft, settings.differentiate, seed)
    if isinstance(selector, Hashed) and index is not None:
        wanted = max(round(settings.rerank * active), active + settings.soft)
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


def _negatives(selector: Hashed, n_rows: int) -> int:
    return min(_NEGATIVES if selector.negatives is None else selector.negatives, n_rows // 2)


def _head(settings: Settings) -> int:
    assert isinstance(settings.selector, Hashed)
    wanted = settings.selector.head
    return min(_HEAD, settings.active // 4) if wanted is None else min(wanted, settings.active)
