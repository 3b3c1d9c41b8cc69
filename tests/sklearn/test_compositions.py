"""What scikit-learn composes is composed of these estimators, too, on data of the real world."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

pytest.importorskip("sklearn", minversion="1.6")

import sklearn
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, VotingClassifier
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    cross_val_score,
    cross_validate,
)
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from fewfire.sklearn import HashedClassifier, HashedRegressor, TaggerClassifier

FAST = {"hidden_layer_sizes": (30,), "density": 0.4, "learning_rate_init": 0.005, "max_iter": 4}
HASHED = HashedClassifier(**FAST, random_state=0)
TAGGER = TaggerClassifier("fast", max_iter=2, random_state=0)
VALUES = HashedRegressor(**FAST | {"max_iter": 30}, random_state=0)
BOTH = pytest.mark.parametrize("model", [HASHED, TAGGER], ids=["hashed", "tagger"])

CANCER = load_breast_cancer(as_frame=True)
FRAME, IS_ILL = CANCER.data, np.array(["ill", "well"])[CANCER.target]
DIGITS, DIGIT = load_digits(return_X_y=True)
DIGITS, DIGIT = DIGITS[:600] / 16, DIGIT[:600]


def scaled(model):
    return make_pipeline(MinMaxScaler(), clone(model))


@BOTH
def test_pipelines_are_scored_by_cross_validation(model):
    assert cross_val_score(scaled(model), FRAME, IS_ILL, cv=3).mean() > 0.85
    found = cross_validate(scaled(model), FRAME, IS_ILL, cv=2, scoring=["roc_auc", "neg_log_loss"])
    assert found["test_roc_auc"].mean() > 0.9
    assert np.isfinite(found["test_neg_log_loss"]).all()


@BOTH
def test_columns_are_transformed_apart(model):
    mean, worst = ([c for c in FRAME if c.startswith(part)] for part in ("mean", "worst"))
    columns = make_column_transformer((MinMaxScaler(), mean), (StandardScaler(), worst))
    assert make_pipeline(columns, clone(model)).fit(FRAME, IS_ILL).score(FRAME, IS_ILL) > 0.85


@BOTH
def test_settings_are_searched_side_by_side(model):
    name = f"{type(model).__name__.lower()}__max_iter"
    found = GridSearchCV(scaled(model), {name: [1, 3]}, cv=2, n_jobs=2).fit(FRAME, IS_ILL)
    assert found.score(FRAME, IS_ILL) > 0.85


@BOTH
def test_settings_are_searched_by_halving(model):
    grid = {"max_iter": [1, 2, 4]}
    found = HalvingGridSearchCV(clone(model), grid, cv=2, random_state=0).fit(DIGITS, DIGIT)
    assert found.best_params_["max_iter"] in grid["max_iter"]
    epochs = HalvingGridSearchCV(
        clone(model), {"random_state": [1, 2, 3]}, resource="max_iter", max_resources=4, cv=2
    ).fit(DIGITS, DIGIT)
    assert epochs.best_estimator_.max_iter > 1


@BOTH
def test_likelihoods_are_calibrated(model):
    found = CalibratedClassifierCV(clone(model), cv=2).fit(DIGITS, DIGIT)
    likelihoods = found.predict_proba(DIGITS)
    assert likelihoods.shape == (600, 10)
    assert found.score(DIGITS, DIGIT) > 0.8


@BOTH
def test_features_are_permuted(model):
    fitted = scaled(model).fit(FRAME, IS_ILL)
    found = permutation_importance(fitted, FRAME, IS_ILL, n_repeats=2, n_jobs=2, random_state=0)
    assert found.importances_mean.shape == (30,)
    assert found.importances_mean.max() > 0


@BOTH
def test_they_vote_and_are_bagged(model):
    others = [("own", scaled(model)), ("other", scaled(LogisticRegression()))]
    for voting in ("soft", "hard"):
        assert VotingClassifier(others, voting=voting).fit(FRAME, IS_ILL).score(FRAME, IS_ILL) > 0.9
    bag = BaggingClassifier(scaled(model), n_estimators=2, n_jobs=2, random_state=0)
    assert bag.fit(FRAME, IS_ILL).score(FRAME, IS_ILL) > 0.85


@BOTH
def test_frames_come_out_of_transformers(model):
    found = scaled(model).set_output(transform="pandas").fit(FRAME, IS_ILL)
    assert_array_equal(found[-1].feature_names_in_, FRAME.columns)
    assert found.predict(FRAME.head(3)).shape == (3,)
    with pytest.raises(ValueError, match="feature names"):
        found[-1].predict(FRAME.iloc[:3, ::-1])


@BOTH
def test_clones_are_untrained_and_alike(model):
    fitted = clone(model).fit(DIGITS, DIGIT)
    again = clone(fitted)
    assert again.get_params() == fitted.get_params() == model.get_params()
    assert not hasattr(again, "classes_")
    assert_array_equal(again.fit(DIGITS, DIGIT).predict(DIGITS), fitted.predict(DIGITS))


@BOTH
def test_notebooks_show_them(model):
    text = scaled(model)._repr_html_()
    assert type(model).__name__ in text
    assert "max_iter" in repr(model)


@BOTH
def test_each_output_may_have_its_own(model):
    both = np.stack([DIGIT % 2, DIGIT > 4], axis=1)
    found = MultiOutputClassifier(clone(model), n_jobs=2).fit(DIGITS, both)
    assert found.score(DIGITS, both) > 0.5


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@BOTH
def test_weights_are_routed_through_pipelines_and_searches(model, routing):
    asks = clone(model).set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
    weights = np.where(IS_ILL == "ill", 50.0, 0.02)
    pipe = make_pipeline(MinMaxScaler(), asks)
    heard = pipe.fit(FRAME, IS_ILL, sample_weight=weights).predict(FRAME)
    direct = clone(model).fit(MinMaxScaler().fit_transform(FRAME), IS_ILL, sample_weight=weights)
    assert_array_equal(heard, direct.predict(MinMaxScaler().fit_transform(FRAME)))
    deaf = make_pipeline(MinMaxScaler(), clone(model)).fit(FRAME, IS_ILL).predict(FRAME)
    assert (heard == "ill").sum() > (deaf == "ill").sum()
    name = f"{type(model).__name__.lower()}__max_iter"
    search = GridSearchCV(pipe, {name: [1, 2]}, cv=2)
    found = search.fit(FRAME, IS_ILL, sample_weight=weights).predict(FRAME)
    assert (found == "ill").sum() > (deaf == "ill").sum()
    some = cross_validate(pipe, FRAME, IS_ILL, cv=2, params={"sample_weight": weights})
    assert len(some["test_score"]) == 2
    asks = clone(model).set_partial_fit_request(sample_weight=True, classes=True)
    assert asks.get_metadata_routing().partial_fit.requests["sample_weight"]


def test_regressors_compose():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    assert cross_val_score(scaled(VALUES), X, y, cv=3).mean() > 0.2
    found = GridSearchCV(clone(VALUES), {"density": [0.2, 0.6]}, cv=2, n_jobs=2).fit(X, y)
    assert found.best_score_ > 0.2
    bag = BaggingRegressor(clone(VALUES), n_estimators=2, n_jobs=2, random_state=0)
    assert bag.fit(X, y).score(X, y) > 0.3
    with sklearn.config_context(enable_metadata_routing=True):
        asks = clone(VALUES).set_fit_request(sample_weight=True)
        pipe = make_pipeline(MinMaxScaler(), asks)
        pipe.fit(X, y, sample_weight=pd.Series(np.ones(len(y))))
    assert "HashedRegressor" in pipe._repr_html_()


@BOTH
def test_what_is_inside_knows_names_of_columns_and_classes(model):
    fitted = clone(model).set_params(class_weight={"ill": 2.0}).fit(FRAME, IS_ILL)
    inside = fitted.network_ if model is HASHED else fitted.tagger_
    assert inside.label_names == ("ill", "well")
    assert inside.feature_name(3) == "mean area"
    assert set(fitted.predict_topk(FRAME, 1).names.ravel()) <= {"ill", "well"}
    again = clone(model).partial_fit(FRAME, IS_ILL, classes=["well", "ill"])
    assert_array_equal(again.partial_fit(FRAME[:9], IS_ILL[:9]).classes_, ["ill", "well"])
