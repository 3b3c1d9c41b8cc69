"""Estimators keep scikit-learn's contract, and work where its own do."""

import pickle
from functools import partial

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array

pytest.importorskip("sklearn", minversion="1.6")

from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris, make_multilabel_classification
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from fewfire.sklearn import HashedClassifier, HashedRegressor, TaggerClassifier

SMALL = {"hidden_layer_sizes": (24,), "density": 0.5, "learning_rate_init": 0.005, "max_iter": 20}
ESTIMATORS = [
    HashedClassifier(**SMALL, random_state=0),
    HashedRegressor(**SMALL | {"learning_rate_init": 0.02}, random_state=0),
    TaggerClassifier("fast", random_state=0),
]
_ORDER = "copies of an example come at other steps than one with their weight: test_weights.py"
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": _ORDER,
    "check_sample_weight_equivalence_on_sparse_data": _ORDER,
}


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=lambda _: EXPECTED)
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def digits(n=500):
    X, y = load_digits(return_X_y=True)
    return X[:n] / 16, np.array([f"digit {i}" for i in range(10)])[y[:n]]


@pytest.mark.parametrize("estimator", [ESTIMATORS[0], ESTIMATORS[2]], ids=["hashed", "tagger"])
def test_they_compose_as_others_do(estimator):
    X, y = digits()
    scores = cross_val_score(make_pipeline(StandardScaler(), estimator), X, y, cv=3)
    assert scores.mean() > 0.7
    bag = BaggingClassifier(clone(estimator), n_estimators=2, n_jobs=2, random_state=0).fit(X, y)
    assert bag.score(X, y) > 0.7
    grid = {"max_iter": [2, 8]}
    found = GridSearchCV(clone(estimator), grid, cv=2, n_jobs=2).fit(X, y)
    assert found.best_params_["max_iter"] in (2, 8)
    fitted = clone(estimator).fit(csr_array(X), y)
    again = pickle.loads(pickle.dumps(fitted))
    assert_array_equal(fitted.predict_proba(X), again.predict_proba(csr_array(X)))
    assert set(fitted.predict(X)) <= set(y)
    assert fitted.predict_topk(X[:4], 3).indices.shape == (4, 3)


@pytest.mark.parametrize("make", [np.asarray, csr_array])
@pytest.mark.parametrize("estimator", [ESTIMATORS[0], ESTIMATORS[2]], ids=["hashed", "tagger"])
def test_several_labels_are_columns(estimator, make):
    X, Y = make_multilabel_classification(400, n_classes=4, random_state=0)
    fitted = clone(estimator).fit(X, make(Y))
    found = fitted.predict(X)
    assert found.shape == Y.shape
    assert (found == Y).mean() > 0.8
    likelihoods = fitted.predict_proba(X)
    assert likelihoods.min() >= 0
    assert likelihoods.max() <= 1


def test_fits_stop_early_and_tell_their_course():
    X, y = digits()
    model = HashedClassifier((50,), density=0.3, max_iter=60, learning_rate_init=0.02,
                             early_stopping=True, n_iter_no_change=2, random_state=0)  # fmt: skip
    model.fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) < 60
    assert model.loss_ == model.loss_curve_[-1]
    assert model.history_[0]["val/loss"] > 0


@pytest.mark.parametrize(
    "make",
    [partial(HashedClassifier, **SMALL), partial(TaggerClassifier, "fast")],
    ids=["hashed", "tagger"],
)
def test_rare_classes_count_as_much_where_that_is_wanted(make):
    rng = np.random.default_rng(0)
    y = np.where(rng.random(600) < 0.05, "rare", "common")
    X = rng.normal(size=(600, 6)) + 0.9 * (y == "rare")[:, None]
    recall = {}
    for weight in (None, "balanced", {"rare": 10.0}):
        model = make(class_weight=weight, random_state=0).fit(X, y)
        recall[str(weight)] = (model.predict(X)[y == "rare"] == "rare").mean()
    assert min(recall["balanced"], recall["{'rare': 10.0}"]) > recall["None"]


def test_odd_questions_have_answers():
    X, y = load_iris(return_X_y=True)
    for estimator in (ESTIMATORS[0], ESTIMATORS[2]):
        fitted = clone(estimator).fit(X[:100], y[:100])
        assert fitted.predict_topk(X[:3]).indices.shape == (3, 2)
        assert clone(estimator).fit(X[:50], y[:50]).predict_topk(X[:3]).indices.shape == (3, 1)
    plain = HashedClassifier(**SMALL, random_state=0).fit(X, y)
    more = HashedClassifier(**SMALL, class_weight={7: 9.0}, random_state=0).fit(X, y)
    assert_array_equal(plain.predict_proba(X), more.predict_proba(X))
    with pytest.raises(ValueError, match="hidden_layer_sizes is empty"):
        HashedClassifier(()).fit(X, y)


def test_two_classes_have_one_score_and_regression_has_values():
    X, y = load_iris(return_X_y=True)
    two = HashedClassifier(**SMALL, random_state=0).fit(X[:100], y[:100])
    scores = two.decision_function(X[:100])
    assert scores.shape == (100,)
    assert_array_equal(two.predict(X[:100]), two.classes_[(scores > 0).astype(int)])
    values = HashedRegressor(**SMALL, random_state=0).fit(X[:, :3], X[:, 3])
    assert values.score(X[:, :3], X[:, 3]) > 0.8
    assert HashedRegressor(**SMALL, random_state=0).fit(X, X[:, :2]).predict(X).shape == (150, 2)
