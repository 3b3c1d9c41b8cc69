"""The numpy twin of the core: every formula of a training step in float64, written to be read.

A layer's weights and bias are one matrix `rows` (n, d + 1), the bias in the last column. What the
core draws at random the twin does not imitate: ties lower `Record.margin`, the distance of the
closest yes-or-no decision, so that a test can set such a case aside; the rows that dropout keeps,
adaptive or not, and those that tables propose (they cut ties and fill up at random) are read off
the core.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit

FIELDS = [
    *("forward", "backward", "optimizer", "hashing", "ranking", "refresh"),  # multiplications
    *("dense", "dense_nonzero"),  # those of the dense net
    *("additions", "comparisons", "popcounts", "rows_touched", "parameters_touched"),
    *("rows_updated", "conflicts"),
]
NOTHING = np.empty(0, int)


# -- what a run is made of ----------------------------------------------------------------------


@dataclass(frozen=True)
class Dropout:
    active: int
    seed: int
    chosen: Callable[[int], np.ndarray] | None = None  # example -> rows, read off the core


@dataclass(frozen=True)
class AdaptiveDropout:
    alpha: float
    beta: float
    seed: int
    chosen: Callable[[int], np.ndarray] | None = None  # as above, while no weight has moved


@dataclass(frozen=True)
class TopK:
    active: int
    soft: bool = False
    differentiate: bool = False
    seed: int = 0


@dataclass(frozen=True)
class Hashed:
    index: SignIndex | TableIndex | CentroidIndex
    active: int
    candidates: int
    soft: bool = False
    differentiate: bool = False
    seed: int = 0
    proposed: Callable[[int], np.ndarray] | None = None  # example -> candidates, for tables


@dataclass(frozen=True)
class Sampled:
    """Candidates of an index and, in training, shared negatives for all rows that are none."""

    index: Any
    active: int
    n_negatives: int = 0
    seed: int = 0
    head: tuple[int, ...] = ()
    thin: float = 0.0


@dataclass
class Layer:
    rows: np.ndarray  # (n, d + 1) float64, the bias last
    activation: str = "relu"
    gate: Dropout | AdaptiveDropout | TopK | Hashed | Sampled | None = None

    @property
    def weights(self) -> np.ndarray:
        return self.rows[:, :-1]

    @property
    def bias(self) -> np.ndarray:
        return self.rows[:, -1]


@dataclass
class Bag(Layer):
    """A first layer stored input by input: a step changes the inputs that its examples hold."""

    input_dropout: float = 0.0
    dropout: float = 0.0
    seed: int = 0


@dataclass
class Model:
    layers: list[Layer]
    loss: str = "softmax"


@dataclass(frozen=True)
class Optimizer:
    kind: str = "sgd"
    momentum: float = 0.0
    beta1: float = 0.9
    beta2: float = 0.999
    rho: float = 0.999
    eps: float = 1e-8
    l2: float = 0.0
    l2_period: int = 1
    rowwise: bool = False

    def moment_widths(self, n_columns: int) -> list[int]:
        """Columns of each moment of the weights; row-wise, the second has one number per row."""
        second = 1 if self.rowwise else n_columns
        momentum = [n_columns] if self.momentum > 0 else []
        kinds = {"adagrad": [second], "rms": [second], "adam": [n_columns, second]}
        return momentum if self.kind == "sgd" else kinds[self.kind]


@dataclass
class State:
    moments: list[np.ndarray]  # each (n, d + 1), or (n, 2): the row's and the bias's
    touched: np.ndarray  # (n,) the last step that changed the row
    bias: State | None = None  # of a bag, whose rows are inputs and have none: one row of biases


class Vector(NamedTuple):
    """The inputs that count: those of value 0 are left out, except between two dense layers."""

    ids: np.ndarray  # ascending
    values: np.ndarray


@dataclass
class Record:
    """What a run counted, how close its closest decision was, and how large its scores became."""

    n_rows: list[int]  # of each layer
    ledger: np.ndarray = field(init=False)  # (n_layers, n_fields)
    usage: list[np.ndarray] = field(init=False)  # examples that kept each row
    margin: float = np.inf
    magnitude: float = 0.0

    @property
    def is_clear(self) -> bool:
        """float32 decides everything the same way, does not diverge, and holds each exponential."""
        return self.margin > 3e-5 and self.magnitude < 40

    def __post_init__(self) -> None:
        self.ledger = np.zeros((len(self.n_rows), len(FIELDS)), np.int64)
        self.usage = [np.zeros(n, np.int64) for n in self.n_rows]

    def count(self, layer: int, **amounts: int) -> None:
        for name, amount in amounts.items():
            self.ledger[layer, FIELDS.index(name)] += amount

    def decided(self, distances: np.ndarray) -> None:
        """An exact zero is no close call: both sides computed nothing but zeros."""
        distances = np.abs(distances[distances != 0])
        self.margin = min(self.margin, distances.min(initial=np.inf))


def nonzeros(x: np.ndarray) -> Vector:
    ids = np.flatnonzero(x)
    return Vector(ids, x[ids].astype(float))


def new_state(layer: Layer, optimizer: Optimizer, initial: float = 0.0) -> State:
    n, d = layer.weights.shape
    if isinstance(layer, Bag):
        inputs = new_state(Layer(np.zeros((d, n + 1))), optimizer, initial)
        biases = new_state(Layer(np.zeros((1, n + 1))), replace(optimizer, rowwise=False), initial)
        return replace(inputs, bias=biases)
    moments = [np.full((n, width + 1), initial) for width in optimizer.moment_widths(d)]
    return State(moments, np.zeros(len(layer.rows), np.int64))


# -- hashing ------------------------------------------------------------------------------------


@dataclass
class SignIndex:
    """Scores of rows by the signs of their live weights."""

    alpha: float
    seed: int = 0  # of the core's lots among ties, and of the columns that it drew
    reads: np.ndarray | None = None  # whether a query reads each column; None: all
    binary: bool = False

    def part(self, x: Vector) -> Vector:
        """The inputs that are read; a zero between layers is no input that is counted."""
        read = np.ones(len(x.ids), bool) if self.reads is None else self.reads[x.ids]
        read = read & (x.values != 0) if self.binary else read
        ids, values = x.ids[read], x.values[read]
        if self.binary and len(ids):
            values = np.full(len(ids), values.mean())
        return Vector(ids, values)

    def scores(self, layer: Layer, x: Vector) -> np.ndarray:
        ids, values = self.part(x)
        alpha = self.alpha if self.reads is None else self.alpha / self.reads.mean()
        return alpha * (2 * (layer.weights[:, ids] > 0) @ values - values.sum()) + layer.bias


def sign_bits(weights: np.ndarray) -> np.ndarray:
    """Bit i % 64 of word [j, i // 64] says whether weights[i, j] > 0: uint64 (d, ceil(n / 64))."""
    n, d = weights.shape
    padded = np.zeros((d, -(-n // 64) * 64), np.uint64)
    padded[:, :n] = weights.T > 0
    return (padded.reshape(d, -1, 64) << np.arange(64, dtype=np.uint64)).sum(-1, dtype=np.uint64)


def simhash_codes(projected: np.ndarray, n_bits: int) -> np.ndarray:
    """Bit b of table t's code is the sign of projection t * n_bits + b: (..., n_tables) uint32."""
    bits = projected.reshape(*projected.shape[:-1], -1, n_bits) > 0
    return (bits << np.arange(n_bits)).sum(-1).astype(np.uint32)


@dataclass
class Transform:
    """Rows (w, b) and queries (x, 1) as simhash projects them; formulae in core/hash/simhash.h."""

    mips: str
    center: bool
    mean_input: np.ndarray
    powers: int = 2
    largest: float = 0.75

    def fit(self, rows: np.ndarray) -> None:
        self.mean_row = self._shifted(rows).mean(axis=0) if self.center else 0
        longest = np.linalg.norm(self._centred(rows), axis=1).max()
        goal = {"none": longest, "simple": 1, "sign-alsh": self.largest}[self.mips]
        self.scale = goal / longest if longest > 0 else 1

    def rows(self, rows: np.ndarray) -> np.ndarray:
        if self.mips == "none":
            return self._centred(rows) if self.center else rows[:, :-1]
        v = self._centred(rows) * self.scale
        norm = (v**2).sum(axis=1, keepdims=True)
        if self.mips == "simple":
            return np.hstack([v, np.sqrt(np.maximum(0, 1 - norm))])
        return np.hstack([v, *(0.5 - norm ** (2**i) for i in range(self.powers))])

    def queries(self, X: np.ndarray) -> np.ndarray:
        if self.mips == "none" and not self.center:
            return X.astype(float)
        n_zeros = {"none": 0, "simple": 1, "sign-alsh": self.powers}[self.mips]
        shifted = X - (self.mean_input if self.center else 0)
        return np.hstack([shifted, np.ones((len(X), 1)), np.zeros((len(X), n_zeros))])

    def _shifted(self, rows: np.ndarray) -> np.ndarray:
        """The bias takes over what the mean input gives: w x + b = w (x - c) + (b + w c)."""
        bias = rows[:, -1:] + (rows[:, :-1] @ self.mean_input)[:, None] * self.center
        return np.hstack([rows[:, :-1], bias])

    def _centred(self, rows: np.ndarray) -> np.ndarray:
        return self._shifted(rows) - self.mean_row


def mix(x: int) -> int:
    """The finaliser of splitmix64."""
    x = (x + 0x9E3779B97F4A7C15) % 2**64
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    x = (x ^ x >> 27) * 0x94D049BB133111EB % 2**64
    return x ^ x >> 31


def random_bits(seed: int, key: int, draw: int) -> int:
    return mix(mix(seed ^ mix(key)) ^ draw)


# -- bfloat16 ------------------------------------------------------------------------------------


def nearest_bfloat16(values: np.ndarray) -> np.ndarray:
    """As uint16: of the two neighbours the nearer one, of two as near the even one."""
    bits = values.astype(np.float32).view(np.uint32).astype(np.int64)
    lower, rest = bits >> 16, bits & 0xFFFF
    up = (rest > 0x8000) | ((rest == 0x8000) & (lower % 2 == 1))
    return (lower + up).astype(np.uint16)


def widened(bits: np.ndarray) -> np.ndarray:
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def rounded_by(values: np.ndarray, lots: np.ndarray) -> np.ndarray:
    """As uint16: away from 0 where a lot below 2^16 is at least what the rest lacks of the next."""
    bits = values.astype(np.float32).view(np.uint32).astype(np.int64)
    return ((bits >> 16) + (lots >= 0x10000 - (bits & 0xFFFF))).astype(np.uint16)


def lots(seed: int, about: int, step: int, n_rows: int, n_columns: int) -> np.ndarray:
    """16 random bits for each weight: 3 for the decay of a step, 4 for the step itself."""
    keys = [random_bits((seed + about) % 2**64, step, row) for row in range(n_rows)]
    return np.array([lots_of_key(key, n_columns) for key in keys]).reshape(n_rows, n_columns)


def lots_of_key(key: int, n: int) -> np.ndarray:
    """16 random bits for each of n values."""
    bits = np.uint64(key % 2**32) + np.arange(n, dtype=np.uint64) * 0x9E3779B9
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        bits %= 2**32
        bits = (bits ^ bits >> np.uint64(shift)) * np.uint64(factor)
    return (bits % 2**32 >> np.uint64(16)).astype(np.int64)


def thinned(values: np.ndarray, least: float, key: int) -> np.ndarray:
    """Of values below `least` a share of value / least become `least`, the others 0."""
    size, least = np.abs(values), np.float32(least)
    drawn = lots_of_key(key, len(values)).astype(np.float32) + np.float32(0.5)
    stays = drawn < size * (np.float32(65536) / least)
    return np.where(size < least, np.where(stays, np.copysign(least, values), 0), values)


def random_below(n: int, bits: int) -> int:
    return (bits >> 32) * n >> 32


def example_key(x: np.ndarray, epoch: int = 0) -> int:
    """What names an example in an epoch of training, by its content; in prediction, in epoch 0."""
    (ids,) = np.nonzero(x)
    key = len(ids)
    for id_, bits in zip(ids.tolist(), x[ids].view(np.uint32).tolist(), strict=True):
        key = (key ^ (id_ << 32 | bits)) * 0x9E3779B97F4A7C15 % 2**64
        key ^= key >> 29
    return mix((mix(key) + epoch) % 2**64)


def shared_negatives(batch: np.ndarray, n: int, n_rows: int, seed: int, epoch: int = 0) -> Any:
    """The distinct rows drawn for the examples of a micro-batch."""
    key, drawn, draw = 0, set(), 0
    for x in batch:
        key = mix(key ^ example_key(x, epoch))
    while len(drawn) < min(n, n_rows):
        drawn.add(random_below(n_rows, random_bits(seed, key, draw)))
        draw += 1
    return np.array(sorted(drawn), int)


def densified(full: dict[int, int], n_bins: int, seed: int) -> list[int]:
    """What each bin holds; an empty one, what the first full one on its walk does."""
    held = []
    for bin_ in range(n_bins):
        asked, attempt = bin_, 0
        while asked not in full:
            draw = random_below(n_bins, random_bits(mix(seed), bin_, attempt))
            asked = draw if attempt < 64 else (asked + 1) % n_bins
            attempt += 1
        held.append(full[asked])
    return held


def dwta_codes(x: np.ndarray, places: np.ndarray, n_hashes: int, n_tables: int, seed: int) -> Any:
    """Digit i of table t's code is the place of the largest value in bin t * n_hashes + i."""
    bins: dict[int, list[tuple[float, int]]] = {}
    for j in np.flatnonzero((x != 0) & ~np.isnan(x)):
        for place in places[j][places[j] >= 0].tolist():
            bins.setdefault(place // 8, []).append((-x[j], place % 8))
    winners = {bin_: min(entries)[1] for bin_, entries in bins.items()}
    if not winners:
        return np.zeros(n_tables, np.uint32)
    digits = np.reshape(densified(winners, n_tables * n_hashes, seed), (n_tables, n_hashes))
    return (digits << 3 * np.arange(n_hashes)).sum(axis=1).astype(np.uint32)


def minhash_codes(x: np.ndarray, n_hashes: int, n_tables: int, n_bits: int, seed: int) -> Any:
    """The first positive coordinates of n_hashes stretches of a random order, mixed."""
    n_bins, first = n_tables * n_hashes, {}
    for key in sorted((random_bits(seed, 0, int(j)) for j in np.flatnonzero(x > 0)), reverse=True):
        first[random_below(n_bins, key)] = key
    if not first:
        return np.zeros(n_tables, np.uint32)
    codes, held = [], densified(first, n_bins, seed)
    for table in range(n_tables):
        code = 0
        for key in held[table * n_hashes : (table + 1) * n_hashes]:
            code = mix(code ^ key)
        codes.append(code >> (64 - n_bits))
    return np.array(codes, np.uint32)


def build_table(codes: np.ndarray, n_buckets: int) -> tuple[np.ndarray, np.ndarray]:
    """Counting sort: rows[offsets[c] : offsets[c + 1]] are the rows of code c, ascending."""
    offsets = np.zeros(n_buckets + 1, np.int64)
    for code in codes:
        offsets[code + 1 :] += 1
    rows, next_slot = np.empty(len(codes), np.int32), offsets.copy()
    for row, code in enumerate(codes):
        rows[next_slot[code]] = row
        next_slot[code] += 1
    return offsets, rows


@dataclass
class TableIndex:
    """SimHash codes as they were at the last refresh, and their buckets."""

    projections: np.ndarray  # (d, n_tables * n_bits), the core's
    n_bits: int
    rank: str  # "union", "count", "hamming" or "sign"
    seed: int = 0  # of the core's projections
    probes: int = 0
    alpha: float = 0.1
    codes: np.ndarray = field(init=False)  # (n_tables, n_rows)
    tables: list[tuple[np.ndarray, np.ndarray]] = field(init=False)

    @property
    def n_tables(self) -> int:
        return self.projections.shape[1] // self.n_bits

    def refresh(self, weights: np.ndarray) -> None:
        self.codes = simhash_codes(weights @ self.projections.astype(float), self.n_bits).T
        self.tables = [build_table(codes, 2**self.n_bits) for codes in self.codes]

    def visited(self, x: Vector) -> np.ndarray:
        """The codes that x visits in each table, the likeliest first: (n_tables, 1 + probes)."""
        products = x.values @ self.projections[x.ids].astype(float)
        return np.array(
            [probe_codes(own, 1 + self.probes) for own in products.reshape(-1, self.n_bits)]
        )

    def buckets(self, x: Vector) -> list[np.ndarray]:
        """The buckets that x visits, table by table."""
        return [
            rows[offsets[code] : offsets[code + 1]]
            for (offsets, rows), codes in zip(self.tables, self.visited(x), strict=True)
            for code in codes
        ]

    def rated(self, layer: Layer, x: Vector) -> tuple[np.ndarray, np.ndarray]:
        """The rows in the buckets that x visits, and how well each ranks."""
        found, votes = np.unique(np.concatenate(self.buckets(x)), return_counts=True)
        if self.rank == "count":
            return found, votes
        if self.rank == "hamming":
            differing = self.codes[:, found] ^ self.visited(x)[:, :1].astype(np.uint32)
            bits = differing[..., None] >> np.arange(self.n_bits) & 1
            return found, -bits.sum(axis=(0, 2)).astype(float)
        if self.rank == "sign":
            return found, SignIndex(self.alpha).scores(layer, x)[found]
        return found, np.zeros(len(found))


@dataclass
class CentroidIndex:
    """What makes the core's cells; the twin takes the centroids that these found."""

    n_cells: int
    n_visited: int
    spherical: bool = True
    rank: str = "sign"
    seed: int = 0


def cells_of_rows(rows: np.ndarray, centroids: np.ndarray, spherical: bool) -> np.ndarray:
    """For each row (n, d + 1), how much it likes each cell: its part along the mean, or less the
    squared distance."""
    if spherical:
        norms = np.linalg.norm(centroids, axis=1)
        return rows @ centroids.T / np.where(norms > 0, norms, 1)
    return -((rows[:, None] - centroids) ** 2).sum(axis=2)


def cells_of_query(x: Vector, centroids: np.ndarray) -> np.ndarray:
    """The inner product of (x, 1) with each centroid."""
    return centroids[:, x.ids] @ x.values + centroids[:, -1]


def rounded_cells_of_query(x: Vector, centroids: np.ndarray) -> np.ndarray:
    """The same of weights rounded to 8 bits and of inputs rounded to 16, each by its largest; fewer
    where sums would leave 32 bits."""
    weights, bias = np.float32(centroids[:, :-1]), centroids[:, -1]
    most = min(2**15 - 1, (2**31 - 1) // (127 * -(-weights.shape[1] // 32) * 32))
    size, of_x = np.abs(weights).max(axis=1, keepdims=True), np.abs(x.values).max(initial=0)
    whole = np.rint(weights * (np.float32(127) / np.where(size > 0, size, 1)))
    x_whole = np.rint(np.float32(x.values) * (np.float32(most) / np.float32(of_x or 1)))
    return (size[:, 0] / 127) * (of_x / most) * (np.float64(whole[:, x.ids]) @ x_whole) + bias


def followed(
    centroids: np.ndarray, rows: np.ndarray, cells: np.ndarray, changed: np.ndarray
) -> np.ndarray:
    """The means after some rows of their cells have changed to what they are in `rows`."""
    moved = centroids.copy()
    for cell in np.unique(cells[changed]):
        own = rows[changed[cells[changed] == cell]]
        size = (cells == cell).sum()
        moved[cell] = (1 - len(own) / size) * centroids[cell] + own.sum(axis=0) / size
    return moved


def kmeans_cost(n: int, n_cells: int, width: int, n_iterations: int, spherical: bool) -> dict:
    """What k-means of n sampled rows counts if no cell goes empty."""
    rounds = n_iterations + 1  # the last one finds that every cell has a row
    norms = (n + n_cells) * width
    means = n_iterations * 2 * n_cells * width
    return {
        "refresh": norms + rounds * n * n_cells * (width + spherical) + means,
        "additions": n_iterations * n * width,
        "comparisons": rounds * n * n_cells,
    }


def probe_codes(products: np.ndarray, n: int) -> np.ndarray:
    """The n codes with the least sum of the squares of the products whose sign they flip."""
    code = int(simhash_codes(products, len(products))[0])
    flips = np.arange(2 ** len(products))
    cost = (flips[:, None] >> np.arange(len(products)) & 1) @ products**2
    return code ^ np.argsort(cost, kind="stable")[:n]


# -- choosing rows ------------------------------------------------------------------------------


def largest(values: np.ndarray, m: int, record: Record) -> np.ndarray:
    """Positions of the m largest values. A tie at the cut makes the margin zero."""
    order = np.argsort(-values, kind="stable")
    if 0 < m < len(order):
        record.margin = min(record.margin, values[order[m - 1]] - values[order[m]])
    return order[:m]


class Chosen(NamedTuple):
    rows: np.ndarray  # ascending
    scores: np.ndarray  # z, aligned with rows
    threshold: float = 0.0
    runner_up: int = -1  # the (k+1)-th row, if it takes part in the backward pass
    scale: float | np.ndarray = 1.0  # one number, or in prediction one for each row


def row_scores(layer: Layer, rows: np.ndarray, x: Vector) -> np.ndarray:
    return layer.weights[np.ix_(rows, x.ids)] @ x.values + layer.bias[rows]


def ask_index(
    gate: Hashed, layer: Layer, x: Vector, example: int, at: int, record: Record
) -> np.ndarray:
    """The rows that the gate's index proposes."""
    n, m = len(layer.rows), gate.candidates
    if m >= n:
        return np.arange(n)
    if isinstance(gate.index, SignIndex):
        n_read = len(gate.index.part(x).ids)
        binary = gate.index.binary
        per_row = max(3, n_read.bit_length()) if binary else n_read
        words = -(-n // 64) * n_read if binary else 0
        record.count(at, additions=n * per_row, popcounts=words, ranking=n, comparisons=n)
        record.decided(layer.weights)
        return largest(gate.index.scores(layer, x), m, record)
    record.count(at, hashing=gate.index.projections.shape[1] * len(x.ids))
    return gate.proposed(example)


def select_by_odds(
    gate: AdaptiveDropout, layer: Layer, x: Vector, example: int, mode: str, at: int, record: Record
) -> Chosen:
    """Rows drawn at the odds of their scores; in prediction every row, scaled by them."""
    every = np.arange(len(layer.rows))
    z = row_scores(layer, every, x)
    record.count(at, ranking=2 * len(z))
    if mode != "train":
        record.count(at, ranking=len(z))
        return Chosen(every, z, scale=keep_probabilities(gate.alpha, gate.beta, z))
    rows = gate.chosen(example)
    n_left_out = len(z) - len(rows)
    record.count(at, ranking=n_left_out * len(x.ids), rows_touched=n_left_out)
    return Chosen(rows, z[rows])


def keep_probabilities(alpha: float, beta: float, z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-(alpha * z + beta)))


def select(
    layer: Layer, x: Vector, labels: np.ndarray, example: int, mode: str, at: int, record: Record
) -> Chosen:
    """The active rows of one example and their scores. `mode` is "train", "gated" or "exact"."""
    gate, n, every = layer.gate, len(layer.rows), np.arange(len(layer.rows))
    if isinstance(gate, Dropout) and mode == "train" and gate.active < n:
        rows = np.sort(gate.chosen(example))
        return Chosen(rows, row_scores(layer, rows, x), scale=n / gate.active)
    if isinstance(gate, AdaptiveDropout):
        return select_by_odds(gate, layer, x, example, mode, at, record)
    exact_hard = mode == "exact" and not getattr(gate, "soft", False)
    if gate is None or isinstance(gate, Dropout) or gate.active >= n or exact_hard:
        return Chosen(every, row_scores(layer, every, x))

    forced = labels if mode == "train" else NOTHING
    budget = max(gate.active, len(forced))
    found = every
    if isinstance(gate, Hashed) and mode != "exact":
        found = ask_index(gate, layer, x, example, at, record)
    others = np.setdiff1d(found, forced)
    z = row_scores(layer, others, x)
    n_computed = len(others) + len(forced)
    record.count(at, comparisons=n_computed if n_computed > budget else 0)
    n_left_out = max(0, n_computed - budget)
    record.count(at, ranking=n_left_out * len(x.ids), rows_touched=n_left_out)
    order = largest(z, budget - len(forced), record)
    rows = np.sort(np.concatenate([forced, others[order]]))
    chosen = Chosen(rows, row_scores(layer, rows, x))
    if not gate.soft or len(others) == len(order):
        return chosen
    left = np.delete(np.arange(len(others)), order)
    runner_up = left[largest(z[left], 1, record)[0]]
    record.decided(z[runner_up])
    threshold = max(0.0, z[runner_up])
    moves = gate.differentiate and threshold > 0
    return chosen._replace(threshold=threshold, runner_up=int(others[runner_up]) if moves else -1)


# -- forward and loss ---------------------------------------------------------------------------

ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "linear": lambda z: z,
}
SLOPES = {  # as functions of a = act(z)
    "relu": lambda a: (a > 0).astype(float),
    "tanh": lambda a: 1 - a**2,
    "sigmoid": lambda a: a * (1 - a),
    "linear": lambda a: np.ones_like(a),
}


class Pass(NamedTuple):
    """One example through one layer."""

    x: Vector
    chosen: Chosen
    values: np.ndarray  # aligned with chosen.rows


def forward(
    model: Model, x: Vector, labels: np.ndarray, example: int, mode: str, record: Record
) -> list[Pass]:
    passes = []
    for at, layer in enumerate(model.layers):
        last = at == len(model.layers) - 1
        chosen = select(layer, x, labels if last else NOTHING, example, mode, at, record)
        z = chosen.scores - chosen.threshold
        record.magnitude = max(record.magnitude, np.abs(z).max(initial=0))
        if layer.activation == "relu":
            record.decided(z)
        passes.append(Pass(x, chosen, ACTIVATIONS[layer.activation](z) * chosen.scale))
        n, d = layer.weights.shape
        record.usage[at][chosen.rows] += 1
        n_touched = len(x.ids) if isinstance(layer, Bag) else len(chosen.rows)
        record.count(at, forward=len(x.ids) * len(chosen.rows), rows_touched=n_touched)
        times = 1 if mode != "train" else 2 if at == 0 else 3
        record.count(at, dense=times * n * d)
        record.count(at, dense_nonzero=times * n * (len(x.ids) if at == 0 else d))
        if not last:
            x = passed_on(layer, chosen.rows, passes[-1].values, whole=is_full(model, at))
    return passes


def is_full(model: Model, at: int) -> bool:
    """Between layers without a gate, and above a bag, the values stay a matrix, zeros and all."""
    around = model.layers[at : at + 2]
    return isinstance(around[0], Bag) or all(layer.gate is None for layer in around)


def passed_on(layer: Layer, rows: np.ndarray, values: np.ndarray, *, whole: bool) -> Vector:
    """A ReLU's zeros have no gradient, so nobody above needs to know of them."""
    kept = slice(None) if whole or layer.activation != "relu" else values != 0
    return Vector(rows[kept], values[kept])


def softmax_loss(z: np.ndarray, is_label: np.ndarray) -> tuple[float, np.ndarray]:
    """-sum_i target_i log p_i, p = softmax(z), target = 1 / n_labels on each label."""
    if not is_label.any():
        return 0.0, np.zeros_like(z)
    log_p = z - z.max() - np.log(np.exp(z - z.max()).sum())
    target = is_label / is_label.sum()
    return -(target * log_p).sum(), np.exp(log_p) - target


def decoupled_loss(z: np.ndarray, is_label: np.ndarray) -> tuple[float, np.ndarray]:
    """-sum over labels of log(exp z / (exp z + sum over others of exp z)) / n_labels."""
    if not is_label.any():
        return 0.0, np.zeros_like(z)
    log_others = np.logaddexp.reduce(z[~is_label], initial=-np.inf)
    pays = np.logaddexp(z[is_label], log_others) - z[is_label]
    pulls = -np.expm1(-pays) / is_label.sum()
    slope = np.empty_like(z)
    slope[is_label] = -pulls
    slope[~is_label] = pulls.sum() * np.exp(z[~is_label] - log_others)
    return pays.mean(), slope


def logistic_loss(z: np.ndarray, is_label: np.ndarray) -> tuple[float, np.ndarray]:
    """sum_i log(1 + exp(-z_i)) over labels + sum_i log(1 + exp(z_i)) over the other rows."""
    return np.logaddexp(0, np.where(is_label, -z, z)).sum(), expit(z) - is_label


def squared_loss(a: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """1/2 sum_i (a_i - y_i)^2"""
    return 0.5 * ((a - y) ** 2).sum(), a - y


def loss_of(model: Model, last: Pass, target: np.ndarray) -> tuple[float, np.ndarray]:
    """The loss of one example and dL/da on its active rows; target = label ids or values."""
    if model.loss == "squared":
        return squared_loss(last.values, target[last.chosen.rows].astype(float))
    is_label = np.isin(last.chosen.rows, target)
    return LOSSES[model.loss](last.values, is_label)


def sampled_loss(
    loss: str, z: np.ndarray, is_label: np.ndarray, weights: np.ndarray
) -> tuple[float, np.ndarray]:
    """The loss where row i stands for weights[i] rows of its score."""
    if loss != "logistic":
        return LOSSES[loss](z + np.log(weights), is_label)
    pays = weights * np.logaddexp(0, np.where(is_label, -z, z))
    return pays.sum(), weights * (expit(z) - is_label)


LOSSES = {"softmax": softmax_loss, "decoupled": decoupled_loss, "logistic": logistic_loss}


# -- backward and update ------------------------------------------------------------------------


class Gradient(NamedTuple):
    total: np.ndarray  # (n, d + 1), summed over the batch
    touched: np.ndarray  # (n, d + 1) bool


def backward(
    model: Model, passes: list[Pass], slope: np.ndarray, gradients: list[Gradient], record: Record
) -> None:
    """Add one example's gradient; `slope` is dL/da on the last layer's active rows."""
    for at in reversed(range(len(model.layers))):
        layer, (x, chosen, values) = model.layers[at], passes[at]
        a = values / chosen.scale
        steepness = SLOPES[layer.activation](a)
        record.decided(steepness)  # a saturated unit has none in float32
        deltas = slope * steepness * chosen.scale
        rows = chosen.rows
        if chosen.runner_up >= 0:
            rows, deltas = np.append(rows, chosen.runner_up), np.append(deltas, -deltas.sum())
        if not isinstance(layer, Bag):
            rows, deltas = rows[deltas != 0], deltas[deltas != 0]

        columns = np.append(x.ids, layer.weights.shape[1])
        block = np.ix_(rows, columns)
        gradients[at].total[block] += np.outer(deltas, np.append(x.values, 1))
        gradients[at].touched[block] = True
        record.count(at, backward=len(rows) * len(x.ids))
        if at > 0:
            before = passes[at - 1]
            whole = is_full(model, at - 1) and is_full(model, at)
            n_summed = len(layer.rows) if whole else len(rows)
            record.count(at, backward=n_summed * len(x.ids))
            slope = np.zeros(len(before.values))
            passed = np.isin(before.chosen.rows, x.ids)
            slope[passed] = deltas @ layer.weights[np.ix_(rows, x.ids)]


MULTIPLICATIONS = {"sgd": 1, "momentum": 2, "adagrad": 4, "rms": 6, "adam": 10}  # per parameter
ROWWISE = {"adagrad": (2, 5), "rms": (2, 7), "adam": (3, 10)}  # per weight, and per row


def update_row(
    row: np.ndarray,
    moments: list[np.ndarray],
    last: int,
    g: np.ndarray,
    touched: np.ndarray,
    optimizer: Optimizer,
    rate: float,
    step: int,
    *,
    has_bias: bool = True,
) -> int:
    """Settle what the row owes, then move its touched parameters; return the multiplications.
    A row that was never touched has no moments to decay."""
    o = optimizer
    kind = "momentum" if o.kind == "sgd" and o.momentum > 0 else o.kind
    spent = settle(row, moments, last, kind, o, rate, step, has_bias=has_bias)
    n_weights, n_biases = int(touched[:-1].sum()), int(touched[-1])
    per_weight, per_row = ROWWISE[kind] if o.rowwise else (MULTIPLICATIONS[kind], 0)
    spent += n_weights * per_weight + (n_weights > 0) * per_row + n_biases * MULTIPLICATIONS[kind]

    squares = g**2
    if o.rowwise and n_weights:
        squares[:-1] = squares[:-1][touched[:-1]].mean()
    spread = [len(row) - 1, 1] if o.rowwise else 1  # a row-wise moment stands for all its weights
    second = np.repeat(moments[-1], spread) if moments else np.empty(0)
    if kind == "sgd":
        move = g
    elif kind == "momentum":
        second = o.momentum * second + g
        move = second
    elif kind in ("adagrad", "rms"):
        decay, gain = (1, 1) if kind == "adagrad" else (o.rho, 1 - o.rho)
        second = decay * second + gain * squares
        move = g / (np.sqrt(second) + o.eps)
    else:
        moments[0][touched] = (o.beta1 * moments[0] + (1 - o.beta1) * g)[touched]
        second = o.beta2 * second + (1 - o.beta2) * squares
        mean, variance = moments[0] / (1 - o.beta1**step), second / (1 - o.beta2**step)
        move = mean / (np.sqrt(variance) + o.eps)
    row[touched] -= rate * move[touched]
    if not moments:
        return spent
    if not o.rowwise:
        moments[-1][touched] = second[touched]
    else:
        for at, changed in ((0, touched[:-1]), (1, touched[-1:])):
            if changed.any():
                moments[-1][at] = second[-1] if at else second[:-1][changed][0]
    return spent


def settle(
    row: np.ndarray,
    moments: list[np.ndarray],
    last: int,
    kind: str,
    optimizer: Optimizer,
    rate: float,
    step: int,
    *,
    has_bias: bool,
) -> int:
    o, owed, spent = optimizer, step - last - 1, 0
    decays = {"momentum": [o.momentum], "adam": [o.beta1, o.beta2]}.get(kind, [])
    if owed > 0 and last > 0:
        for moment, decay in zip(moments, decays, strict=bool(decays)):
            moment *= decay**owed
            spent += len(moment) - (not has_bias)
    due = step // o.l2_period - last // o.l2_period
    if o.l2 > 0 and due > 0:
        row[:-1] *= max(0.0, 1 - rate * o.l2) ** (due * o.l2_period)
        spent += len(row) - 1
    return spent


def update(
    layer: Layer,
    state: State,
    gradient: Gradient,
    batch: int,
    optimizer: Optimizer,
    rate: float,
    step: int,
) -> dict[str, int]:
    """Update the touched rows of one layer; return what it cost."""
    if isinstance(layer, Bag):
        return update_bag(layer, state, gradient, batch, optimizer, rate, step)
    rows = np.flatnonzero(gradient.touched.any(axis=1))
    cost = {
        "optimizer": 0,
        "parameters_touched": int(gradient.touched.sum()),
        "rows_updated": len(rows),
    }
    for i in rows:
        moments = [moment[i] for moment in state.moments]
        g, touched = gradient.total[i] / batch, gradient.touched[i]
        cost["optimizer"] += update_row(
            layer.rows[i], moments, int(state.touched[i]), g, touched, optimizer, rate, step
        )
        state.touched[i] = step
    return cost


def update_bag(
    layer: Bag,
    state: State,
    gradient: Gradient,
    batch: int,
    optimizer: Optimizer,
    rate: float,
    step: int,
) -> dict[str, int]:
    """Each input is a row without a bias; the biases are a row of their own, due in every step."""
    *held, _ = gradient.touched.any(axis=0)
    inputs, n = np.flatnonzero(held), len(layer.rows)
    touched = np.append(np.ones(n, bool), False)
    spent = 0
    for at, own, last, how in [
        *((j, [m[j] for m in state.moments], state.touched[j], optimizer) for j in inputs),
        (-1, [m[0] for m in state.bias.moments], step - 1, replace(optimizer, rowwise=False, l2=0)),
    ]:
        row = np.append(layer.rows[:, at], 0)
        g = np.append(gradient.total[:, at] / batch, 0)
        spent += update_row(row, own, int(last), g, touched, how, rate, step, has_bias=False)
        layer.rows[:, at] = row[:-1]
    state.touched[inputs] = step
    return {
        "optimizer": spent,
        "parameters_touched": n * (len(inputs) + 1),
        "rows_updated": len(inputs),
    }


# -- whole runs ---------------------------------------------------------------------------------


class Trained(NamedTuple):
    loss: float
    n_correct: int
    record: Record


@np.errstate(over="ignore", invalid="ignore")  # of a run that is not clear
def train(
    model: Model,
    X: np.ndarray,
    targets: Sequence[np.ndarray],
    order: np.ndarray,
    rates: np.ndarray,
    batch_size: int,
    optimizer: Optimizer,
    states: list[State],
    first_step: int = 0,
) -> Trained:
    """One slice of an epoch, one micro-batch after the other."""
    record, loss, n_correct = Record([len(layer.bias) for layer in model.layers]), 0.0, 0
    for at_batch, rate in enumerate(rates):
        batch = order[at_batch * batch_size : (at_batch + 1) * batch_size]
        gradients = [
            Gradient(np.zeros(layer.rows.shape), np.zeros(layer.rows.shape, bool))
            for layer in model.layers
        ]
        for i in batch:
            labels = targets[i] if model.loss != "squared" else NOTHING
            passes = forward(model, nonzeros(X[i]), labels, int(i), "train", record)
            example_loss, slope = loss_of(model, passes[-1], targets[i])
            loss += example_loss
            if model.loss != "squared" and len(labels):
                best = largest(passes[-1].values, 1, record)
                n_correct += int(passes[-1].chosen.rows[best[0]] in labels)
            backward(model, passes, slope, gradients, record)
        step = first_step + at_batch + 1
        for at, layer in enumerate(model.layers):
            cost = update(layer, states[at], gradients[at], len(batch), optimizer, rate, step)
            record.count(at, **cost)
    return Trained(loss, n_correct, record)


def scores(model: Model, X: np.ndarray, ids: np.ndarray, exact: bool = False) -> Scores:
    """Outputs of the last layer, -inf where a row was not computed."""
    record = Record([len(layer.bias) for layer in model.layers])
    out = np.full((len(ids), len(model.layers[-1].rows)), -np.inf)
    mode = "exact" if exact else "gated"
    for slot, i in enumerate(ids):
        last = forward(model, nonzeros(X[i]), NOTHING, int(i), mode, record)[-1]
        out[slot, last.chosen.rows] = last.values
    return Scores(out, record)


class Scores(NamedTuple):
    values: np.ndarray
    record: Record


def losses(
    model: Model, X: np.ndarray, targets: Sequence[np.ndarray], ids: np.ndarray, exact: bool = False
) -> np.ndarray:
    """The loss of each example, float64 (n,)."""
    record = Record([len(layer.bias) for layer in model.layers])
    mode = "exact" if exact else "gated"
    passes = (forward(model, nonzeros(X[i]), NOTHING, int(i), mode, record)[-1] for i in ids)
    return np.array(
        [loss_of(model, last, targets[i])[0] for i, last in zip(ids, passes, strict=True)]
    )


def best(scores: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k largest finite scores of each row, best first; id -1 and -inf where there are fewer."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    top = np.take_along_axis(scores, order, axis=1)
    pad = ((0, 0), (0, max(0, k - scores.shape[1])))
    order, top = np.pad(order, pad), np.pad(top, pad, constant_values=-np.inf)
    return np.where(np.isfinite(top), order, -1), top


def frequent_pairs(X: np.ndarray, most: int, least: int) -> np.ndarray:
    """Keys of the pairs of features among the `most` largest of at least `least` rows."""
    counts: Counter[int] = Counter()
    for x in X:
        for low, high in combinations(largest_features(x, most), 2):
            counts[int(low) << 32 | int(high)] += 1
    return np.array(sorted(key for key, n in counts.items() if n >= least), np.uint64)


def largest_features(x: np.ndarray, most: int) -> np.ndarray:
    """The `most` features of the largest absolute values, ties to the lower; ascending."""
    found = np.flatnonzero(x)
    return np.sort(found[np.argsort(-np.abs(x[found]), kind="stable")[:most]])


def expand(
    X: np.ndarray, power: float, most: int, pair_scale: float, keys: np.ndarray
) -> np.ndarray:
    """Powers of unit length, the pairs that each row has behind them, and unit length again."""
    base = unit_rows(np.sign(X) * np.abs(X.astype(np.float64)) ** power)
    pairs = np.zeros((len(X), len(keys)))
    for i, x in enumerate(base):
        for low, high in combinations(largest_features(x.astype(np.float32), most), 2):
            number = np.flatnonzero(keys == np.uint64(int(low) << 32 | int(high)))
            product = x[low] * x[high]
            pairs[i, number] = pair_scale * np.sign(product) * np.abs(product) ** 0.25
    return unit_rows(np.hstack([base, pairs]))


def unit_rows(X: np.ndarray) -> np.ndarray:
    """Rows of unit length; rows of zeros stay."""
    norms = np.linalg.norm(X, axis=1, keepdims=True)
    return X / np.where(norms > 0, norms, 1)
