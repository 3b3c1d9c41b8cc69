"""Refreshes of hash tables: due by the step alone, cheaper where less is hashed, and true after."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import fewfire as ff
import reference
from fewfire.training.index_upkeep import Upkeep
from fewfire.training.optimizer_state import OptimizerState
from fewfire.training.table_upkeep import _HURRY, _PARTS

RNG = np.random.default_rng(0)
X = RNG.normal(size=(1500, 16)).astype(np.float32)
DATA = ff.Dataset(X, (X @ RNG.normal(size=(16, 4))).argmax(axis=1))
RMS = ff.optim.RMS(lr=0.005, rowwise=True)


def hashed(family, **options):
    hidden = ff.Linear(16, 60, activation="relu", gate=ff.Hashed(0.2, family, **options))
    return ff.Network(hidden, ff.Linear(60, 4), random_state=0)


def tables(**options):
    return ff.gates.SimHash(**{"n_bits": 3, "n_tables": 8} | options)


def make(**options):
    return hashed(tables(**options))


def trained(**options):
    net = make(**options)
    history = ff.Trainer(net, max_epochs=2, batch_size=4, n_jobs=1, optimizer=RMS).fit(DATA)
    return net, history.ledger


def cost(upkeep, act, step):
    """What an upkeep counts while it acts."""
    before = upkeep.history.ledger.counts.copy()
    act(step)
    return ff.results.Ledger(upkeep.history.ledger.counts - before)


def cost_of_start(upkeep, step):
    history = ff.results.History([], ff.results.Ledger.empty(len(upkeep.net.layers)))
    upkeep.start(step, history)
    return history.ledger


def upkeep_of(net, steps_per_epoch=10**6):
    moments = OptimizerState(net, ff.optim.RMS())
    return Upkeep(net, moments, steps_per_epoch, random_state=0, n_threads=1), moments


@settings(max_examples=30, deadline=None)
@given(every=st.integers(1, 50), growth=st.sampled_from([1.0, 1.3, 2.0]))
def test_pauses_between_refreshes_grow_by_the_factor(every, growth):
    upkeep, _ = upkeep_of(make(refresh_every=every, refresh_growth=growth))
    due, step = [], 0
    for _ in range(5):
        step += upkeep.steps_to_next(step)
        due.append(step)
    pauses, wanted = np.diff([0, *due]), every * growth ** np.arange(5)
    assert np.abs(pauses - wanted).max() <= 0.5 + 1e-9
    counted = [bool(cost(upkeep, upkeep.keep_up, step).refresh) for step in range(1, due[2] + 1)]
    assert_array_equal(1 + np.flatnonzero(counted), due[:3])


def test_refreshing_what_was_touched_trains_the_same_net_for_less():
    """Plain projections learn nothing from the rows as a whole, so the others' codes are right."""
    (full, full_cost), (touched, touched_cost) = (
        trained(refresh=kind, refresh_every=20) for kind in ("full", "touched")
    )
    for a, b in zip(full.weights(), touched.weights(), strict=True):
        assert_array_equal(a, b)
    assert 0 < touched_cost.refresh < full_cost.refresh


def test_a_drift_that_is_never_reached_leaves_only_the_refresh_of_the_epoch():
    (_, never), (_, always), (_, full) = (
        trained(refresh_every=100, **options)
        for options in (
            {"refresh": "drift", "drift": 0.99},
            {"refresh": "drift", "drift": 0.0},
            {"refresh": "full"},
        )
    )
    one = 60 * 16 * 3 * 8  # all rows
    # 750 steps: the first codes, two ends of an epoch and seven times 100; all rows are sampled.
    assert never.refresh == full.refresh == (1 + 2 + 7) * one
    assert always.refresh == (1 + 2 + 2 * 7) * one


@pytest.mark.parametrize("every", [16, 160])
def test_a_rolling_refresh_hashes_every_changed_row_once_a_round(every):
    net = make(refresh="rolling", refresh_every=every)
    upkeep, moments = upkeep_of(net)
    layer = net.layers[0]
    changed = np.flatnonzero(np.arange(60) % 3)
    layer.weights[changed] *= -1
    moments.touched[0][changed] = 1
    costs, step = [], 0
    for _ in range(_PARTS):
        step += upkeep.steps_to_next(step)
        costs.append(cost(upkeep, upkeep.keep_up, step).refresh)
    assert step == every
    per_row = 16 * 3 * 8
    assert sum(costs) == len(changed) * per_row
    assert max(costs) <= 4 * per_row  # a sixteenth of 60 rows at a time
    codes = np.array(layer.index.codes)
    net.refresh()
    assert_array_equal(codes, layer.index.codes)


def make_cells(**options):
    return hashed(ff.gates.Centroid(n_cells=7, **options))


def test_cells_follow_only_the_rows_that_changed():
    net = make_cells(refresh_every=10)
    upkeep, moments = upkeep_of(net)
    layer = net.layers[0]
    (before, cells), changed = layer.codes.learned, np.array([3, 5, 8])
    layer.weights[changed] += 3
    moments.touched[0][changed] = 4
    moved = 2 * (3 + len(np.unique(cells[changed])))
    assert cost(upkeep, upkeep.keep_up, 10).refresh == (moved + 3 * 7) * 17 + 3 * 7
    followed, _ = layer.codes.learned
    moved = np.flatnonzero((followed != before).any(axis=1))
    assert_array_equal(moved, np.unique(cells[changed]))
    assert cost(upkeep, upkeep.keep_up, 23).refresh == 0  # nothing changed since
    assert cost(upkeep, upkeep.end_epoch, 30).refresh == 0


def test_the_first_cells_are_counted_once():
    net = make_cells()
    upkeep, _ = upkeep_of(net)
    first = ff.results.Ledger(net.layers[0].first_cost)
    assert cost_of_start(upkeep, 0).refresh == first.refresh > 0
    assert cost_of_start(upkeep, 5).refresh == 0
    loaded = ff.Network.from_arrays([x.settings for x in net.layers], net.weights())
    assert cost_of_start(upkeep_of(loaded)[0], 0).refresh == 0


def rolling_cells(every=_PARTS):
    """A layer whose cells are refreshed in parts, one a step or several steps."""
    net = make_cells(refresh="rolling", refresh_every=every)
    upkeep, moments = upkeep_of(net)
    return net.layers[0], upkeep, moments


def keep_up_to(upkeep, step, first=1):
    for due in range(first, step + 1):
        upkeep.keep_up(due)


def fresh_codes(layer):
    """The codes that a k-means of the weights as they are would give."""
    twin = make_cells().layers[0]
    twin.weights[...], twin.bias[...] = layer.weights, layer.bias
    twin.refresh()
    return twin.codes.learned


@pytest.mark.parametrize("every", [1, 3])
def test_cells_are_learned_anew_in_the_rounds_1_2_4_and_8(every):
    layer, upkeep, _ = rolling_cells(_PARTS * every)
    begun, ended = [], []
    begin, end = layer.codes.begin_refit, layer.codes.end_refit
    layer.codes.begin_refit = lambda n_threads: begun.append(step) or begin(n_threads)
    layer.codes.end_refit = lambda n_threads: ended.append(step) or end(n_threads)
    for step in range(1, 12 * _PARTS * every):
        upkeep.keep_up(step)
    assert begun == [turn * _PARTS * every for turn in (1, 2, 4, 8)]
    assert ended == [(turn * _PARTS + _PARTS - 1) * every for turn in (1, 2, 4, 8)]


def test_a_round_of_a_refit_gives_the_cells_of_the_rows():
    """Weights stand still from its beginning on; until its end, the old codes are asked."""
    layer, upkeep, moments = rolling_cells()
    keep_up_to(upkeep, _PARTS - 1)
    layer.weights[...] = RNG.normal(size=layer.weights.shape)
    moments.touched[0][:] = _PARTS - 1
    before = layer.codes.learned
    keep_up_to(upkeep, 2 * _PARTS - 2, first=_PARTS)
    for was, now in zip(before, layer.codes.learned, strict=True):
        assert_array_equal(now, was)
    upkeep.keep_up(2 * _PARTS - 1)
    for want, now in zip(fresh_codes(layer), layer.codes.learned, strict=True):
        assert_array_equal(now, want)


@settings(max_examples=30, deadline=None)
@given(n_parts=st.integers(1, _PARTS - 1), seed=st.integers(0, 9))
def test_an_epoch_that_ends_in_a_refit_ends_with_true_codes(n_parts, seed):
    """Rows that changed after the refit began follow it; the others are where a fit puts them."""
    layer, upkeep, moments = rolling_cells()
    rng = np.random.default_rng(seed)
    layer.weights[...] = rng.normal(size=layer.weights.shape)
    keep_up_to(upkeep, _PARTS + n_parts - 1)
    _, cells = fresh_codes(layer)
    changed = rng.choice(60, 9, replace=False)
    layer.weights[changed] = rng.normal(size=(9, 16))
    moments.touched[0][changed] = _PARTS + n_parts
    upkeep.end_epoch(_PARTS + n_parts)
    rows = np.hstack([layer.weights, layer.bias[:, None]]).astype(float)
    centroids, now = layer.codes.learned
    likes = reference.cells_of_rows(rows, centroids.astype(float), spherical=True)
    assert_array_equal(now[changed, 0], likes[changed].argmax(axis=1))
    unchanged = np.setdiff1d(np.arange(60), changed)
    assert_array_equal(now[unchanged], cells[unchanged])
    assert cost(upkeep, upkeep.end_epoch, _PARTS + n_parts).refresh == 0


def hurried_cells(steps_per_epoch=200, every=8 * _PARTS):
    """A layer whose rounds are longer than the last steps of an epoch, in which it is hurried."""
    net = make_cells(refresh="rolling", refresh_every=every)
    upkeep, moments = upkeep_of(net, steps_per_epoch)
    return net.layers[0], upkeep, moments


def parts_hashed(layer):
    """Collects what each call hashes from here on: rows of a refit, and rows that changed."""
    refit, changed = [], []
    refit_rows, refresh_rows = layer.codes.refit_rows, layer.codes.refresh_rows
    layer.codes.refit_rows = lambda rows, n: refit.append(len(rows)) or refit_rows(rows, n)
    layer.codes.refresh_rows = lambda rows, n: changed.append(len(rows)) or refresh_rows(rows, n)
    return refit, changed


@settings(max_examples=30, deadline=None)
@given(steps_per_epoch=st.integers(_HURRY + 1, 400))
def test_the_end_of_an_epoch_finds_only_rows_that_changed_in_its_last_steps(steps_per_epoch):
    layer, upkeep, moments = hurried_cells(steps_per_epoch)
    refit, changed = parts_hashed(layer)
    step = 0
    while (step := step + upkeep.steps_to_next(step)) < steps_per_epoch:
        moments.touched[0][:] = min(step, steps_per_epoch - _PARTS)
        upkeep.keep_up(step)
    begins = [8 * _PARTS * turn for turn in (1, 2)]
    if any(steps_per_epoch - _PARTS <= begin < steps_per_epoch for begin in begins):
        return  # a refit that begins in the last steps is ended at once
    refit.clear()
    changed.clear()
    upkeep.end_epoch(steps_per_epoch)
    assert (refit, changed) == ([], [0])


def test_a_refit_ends_in_parts_before_the_epoch_does():
    end = 8 * (_PARTS + 2) + _HURRY  # after three parts of the refit
    layer, upkeep, _ = hurried_cells(steps_per_epoch=end)
    refit, _ = parts_hashed(layer)
    before, _ = layer.codes.learned
    layer.weights[...] = RNG.normal(size=layer.weights.shape)
    keep_up_to(upkeep, end - _PARTS - 1)
    assert (sum(refit), max(refit)) == (60, 4)
    assert (layer.codes.learned[0] != before).any()
    assert cost(upkeep, upkeep.end_epoch, end).refresh == 0


KEPT_UP = [
    partial(make, refresh_every=64, refresh="touched"),
    partial(make, refresh_every=64, refresh="rolling"),
    partial(make, refresh_every=64, refresh="drift"),
    partial(make, refresh_every=64, refresh_growth=1.5),
    partial(make, refresh_every=64, redraw_every=70),
    partial(make, refresh_every=64, redraw_every=70, refresh="rolling", center=True),
    partial(hashed, tables(refresh_every=64), explore=0.2, soft=False),
    partial(make_cells, refresh_every=64),
    partial(make_cells, refresh_every=64, refresh="rolling"),
    partial(make_cells, refresh_every=128, refresh="rolling"),
    partial(make_cells, refresh_every=64, refresh="drift"),
    partial(make_cells, refresh_every=64, refresh="full"),
]


@pytest.mark.parametrize("new", KEPT_UP, ids=lambda new: f"{new.args}{new.keywords}")
def test_every_refresh_learns_and_resumes_to_the_same_bits(tmp_path, new):
    class Stop(ff.callbacks.Callback):
        def on_epoch_end(self, run, record):
            return record["epoch"] == 2

    nets = [new() for _ in range(3)]
    how = {"max_epochs": 4, "batch_size": 4, "n_jobs": 1, "optimizer": RMS}
    path = tmp_path / "checkpoint"
    history = ff.Trainer(nets[0], **how).fit(DATA)
    assert history[-1]["train/accuracy"] > 0.8
    ff.Trainer(nets[1], **how, callbacks=[ff.callbacks.Checkpoint(path), Stop()]).fit(DATA)
    ff.Trainer(nets[2], **how).fit(DATA, resume=path)
    for a, b in zip(nets[0].weights(), nets[2].weights(), strict=True):
        assert_array_equal(a, b)


def test_tables_are_redrawn_one_at_a_time_and_in_turn():
    net = make(redraw_every=5, refresh_every=8)
    upkeep, _ = upkeep_of(net)
    layer, due, step = net.layers[0], [], 0
    wanted = np.zeros(8, np.uint32)
    while step < 90:
        step += upkeep.steps_to_next(step)
        codes = np.array(layer.index.codes)
        assert (
            cost(upkeep, upkeep.keep_up, step).refresh == 60 * 16 * 3 * 8
        )  # all rows, once where both are due
        changed = np.flatnonzero((codes != layer.index.codes).any(axis=0))
        table = [(step // 5 - 1) % 8] if step % 5 == 0 else []
        assert_array_equal(changed, table)
        wanted[table] += 1
        assert_array_equal(layer.draws, wanted)
        due.append(step)
    assert due == [step for step in range(1, 91) if step % 5 == 0 or step % 8 == 0]


@pytest.mark.parametrize("refresh", ["full", "touched", "rolling", "drift"])
def test_a_redraw_makes_the_codes_of_all_rows_true(refresh):
    net = make(redraw_every=7, refresh=refresh, mips="simple")
    upkeep, moments = upkeep_of(net)
    layer = net.layers[0]
    layer.weights *= -1
    moments.touched[0][:] = 3
    upkeep.keep_up(7)
    codes = np.array(layer.index.codes)
    net.refresh()
    assert_array_equal(codes, layer.index.codes)
    if refresh == "touched":
        assert cost(upkeep, upkeep.keep_up, 1000).refresh == 0  # nothing changed since


def test_copies_and_weights_keep_what_was_drawn():
    net, first = trained(redraw_every=100)[0], make(redraw_every=100)
    assert_array_equal(net.layers[0].draws, [1, 1, 1, 1, 1, 1, 1, 0])  # in 750 steps
    wanted = net.decision_function(X)
    twin = net.copy()
    net.layers[0].draws[:] = 0
    net.refresh()
    assert not np.array_equal(net.decision_function(X), wanted)
    assert_array_equal(twin.decision_function(X), wanted)
    first.set_weights(twin.weights())
    assert_array_equal(first.decision_function(X), wanted)


def test_rare_rows_are_those_trained_longest_ago():
    net = hashed(tables(), explore=0.5, soft=False, rerank=1.0)
    upkeep, moments = upkeep_of(net)
    moments.touched[0][:] = np.arange(60) + 1
    moments.touched[0][50:] = 0  # never
    upkeep.find_rare(7)
    told = []
    net.layers[0].set_rare = told.append
    upkeep.find_rare(7)
    assert sorted(told[0]) == [0, 1, 2, 3, 4, *range(50, 60)]


def test_exploring_trains_rows_that_the_gate_would_leave_out():
    def rows_in_use(**options):
        net = hashed(tables(), soft=False, rerank=1.0, **options)
        history = ff.Trainer(net, max_epochs=1, batch_size=4, n_jobs=1, optimizer=RMS).fit(DATA)
        (stats,) = net.table_stats(DATA)
        return history[-1]["density"], 60 - stats.never_chosen

    (density, used), (explored_density, explored_used) = rows_in_use(), rows_in_use(explore=0.4)
    assert density == explored_density == 0.2  # the budget stays
    assert explored_used >= used
