"""Laws of the memory of taggers: what training takes is known before, and kept to or refused."""

import contextlib
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import fewfire as ff
from fewfire import _core
from fewfire.tagger import preparing
from fewfire.tagger.centroids import ExamplesOfLabels
from fewfire.tagger.expansion import Expansion
from fewfire.tagger.forest import Forest
from fewfire.tagger.going_on import prepare_more
from fewfire.tagger.new_labels import with_labels
from fewfire.tagger.packed import PackedTree
from fewfire.tagger.seeds import TreeSeeds
from fewfire.tagger.settings import MOST_TREES, PRESETS
from tags import tagged

SMALL = {"labels_per_leaf": 5, "n_jobs": 1}
BEST = replace(PRESETS["best"], labels_per_leaf=5, max_epochs=1)


@pytest.fixture(scope="module")
def train():
    return tagged()


@pytest.fixture(scope="module")
def test():
    return tagged(seed=1, n=200)


def grown(prepared):
    return prepared.grow(range(len(prepared.plans)))


# -- what is known before ------------------------------------------------------------------------


def test_an_estimate_is_what_training_makes():
    prepared = preparing.prepare(tagged(), BEST, 2**40, TreeSeeds(0), 1, MOST_TREES)
    memory, levels = prepared.memory, [level for tree in grown(prepared) for level in tree.levels]
    kinds = {id(rows): rows for rows in prepared.rows}.values()
    rows = sum(x.data.nbytes + x.indices.nbytes + x.indptr.nbytes for x in kinds)
    labels = prepared.lists
    lists = labels.data.nbytes + labels.indices.nbytes + labels.indptr.nbytes
    assert rows + lists < memory.examples <= rows + 6 * 2 * lists  # each tree has them and an order
    arrays = [
        array
        for level in levels
        for array in (level.weights, level.bias, level.bias_moments, level.layout.vocabulary)
    ]
    tables = [array for level in levels for array in tables_of(level.layout)]
    of_packed = 8 * len(levels) * (prepared.expansion.width + 1)  # where lists of features begin
    made = sum(array.nbytes for array in [*arrays, *tables]) + of_packed
    assert made <= memory.trees <= 1.1 * made
    assert memory.total == memory.examples + memory.pairs + memory.trees + memory.packed


def tables_of(layout):
    begins = np.concatenate([[0], np.cumsum(layout.listed)])
    return _core.fill_tables(begins, layout.vocabulary)


def test_packed_trees_take_what_was_set_aside(train):
    tagger = ff.Tagger("best", **SMALL)
    estimate = tagger.estimate_memory(train)
    tagger.fit(train)
    sizes = [x.size for tree in tagger.forest.trees for x in tree.layouts(tree.levels[-1].children)]
    kept = sum(level.weights.nbytes for tree in tagger.forest.trees for level in tree.levels)
    others = tagger.forest.n_bytes - kept
    assert others == pytest.approx(sum(size.packed_bytes for size in sizes), rel=0.1)
    assert estimate.packed > others


HELPERS = Path(__file__).parents[1] / "helpers"
PEAK = """
import sys
from pathlib import Path
import fewfire as ff
from tags import tagged

def told(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))

data = tagged(n=20_000, n_labels=4000, n_noise=4000)
tagger = ff.Tagger(sys.argv[1], max_epochs=1, n_jobs=1, slowing=0)
tagger.fit(data[:100])  # what is loaded and made once
Path("/proc/self/clear_refs").write_text("5")
held = told("VmRSS")
tagger.fit(data)
print(told("VmHWM") - held, tagger.estimate_memory(data).total)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="tells the peak of a process by /proc")
@pytest.mark.parametrize(("preset", "share"), [("fast", 0.9), ("balanced", 0.8)])
def test_the_peak_of_a_training_is_what_was_estimated(preset, share):
    command = [sys.executable, "-c", PEAK, preset]
    done = subprocess.run(command, cwd=HELPERS, capture_output=True, check=True)
    peak, estimate = map(int, done.stdout.split())
    assert share * estimate <= peak <= 1.1 * estimate


def test_a_best_epoch_that_is_kept_has_room_of_its_own(train):
    once, twice = (
        preparing.prepare(train, BEST, 2**40, TreeSeeds(0), 1, MOST_TREES, n_forests=n)
        for n in (1, 2)
    )
    assert twice.memory.packed == 2 * once.memory.packed
    assert twice.room == (2**40 - once.memory.besides_packed) // 2
    limit = once.memory.total
    trees = []
    for callbacks in ([], [ff.callbacks.EarlyStopping("train/loss")]):
        tagger = ff.Tagger("best", memory=limit, max_epochs=1, largest=12, **SMALL)
        tagger.fit(train, callbacks=callbacks)
        sizes = (x.size for t in tagger.forest.trees for x in t.layouts(t.levels[-1].children))
        trees.append(sum(size.n_bytes for size in sizes))
    assert trees[1] < trees[0]


# -- keeping to it -------------------------------------------------------------------------------


@given(share=st.floats(0.02, 1.2))
@settings(max_examples=15)
def test_a_limit_is_kept_or_refused(share):
    data = tagged(n=300)
    full = ff.Tagger("best", max_epochs=1, **SMALL).estimate_memory(data).total
    limit = int(share * full)
    tagger = ff.Tagger("best", max_epochs=1, memory=limit, **SMALL)
    may_be_refused = share < 0.25
    with contextlib.suppress(MemoryError) if may_be_refused else contextlib.nullcontext():
        assert tagger.estimate_memory(data).total <= limit


@pytest.mark.parametrize("labels_per_leaf", [5, 80], ids=["leaves", "only a root"])
@pytest.mark.parametrize("pairs", [0, 1])
def test_a_limit_of_the_estimate_gives_up_nothing(train, pairs, labels_per_leaf):
    free = replace(PRESETS["fast"], pairs=pairs, labels_per_leaf=labels_per_leaf)
    wanted = preparing.prepare(train, free, 2**40, TreeSeeds(0), 1, MOST_TREES)
    limited = preparing.prepare(train, free, wanted.memory.total, TreeSeeds(0), 1, MOST_TREES)
    assert limited.settings == wanted.settings
    assert limited.memory == wanted.memory


def test_pairs_go_first_then_words_then_trees(train):
    def chosen(limit):
        prepared = preparing.prepare(train, BEST, limit, TreeSeeds(0), 1, MOST_TREES)
        known = sum(layout.known.sum() for layout in prepared.plans[0].layouts)
        return prepared.settings.n_trees, prepared.settings.pairs, known

    full = preparing.prepare(train, BEST, 2**40, TreeSeeds(0), 1, MOST_TREES).memory.total
    steps = [chosen(int(share * full)) for share in (1.1, 0.9, 0.5, 0.3, 0.2, 0.1)]
    assert steps[0][:2] == (BEST.n_trees, BEST.pairs)
    assert steps[1][:2] == (BEST.n_trees, 0)
    assert all(not pairs for _, pairs, _ in steps[1:])
    trees = [n for n, _, _ in steps]
    assert trees == sorted(trees, reverse=True)
    assert trees[-1] < BEST.n_trees


def test_smaller_trees_still_learn(train, test):
    full = ff.Tagger("fast", **SMALL).estimate_memory(train)
    limit = int(full.examples + 0.6 * (full.trees + full.packed))
    tagger = ff.Tagger("fast", memory=limit, **SMALL).fit(train)
    assert tagger.evaluate(test)["P@1"] > 0.8
    assert tagger.forest.n_bytes <= 0.5 * full.trees


def with_weights(train):
    """A forest to be packed, all of whose weights are large enough to be kept."""
    prepared = preparing.prepare(train, PRESETS["fast"], 2**40, TreeSeeds(0), 1, MOST_TREES)
    trees = grown(prepared)
    for level in trees[0].levels:
        level.weights[:] = np.linspace(0.2, 3, len(level.weights))
    return prepared, trees


@pytest.mark.parametrize("share", [0.01, 0.2, 1.0])
def test_packed_trees_are_pruned_until_they_fit(train, share):
    prepared, trees = with_weights(train)
    sizes = [level.layout.size for level in trees[0].levels]
    n_weights = int(share * sum(size.n_weights for size in sizes))
    room = sum(size.packed_bytes for size in sizes) + 4 * n_weights
    forest = Forest.pack(prepared.settings, prepared.expansion, trees, room, 1)
    kept = sum(len(level.weights) for level in forest.trees[0].levels)
    assert kept <= n_weights
    assert kept > 0.2 * n_weights or share < 0.1
    assert (forest.settings.prune == prepared.settings.prune) == (share == 1.0)


def test_packed_trees_without_any_room_keep_no_weights(train):
    prepared, trees = with_weights(train)
    forest = Forest.pack(prepared.settings, prepared.expansion, trees, 0, 1)
    assert all(len(level.weights) == 0 for level in forest.trees[0].levels)


# -- refusing ------------------------------------------------------------------------------------


def test_too_little_memory_is_refused_before_anything_changes(train, monkeypatch):
    tagger = ff.Tagger("fast", memory="1k", **SMALL)
    monkeypatch.setattr(Expansion, "rows", lambda *_: pytest.fail("examples were expanded"))
    with pytest.raises(MemoryError, match=r"MB at least, 0\.0 MB are allowed"):
        tagger.fit(train)
    with pytest.raises(ValueError, match="not trained yet"):
        tagger.predict_topk(train)


def test_centroids_that_do_not_fit_are_not_made(train, monkeypatch):
    examples = ff.Tagger("fast", **SMALL).estimate_memory(train).examples
    monkeypatch.setattr(ExamplesOfLabels, "centroids", lambda *_: pytest.fail("made"))
    with pytest.raises(MemoryError, match="MB at least"):
        ff.Tagger("fast", memory=examples + 1000, **SMALL).fit(train)


@pytest.mark.parametrize("share", [0.01, 0.9], ids=["examples", "trees"])
def test_going_on_is_refused_where_it_does_not_fit_and_changes_nothing(share, monkeypatch):
    more = tagged(n=800, n_labels=60)
    old = more.y[:, 40:].sum(axis=1) == 0
    tagger = ff.Tagger("balanced", **SMALL).fit(more.X[old], more.y[old][:, :40])
    before = {name: array.copy() for name, array in tagger.state()[1].items()}
    plans = partial(with_labels, tagger.forest, n_threads=1)
    needs = prepare_more(tagger.forest, more, 60, 2**40, 1, MOST_TREES, 1, plans).memory
    tagger.memory = int(share * needs.total)
    monkeypatch.setattr(PackedTree, "unpack", lambda *_: pytest.fail("trees were unpacked"))
    with pytest.raises(MemoryError, match="MB at least"):
        tagger.partial_fit(more.X, more.y)
    after = tagger.state()[1]
    assert before.keys() == after.keys()
    for name, array in before.items():
        assert_array_equal(array, after[name])
    monkeypatch.undo()
    tagger.memory = needs.total
    tagger.partial_fit(more.X, more.y)
    assert tagger.n_outputs == 60
