"""Labels are ranked by likelihood, or by what they count for as hits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.measure.ranking import Ranking
from fewfire.metrics import propensities
from fewfire.results import TopKResult

RNG = np.random.default_rng(0)
N_LABELS, N = 120, 600
COUNTS = np.maximum(1, (N / np.arange(2, N_LABELS + 2)).astype(int))
LABELS = np.repeat(np.arange(N_LABELS), COUNTS)
X = csr_array((RNG.random((len(LABELS), 40)) < 0.15).astype(np.float32))
Y = csr_array((np.ones(len(LABELS)), (np.arange(len(LABELS)), LABELS)))
DATA = ff.Dataset(X, Y)


def tagger():
    return ff.Tagger("fast", n_jobs=1, labels_per_leaf=200).fit(DATA)


def network(loss="logistic"):
    data = DATA if loss == "logistic" else ff.Dataset(X, LABELS)
    net = ff.Network(ff.Linear(40, 30, "relu"), ff.Linear(30, N_LABELS), random_state=0)
    ff.Trainer(net, optimizer=ff.optim.Adam(), max_epochs=2, n_jobs=1).fit(data)
    return net


MODELS = {"tagger": tagger, "logistic": network, "softmax": lambda: network("softmax")}


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    return request.param, MODELS[request.param]()


def likelihoods(name, model):
    top = model.predict_topk(X[:50], k=N_LABELS)
    found = np.full((50, N_LABELS), -np.inf)
    np.put_along_axis(found, top.indices, top.scores.astype(float), axis=1)
    if name == "tagger":
        return found
    return np.exp(found) if name == "softmax" else 1 / (1 + np.exp(-found))


@pytest.mark.parametrize("exponent", [0.3, 1.0])
def test_the_order_is_that_of_likelihood_by_propensity(model, exponent):
    name, model = model
    p = propensities(model.label_counts, model.n_trained)
    value = likelihoods(name, model) * p**-exponent
    top = model.predict_topk(X[:50], k=7, rank_by=exponent)
    wanted = np.sort(value, axis=1)[:, ::-1][:, :7]
    np.testing.assert_allclose(np.take_along_axis(value, top.indices, 1), wanted, rtol=1e-5)
    own = model.predict_topk(X[:50], k=N_LABELS)
    for labels, scores, every, all_scores in zip(*top, *own, strict=True):
        assert_array_equal(scores, [all_scores[every == label][0] for label in labels])


def test_names_stand_for_exponents(model):
    _, model = model
    for name, exponent in {"precision": 0, "propensity": 1}.items():
        for a, b in zip(
            model.predict_topk(X[:50], 5, rank_by=name),
            model.predict_topk(X[:50], 5, rank_by=exponent),
            strict=True,
        ):
            assert_array_equal(a, b)
    likeliest = model.predict_topk(X[:50], 5)
    assert (model.predict_topk(X[:50], 5, rank_by=1).indices != likeliest.indices).any()


def test_evaluate_measures_the_order_it_is_told():
    model = tagger()
    found = {a: model.evaluate(DATA, ["P@1", "PSP@1"], rank_by=a) for a in (0, 1)}
    top = model.predict_topk(DATA, 1, rank_by="propensity")
    assert found[1]["P@1"] == pytest.approx((top.indices[:, 0] == LABELS).mean())
    assert found[1]["P@1"] < found[0]["P@1"]
    flat = model.evaluate(DATA, ["P@1", "PSP@1"], rank_by=1, propensity=(0.0, 1.5))
    assert flat["P@1"] == found[0]["P@1"]  # all propensities alike


@given(
    k=st.integers(1, 8),
    scores=st.lists(st.floats(0, 1, width=32), min_size=8, max_size=8),
    n_found=st.integers(0, 8),
)
def test_what_was_not_found_stays_behind(k, scores, n_found):
    indices = np.where(np.arange(8) < n_found, np.arange(8), -1)[None].astype(np.int32)
    given_scores = np.where(indices >= 0, np.array([scores], np.float32), -np.inf)
    top = TopKResult(indices, given_scores.astype(np.float32))
    with np.errstate(divide="ignore"):
        best = Ranking(np.arange(8.0)[::-1].copy()).best(top, np.exp, k)
    assert (best.indices[0] >= 0).sum() == min(k, n_found)
    assert (np.diff((best.indices[0] < 0).astype(int)) >= 0).all()


@pytest.mark.parametrize("wrong", ["recall", -0.1, 1.5, np.nan])
def test_other_orders_are_refused(model, wrong):
    with pytest.raises(ValueError, match="rank_by"):
        model[1].predict_topk(X[:2], 1, rank_by=wrong)


def test_models_without_counts_say_what_is_missing():
    net = ff.Network(ff.Linear(40, 8), random_state=0)
    with pytest.raises(ValueError, match="count_labels"):
        net.predict_topk(X[:2], 1, rank_by="propensity")
