"""Hash families of sparse vectors, whose empty bins borrow from full ones: DWTA and minhash.

Winner take all: Yagnik et al. (ICCV 2011), densified: Chen & Shrivastava (UAI 2018); one
permutation hashing: Li, Owen & Zhang (NIPS 2012), densified: Shrivastava (ICML 2017).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference.randomness import mix, random_below, random_bits


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
