"""What the core answers, and what it refuses, whoever asks."""

import numpy as np
import pytest

import native
from fewfire import _core

N, N_FEATURES, N_ROWS = 5, 4, 6
IDS = np.arange(N)


@pytest.fixture
def inputs():
    return native.vectors(np.random.default_rng(0).normal(size=(N, N_FEATURES)))


@pytest.fixture
def model():
    return made()


def made(gate=None):
    weights = np.random.default_rng(1).normal(size=(N_ROWS, N_FEATURES)).astype(np.float32)
    return _core.Model(
        [_core.Linear(weights, np.zeros(N_ROWS, np.float32), "linear", gate)], "softmax"
    )


def labels(n, label=0):
    return _core.LabelTargets(np.arange(n + 1), np.full(n, label, np.int32))


def lists(lengths, rows):
    return np.cumsum([0, *lengths]), np.array(rows, np.int32)


def test_the_best_rows_are_those_of_all_scores(model, inputs):
    rows, scores, *_ = _core.predict(model, inputs, None, IDS, N_ROWS, False, 1)
    every = _core.scores(model, inputs, IDS, False, 1)
    assert np.array_equal(rows, np.argsort(-every, axis=1))
    assert np.array_equal(scores, np.take_along_axis(every, rows, axis=1))


def test_given_rows_score_as_among_all(model, inputs):
    wanted = lists([2, 0, 1, 0, 1], [5, 1, 3, 0])
    got, _ = _core.candidate_scores(model, inputs, IDS, *wanted, 1)
    every = _core.scores(model, inputs, IDS, False, 1)
    assert np.array_equal(got, every[[0, 0, 2, 4], [5, 1, 3, 0]])


def test_losses_are_zeros_without_targets(model, inputs):
    ask = (model, inputs, labels(N), IDS, 1, False, 1)
    assert (_core.predict(*ask)[2] > 0).all()
    assert (_core.predict(*ask[:2], None, *ask[3:])[2] == 0).all()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (lambda: {"k": 0}, "k must be in 1"),
        (lambda: {"k": N_ROWS + 1}, "k must be in 1"),
        (lambda: {"ids": np.array([N])}, "example id"),
        (lambda: {"ids": np.array([-1])}, "example id"),
        (lambda: {"targets": labels(N - 1)}, "a row per example"),
        (lambda: {"targets": labels(N, N_ROWS)}, "not below the number of output rows"),
        (
            lambda: {"targets": _core.ValueTargets(np.zeros((N, N_ROWS), np.float32))},
            "LabelTargets",
        ),
        (lambda: {"inputs": native.vectors(np.zeros((N, N_FEATURES + 1)))}, "another width"),
        (lambda: {"n_threads": 0}, "n_threads"),
    ],
)
def test_predict_refuses(model, inputs, changed, words):
    ask = {"inputs": inputs, "targets": None, "ids": IDS, "k": 1, "exact": False, "n_threads": 1}
    with pytest.raises(ValueError, match=words):
        _core.predict(model, **{**ask, **changed()})


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (lists([1] * (N - 1), [0] * (N - 1)), "a list of rows for each example"),
        (lists([1] * N, [0] * (N - 1)), "indptr"),
        ((np.array([0, 2, 1, 3, 4, 5]), np.zeros(5, np.int32)), "must not fall"),
        (lists([1] * N, [N_ROWS] * N), "a row is not below"),
        (lists([1] * N, [-1] * N), "a row is not below"),
    ],
)
def test_score_rows_refuses(model, inputs, wanted, words):
    with pytest.raises(ValueError, match=words):
        _core.candidate_scores(model, inputs, IDS, *wanted, 1)


def test_rows_whose_values_are_scaled_have_no_scores_of_their_own(inputs):
    model = made(_core.AdaptiveDropout(1.0, 0.0, 0))
    with pytest.raises(ValueError, match="adaptive dropout"):
        _core.candidate_scores(model, inputs, IDS, *lists([1] * N, [0] * N), 1)


@pytest.mark.parametrize("position", [-1, 0, 1])
def test_choices_want_a_gate(model, inputs, position):
    with pytest.raises(ValueError, match="no gate"):
        _core.choices(model, position, inputs, IDS, 1)


def test_latencies_refuse_what_predict_does(model, inputs):
    with pytest.raises(ValueError, match="k must be"):
        _core.latencies(model, inputs, IDS, 0, False)
    with pytest.raises(ValueError, match="example id"):
        _core.latencies(model, inputs, IDS + 1, 1, False)
