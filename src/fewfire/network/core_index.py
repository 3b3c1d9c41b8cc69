"""What proposes rows to a hashed layer: the core's index for a gate."""

from __future__ import annotations

from .. import _core
from .gates import Gate
from .hashed import RANKED, Hashed

_ALPHA_FIRST, _ALPHA_LATER = 0.03, 0.1  # fitted on MNIST (docs/design.md)


def is_renumbered(gate: Gate) -> bool:
    """Whether training may renumber rows: codes of any order of them are found from the weights."""
    return isinstance(gate, Hashed) and gate.family in ("sign", "centroid")


def wants_center(gate: Gate) -> bool:
    """Whether hashing takes the mean input from inputs."""
    return isinstance(gate, Hashed) and bool(gate.center)


def n_cells(gate: Gate, n_rows: int) -> int:
    """Cells that hashing learns of so many rows, a state of its own; 0 for any other family."""
    if not isinstance(gate, Hashed) or gate.family != "centroid":
        return 0
    return min(gate.n_cells or _fitted_cells(n_rows), n_rows)


def n_redrawn(gate: Gate) -> int:
    """Tables whose hash functions are drawn anew in turn, a state of its own; 0: they stay."""
    if not isinstance(gate, Hashed) or gate.redraw_every is None:
        return 0
    assert gate.n_tables
    return gate.n_tables


def make_index(
    gate: Gate, shape: tuple[int, int], seed: int, *, is_first: bool
) -> _core.Index | None:
    """Return an empty index for weights of this shape; None without hashing."""
    if not isinstance(gate, Hashed):
        return None
    n_rows, n_columns = shape
    alpha = gate.alpha or (_ALPHA_FIRST if is_first else _ALPHA_LATER)
    if gate.family == "sign":
        n_read = min(gate.n_columns or n_columns, n_columns)
        return _core.SignIndex(n_rows, n_columns, alpha, seed, n_read, bool(gate.binary))
    assert gate.rank
    hashing = _HASHES[gate.family](gate, shape, seed)
    n_ranked = RANKED if gate.family == "centroid" else 0
    return _core.TableIndex(hashing, n_rows, gate.rank, seed, alpha, n_ranked)


def _centroids(gate: Hashed, shape: tuple[int, int], seed: int) -> _core.Hash:
    n_rows, n_columns = shape
    cells = n_cells(gate, n_rows)
    n_visited = _fitted_visits(cells) if gate.probes is None else 1 + gate.probes
    many = cells > 256  # then a k-means must not hold up training
    return _core.Centroids(
        n_columns,
        cells,
        seed,
        n_visited=n_visited,
        spherical=bool(gate.spherical),
        sample_per_cell=min(32, max(8, 16_384 // cells)),
        n_iterations=2 if many else 4,
    )


def _fitted_cells(n_rows: int) -> int:
    """Small cells choose better, but an input is compared with all: what did best on MNIST with
    1,000 to 64,000 rows, 50 of them active (docs/design.md)."""
    return min(max(1, n_rows // 8), 128 if n_rows < 32_000 else 192)


def _fitted_visits(n_cells: int) -> int:
    return min(n_cells, max(8, n_cells // 4))


def _simhash(gate: Hashed, shape: tuple[int, int], seed: int) -> _core.Hash:
    assert gate.n_bits
    assert gate.n_tables
    assert gate.projection
    return _core.SimHash(
        shape[1],
        gate.n_bits,
        gate.n_tables,
        seed,
        n_visited=1 + (gate.probes or 0),
        projection=gate.projection,
        mips=gate.mips or "none",
        norm_powers=gate.norm_powers or 1,
        largest_norm=gate.largest_norm or 0.5,
        center=bool(gate.center),
    )


def _dwta(gate: Hashed, shape: tuple[int, int], seed: int) -> _core.Hash:
    assert gate.n_hashes
    assert gate.n_tables
    return _core.Dwta(shape[1], gate.n_hashes, gate.n_tables, seed)


def _minhash(gate: Hashed, shape: tuple[int, int], seed: int) -> _core.Hash:
    assert gate.n_hashes
    assert gate.n_tables
    assert gate.n_bits
    return _core.MinHash(shape[1], gate.n_hashes, gate.n_tables, gate.n_bits, seed)


_HASHES = {"simhash": _simhash, "dwta": _dwta, "minhash": _minhash, "centroid": _centroids}
