"""Scores of rows at every level; their bits do not depend on what is computed beside them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import kernels
import reference.kernels as twin
from kernels import LEVELS, floats, outcome, sizes_of, some, stored
from strategies import SEEDS

SHAPES = {"n": kernels.SIZES, "d": kernels.SIZES, "seed": SEEDS, "offset": kernels.OFFSETS}


def chosen(rng, n, scattered):
    """n of 2 n rows, and how a kernel is told."""
    if scattered:
        rows = some(rng, n, 2 * n)
        return rows, (rows, 0)
    first = int(rng.integers(0, n + 1))
    return np.arange(first, first + n, dtype=np.int32), (None, first)


def empty(*shape):
    return np.zeros(shape, np.float32)


@given(**SHAPES, bfloat16=st.booleans(), scattered=st.booleans())
def test_rows_are_scored_by_sparse_inputs(n, d, seed, offset, bfloat16, scattered):
    rng = np.random.default_rng(seed)
    weights, bias = stored(rng, (2 * n, d), bfloat16=bfloat16), floats(rng, 2 * n)
    rows, told = chosen(rng, n, scattered)
    ids = np.sort(some(rng, (d + 1) // 2, d))
    values, part = floats(rng, len(ids)), rng.permutation(n)[: n // 2]
    want = twin.score_rows(weights, bias, rows, ids, values)
    most = twin.score_rows(sizes_of(weights), np.abs(bias), rows, ids, np.abs(values))
    for level in LEVELS:

        def scores(told, n_rows, level=level):
            args = (weights, bias, *told, ids, values, empty(n_rows))
            return outcome(level, "score_rows", *args, offset=offset)

        got = scores(told, n)
        kernels.assert_sums(got, want, most, len(ids))
        assert_array_equal(scores((rows[part], 0), len(part)), got[part])


@given(**SHAPES, bfloat16=st.booleans(), scattered=st.booleans(), has_bias=st.booleans())
def test_rows_are_scored_by_dense_inputs(n, d, seed, offset, bfloat16, scattered, has_bias):
    rng = np.random.default_rng(seed)
    weights, x = stored(rng, (2 * n, d), bfloat16=bfloat16), floats(rng, d)
    bias = floats(rng, 2 * n) if has_bias else None
    rows, told = chosen(rng, n, scattered)
    part, every = rng.permutation(n)[: n // 2], np.arange(d)
    added = empty(2 * n) if bias is None else bias
    want = twin.score_rows(weights, added, rows, every, x)
    most = twin.score_rows(sizes_of(weights), np.abs(added), rows, every, np.abs(x))
    for level in LEVELS:

        def scores(told, n_rows, level=level):
            args = (weights, bias, *told, x, empty(n_rows))
            return outcome(level, "score_dense", *args, offset=offset)

        got = scores(told, n)
        kernels.assert_sums(got, want, most, d)
        assert_array_equal(scores((rows[part], 0), len(part)), got[part])


@given(**SHAPES, n_examples=st.integers(0, 9), bfloat16=st.booleans(), gap=st.integers(0, 3))
def test_a_block_holds_the_scores_of_dense_inputs(n, d, seed, offset, n_examples, bfloat16, gap):
    """Of each example alone, to the bit; what lies between the rows of the result stays."""
    rng = np.random.default_rng(seed)
    weights, bias = stored(rng, (2 * n, d), bfloat16=bfloat16), floats(rng, 2 * n)
    inputs, first = floats(rng, n_examples, d), int(rng.integers(0, n + 1))
    block = slice(first, first + n)
    want = twin.score_block(weights[block], bias[block], inputs)
    most = twin.score_block(sizes_of(weights[block]), np.abs(bias[block]), np.abs(inputs))
    before = floats(rng, n_examples, n + gap)
    for level in LEVELS:
        args = (weights, bias, first, n, inputs, before)
        got = outcome(level, "score_block", *args, offset=offset)
        kernels.assert_sums(got[:, :n], want, most, d)
        assert_array_equal(got[:, n:], before[:, n:])
        for x, own in zip(inputs, got, strict=True):
            alone = outcome(level, "score_dense", weights, bias, None, first, x, empty(n))
            assert_array_equal(own[:n], alone)


@given(**SHAPES, bfloat16=st.booleans())
def test_one_row_is_scored_by_many_inputs(n, d, seed, offset, bfloat16):
    """As the same row is scored by each of them, to the bit."""
    rng = np.random.default_rng(seed)
    row, inputs = stored(rng, (1, d), bfloat16=bfloat16), floats(rng, 2 * n, d)
    examples = some(rng, n, 2 * n)
    none = empty(1)
    want = twin.score_block(row, none, inputs[examples])[:, 0]
    most = twin.score_block(sizes_of(row), none, np.abs(inputs[examples]))[:, 0]
    for level in LEVELS:
        got = outcome(level, "score_inputs", row, inputs, examples, empty(n), offset=offset)
        kernels.assert_sums(got, want, most, d)
        for i in range(min(n, 3)):
            x = inputs[examples[i]]
            alone = outcome(level, "score_dense", row, None, None, 0, x, none)
            assert_array_equal(alone, got[i : i + 1])


@given(n=kernels.SIZES, n_blocks=st.integers(0, 9), seed=SEEDS, offset=kernels.OFFSETS)
def test_whole_numbers_are_multiplied_without_rounding(n, n_blocks, seed, offset):
    """Rows are as wide as a multiple of 32, and no sum reaches 2^31."""
    rng = np.random.default_rng(seed)
    d, most_of_x = 32 * n_blocks, (2**31 - 1) // (127 * 32 * max(1, n_blocks))
    rows = rng.integers(-127, 128, (n, d)).astype(np.int8)
    x = rng.integers(-min(most_of_x, 2**15 - 1), min(most_of_x, 2**15 - 1) + 1, d).astype(np.int16)
    if rng.random() < 0.2:  # the largest sums
        rows[...], x[...] = 127, min(most_of_x, 2**15 - 1)
    scales, bias, scale = np.abs(floats(rng, n)), floats(rng, n), 0.5
    want = twin.score_bytes(rows, scales, bias, x, scale)
    for level in LEVELS:
        args = (rows, scales, bias, x, scale, empty(n))
        got = outcome(level, "score_bytes", *args, offset=offset)
        kernels.assert_sums(got, want, np.abs(bias) + np.abs(want - bias), 2)


@given(n=st.integers(1, 40), d=st.integers(1, 70), seed=SEEDS, bfloat16=st.booleans())
def test_a_weight_that_is_nan_makes_the_score_of_its_row_nan(n, d, seed, bfloat16):
    rng = np.random.default_rng(seed)
    weights, bias = stored(rng, (n, d), bfloat16=bfloat16), floats(rng, n)
    row, at = rng.integers(n), rng.integers(d)
    weights[row, at] = 0x7FC0 if bfloat16 else np.nan
    x, is_nan = floats(rng, d), np.arange(n) == row
    ids = np.arange(d, dtype=np.int32)
    for level in LEVELS:
        dense = outcome(level, "score_dense", weights, bias, None, 0, x, empty(n))
        sparse = outcome(level, "score_rows", weights, bias, None, 0, ids, x, empty(n))
        block = outcome(level, "score_block", weights, bias, 0, n, x[None], empty(1, n))
        for scores in (dense, sparse, block[0]):
            assert_array_equal(np.isnan(scores), is_nan)
