"""Sparse arrays of every format, and what can be wrong with the parts of each."""

from __future__ import annotations

import numpy as np
from scipy import sparse

COMPRESSED = {
    "indptr falls": lambda m: put(m, "indptr", 1, 10**8),
    "indptr falls to its end": lambda m: put(m, "indptr", -1, 0),
    "indptr ends below 0": lambda m: put(m, "indptr", -1, -5),
    "indptr begins above 0": lambda m: put(m, "indptr", 0, 1),
    "indptr goes beyond the entries": lambda m: put(m, "indptr", -1, 10**9),
    "indptr of fractions": lambda m: recast(m, "indptr", np.float32),
    "indptr of truths": lambda m: recast(m, "indptr", bool),
    "indptr too short": lambda m: shortened(m, "indptr"),
    "indptr too long": lambda m: lengthened(m, "indptr"),
    "indptr in two dimensions": lambda m: reshaped(m, "indptr"),
    "indptr missing": lambda m: setattr(m, "indptr", None),
    "an index beyond": lambda m: put(m, "indices", -1, 10**6),
    "an index below 0": lambda m: put(m, "indices", 0, -1),
    "a huge unsigned index": lambda m: setattr(
        m, "indices", np.full(len(m.indices), 2**64 - 1, np.uint64)
    ),
    "indices of fractions": lambda m: recast(m, "indices", float),
    "indices too few": lambda m: shortened(m, "indices"),
    "indices in two dimensions": lambda m: reshaped(m, "indices"),
    "values too few": lambda m: shortened(m, "data"),
    "values of no number": lambda m: recast(m, "data", object),
    "values that are complex": lambda m: recast(m, "data", complex),
}
DAMAGES = {
    "csr": COMPRESSED | {"values in two dimensions": lambda m: reshaped(m, "data")},
    "csc": COMPRESSED,
    "bsr": COMPRESSED | {"blocks without a shape": lambda m: setattr(m, "data", m.data.ravel())},
    "coo": {
        "a row beyond": lambda m: put_place(m, 0, 10**9),
        "a row below 0": lambda m: put_place(m, 0, -1),
        "a column beyond": lambda m: put_place(m, 1, 10**6),
        "a column below 0": lambda m: put_place(m, 1, -1),
        "rows of fractions": lambda m: setattr(m, "coords", (m.coords[0] + 0.5, m.coords[1])),
        "rows too few": lambda m: setattr(m, "coords", (m.coords[0][1:], m.coords[1])),
        "no columns": lambda m: setattr(m, "coords", m.coords[:1]),
        "values too few": lambda m: shortened(m, "data"),
        "values that are complex": lambda m: recast(m, "data", complex),
    },
    "dia": {
        "an offset beyond": lambda m: put(m, "offsets", 0, 10**9),
        "an offset far below": lambda m: put(m, "offsets", 0, -(10**9)),
        "an offset twice": lambda m: put(m, "offsets", 0, m.offsets[1]),
        "offsets of fractions": lambda m: recast(m, "offsets", float),
        "offsets too few": lambda m: shortened(m, "offsets"),
        "diagonals in one dimension": lambda m: setattr(m, "data", m.data.ravel()),
    },
    "lil": {
        "a column beyond": lambda m: m.rows[1].__setitem__(0, 10**6),
        "a column below 0": lambda m: m.rows[1].__setitem__(0, -1),
        "a column of a fraction": lambda m: m.rows[1].__setitem__(0, 0.5),
        "a column that is a word": lambda m: m.rows[1].__setitem__(0, "a"),
        "a column too many": lambda m: m.rows[1].append(0),
        "a value too many": lambda m: m.data[1].append(1.0),
        "a row that is not a list": lambda m: m.rows.__setitem__(1, 5),
        "too few rows": lambda m: setattr(m, "rows", m.rows[1:]),
    },
    "dok": {
        "a row beyond": lambda m: m._dict.__setitem__((10**9, 0), 1.0),
        "a row below 0": lambda m: m._dict.__setitem__((-1, 0), 1.0),
        "a column beyond": lambda m: m._dict.__setitem__((0, 10**9), 1.0),
        "a place of words": lambda m: m._dict.__setitem__(("a", "b"), 1.0),
        "a place of three numbers": lambda m: m._dict.__setitem__((0, 0, 0), 1.0),
    },
}
CASES = [(form, damage) for form, damages in DAMAGES.items() for damage in damages]


def damaged(matrix, form, damage):
    """Return a copy of a sparse array in a format, damaged."""
    copy = sparse.csr_array(matrix.toarray()).asformat(form).copy()
    DAMAGES[form][damage](copy)
    return copy


def put(matrix, part, place, value):
    """Put a value into one of the arrays, which must be able to hold it."""
    array = getattr(matrix, part).astype(np.int64)
    array[place] = value
    setattr(matrix, part, array)


def put_place(matrix, axis, value):
    coords = [ids.astype(np.int64) for ids in matrix.coords]
    coords[axis][1] = value
    matrix.coords = tuple(coords)


def recast(matrix, part, dtype):
    setattr(matrix, part, getattr(matrix, part).astype(dtype))


def shortened(matrix, part):
    setattr(matrix, part, getattr(matrix, part)[:-1])


def lengthened(matrix, part):
    array = getattr(matrix, part)
    setattr(matrix, part, np.append(array, array[-1]))


def reshaped(matrix, part):
    setattr(matrix, part, getattr(matrix, part)[:, None])
