"""The core, fed from the twin's descriptions. Arrays are float32 copies, so both start equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

import reference
from fewfire import _core

LEVELS = _core.simd_levels()


def vectors(X: np.ndarray, form: str = "dense") -> Any:
    if form == "dense":
        return _core.DenseInputs(np.ascontiguousarray(X, np.float32))
    csr = sparse.csr_array(X)
    return _core.SparseInputs(
        csr.indptr.astype(np.int64),
        csr.indices.astype(np.int32),
        csr.data.astype(np.float32),
        X.shape[1],
    )


def targets(per_example: Sequence[np.ndarray], loss: str) -> Any:
    if loss == "squared":
        return _core.ValueTargets(np.ascontiguousarray(per_example, np.float32))
    indptr = np.cumsum([0, *map(len, per_example)]).astype(np.int64)
    return _core.LabelTargets(indptr, np.concatenate([*per_example, []]).astype(np.int32))


class Trained(NamedTuple):
    loss: float
    n_correct: int
    ledger: np.ndarray
    usage: list[np.ndarray]


@dataclass(frozen=True)
class Tables:
    """An index of a family whose proposals the twin does not imitate."""

    family: str
    n_bits: int
    n_tables: int
    rank: str
    seed: int


PLAIN_SGD = reference.Optimizer()


class Network:
    """A core model, the arrays it borrows, and its optimizer's state."""

    def __init__(
        self,
        twin: reference.Model,
        optimizer: reference.Optimizer = PLAIN_SGD,
        initial: float = 0.0,
        *,
        bfloat16: bool = False,
    ) -> None:
        self.weights = [
            (layer.weights.T if isinstance(layer, reference.Bag) else layer.weights).astype(
                np.float32, order="C"
            )
            for layer in twin.layers
        ]
        if bfloat16:
            self.weights = [reference.nearest_bfloat16(weights) for weights in self.weights]
        self.bias = [layer.bias.astype(np.float32) for layer in twin.layers]
        self.gates = [
            self.gate(layer.gate, weights, bias)
            for layer, weights, bias in zip(twin.layers, self.weights, self.bias, strict=True)
        ]
        self.layers = [
            make_layer(layer, weights, bias, gate)
            for layer, weights, bias, gate in zip(
                twin.layers, self.weights, self.bias, self.gates, strict=True
            )
        ]
        self.loss = twin.loss
        self.model = _core.Model(self.layers, twin.loss)
        self.optimizer = _core.Optimizer(**asdict(optimizer))
        self.moments = [
            [
                (np.full((len(weights), width), initial, np.float32), np.full_like(bias, initial))
                for width in self.optimizer.moment_widths(weights.shape[1])
            ]
            for weights, bias in zip(self.weights, self.bias, strict=True)
        ]
        self.touched = [np.zeros(len(weights), np.int64) for weights in self.weights]
        self.states = [
            _core.OptimizerState(moments, touched)
            for moments, touched in zip(self.moments, self.touched, strict=True)
        ]

    def gate(self, gate: Any, weights: np.ndarray, bias: np.ndarray) -> Any:
        match gate:
            case None:
                return None
            case reference.Dropout(active, seed):
                return _core.Dropout(active, seed)
            case reference.AdaptiveDropout(alpha, beta, seed):
                return _core.AdaptiveDropout(alpha, beta, seed)
            case reference.TopK(active, soft, differentiate, seed):
                return _core.TopK(active, soft, differentiate, seed)
            case reference.Hashed(index, active, candidates, soft, differentiate, seed, read):
                native_index = make_index(index, *weights.shape)
                native_index.refresh(weights, bias, 1)
                return _core.Hashed(
                    native_index, active, candidates, soft, differentiate, seed, weights=read
                )
            case reference.Retrieve(index, active, n_negatives, seed, head, thin, shares):
                native_index = make_index(index, *weights.shape)
                native_index.refresh(weights, bias, 1)
                self.index = native_index
                sampled = _core.Retrieve(native_index, active, n_negatives, seed, thin)
                sampled.set_head(np.array(head, np.int32), len(bias))
                sampled.set_draws(np.array(shares, float), len(bias))
                return sampled

    def rows(self, at: int, *, is_bag: bool = False) -> np.ndarray:
        """Weights and biases of a layer, a row per neuron."""
        weights = self.weights[at].T if is_bag else self.weights[at]
        return np.hstack([weights, self.bias[at][:, None]])

    def arrays(self) -> list[np.ndarray]:
        """Everything that training may change."""
        moments = [array for layer in self.moments for pair in layer for array in pair]
        return [*self.weights, *self.bias, *moments, *self.touched]

    def copy_of_arrays(self) -> list[np.ndarray]:
        return [array.copy() for array in self.arrays()]

    def train(
        self,
        X: Any,
        targets_: Any,
        order: np.ndarray,
        rates: Any,
        batch_size: int,
        *,
        first_step: int = 0,
        epoch: int = 0,
        n_threads: int = 1,
        deterministic: bool = False,
    ) -> Trained:
        return Trained(
            *_core.train(
                self.model,
                X,
                targets_,
                np.asarray(order, np.int64),
                np.asarray(rates, np.float32),
                batch_size,
                self.optimizer,
                self.states,
                first_step,
                epoch,
                n_threads,
                deterministic,
            )
        )

    def scores(self, X: Any, ids: Any, *, exact: bool = False, n_threads: int = 1) -> np.ndarray:
        return _core.scores(self.model, X, np.asarray(ids, np.int64), exact, n_threads)

    def evaluate(
        self, X: Any, targets_: Any, ids: Any, k: int, *, exact: bool = False, n_threads: int = 1
    ) -> Any:
        ids = np.asarray(ids, np.int64)
        return _core.predict(self.model, X, targets_, ids, k, exact, n_threads)


def make_layer(layer: reference.Layer, weights: np.ndarray, bias: np.ndarray, gate: Any) -> Any:
    if isinstance(layer, reference.Bag):
        dropout = layer.input_dropout, layer.dropout, layer.seed
        return _core.EmbeddingBag(weights, bias, layer.activation, True, *dropout)
    return _core.Linear(weights, bias, layer.activation, gate)


def sign_index(
    alpha: float, n_columns: int, n_read: int, seed: int, *, binary: bool
) -> reference.SignIndex:
    """The twin of an index that reads some columns: the core draws them."""
    reads = np.array(_core.SignIndex(1, n_columns, alpha, seed, n_read).reads)
    return reference.SignIndex(alpha, seed, reads, binary)


def make_index(index: Any, n_rows: int, n_columns: int) -> Any:
    if isinstance(index, reference.SignIndex):
        n_read = n_columns if index.reads is None else int(index.reads.sum())
        return _core.SignIndex(n_rows, n_columns, index.alpha, index.seed, n_read, index.binary)
    if isinstance(index, reference.CentroidIndex):
        hashing = _core.Centroids(
            n_columns,
            index.n_cells,
            index.seed,
            n_visited=index.n_visited,
            spherical=index.spherical,
        )
        return _core.TableIndex(hashing, n_rows, index.rank, index.seed)
    if isinstance(index, Tables):
        hashing = make_hash(index.family, n_columns, index.n_bits, index.n_tables, index.seed)
        return _core.TableIndex(hashing, n_rows, index.rank, index.seed)
    simhash = _core.SimHash(
        n_columns, index.n_bits, index.n_tables, index.seed, n_visited=1 + index.probes
    )
    return _core.TableIndex(simhash, n_rows, index.rank, index.seed, index.alpha)


def make_hash(family: str, n_columns: int, n_bits: int, n_tables: int, seed: int) -> Any:
    """A hash of that many bits, or a few more."""
    match family:
        case "simhash":
            return _core.SimHash(n_columns, n_bits, n_tables, seed)
        case "dwta":
            return _core.Dwta(n_columns, -(-n_bits // 3), n_tables, seed)
        case "minhash":
            return _core.MinHash(n_columns, 2, n_tables, n_bits, seed)


def twin_index(
    weights: np.ndarray,
    n_bits: int,
    n_tables: int,
    rank: str,
    seed: int,
    probes: int = 0,
    alpha: float = 0.1,
) -> reference.TableIndex:
    """The twin of a TableIndex, with the core's own projections."""
    simhash = _core.SimHash(weights.shape[1], n_bits, n_tables, seed)
    projections = np.array(simhash.projections)
    index = reference.TableIndex(projections, n_bits, rank, seed, probes, alpha)
    index.refresh(weights)
    return index


def rows_of(gate: Any, rows: np.ndarray, X: np.ndarray) -> Any:
    """What a gate of the first layer chooses in training (for tables: proposes), by example. Read
    off a layer that touches all of its active rows: it is linear and far from its targets."""
    if isinstance(gate, reference.Hashed):
        gate = replace(gate, active=gate.candidates, soft=False)
    probe = Network(reference.Model([reference.Layer(rows, "linear", gate)], "squared"))
    inputs, y = vectors(X), targets(np.full((len(X), len(rows)), 1e3), "squared")
    chosen = []
    for i in range(len(X)):
        probe.touched[0][:] = 0
        probe.train(inputs, y, [i], [0.0], 1)
        chosen.append(np.flatnonzero(probe.touched[0]))
    return chosen.__getitem__
