"""One step of each optimizer on the parameters of a row, at every level."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import kernels
import reference
from fewfire import _core
from kernels import LEVELS, floats, some
from reference import Optimizer
from reference.optimizers import moved
from reference.randomness import lots_of_key
from strategies import SEEDS

OPTIMIZERS = [  # of numbers that floats hold
    Optimizer("sgd"),
    Optimizer("sgd", momentum=0.875),
    Optimizer("adagrad", eps=2**-7),
    Optimizer("rms", rho=0.75, eps=2**-7),
    Optimizer("adam", beta1=0.75, beta2=0.875, eps=2**-7),
]
each_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=lambda own: own.rule)
STEPS = {
    "n": kernels.SIZES,
    "seed": SEEDS,
    "offset": kernels.OFFSETS,
    "scattered": st.booleans(),
    "step": st.integers(1, 20),
}
LR, SCALE = 0.25, 0.5


class Row:
    """A row that is about to take a step: `n` of its parameters have a gradient."""

    def __init__(self, optimizer, n, seed, scattered, step):
        rng = np.random.default_rng(seed)
        self.optimizer, self.step, self.key = optimizer, step, int(rng.integers(2**32))
        width = 2 * n if scattered else n
        self.ids = np.sort(some(rng, n, width))
        self.told = self.ids if scattered else None
        self.weights, self.g = floats(rng, 1, width), floats(rng, n)
        n_moments = len(optimizer.moment_widths(width))
        self.moments = [np.abs(floats(rng, width)) for _ in range(n_moments)]

    def stepped(self, level, weights, offset=0, *, watched=True):
        """The weights, the moments, and the ids that crossed zero."""
        n = len(self.ids)
        flipped = np.zeros(n + 1, np.int32) if watched else None
        n_flipped, after = kernels.run(
            level, "update", _core.Optimizer(**asdict(self.optimizer)), LR, self.step, weights,
            self.key, *[*self.moments, None, None][:2], self.told, self.g, SCALE, flipped,
            offset=offset,
        )  # fmt: skip
        moments = after[5:7][: len(self.moments)]
        return after[3], moments, after[-1][:n_flipped] if watched else n_flipped


@each_optimizer
@given(**STEPS)
def test_a_step_is_that_of_the_formula(optimizer, n, seed, offset, scattered, step):
    row = Row(optimizer, n, seed, scattered, step)
    ids, g = row.ids, SCALE * row.g.astype(float)
    moments = [moment[ids].astype(float) for moment in row.moments]
    w, new = moved(optimizer, row.weights[0, ids].astype(float), g, g**2, moments, LR, step)
    others = np.setdiff1d(np.arange(row.weights.size), ids)
    for level in LEVELS:
        weights, after, _ = row.stepped(level, row.weights, offset)
        assert_allclose(weights[0, ids], w, rtol=1e-5, atol=1e-6)
        for got, want in zip(after, new, strict=True):
            assert_allclose(got[ids], want, rtol=1e-5, atol=1e-6)
        assert_array_equal(weights[0, others], row.weights[0, others])
        for before, got in zip(row.moments, after, strict=True):
            assert_array_equal(got[others], before[others])


@each_optimizer
@given(**STEPS)
def test_bfloat16_takes_the_step_of_floats_and_rounds_by_lot(
    optimizer, n, seed, offset, scattered, step
):
    row = Row(optimizer, n, seed, scattered, step)
    halves = reference.nearest_bfloat16(row.weights)
    lots = lots_of_key(row.key, halves.size)[row.ids]
    for level in LEVELS:
        wide, moments, _ = row.stepped(level, reference.widened(halves), offset)
        got, own_moments, _ = row.stepped(level, halves, offset)
        want = halves.copy()
        want[0, row.ids] = reference.rounded_by(wide[0, row.ids], lots)
        assert_array_equal(got, want)
        assert_array_equal(own_moments, moments)


@each_optimizer
@given(**STEPS, bfloat16=st.booleans())
def test_weights_that_cross_zero_are_noted(optimizer, n, seed, offset, scattered, step, bfloat16):
    """In the order of the ids; that somebody needs to know changes no bit."""
    row = Row(optimizer, n, seed, scattered, step)
    before = reference.nearest_bfloat16(row.weights) if bfloat16 else row.weights
    as_floats = reference.widened if bfloat16 else np.asarray
    for level in LEVELS:
        after, moments, flipped = row.stepped(level, before, offset)
        is_flipped = (as_floats(before) > 0) != (as_floats(after) > 0)
        assert_array_equal(flipped, np.flatnonzero(is_flipped))
        unseen, own_moments, n_flipped = row.stepped(level, before, offset, watched=False)
        assert n_flipped == 0
        assert_array_equal(unseen, after)
        assert_array_equal(own_moments, moments)
