"""What other threads, and children, see of a model while it is trained."""

import copy
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose

import fewfire as ff
from children import in_child
from fewfire.gates import Centroid, Sign, SimHash
from fewfire.training import run
from tests.fuzz import races
from threads import Beside


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(make, id=f"{family}-{number}")
        for family, makes in races.FAMILIES.items()
        for number, make in enumerate(makes)
    ],
)
def test_a_model_in_training_answers_everything(make):
    counts = races.race(make())
    assert counts["changes"] > 0
    assert counts["predict_topk"] >= 4 * races.N_READERS


@pytest.mark.parametrize("family", [Sign(), Centroid(n_cells=8), SimHash(n_bits=4, n_tables=6)])
def test_rows_that_change_places_change_no_answer(family, monkeypatch):
    """Weights stand still while rows are renumbered and hashed anew: every answer is the same."""
    monkeypatch.setattr(run, "LONG", 1)  # they move at the end of each epoch, however short
    course = races.hashed(family, optimizer=races.STILL)
    net, X = course.model, course.data.X
    net.layers[-1].bias[0] = 1  # else they begin at the shares of labels
    before = net.decision_function(X, exact=True)
    seen, over = [0], threading.Event()

    def read():
        while not over.is_set():
            for model in (net, net.copy()):
                assert_allclose(model.decision_function(X, exact=True), before, atol=1e-5)
            seen[0] += 1

    reader = Beside(read)
    try:
        course.train(lambda: seen[0] > 20 or not reader.is_alive())
    finally:
        over.set()
        reader.end()
    origins = net.layers[0].origins
    assert origins is None or (np.diff(origins.astype(int)) != 1).any()  # they did move


@pytest.mark.parametrize("family", ["simhash", "centroid", "tagger"])
def test_a_child_forked_from_a_training_answers_and_learns(family):
    course = races.FAMILIES[family][0]()
    over = threading.Event()

    def answer():
        races.check_top(course.model, course.model.predict_topk(course.data, 5, n_jobs=2))
        if isinstance(course.model, ff.Network):
            ff.Trainer(course.model, loss="logistic", max_epochs=1, n_jobs=2).fit(course.data)
        return 0

    trainer = Beside(lambda: course.train(over.is_set))
    try:
        assert [in_child(answer) for _ in range(4)] == [0] * 4
    finally:
        over.set()
        trainer.end()


def fit(model, data, *callbacks):
    if isinstance(model, ff.Tagger):
        model.fit(data, callbacks=callbacks)
    else:
        ff.Trainer(model, loss="logistic", max_epochs=2, n_jobs=1, callbacks=callbacks).fit(data)


@pytest.mark.parametrize("family", ["sign", "tagger"])
def test_a_callback_cannot_train_the_model_that_it_watches(family):
    """Rows would get other numbers behind the back of the outer training."""
    course, seen = races.FAMILIES[family][0](), []
    model, data = course.model, course.data

    class Again(ff.callbacks.Callback):
        def on_epoch_end(self, run, record):
            before = copy.deepcopy(model.state()[1])
            with pytest.raises(RuntimeError, match="this thread is training the model already"):
                fit(model, data)
            after = model.state()[1]
            seen.append(all(np.array_equal(before[name], after[name]) for name in before))
            fit(copy.deepcopy(model), data)
            return False

    fit(model, data, Again())
    assert seen == [True, True]


@pytest.mark.parametrize("family", ["sign", "tagger"])
def test_a_second_training_of_a_model_waits_for_the_first(family):
    """Rows would get other numbers behind its back."""
    course = races.FAMILIES[family][0]()
    running, overlaps = [], []

    class Watch(ff.callbacks.Callback):
        def on_fit_start(self, run):
            overlaps.append(len(running))
            running.append(run)

        def on_epoch_end(self, run, record):
            threading.Event().wait(1e-3)
            return False

        def on_fit_end(self, run):
            running.remove(run)

    for thread in [Beside(lambda: fit(course.model, course.data, Watch())) for _ in range(3)]:
        thread.end()
    assert overlaps == [0, 0, 0]
    races.check_top(course.model, course.model.predict_topk(course.data, 5))
