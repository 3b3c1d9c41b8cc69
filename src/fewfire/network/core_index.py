"""What proposes rows to a hashed layer: the core's index for a selector."""

from __future__ import annotations

from .. import _core
from .gates import Selector
from .hashed import POOL, Hashed

_ALPHA_FIRST, _ALPHA_LATER = 0.03, 0.1  # fitted on MNIST (docs/design.md)


def is_renumbered(selector: Selector) -> bool:
    """Whether training may renumber rows: codes of any order of them are found from the weights."""
    return isinstance(selector, Hashed) and selector.family in ("sign", "centroid")


def wants_center(selector: Selector) -> bool:
    """Whether hashing takes the mean input from inputs."""
    return isinstance(selector, Hashed) and bool(selector.center)


def n_cells(selector: Selector, n_rows: int) -> int:
    """Cells that hashing learns of so many rows, a state of its own; 0 for any other family."""
    if not isinstance(selector, Hashed) or selector.family != "centroid":
        return 0
    return min(selector.n_cells or _fitted_cells(n_rows), n_rows)


def n_redrawn(selector: Selector) -> int:
    """Tables whose hash functions are drawn anew in turn, a state of its own; 0: they stay."""
    if not isinstance(selector, Hashed) or selector.redraw_every is None:
        return 0
    assert selector.n_tables
    return selector.n_tables


def make_index(
    selector: Selector, shape: tuple[int, int], seed: int, *, is_first: bool
) -> _core.Index | None:
    """Return an empty index for weights of this shape; None without hashing."""
    if not isinstance(selector, Hashed):
        return None
    n_rows, n_columns = shape
    alpha = selector.alpha or (_ALPHA_FIRST if is_first else _ALPHA_LATER)
    if selector.family == "sign":
        n_read = min(selector.n_columns or n_columns, n_columns)
        return _core.SignIndex(n_rows, n_columns, alpha, seed, n_read, bool(selector.binary))
    assert selector.rank
    hashing = _HASHES[selector.family](selector, shape, seed)
    pool = POOL if selector.family == "centroid" else 0
    return _core.TableIndex(hashing, n_rows, selector.rank, seed, alpha, pool)


def _centroids(selector: Hashed, shape: tuple[int, int], seed: int) -> _core.Hash:
    n_rows, n_columns = shape
    cells = n_cells(selector, n_rows)
    n_visited = _fitted_visits(cells) if selector.probes is None else 1 + selector.probes
    many = cells > 256  # then a k-means must not hold up training
    return _core.Centroids(
        n_columns,
        cells,
        seed,
        n_probes=n_visited,
        spherical=bool(selector.spherical),
        sample_per_cell=min(32, max(8, 16_384 // cells)),
        n_iterations=2 if many else 4,
    )


def _fitted_cells(n_rows: int) -> int:
    """Small cells choose better, but an input is compared with all: what did best on MNIST with
    1,000 to 64,000 rows, 50 of them active (docs/design.md)."""
    return min(max(1, n_rows // 8), 128 if n_rows < 32_000 else 192)


def _fitted_visits(n_cells: int) -> int:
    return min(n_cells, max(8, n_cells // 4))


def _simhash(selector: Hashed, shape: tuple[int, int], seed: int) -> _core.Hash:
    assert selector.n_bits
    assert selector.n_tables
    assert selector.projection
    return _core.SimHash(
        shape[1],
        selector.n_bits,
        selector.n_tables,
        seed,
        n_probes=1 + (selector.probes or 0),
        projection=selector.projection,
        mips=selector.mips or "none",
        norm_powers=selector.norm_powers or 1,
        largest_norm=selector.largest_norm or 0.5,
        center=bool(selector.center),
    )


def _dwta(selector: Hashed, shape: tuple[int, int], seed: int) -> _core.Hash:
    assert selector.n_hashes
    assert selector.n_tables
    return _core.Dwta(shape[1], selector.n_hashes, selector.n_tables, seed)


def _minhash(selector: Hashed, shape: tuple[int, int], seed: int) -> _core.Hash:
    assert selector.n_hashes
    assert selector.n_tables
    assert selector.n_bits
    return _core.MinHash(shape[1], selector.n_hashes, selector.n_tables, selector.n_bits, seed)


_HASHES = {"simhash": _simhash, "dwta": _dwta, "minhash": _minhash, "centroid": _centroids}
