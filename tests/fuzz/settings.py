"""Settings objects of every class, with odd values: made like a user makes them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import fewfire as ff

from . import mutate
from .draw import Draw

FAMILIES = [
    ff.gates.Sign, ff.gates.SimHash, ff.gates.Dwta, ff.gates.MinHash, ff.gates.Centroid,
]  # fmt: skip
GATES = [
    ff.gates.All, ff.gates.Dropout, ff.gates.AdaptiveDropout, ff.gates.TopK, ff.gates.Hashed,
    ff.gates.Retrieve,
]  # fmt: skip
OPTIMIZERS = [ff.optim.SGD, ff.optim.Adagrad, ff.optim.RMS, ff.optim.Adam]
SCHEDULES = [
    ff.optim.Constant, ff.optim.LinearDecay, ff.optim.CosineDecay, ff.optim.StepDecay,
    ff.optim.OneCycle,
]  # fmt: skip
SMALL: dict[str, Any] = {  # values that fit a small layer, of options that are large by default
    "n_tables": [1, 2, 3, 4], "n_bits": [1, 2, 4, 8, 12], "n_hashes": [1, 2], "n_cells": [1, 2, 5],
    "candidates": [1, 3, 8], "negatives": [0, 1, 4], "head": [0, 1, 3],
    "refresh_every": [1, 2, 7, 100], "redraw_every": [1, 5], "probes": [0, 1, 3],
    "rank": ["count", "union", "sign", "hamming"],
    "refresh": ["full", "touched", "rolling", "drift"],
    "projection": ["gaussian", "sparse", "hadamard", "coordinates"],
    "mips": [None, "simple", "sign-alsh"], "density": [0.01, 0.2, 0.5, 1.0],
    "rerank": [1.0, 2.0, 1e6], "alpha": [0.01, 1.0, None], "lr": [1e-6, 0.01, 1.0, 1e20],
    "l2": [0.0, 0.1, 1e-30], "momentum": [0.0, 0.9], "explore": [0.0, 0.3], "thin": [0.0, 0.5, 1.0],
    "n_columns": [1, 2, 5, 100], "warmup": [0, 1, 10**9], "norm_powers": [1, 2, 8],
    "largest_norm": [0.1, 0.9], "soft": [True, False, None], "differentiate": [True, False, None],
    "center": [True, False], "binary": [True, False], "spherical": [True, False],
}  # fmt: skip


def made(draw: Draw, kind: type[Any]) -> Any:
    """Make a settings object, with some options as users might give them and a few odd ones."""
    given = {}
    for option in fields(kind):
        if option.name == "family":
            given["family"] = family(draw)
        elif option.name in ("n_tables", "candidates") or draw.one_in(3):
            given[option.name] = value(draw, option.name)
    return kind(**given)


def value(draw: Draw, name: str) -> Any:
    """Return a value of an option: one that suits, or now and then one that does not."""
    if draw.one_in(12) or name not in SMALL:
        return mutate.scalar(draw)
    return draw.one_of(SMALL[name])


def family(draw: Draw) -> Any:
    """Return a hash family, or what somebody takes for one."""
    if draw.one_in(12):
        return draw.one_of(["sign", "centroid", "md5", None, 7, ff.gates.Sign])
    return made(draw, draw.one_of(FAMILIES))
