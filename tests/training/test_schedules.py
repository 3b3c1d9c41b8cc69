"""A factor depends on its step and the length of the run alone, and rises or falls as promised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from fewfire.optim import Constant, CosineDecay, LinearDecay, OneCycle, StepDecay

WARMUP = st.integers(0, 30)
FINAL = st.floats(0, 1)
constant = st.builds(Constant, warmup=WARMUP)
linear = st.builds(LinearDecay, warmup=WARMUP, final=FINAL)
cosine = st.builds(CosineDecay, warmup=WARMUP, final=FINAL)
steps = st.builds(
    StepDecay, warmup=WARMUP, n_drops=st.integers(1, 5), factor=st.floats(0.015625, 1)
)
schedules = constant | linear | cosine | steps
totals = st.integers(1, 100)


@given(schedule=schedules, total=totals, data=st.data())
def test_factors_do_not_depend_on_how_steps_are_grouped(schedule, total, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, total), max_size=5)))
    ends = [*cuts, total]
    parts = [
        schedule.factors(begin, end - begin, total)
        for begin, end in zip([0, *cuts], ends, strict=True)
    ]
    assert_array_equal(np.concatenate(parts), schedule.factors(0, total, total))


@given(schedule=schedules, total=totals)
def test_factors_are_float32_of_0_to_1_and_never_rise_after_the_warmup(schedule, total):
    factors = schedule.factors(0, total, total)
    assert factors.dtype == np.float32
    assert factors.shape == (total,)
    assert (factors >= 0).all()
    assert (factors <= 1).all()
    assert (np.diff(factors[schedule.warmup :]) <= 0).all()


@given(schedule=schedules, total=totals)
def test_the_warmup_rises_in_equal_steps_to_1(schedule, total):
    rise = schedule.factors(0, schedule.warmup, total)
    assert_allclose(rise, np.arange(1, schedule.warmup + 1) / max(1, schedule.warmup), rtol=1e-6)
    assert_array_equal(schedule.factors(schedule.warmup, 1, schedule.warmup + total), 1)


@given(schedule=linear | cosine, total=totals)
def test_a_decay_ends_at_its_final_factor_and_stays_there(schedule, total):
    total += schedule.warmup
    assert_allclose(schedule.factors(total, 5, total), schedule.final, rtol=1e-6, atol=1e-7)


@given(schedule=steps, total=st.integers(31, 100))
def test_steps_are_evenly_spaced_powers(schedule, total):
    length = total - schedule.warmup
    after = np.arange(length)
    n_drops = np.minimum(schedule.n_drops, after * (schedule.n_drops + 1) // length)
    wanted = schedule.factor**n_drops
    got = schedule.factors(schedule.warmup, length, total)
    # A drop that falls on a step to the bit may be rounded to the step before or after it.
    on_a_drop = after * (schedule.n_drops + 1) % length == 0
    assert_allclose(got[~on_a_drop], wanted[~on_a_drop], rtol=1e-6)


@given(total=totals, warmup=WARMUP)
def test_a_decay_to_1_is_constant(total, warmup):
    wanted = Constant(warmup=warmup).factors(0, total, total)
    for kind in (LinearDecay, CosineDecay):
        assert_array_equal(kind(final=1.0, warmup=warmup).factors(0, total, total), wanted)
    assert_array_equal(StepDecay(factor=1.0, warmup=warmup).factors(0, total, total), wanted)


@pytest.mark.parametrize("kind", [Constant, LinearDecay, CosineDecay, StepDecay])
def test_a_run_shorter_than_its_warmup_only_rises(kind):
    assert_allclose(kind(warmup=10).factors(0, 4, 4), [0.1, 0.2, 0.3, 0.4], rtol=1e-6)
    assert kind().factors(0, 0, 4).shape == (0,)
    assert_array_equal(kind().factors(0, 1, 1), [1])


@given(rise=st.floats(0.05, 0.95), total=st.integers(20, 200))
def test_one_cycle_rises_to_its_peak_and_falls_to_nothing(rise, total):
    factors = OneCycle(rise=rise).factors(0, total + 1, total)
    peak = int(factors.argmax())
    assert abs(peak - rise * total) <= 1
    assert factors[0] == np.float32(0.04)
    assert factors[-1] == 0
    assert (np.diff(factors[: peak + 1]) > 0).all()
    assert (np.diff(factors[peak:]) < 0).all()
