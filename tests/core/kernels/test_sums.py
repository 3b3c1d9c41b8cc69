"""Sums of rows, what is added to rows, and other sums over floats, at every level."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import kernels
import reference.kernels as twin
from kernels import LEVELS, floats, outcome, sizes_of, some, stored
from strategies import SEEDS

SHAPES = {"n": kernels.SIZES, "d": kernels.SIZES, "seed": SEEDS, "offset": kernels.OFFSETS}


@given(**SHAPES, bfloat16=st.booleans())
def test_gather_sum_weighs_columns_by_deltas(n, d, seed, offset, bfloat16):
    """Each column by itself: fewer of them have the same bits."""
    rng = np.random.default_rng(seed)
    weights = stored(rng, (n, d), bfloat16=bfloat16)
    rows, ids = some(rng, (n + 1) // 2, n), some(rng, (d + 1) // 2, d)
    deltas, part = floats(rng, len(rows)), rng.permutation(len(ids))[: len(ids) // 2]
    want = twin.gather_sum(weights, rows, deltas, ids)
    most = twin.gather_sum(sizes_of(weights), rows, np.abs(deltas), ids)
    for level in LEVELS:

        def sums(ids, level=level):
            args = (weights, rows, deltas, ids, floats(rng, len(ids)))
            return outcome(level, "gather_sum", *args, offset=offset)

        got = sums(ids)
        kernels.assert_sums(got, want, most, n)
        assert_array_equal(sums(ids[part]), got[part])


@given(**SHAPES, bfloat16=st.booleans(), scattered=st.booleans())
def test_weighted_sum_adds_rows(n, d, seed, offset, bfloat16, scattered):
    rng = np.random.default_rng(seed)
    matrix = stored(rng, (2 * n, d), bfloat16=bfloat16)
    first, coefficients, before = int(rng.integers(0, n + 1)), floats(rng, n), floats(rng, d)
    rows = some(rng, n, 2 * n) if scattered else np.arange(first, first + n)
    want = twin.weighted_sum(matrix, rows, coefficients, before)
    most = twin.weighted_sum(sizes_of(matrix), rows, np.abs(coefficients), np.abs(before))
    for level in LEVELS:
        args = (matrix, rows if scattered else None, first, coefficients, before)
        got = outcome(level, "weighted_sum", *args, offset=offset)
        kernels.assert_sums(got, want, most, n)


@given(**SHAPES)
def test_spread_adds_values_to_rows(n, d, seed, offset):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, n + 1, n).astype(np.int32)  # some get values more than once
    values, coefficients, before = floats(rng, d), floats(rng, n), floats(rng, n + 1, d)
    want = twin.spread(values, rows, coefficients, before)
    most = twin.spread(np.abs(values), rows, np.abs(coefficients), np.abs(before))
    for level in LEVELS:
        got = outcome(level, "spread", values, rows, coefficients, before, offset=offset)
        kernels.assert_sums(got, want, most, n)


@given(n=kernels.SIZES, n_lines=st.integers(0, 20), seed=SEEDS, offset=kernels.OFFSETS)
def test_spread_lines_adds_some_columns_of_them(n, n_lines, seed, offset):
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, n + 1, n).astype(np.int32)
    lines = np.sort(some(rng, (n_lines + 1) // 2, n_lines))
    d = 16 * n_lines
    values, coefficients, before = floats(rng, d), floats(rng, n), floats(rng, n + 1, d)
    want = twin.spread_lines(values, lines, rows, coefficients, before)
    most = twin.spread_lines(np.abs(values), lines, rows, np.abs(coefficients), np.abs(before))
    for level in LEVELS:
        args = (values, lines, rows, coefficients, before)
        got = outcome(level, "spread_lines", *args, offset=offset)
        kernels.assert_sums(got, want, most, n)
        others = ~np.isin(np.arange(d) // 16, lines)
        assert_array_equal(got[:, others], before[:, others])


@given(n=kernels.SIZES, seed=SEEDS, offset=kernels.OFFSETS)
def test_sum_of_squares(n, seed, offset):
    values = floats(np.random.default_rng(seed), n)
    want = (values.astype(float) ** 2).sum()
    for level in LEVELS:
        got, _ = kernels.run(level, "sum_of_squares", values, offset=offset)
        kernels.assert_sums(got, want, want, n)


@given(log_size=st.integers(0, 9), seed=SEEDS, offset=kernels.OFFSETS)
def test_hadamard_transforms_in_place(log_size, seed, offset):
    """By additions alone, so all levels give the same bits."""
    values = floats(np.random.default_rng(seed), 2**log_size)
    want = twin.hadamard(values)
    plain = outcome("plain", "hadamard", values, offset=offset)
    kernels.assert_sums(plain, want, np.abs(values).sum(dtype=float), log_size)
    for level in LEVELS:
        assert_array_equal(outcome(level, "hadamard", values, offset=offset), plain)
