"""What proposes rows to a hashed layer: the core's index for a selector."""

from __future__ import annotations

from . import _core
from .hashed import Hashed
from .selectors import Selector

_ALPHA_FIRST, _ALPHA_LATER = 0.03, 0.1  # fitted on MNIST (docs/design.md)


def wants_center(selector: Selector) -> bool:
    """Whether hashing takes the mean input from inputs."""
    return isinstance(selector, Hashed) and bool(selector.center)


def make_index(
    selector: Selector, shape: tuple[int, int], seed: int, *, is_first: bool
) -> _core.Index | None:
    """Return an empty index for weights of this shape; None without hashing."""
    if not isinstance(selector, Hashed):
        return None
    n_rows, n_columns = shape
    alpha = selector.alpha or (_ALPHA_FIRST if is_first else _ALPHA_LATER)
    if selector.family == "sign":
        return _core.SignIndex(n_rows, n_columns, alpha, seed)
    assert selector.rank
    hashing = _HASHES[selector.family](selector, n_columns, seed)
    return _core.TableIndex(hashing, n_rows, selector.rank, seed, alpha)


def _simhash(selector: Hashed, n_columns: int, seed: int) -> _core.Hash:
    assert selector.n_bits
    assert selector.n_tables
    assert selector.projection
    return _core.SimHash(
        n_columns,
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


def _dwta(selector: Hashed, n_columns: int, seed: int) -> _core.Hash:
    assert selector.n_hashes
    assert selector.n_tables
    return _core.Dwta(n_columns, selector.n_hashes, selector.n_tables, seed)


def _minhash(selector: Hashed, n_columns: int, seed: int) -> _core.Hash:
    assert selector.n_hashes
    assert selector.n_tables
    assert selector.n_bits
    return _core.MinHash(n_columns, selector.n_hashes, selector.n_tables, selector.n_bits, seed)


_HASHES = {"simhash": _simhash, "dwta": _dwta, "minhash": _minhash}
