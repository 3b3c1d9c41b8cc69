"""Estimators that learn batch by batch keep what scikit-learn promises of them."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_array_equal

pytest.importorskip("sklearn", minversion="1.6")

from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_digits, make_multilabel_classification

from fewfire.sklearn import HashedClassifier, HashedRegressor, TaggerClassifier

X, DIGITS = load_digits(return_X_y=True)
X, WORDS = X / 16, np.array([f"digit {i}" for i in range(10)])[DIGITS]
HASHED = HashedClassifier((50,), density=0.3, random_state=0)
TAGGER = TaggerClassifier("fast", random_state=0)
BOTH = pytest.mark.parametrize("estimator", [HASHED, TAGGER], ids=["hashed", "tagger"])


@BOTH
def test_batches_teach_and_pickles_go_on(estimator):
    model = clone(estimator)
    for begin in range(0, 1500, 300):
        batch = slice(begin, begin + 300)
        model.partial_fit(X[batch], WORDS[batch], classes=np.unique(WORDS))
    again = pickle.loads(pickle.dumps(model))
    for each in (model, again):
        each.partial_fit(X[:300], WORDS[:300])
    assert_array_equal(model.predict_proba(X), again.predict_proba(X))
    assert model.score(X[1500:], WORDS[1500:]) > 0.8
    assert model.n_iter_ == 6


@BOTH
def test_a_class_may_be_missing_at_first_and_none_may_be_new(estimator):
    model, some = clone(estimator), WORDS != "digit 7"
    with pytest.raises(ValueError, match="needs all classes"):
        model.partial_fit(X, WORDS)
    with pytest.raises(ValueError, match="'digit 7', which is none of the 9"):
        model.partial_fit(X, WORDS, classes=np.unique(WORDS[some]))
    assert not hasattr(model, "classes_")
    model.partial_fit(X[some], WORDS[some], classes=np.unique(WORDS))
    assert model.predict_proba(X[:3]).shape == (3, 10)
    with pytest.raises(ValueError, match="later ones have the same"):
        model.partial_fit(X, WORDS, classes=["a", "b"])
    with pytest.raises(ValueError, match="expecting 64 features"):
        model.partial_fit(X[:, :5], WORDS)
    for _ in range(4):
        model.partial_fit(X, WORDS)
    assert (model.predict(X[~some]) == "digit 7").mean() > 0.5


@BOTH
def test_it_goes_on_from_a_fit_and_a_fit_begins_anew(estimator):
    fitted, model = clone(estimator).set_params(max_iter=2).fit(X, WORDS), clone(estimator)
    model.set_params(max_iter=2).fit(X, WORDS).partial_fit(X, WORDS)
    assert (fitted.predict_proba(X) != model.predict_proba(X)).any()
    assert_array_equal(model.fit(X, WORDS).predict_proba(X), fitted.predict_proba(X))


@BOTH
def test_columns_of_labels_need_no_classes(estimator):
    X, Y = make_multilabel_classification(400, n_classes=4, random_state=0)
    model = clone(estimator)
    for _ in range(8):
        model.partial_fit(X, Y)
    assert (model.predict(X) == Y).mean() > 0.75
    with pytest.raises(ValueError, match="later ones have the same"):
        model.partial_fit(X, Y[:, 0], classes=[0, 1])


def test_one_epoch_of_a_tagger_is_its_first_piece():
    whole = clone(TAGGER).set_params(max_iter=1).fit(X, WORDS)
    piece = clone(TAGGER).partial_fit(X, WORDS, classes=np.unique(WORDS))
    assert_array_equal(whole.predict_proba(X), piece.predict_proba(X))


def test_regressors_learn_by_pieces():
    X, y = load_diabetes(return_X_y=True)
    model = HashedRegressor((50,), density=0.3, random_state=0)
    for _ in range(20):
        model.partial_fit(X, y)
    assert model.score(X, y) > 0.4
    assert len(model.loss_curve_) == 20
    with pytest.raises(ValueError, match="early_stopping=False"):
        model.set_params(early_stopping=True).partial_fit(X, y)
