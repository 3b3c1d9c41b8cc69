"""Scans of bit codes: exact counts, and sums in one order, so all levels give the same bits."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import kernels
import reference.kernels as twin
from kernels import LEVELS, floats, outcome, some
from strategies import SEEDS

SHAPES = {
    "n": kernels.SIZES,
    "n_words": st.integers(0, 11),
    "seed": SEEDS,
    "offset": kernels.OFFSETS,
}


def codes(rng, n, n_words):
    return rng.integers(0, 2**64, (n, n_words), dtype=np.uint64)


def the_same_at_every_level(kernel, *args, offset):
    plain = outcome("plain", kernel, *args, offset=offset)
    for level in LEVELS:
        assert_array_equal(outcome(level, kernel, *args, offset=offset), plain)
    return plain


@given(**SHAPES)
def test_masked_sums_add_the_inputs_whose_bit_is_set(n, n_words, seed, offset):
    rng = np.random.default_rng(seed)
    words, ids = codes(rng, n, n_words), np.sort(some(rng, (n + 1) // 2, n))
    values, before = floats(rng, len(ids)), floats(rng, 64 * n_words)
    got = the_same_at_every_level("masked_sum", words, ids, values, before, offset=offset)
    most = np.abs(values).sum(dtype=float)
    kernels.assert_sums(got, twin.masked_sum(words, ids, values), most, n)


@given(**SHAPES)
def test_an_input_that_is_nan_spoils_the_sums_with_its_bit_alone(n, n_words, seed, offset):
    rng = np.random.default_rng(seed)
    words, ids = codes(rng, n + 1, n_words), np.arange(n + 1, dtype=np.int32)
    values = floats(rng, n + 1)
    values[n] = np.nan
    sums = np.zeros(64 * n_words, np.float32)
    got = the_same_at_every_level("masked_sum", words, ids, values, sums, offset=offset)
    assert_array_equal(np.isnan(got), twin.bits_of(words)[n] == 1)


@given(**SHAPES, n_spare=st.integers(0, 2))
def test_bits_are_counted_in_planes(n, n_words, seed, offset, n_spare):
    rng = np.random.default_rng(seed)
    words, ids = codes(rng, n, n_words), some(rng, n, n)
    n_planes = max(3, n.bit_length()) + n_spare
    before = codes(rng, n_planes, n_words)
    planes = the_same_at_every_level("count_bits", words, ids, before, offset=offset)
    counts = (1 << np.arange(n_planes)) @ twin.bits_of(planes)
    assert_array_equal(counts, twin.count_bits(words, ids))


@given(**SHAPES)
def test_patterns_of_four_bits_add_what_a_table_says(n, n_words, seed, offset):
    rng = np.random.default_rng(seed)
    bits, rows = codes(rng, 2 * n, n_words), some(rng, n, 2 * n)
    groups = np.sort(some(rng, rng.integers(0, 16 * n_words + 1), 16 * n_words))
    table, before = floats(rng, len(groups), 16), floats(rng, n)
    args = (bits, rows, groups, table, before)
    got = the_same_at_every_level("pattern_sum", *args, offset=offset)
    most = np.abs(table).max(axis=1).sum(dtype=float)
    kernels.assert_sums(got, twin.pattern_sum(bits, rows, groups, table), most, len(groups))


@given(**SHAPES)
def test_hamming_distances_count_the_bits_that_differ(n, n_words, seed, offset):
    rng = np.random.default_rng(seed)
    bits, rows, (words,) = codes(rng, 2 * n, n_words), some(rng, n, 2 * n), codes(rng, 1, n_words)
    got = the_same_at_every_level("hamming", bits, rows, words, floats(rng, n), offset=offset)
    assert_array_equal(got, twin.hamming(bits, rows, words))
