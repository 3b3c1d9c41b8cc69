"""R2 is scikit-learn's, of arrays, of networks and of estimators."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fewfire as ff
from fewfire.measure.metrics import Explained
from fewfire.metrics import r2

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 6)).astype(np.float32)
Y = np.stack([X @ np.arange(6), 1000 + X[:, 0], np.full(120, 3.0)], axis=1).astype(np.float32)
WEIGHTS = RNG.integers(0, 3, 120).astype(float)


def net_of_values(n_columns=3):
    net = ff.Network(ff.Linear(6, 40, "relu", ff.Hashed(0.3)), ff.Linear(40, n_columns))
    ff.Trainer(net, max_epochs=3, n_jobs=1, tune=False).fit(X, Y[:, :n_columns])
    return net


@given(seed=st.integers(0, 2**32 - 1), cut=st.integers(1, 29), far=st.sampled_from([0.0, 1e6]))
def test_it_is_that_of_scikit_learn_in_any_parts(seed, cut, far):
    skmetrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(seed)
    true, found = rng.normal(size=(2, 30, 2)) + far
    weights = rng.integers(0, 3, 30) + 0.5
    want = skmetrics.r2_score(true, found, sample_weight=weights)
    sums = Explained()
    for part in (slice(cut), slice(cut, None)):
        sums.add(found[part], true[part], weights[part])
    assert r2(found, true, weights.astype(np.float32)) == pytest.approx(want, rel=1e-6)
    assert sums.share == pytest.approx(want, rel=1e-6)


def test_a_column_that_does_not_vary_is_all_or_nothing():
    assert r2([3.0, 3.0], [3.0, 3.0]) == 1.0
    assert r2([3.0, 2.0], [3.0, 3.0]) == 0.0


def test_networks_of_values_have_it_by_default():
    net, data = net_of_values(), ff.Dataset(X, Y, sample_weight=WEIGHTS)
    found = net.evaluate(data)
    assert list(found) == ["loss", "R2"]
    assert found["R2"] == pytest.approx(r2(net.predict(X), Y, WEIGHTS))
    assert net.evaluate(data, ["R2"], exact=True)["R2"] == pytest.approx(
        r2(net.predict(X, exact=True), Y, WEIGHTS)
    )
    history = ff.Trainer(net, max_epochs=1, n_jobs=1).fit(X, Y, eval_sets=(X, Y))
    assert history[0]["val/R2"] == pytest.approx(net.evaluate(ff.Dataset(X, Y)).R2)


def test_estimators_score_what_evaluate_tells():
    sklearn = pytest.importorskip("fewfire.sklearn")
    model = sklearn.HashedRegressor((40,), density=0.3, random_state=0).fit(X, Y)
    data = ff.Dataset(X, Y, sample_weight=WEIGHTS)
    assert model.score(X, Y, WEIGHTS) == pytest.approx(model.network_.evaluate(data).R2, rel=1e-4)


@pytest.mark.parametrize(
    ("values", "targets", "weights", "message"),
    [
        ([1.0], [1.0, 2.0], None, "the same"),
        ([], [], None, "an example at least"),
        ([1.0, 2.0], [1.0, 2.0], [0, 0], "0 for all"),
        ([1.0, 2.0], [1.0, 2.0], [1], "a number for each"),
    ],
)
def test_odd_questions_are_refused(values, targets, weights, message):
    with pytest.raises(ValueError, match=message):
        r2(values, targets, weights)


def test_r2_is_of_values():
    net = ff.Network(ff.Linear(6, 2))
    data = ff.Dataset(X, 1 * (X[:, 0] > 0))
    ff.Trainer(net, max_epochs=1, n_jobs=1).fit(data)
    with pytest.raises(ValueError, match="R2 is of values"):
        net.evaluate(data, ["R2"])
