"""Examples that are made while they are trained on give what the same examples in memory give."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import fewfire as ff
from fewfire.data import epoch
from fewfire.gates import Sign

LETTERS = ff.datasets.strokes(n_train=200, n_test=1)[0]
# As many of each, so that copies have the same shares, which last layers begin with.
SOURCE = LETTERS[np.concatenate([np.flatnonzero(LETTERS.y == y)[:5] for y in range(10)])]


def net():
    gate = ff.Hashed(0.2, Sign(center=False))  # a mean input is that of the source
    return ff.Network(ff.Linear(784, 30, "relu", gate), ff.Linear(30, 10))


def fit(examples, **how):
    trained = net()
    rms = ff.optim.RMS(rowwise=True)  # centred ones take the means of the source
    history = ff.Trainer(trained, optimizer=rms, max_epochs=2, n_jobs=1, **how).fit(examples)
    return trained, history


@pytest.mark.parametrize("batch_size", [1, 7])
def test_one_piece_gives_the_bits_of_the_set_in_memory(batch_size):
    images = ff.datasets.Deformed(SOURCE, 150, random_state=3)
    (one, history), (other, _) = (fit(part, batch_size=batch_size) for part in (images, images[:]))
    for a, b in zip(one.weights(), other.weights(), strict=True):
        assert_array_equal(a, b)
    assert history.n_examples == 300
    assert one.encoding == SOURCE.encoding


@pytest.mark.parametrize(("n", "batch_size"), [(150, 1), (150, 7), (64, 16), (3, 5)])
def test_pieces_hold_every_example_once_and_whole_batches(monkeypatch, n, batch_size):
    monkeypatch.setattr(epoch, "WINDOW", 40)
    images = ff.datasets.Deformed(SOURCE, n, random_state=3)
    found = list(epoch.windows_of(images, batch_size, np.random.default_rng(0)))
    rows = np.concatenate([np.asarray(window.X)[order] for window, order in found])
    whole = np.asarray(images[:].X)
    assert_array_equal(np.sort(rows.sum(axis=1)), np.sort(whole.sum(axis=1)))
    assert len(rows) == n
    assert max(len(window) for window, _ in found) <= max(40, batch_size)
    assert sum(len(window) % batch_size > 0 for window, _ in found) <= 1
    history = fit(images, batch_size=batch_size)[1]
    assert history.n_examples == 2 * n


def test_a_run_in_pieces_is_the_same_twice_and_a_resumed_one_too(monkeypatch, tmp_path):
    monkeypatch.setattr(epoch, "WINDOW", 40)
    images = ff.datasets.Deformed(SOURCE, 150, random_state=3)
    (one, _), (same, _) = fit(images), fit(images)

    class AfterOne(ff.callbacks.Callback):
        def on_epoch_end(self, run, record):
            if run.epoch == 1:
                run.save_checkpoint(tmp_path / "c")
            return False

    fit(images, callbacks=[AfterOne()])
    resumed = net()
    rms = ff.optim.RMS(rowwise=True)
    ff.Trainer(resumed, optimizer=rms, max_epochs=2, n_jobs=1).fit(images, resume=tmp_path / "c")
    for other in (same, resumed):
        for a, b in zip(one.weights(), other.weights(), strict=True):
            assert_array_equal(a, b)


def test_a_run_that_diverges_makes_no_further_pieces(monkeypatch):
    monkeypatch.setattr(epoch, "WINDOW", 10)
    made = []
    real = ff.datasets.Deformed.__getitem__
    monkeypatch.setattr(
        ff.datasets.Deformed,
        "__getitem__",
        lambda self, rows: made.append(rows) or real(self, rows),
    )
    dense = ff.Network(ff.Linear(784, 8, "relu"), ff.Linear(8, 10))
    trainer = ff.Trainer(
        dense, optimizer=ff.optim.SGD(lr=1e30), batch_size=1, max_epochs=1, n_jobs=1
    )
    with pytest.raises(ff.errors.DivergenceError):
        trainer.fit(ff.datasets.Deformed(SOURCE, 150))
    assert len(made) <= 2


def test_what_is_no_data_set_is_refused():
    with pytest.raises(ValueError, match="there are no targets"):
        ff.Trainer(net()).fit(np.ones((3, 784)))
