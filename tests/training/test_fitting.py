"""Settings that nobody gave follow the data: what is chosen, on what, and at what cost."""

import re
import signal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.callbacks import Checkpoint
from fewfire.training import pilots
from fewfire.training.held_out import folds
from fewfire.training.pilots import Choice, largest_tied, losses_of, usual_epochs
from fewfire.training.run import Run
from fewfire.training.standards import standards
from resuming import Interrupt

RNG = np.random.default_rng(0)
CENTRES = RNG.normal(size=(4, 12))


def blobs(n, seed=1, noise=0.8):
    rng = np.random.default_rng(seed)
    y = np.sort(rng.integers(0, 4, size=n))  # sorted, as files may be
    return ff.Dataset(CENTRES[y] + noise * rng.normal(size=(n, 12)), y)


def make():
    gate = ff.Hashed(0.2)
    return ff.Network(
        ff.Linear(12, 40, "relu", gate), ff.Linear(40, 30, "relu", gate), ff.Linear(30, 4)
    )


def fit(net, data, **how):
    return ff.Trainer(net, **{"max_epochs": 6, "n_jobs": 1, **how}).fit(data)


@given(counts=st.lists(st.integers(1, 40), min_size=2, max_size=5), seed=st.integers(0, 99))
def test_what_is_kept_aside_has_the_share_of_each_class(counts, seed):
    y = np.repeat(np.arange(len(counts)), counts)
    n_held_out = len(y) // 5
    data = ff.Dataset(np.zeros((len(y), 1)), y)
    found = folds(data, n_folds=5, n_held_out=n_held_out, n_train=len(y), seed=seed)
    kept = np.concatenate([fold.held_out for fold in found])
    assert len(np.unique(kept)) == len(kept) == 5 * n_held_out
    for train, held_out in found:
        assert_array_equal(np.sort(np.concatenate([train, held_out])), np.arange(len(y)))
        share = np.bincount(y[held_out], minlength=len(counts)) - np.array(counts) / 5
        assert (abs(share) <= len(counts)).all()  # others stand where a rare one does not


def test_examples_are_held_out_by_lot_with_classes_in_their_shares():
    data = ff.Dataset(np.arange(90)[:, None], np.repeat([0, 1, 2], [60, 20, 10]))
    train, aside = data.hold_out(30, random_state=1)
    assert_array_equal(np.sort(np.concatenate([train.X, aside.X]).ravel()), np.arange(90))
    assert abs(np.bincount(aside.y) - [20, 20 / 3, 10 / 3]).max() <= 1
    assert (np.diff(aside.X.ravel()) > 0).all()
    others = data.hold_out(30, random_state=2)[1]
    assert not np.array_equal(aside.X, others.X)
    for n in (0, 90):
        with pytest.raises(ValueError, match="both parts need one: choose 1 to 89"):
            data.hold_out(n)


def test_features_in_one_unit_keep_their_sizes_and_others_get_one():
    X = np.abs(RNG.normal(size=(300, 5))).astype(np.float32) * [1, 2, 1, 0.5, 0]
    for data in (ff.Dataset(X, np.zeros(300, int)), ff.Dataset(csr_array(X), np.zeros(300, int))):
        mean, scale = standards(data, 0)
        assert_allclose(mean, X.mean(axis=0), rtol=1e-5)
        assert_allclose(scale[:4], scale[0])
        assert scale[4] == 0  # never anything else
    X[:, 0] = 1000 + 300 * X[:, 0]
    mean, scale = standards(ff.Dataset(X, np.zeros(300, int)), 0)
    deviations = np.sqrt(scale[:4]) * X[:, :4].std(axis=0)
    assert deviations.max() < 1.3 * deviations.min()
    assert_allclose((deviations**2).sum() / 5, 0.28**2, rtol=1e-4)


def test_few_examples_come_more_often():
    assert [usual_epochs(n) for n in (10**6, 12_000, 3000, 120, 1)] == [12, 12, 24, 100, 100]


def test_a_loss_does_not_depend_on_how_sure_the_scores_are():
    data = blobs(50)
    scores = RNG.normal(size=(50, 4)).astype(np.float32)
    scores[np.arange(50), np.asarray(data.y)] += 2
    for loss in ("softmax", "logistic"):
        found = (losses_of(loss, by * scores, data).mean() for by in (1, 7))
        assert_allclose(*found, rtol=1e-3)


def test_the_choice_with_the_least_loss_is_told_and_taken(capsys):
    trainer = ff.Trainer(make(), max_epochs=6, n_jobs=1, verbose=True)
    trainer.fit(blobs(200))
    told = re.search(
        r"chosen: lr (\S+) and decay (\S+) by the loss on 200 .*\((.*)\)", _err(capsys)
    )
    tried = re.findall(r"(\S+) at (\S+) and ([\d.]+)", told[3])
    assert len(tried) >= 4
    assert (told[1], told[2]) in [of[1:] for of in tried]
    assert [float(of[0]) for of in tried] == sorted(float(of[0]) for of in tried)


def test_of_decays_between_which_chance_decides_the_largest_is_taken():
    rng = np.random.default_rng(0)
    base, noise = rng.random(400), rng.normal(size=400)
    noise -= noise.mean()

    def losses(*leads):
        return {Choice(decay=i): base + lead for i, lead in enumerate(leads)}

    assert largest_tied(losses(0.0, 0.01, 0.02), Choice(decay=0)) == Choice(decay=0)
    assert largest_tied(losses(0.0, 0.006, 0.01), Choice(decay=0)) == Choice(decay=1)  # of .49
    assert largest_tied(losses(0.0, 0.02 + noise, 0.5), Choice(decay=0)) == Choice(decay=1)
    assert largest_tied(losses(0.0, 0.03 + noise, 0.5), Choice(decay=0)) == Choice(decay=0)
    others = losses(0.0, 0.0) | {Choice(rate=1, decay=4): base}
    assert largest_tied(others, Choice(decay=0)) == Choice(decay=1)
    nowhere = {Choice(decay=i): np.full(9, np.inf) for i in range(3)}
    assert largest_tied(nowhere, Choice(decay=1)) == Choice(decay=1)


def test_a_larger_decay_ties_at_the_chosen_rate_or_not_at_all(monkeypatch):
    """Decays that are level at the usual rate may be far apart at the one that is chosen."""
    usual = {0: 0.500, 1: 0.502, 2: 0.6, 3: 0.7, 4: 0.8}
    faster = {0: 0.400, 1: 0.450, 2: 0.5, 3: 0.6, 4: 0.7}

    def told(self, choice, fold):
        by_decay = faster if choice.rate == 3 else usual
        loss = by_decay[choice.decay] + 0.2 * max(0, abs(choice.rate - 3) - 1)
        return np.full(len(fold.held_out), loss), self.ledger

    monkeypatch.setattr(pilots.Pilots, "_losses", told)
    trainer = ff.Trainer(make(), max_epochs=1, n_jobs=1)
    found, _ = pilots.Pilots(trainer.plan, make(), blobs(200), "softmax").choose()
    assert found == Choice(rate=3, decay=0)


def _err(capsys):
    return capsys.readouterr().err


def test_pilots_are_counted_and_the_same_for_any_number_of_threads():
    data = blobs(120)
    history, plain = fit(make(), data), fit(make(), data, tune=False)
    assert history.ledger.dense > 2 * plain.ledger.dense
    assert [row["epoch"] for row in history] == list(range(1, 7))
    nets = [make(), make()]
    for n_jobs, net in enumerate(nets, start=1):
        fit(net, data, n_jobs=n_jobs, deterministic=True)
    for a, b in zip(*(net.weights() for net in nets), strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize(
    "how", [{"tune": False}, {"max_epochs": 5}, {"optimizer": ff.optim.RMS(rowwise=True)}]
)
def test_nothing_is_tried_where_that_is_not_wanted(how, monkeypatch):
    monkeypatch.setattr(pilots.Pilots, "choose", None)
    fit(make(), blobs(60), **how)


def test_a_resumed_run_has_the_settings_that_were_chosen(tmp_path):
    data, whole, again = blobs(120), make(), make()
    fit(whole, data)
    fit(make(), data, callbacks=[Checkpoint(tmp_path / "c"), Interrupt(3)])
    ff.Trainer(again, max_epochs=6, n_jobs=1).fit(data, resume=tmp_path / "c")
    for a, b in zip(whole.weights(), again.weights(), strict=True):
        assert_array_equal(a, b)


def test_a_stop_while_settings_are_tried_leaves_the_network_as_it_was(monkeypatch):
    net = make()
    before, result = net.weights(), pilots.Pilots._try

    def press(*words):
        signal.raise_signal(signal.SIGINT)
        return result(*words)

    monkeypatch.setattr(pilots.Pilots, "_try", press)
    history = fit(net, blobs(120))
    assert history.interrupted
    assert list(history) == []
    for a, b in zip(before, net.weights(), strict=True):
        assert_array_equal(a, b)


def test_decay_is_that_of_all_images_that_are_made(monkeypatch):
    """A weight shrinks as far in an epoch of many deformed images as in one of few."""
    source, _ = ff.datasets.strokes(n_train=50, n_test=1)
    images = ff.datasets.Deformed(source, 5000, random_state=1)
    chosen, init = [], Run.__init__

    def note(self, plan, *words):
        chosen.append(plan.optimizer.l2)
        init(self, plan, *words)

    monkeypatch.setattr(Run, "__init__", note)
    monkeypatch.setattr(Run, "go", lambda self: self.history)
    for data in (images, images[:500]):
        net = ff.Network(ff.Linear(784, 30, "relu", ff.Hashed(0.2)), ff.Linear(30, 10))
        fit(net, data, max_epochs=30, tune=False)
    assert_allclose(10 * chosen[1], chosen[3], rtol=1e-6)
