"""Whether frequent labels slow down: short trainings choose it, and are counted."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fewfire as ff
from fewfire.base.ledger import Ledger
from fewfire.tagger.memory import TooLittleMemoryError
from fewfire.tagger.pilots import BETWEEN, chosen
from fewfire.tagger.settings import Settings, rate_factor
from resuming import Interrupt, work
from tags import tagged

WANTED = Settings(pairs=1, max_epochs=50)


def told(data, *, right):
    """Trains nothing: with each slowing so many of the examples kept aside are answered rightly."""
    seen = []

    def train(settings, part):
        seen.append((settings, len(part)))

        def predict_topk(aside, k):
            truth = np.asarray(aside.y)[:, None]
            wrong = (truth + 1) % data.n_labels
            is_right = np.arange(len(aside))[:, None] % 100 < right[settings.slowing]
            answers = np.where(is_right, truth, wrong).astype(np.int32)
            return SimpleNamespace(indices=answers, scores=is_right.astype(np.float32))

        history = SimpleNamespace(ledger=Ledger.empty(1))
        return SimpleNamespace(predict_topk=predict_topk, history_=history)

    return train, seen


@pytest.mark.parametrize(
    ("right", "expected"),
    [({0.0: 40, 1.0: 60}, 1.0), ({0.0: 60, 1.0: 40}, 0.0), ({0.0: 50, 1.0: 50}, BETWEEN)],
)
def test_what_is_clearly_better_is_taken_and_what_is_between_where_nothing_is(right, expected):
    data = ff.Dataset(np.ones((1200, 3), np.float32), np.arange(1200) % 7)
    train, seen = told(data, right=right)
    settings, why, _, threshold = chosen(WANTED, data, train, seed=0)
    assert threshold == 0.5  # between the scores of right and of wrong answers
    assert settings == replace(WANTED, slowing=expected)
    assert [(one.slowing, one.n_trees, one.pairs, one.max_epochs) for one, _ in seen] == [
        (0.0, 1, 0, 8),
        (1.0, 1, 0, 8),
    ]
    assert {n for _, n in seen} == {1000}  # the others are kept aside
    assert f"slowing {expected:g}" in why
    assert "200 examples kept aside" in why


def test_nothing_is_tried_where_it_is_given_or_cannot_be_told():
    data = ff.Dataset(np.ones((1200, 3), np.float32), np.arange(1200) % 7)

    def never(settings, part):
        raise AssertionError("nobody asked")

    assert chosen(replace(WANTED, slowing=0.5), data, never, seed=0).settings.slowing == 0.5
    assert chosen(WANTED, data[:500], never, seed=0).settings.slowing == 0.0

    def too_large(settings, part):
        raise TooLittleMemoryError("training takes more")

    assert chosen(WANTED, data, too_large, seed=0).settings.slowing == 0.0


def test_a_training_chooses_keeps_and_counts_it(tmp_path):
    data = tagged(n=1500, n_labels=40)
    tagger = ff.Tagger("fast", max_epochs=2, n_jobs=1).fit(data)
    assert tagger.settings.slowing in (0.0, BETWEEN, 1.0)
    same = ff.Tagger("fast", max_epochs=2, n_jobs=1, slowing=tagger.settings.slowing).fit(data)
    one, other = (model.predict_topk(data, 3) for model in (tagger, same))
    assert_array_equal(one.scores, other.scores)
    assert tagger.history_.ledger.dense == same.history_.ledger.dense
    assert tagger.history_.ledger.forward > same.history_.ledger.forward
    tagger.save(tmp_path / "model")
    assert ff.load(tmp_path / "model").settings.slowing == tagger.settings.slowing


def test_a_resumed_training_has_the_slowing_of_the_whole_one(tmp_path):
    data, path = tagged(n=1500, n_labels=40), tmp_path / "checkpoint"

    def fit(*callbacks, **how):
        callbacks = [ff.callbacks.Checkpoint(path), *callbacks]
        tagger = ff.Tagger("fast", max_epochs=3, n_jobs=1)
        return tagger.fit(data, callbacks=callbacks, **how)

    whole = fit()
    assert fit(Interrupt(1)).history_.interrupted
    resumed = fit(resume=path)
    assert resumed.settings == whole.settings
    assert work(resumed.history_) == work(whole.history_)  # that of the pilots, too
    one, other = (model.predict_topk(data, 3) for model in (whole, resumed))
    assert_array_equal(one.scores, other.scores)


def test_rates_begin_fast_where_labels_slow_down():
    assert rate_factor(10**6, 8, slowing=1 / 16) == 2.0
    assert rate_factor(10**6, 8, slowing=0.0) == pytest.approx(4 / 3)
