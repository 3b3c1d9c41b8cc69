"""What a model is given is checked when it is used: damaged candidates, and data sets whose arrays
were changed after they were made, are refused."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import fewfire as ff
from damage import CASES, damaged
from model_contract import MAKERS, gated, kinds, tagger
from tags import tagged

TRAIN = tagged(n=120, n_labels=20)
CLASSES = tagged(n=120, n_labels=20, kind="classes")
FEW = TRAIN.X[:8]
EVERY = [maker for kind in kinds() for maker in MAKERS.get(kind, [])]


@pytest.fixture(scope="module", params=EVERY, ids=lambda maker: maker.__name__)
def model(request):
    return request.param(TRAIN)


def test_damaged_candidates_are_refused_in_the_same_words(model):
    lists = csr_array(TRAIN.y[:8], dtype=np.float64)
    for form, damage in CASES:
        with pytest.raises(ValueError, match=r"candidates (is a damaged sparse array|holds)"):
            model.predict_scores(FEW, damaged(lists, form, damage))


def test_damaged_examples_are_refused(model):
    for form, damage in CASES:
        with pytest.raises(ValueError, match=r"X (is a damaged|holds)"):
            model.predict_topk(damaged(FEW, form, damage), 3)


@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")  # many diagonals
@pytest.mark.parametrize("given", ["X", "y"])
def test_a_tagger_learns_from_no_damaged_arrays(given):
    learned = ff.Tagger("fast", n_jobs=1).fit(TRAIN)
    for form, damage in CASES:
        arrays = {"X": csr_array(TRAIN.X), "y": csr_array(TRAIN.y)}
        arrays[given] = damaged(arrays[given], form, damage)
        for learn in (ff.Tagger("fast", n_jobs=1).fit, learned.partial_fit):
            with pytest.raises(ValueError, match=f"{given} (is a damaged|holds)"):
                learn(**arrays)


def changed(change):
    """Return a data set with a number in one of its arrays changed."""
    data, part, place, value = CHANGES[change]
    new, (target, *name) = data[:], part.split(".")
    array = getattr(new, target) if not name else getattr(getattr(new, target), *name)
    array = array.copy()
    array[place] = value
    if name:
        setattr(getattr(new, target), *name, array)
    else:
        new._y = array
    return new


CHANGES = {
    "starts of labels beyond": (TRAIN, "y.indptr", 3, 10**9),
    "starts of labels that fall": (TRAIN, "y.indptr", -1, 0),
    "a label beyond": (TRAIN, "y.indices", 5, 10**9),
    "a label below 0": (TRAIN, "y.indices", 5, -5),
    "starts of features beyond": (TRAIN, "X.indptr", 3, 10**9),
    "starts of features that fall": (TRAIN, "X.indptr", -1, 0),
    "a feature beyond": (TRAIN, "X.indices", 5, 10**9),
    "a value that is not a number": (TRAIN, "X.data", 5, np.nan),
    "a class beyond": (CLASSES, "y", 3, 10**9),
    "a class below 0": (CLASSES, "y", 3, -5),
}
NET, TAGGER = gated(TRAIN), tagger(TRAIN)
USES = {
    "train a network": lambda d, to: ff.Trainer(gated(TRAIN), max_epochs=1, n_jobs=1).fit(d),
    "measure in training": lambda d, to: ff.Trainer(gated(TRAIN), max_epochs=1, n_jobs=1).fit(
        TRAIN, eval_sets={"val": d}
    ),
    "train a tagger": lambda d, to: ff.Tagger("fast", n_jobs=1).fit(d),
    "go on with a tagger": lambda d, to: tagger(TRAIN).partial_fit(d),
    "estimate": lambda d, to: ff.Tagger("fast", n_jobs=1).estimate_memory(d),
    "evaluate a network": lambda d, to: NET.evaluate(d),
    "evaluate a tagger": lambda d, to: TAGGER.evaluate(d),
    "groups of a network": lambda d, to: NET.recall_by_group(d),
    "groups of a tagger": lambda d, to: TAGGER.recall_by_group(d),
    "predict by a network": lambda d, to: NET.predict_topk(d),
    "predict by a tagger": lambda d, to: TAGGER.predict_topk(d),
    "explain": lambda d, to: TAGGER.explain(d),
    "latency": lambda d, to: NET.latency(d),
    "write npz": lambda d, to: ff.datasets.save_npz(to / "a.npz", d),
    "write text": lambda d, to: ff.datasets.save_svmlight(to / "a.txt", d),
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("change", CHANGES)
def test_a_data_set_that_was_changed_is_refused_wherever_it_is_used(use, change, tmp_path):
    with pytest.raises(ValueError, match="changed after it was made"):
        USES[use](changed(change), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", CHANGES)
def test_rows_of_a_changed_data_set_are_refused_or_found_to_be_changed(change):
    data = changed(change)

    def look_at_rows():
        for rows in ([0, 1, 2, 3], [119, 118, 5], slice(None)):
            data[rows].check()

    with pytest.raises(ValueError, match="changed"):
        look_at_rows()


@pytest.mark.parametrize("use", ["train a network", "evaluate a network", "write npz"])
@pytest.mark.parametrize("part", ["X", "y"])
def test_dense_values_that_became_no_numbers_are_refused(use, part, tmp_path):
    arrays = {"X": np.ones((6, 4), np.float32), "y": np.ones((6, 2), np.float32)}
    data = ff.Dataset(**arrays)
    net = ff.Network(ff.Linear(4, 2), random_state=0)
    uses = {
        "train a network": lambda: ff.Trainer(net, max_epochs=1, n_jobs=1).fit(data),
        "evaluate a network": lambda: net.evaluate(data),
        "write npz": lambda: ff.datasets.save_npz(tmp_path / "a.npz", data),
    }
    arrays[part][2, 1] = np.nan
    with pytest.raises(ValueError, match=f"changed after it was made: {part} holds nan in row 2"):
        uses[use]()


def test_what_is_handed_out_is_read_only_and_what_was_given_is_not():
    X, y = np.ones((6, 4), np.float32), np.array([0, 1, 2, 0, 1, 2])
    data = ff.Dataset(X, y)
    for array in (data.X, data.y):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    X[0], y[0] = 1, 1


def test_a_value_that_its_owner_changes_is_found():
    X = csr_array(np.eye(4, dtype=np.float32))
    data = ff.Dataset(X, [0, 1, 2, 3])
    X.data[1] = np.inf
    with pytest.raises(ValueError, match="changed after it was made: X holds inf in row 1, col"):
        NET.predict_topk(data)
