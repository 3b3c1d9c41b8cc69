"""Frames of pandas, polars and pyarrow: what columns become, and that their names are kept."""

import copy
from datetime import datetime

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array

import fewfire as ff

pd = pytest.importorskip("pandas")

NUMBERS = {"age": [31, 58, 40, 22], "height": [1.7, 1.6, 1.8, 1.9], "member": [True, False] * 2}
WANT = np.array(list(NUMBERS.values()), np.float32).T
CLASSES = ["cat", "dog", "cat", "dog"]


def polars(columns):
    return pytest.importorskip("polars").DataFrame(columns)


def arrow(columns):
    return pytest.importorskip("pyarrow").table(columns)


FRAMES = [pd.DataFrame, polars, arrow]


@pytest.mark.parametrize("frame", FRAMES)
def test_columns_are_numbers_and_keep_their_names(frame):
    data = ff.Dataset(frame(NUMBERS), CLASSES)
    assert_array_equal(data.X, WANT)
    assert data.feature_names == ("age", "height", "member")
    assert data[1:].feature_names == data.encoding.feature_names == data.feature_names


@pytest.mark.parametrize("frame", FRAMES)
def test_columns_are_put_in_the_order_of_training(frame):
    train = ff.Dataset(frame(NUMBERS), CLASSES)
    other = {name: NUMBERS[name] for name in ("member", "age", "height")}
    assert_array_equal(ff.Dataset(frame(other), like=train).X, WANT)
    with pytest.raises(ValueError, match="X lacks the column 'age' of the training set"):
        ff.Dataset(frame({"height": [1.0], "member": [True], "ages": [3]}), like=train)
    with pytest.raises(ValueError, match=r"X has 2 columns \('a', 'b'\) that the training set had"):
        ff.Dataset(frame({**NUMBERS, "a": [0] * 4, "b": [0] * 4}), like=train)
    assert_array_equal(ff.Dataset(WANT, like=train).X, WANT)  # an array has no names to differ


@pytest.mark.parametrize("frame", FRAMES)
@pytest.mark.parametrize(
    ("column", "message"),
    [
        (["a", "b"], "column 'x' of X holds words: make numbers of it"),
        ([1.0, None], r"column 'x' of X lacks 1 of 2 values, the first in row 1: fill them in"),
        ([datetime(2026, 1, 1)] * 2, "column 'x' of X holds (datetime|Timestamp)"),
    ],
    ids=["words", "missing", "dates"],
)
def test_what_is_no_number_is_named(frame, column, message):
    with pytest.raises(ValueError, match=message):
        ff.Dataset(frame({"y": [1, 2], "x": column}))


def test_columns_of_pandas_types():
    frame = pd.DataFrame(
        {
            "a": pd.array([1, 2, 3, 4], dtype="Int64"),
            "b": pd.array([True, False, True, True], dtype="boolean"),
            "c": np.array([1, 2, 3, 4], np.uint8),
        }
    )
    assert_array_equal(ff.Dataset(frame).X, [[1, 1, 1], [2, 0, 2], [3, 1, 3], [4, 1, 4]])
    frame["a"] = pd.array([1, None, 3, 4], dtype="Int64")
    with pytest.raises(ValueError, match="column 'a' of X lacks 1 of 4 values, the first in row 1"):
        ff.Dataset(frame)
    frame["a"] = pd.Categorical([1, 2, 1, 2])
    with pytest.raises(ValueError, match="column 'a' of X holds categories"):
        ff.Dataset(frame)


def test_sparse_frames_stay_sparse():
    words = pd.Series(["cat", "dog", "cat", "cow"], name="animal")
    data = ff.Dataset(pd.get_dummies(words, sparse=True, dtype=np.float32))
    assert isinstance(data.X, csr_array)
    assert data.feature_names == ("cat", "cow", "dog")
    assert_array_equal(data.X.toarray(), [[1, 0, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0]])


def test_columns_that_are_numbers_are_no_names():
    data = ff.Dataset(pd.DataFrame(WANT))
    assert data.feature_names is None
    assert ff.Dataset(pd.DataFrame(WANT[:, ::-1]), like=data).X[0, 0] == WANT[0, 2]


def test_names_can_be_given_to_arrays():
    data = ff.Dataset(WANT, feature_names=["a", "b", "c"])
    assert data.feature_names == ("a", "b", "c")
    for names, error in ((["a"], ValueError), ([1, 2, 3], TypeError), ("abc", TypeError)):
        with pytest.raises(error, match="names"):
            ff.Dataset(WANT, feature_names=names)


def test_names_that_come_twice_are_refused():
    twice = pd.DataFrame(WANT, columns=["a", "a", "b"])
    with pytest.raises(ValueError, match="several features are named 'a'"):
        ff.Dataset(twice)
    train = ff.Dataset(pd.DataFrame(WANT[:, :2], columns=["a", "b"]))
    with pytest.raises(ValueError, match="several features are named 'a'"):
        ff.Dataset(twice, like=train)
    with pytest.raises(ValueError, match="several features are named 'a'"):
        ff.Dataset(WANT, feature_names=["a", "a", "b"])


def test_frames_that_hold_lists_or_wait_to_be_computed_are_refused():
    pl = pytest.importorskip("polars")
    for values in ([[1, 2], [3]], [[1, 2], [3, 4]]):
        with pytest.raises(ValueError, match="column 'x' of X holds"):
            ff.Dataset(pl.DataFrame({"x": values}))
    with pytest.raises(ValueError, match=r"give X\.collect\(\)"):
        ff.Dataset(pl.LazyFrame({"x": [1, 2]}))


def test_sparse_columns_of_another_fill_value_are_dense():
    frame = pd.DataFrame({"a": pd.arrays.SparseArray([1.0, 2.0, 1.0], fill_value=1.0)})
    assert_array_equal(ff.Dataset(frame).X, [[1], [2], [1]])


def models():
    net = ff.Network(ff.Linear(3, 8, activation="relu"), ff.Linear(8, 2), random_state=0)
    return {"network": net, "tagger": ff.Tagger("fast", n_jobs=1)}


@pytest.mark.parametrize("kind", ["network", "tagger"])
def test_models_read_columns_by_name_also_from_a_file(kind, tmp_path):
    train = ff.Dataset(pd.DataFrame(NUMBERS), CLASSES)
    model = models()[kind]
    if kind == "network":
        ff.Trainer(model, max_epochs=2).fit(train)
    else:
        model.fit(train)
    model.save(tmp_path / "model")
    mixed = pd.DataFrame(NUMBERS)[["member", "age", "height"]]
    for own in (model, ff.load(tmp_path / "model")):
        assert own.encoding.feature_names == ("age", "height", "member")
        want = own.predict_topk(WANT, 2)
        assert_array_equal(own.predict_topk(mixed, 2).scores, want.scores)
        with pytest.raises(ValueError, match="X lacks the column 'height'"):
            own.predict_topk(mixed[["member", "age"]], 2)
        with pytest.raises(ValueError, match="feature 0 of the data is 'member', that of the"):
            own.predict_topk(ff.Dataset(mixed), 2)
        with pytest.raises(ValueError, match="feature 0 of the data is 'member'"):
            own.evaluate(ff.Dataset(mixed, CLASSES))


def test_a_tagger_shows_and_keeps_names_and_goes_on_by_them():
    train = ff.Dataset(pd.DataFrame(NUMBERS), CLASSES)
    tagger = ff.Tagger("fast", n_jobs=1).fit(train)
    assert tagger.feature_names == ("age", "height", "member")
    assert tagger.feature_name(1) == "height"
    mixed = pd.DataFrame(NUMBERS)[["member", "age", "height"]]
    tagger.partial_fit(mixed, CLASSES)
    assert tagger.feature_names == ("age", "height", "member")
    with pytest.raises(ValueError, match="feature 0 of the data is 'member'"):
        tagger.partial_fit(ff.Dataset(mixed, CLASSES))


def test_names_that_are_shown_find_no_columns(tmp_path):
    train = ff.Dataset(pd.DataFrame(NUMBERS), CLASSES)
    tagger = ff.Tagger("fast", n_jobs=1).fit(train)
    tagger.set_feature_names(["x", "y", "y"])
    tagger.save(tmp_path / "tagger")
    mixed = pd.DataFrame(NUMBERS)[["member", "age", "height"]]
    for own in (tagger, ff.load(tmp_path / "tagger")):
        assert own.feature_names == ("x", "y", "y")
        want = tagger.predict_topk(WANT, 2).scores
        assert_array_equal(own.predict_topk(mixed, 2).scores, want)


def test_new_labels_go_on_with_columns_in_another_order():
    numbers = pd.DataFrame(NUMBERS)
    lists = [["a"], ["b"], ["a"], ["a", "b"]]
    names = ["a", "b", "c"]
    tagger = ff.Tagger("fast", n_jobs=1).fit(numbers, lists)
    more = ff.Dataset(WANT, [["c"], ["b"], ["a"], ["c"]], label_names=names)
    other = copy.deepcopy(tagger).partial_fit(more)
    assert other.label_names == ("a", "b", "c")
    with pytest.raises(ValueError, match="X lacks the column 'age'"):
        tagger.partial_fit(numbers[["height", "member"]], [["c"], ["b"], ["a"], ["c"]])


def test_a_blend_finds_columns_by_the_names_that_a_part_has():
    frame, y = pd.DataFrame(NUMBERS), ["cat", "dog", "cat", "dog"]
    train = ff.Dataset(frame, y)
    nameless = ff.Tagger("fast", n_jobs=1).fit(ff.Dataset(WANT, y))
    net = ff.Network(ff.Linear(3, 8, activation="relu"), ff.Linear(8, 2), random_state=0)
    ff.Trainer(net, max_epochs=2).fit(train)
    blend = ff.Blend(nameless, net)
    mixed = frame[["member", "age", "height"]]
    assert_array_equal(blend.predict_topk(mixed, 2).scores, blend.predict_topk(WANT, 2).scores)
