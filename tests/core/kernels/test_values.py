"""Loops over values side by side, at every level."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import kernels
import reference
import reference.kernels as twin
from kernels import LEVELS, floats, outcome, run
from strategies import SEEDS

VALUES = {"n": kernels.SIZES, "seed": SEEDS, "offset": kernels.OFFSETS}
SPECIAL = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 1e-45, -1e-45, 3e38, -3e38], np.float32)


def odd_values(rng, n):
    """Some of them special."""
    values = floats(rng, n)
    return np.where(rng.random(n) < 0.3, rng.choice(SPECIAL, n), values).astype(np.float32)


@given(**VALUES, shift=st.sampled_from([0, -3.25, 40, 1e4]))
def test_exponentials_are_two_roundings_off_at_most(n, seed, offset, shift):
    rng = np.random.default_rng(seed)
    scores = (rng.uniform(-87, 80, n) + shift).astype(np.float32)
    want = twin.exponentials(scores, shift)
    for level in LEVELS:
        total, (*_, got) = run(level, "exponentials", scores, shift, floats(rng, n), offset=offset)
        assert_allclose(got, want, rtol=2e-7)
        kernels.assert_sums(total, got.sum(dtype=float), got.sum(dtype=float), n)


@given(**VALUES)
def test_exponentials_end_where_floats_do(n, seed, offset):
    """0 below exp(-87), exp(88) above it, NaN for NaN."""
    rng = np.random.default_rng(seed)
    ends = [np.nextafter(np.float32(-87), np.float32(-88)), -87, 88, 88.5, 1e4, -1e4, *SPECIAL]
    scores = rng.choice(np.array(ends, np.float32), n)
    want = twin.exponentials(scores, 0)
    for level in LEVELS:
        _, (*_, got) = run(level, "exponentials", scores, 0, floats(rng, n), offset=offset)
        assert_allclose(got, want, rtol=2e-7)


@given(**VALUES, share=st.sampled_from([0, 0.3, 0.9, 1]), other=st.sampled_from([np.nan, -np.inf]))
def test_the_largest_is_no_nan(n, seed, offset, share, other):
    rng = np.random.default_rng(seed)
    values = np.where(rng.random(n) < share, other, floats(rng, n)).astype(np.float32)
    want = np.nanmax(values[~np.isnan(values)], initial=-np.inf)
    for level in LEVELS:
        got, _ = run(level, "largest", values, offset=offset)
        assert got == want


@given(**VALUES, least=st.sampled_from([0.01, 0.5, 2]), key=SEEDS)
def test_small_values_are_thinned_by_the_same_lot_at_every_level(n, seed, offset, least, key):
    values = odd_values(np.random.default_rng(seed), n)
    want = reference.thinned(values, least, key)
    for level in LEVELS:
        _, (got, *_) = run(level, "thin", values, least, key, offset=offset)
        assert_array_equal(got, want)


@given(**VALUES)
def test_bfloat16_is_widened_to_the_bit(n, seed, offset):
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2**16, n).astype(np.uint16)
    for level in LEVELS:
        got = outcome(level, "widen_row", bits, floats(rng, n), offset=offset)
        assert_array_equal(got.view(np.uint32), reference.widened(bits).view(np.uint32))


@given(**VALUES)
def test_order_keys_have_the_order_of_scores(n, seed, offset):
    """NaN has the lowest; -0 may be below 0."""
    rng = np.random.default_rng(seed)
    scores = odd_values(rng, n)
    plain = outcome("plain", "order_keys", scores, np.zeros(n, np.uint32), offset=offset)
    is_nan = np.isnan(scores)
    assert (plain[is_nan] == 0).all()
    assert (plain[~is_nan] > 0).all()
    in_order = np.argsort(plain[~is_nan], kind="stable")
    ranked = scores[~is_nan][in_order]
    assert (ranked[:-1] <= ranked[1:]).all()
    assert len(np.unique(plain)) == len(np.unique(scores.view(np.uint32)[~is_nan])) + is_nan.any()
    for level in LEVELS:
        got = outcome(level, "order_keys", scores, np.zeros(n, np.uint32), offset=offset)
        assert_array_equal(got, plain)


@given(**VALUES)
def test_keys_from_a_bound_on_are_counted(n, seed, offset):
    rng = np.random.default_rng(seed)
    keys = rng.integers(0, 2**32, n, dtype=np.uint32)
    bounds = [0, 1, 2**31, 2**32 - 1, *keys[:3].tolist()]
    for level in LEVELS:
        for bound in bounds:
            got, _ = run(level, "count_at_least", keys, bound, offset=offset)
            assert got == (keys >= bound).sum()
