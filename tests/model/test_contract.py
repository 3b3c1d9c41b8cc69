"""The laws that every model keeps, tried on every kind of model that there is."""

import contextlib
import os

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import coo_array, csr_array, random_array

import fewfire as ff
from fewfire.blend import best_of
from fewfire.measure.metrics import ndcg_at, precision_at, psp_at
from fewfire.metrics import propensities, recall_by_group
from model_contract import MAKERS, checkerboard, gated, kinds
from tags import tagged

NAMES = [f"tag {i}" for i in range(30)]
TRAIN = tagged(n=300, n_labels=30, names=NAMES)
TEST = tagged(n=90, n_labels=30, seed=1, names=NAMES)
LISTS = csr_array(np.ones((90, 30), np.float32))
SOME = csr_array(random_array((90, 30), density=0.2, rng=np.random.default_rng(2)))
CLASSES = tagged(n=200, n_labels=30, kind="classes")


def test_every_kind_of_model_is_tried():
    assert set(kinds()) == set(MAKERS)


EVERY = [maker for kind in kinds() for maker in MAKERS.get(kind, [])]


@pytest.fixture(scope="module", params=EVERY, ids=lambda maker: maker.__name__)
def maker(request):
    return request.param


@pytest.fixture(scope="module")
def model(maker):
    return maker(TRAIN)


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        assert_array_equal(a, b)


# -- answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize("exact", [False, True])
def test_the_best_are_told_best_first_and_each_once(model, exact):
    top = model.predict_topk(TEST, 7, exact=exact)
    assert top.indices.shape == top.scores.shape == (90, 7)
    assert (top.indices.dtype, top.scores.dtype) == (np.int32, np.float32)
    assert (np.diff(top.scores) <= 0)[np.isfinite(top.scores[:, 1:])].all()
    assert_array_equal(top.indices == -1, np.isneginf(top.scores))
    for row in top.indices:
        assert len(set(row[row >= 0])) == (row >= 0).sum()


def test_the_best_are_those_of_the_scores_of_all_labels(model, maker):
    """Gates of hidden layers choose for scores, too; those of a last layer and routers do not."""
    top = model.predict_topk(TEST, 6, exact=maker is not gated)
    assert_same(top, best_of(model.predict_scores(TEST, LISTS), 6))


def test_a_score_depends_on_the_example_and_the_label_alone(model):
    some, every = model.predict_scores(TEST, SOME), model.predict_scores(TEST, LISTS).toarray()
    rows = np.repeat(np.arange(90), np.diff(some.indptr))
    assert some.has_canonical_format
    assert some.tocoo().nnz == SOME.nnz  # a sparse array like any other
    assert_array_equal(some.indptr, SOME.indptr)
    assert_array_equal(some.data, every[rows, some.indices])


def test_what_is_asked_is_left_as_it_was(model):
    wanted = csr_array((np.ones(3), [2, 0, 2], [0, 3, *[3] * 89]), shape=(90, 30))
    assert model.predict_scores(TEST, wanted).indices.tolist() == [0, 2]
    assert wanted.indices.tolist() == [2, 0, 2]


@pytest.mark.parametrize("exact", [False, True])
def test_answers_depend_on_no_neighbour_and_no_order(model, exact):
    whole = model.predict_topk(TEST, 4, exact=exact)
    order = np.random.default_rng(3).permutation(90)
    shuffled = model.predict_topk(TEST[order], 4, exact=exact)
    assert_same(shuffled, [array[order] for array in whole])
    parts = [model.predict_topk(TEST[i : i + 7], 4, exact=exact) for i in range(0, 90, 7)]
    assert_same(map(np.concatenate, zip(*parts, strict=True)), whole)
    scores = model.predict_scores(TEST[order], SOME[order])
    assert_array_equal(scores.toarray(), model.predict_scores(TEST, SOME).toarray()[order])


@pytest.mark.parametrize("exact", [False, True])
def test_answers_depend_on_no_number_of_threads(model, exact):
    own = model.predict_topk(TEST, 4, exact=exact)
    for n_jobs in (1, 3, -1):
        assert_same(model.predict_topk(TEST, 4, exact=exact, n_jobs=n_jobs), own)
        scores = model.predict_scores(TEST, SOME, n_jobs=n_jobs)
        assert_array_equal(scores.data, model.predict_scores(TEST, SOME).data)
    one, more = (model.evaluate(TEST, exact=exact, n_jobs=n_jobs) for n_jobs in (1, 3))
    assert (one.figures, one.density) == (more.figures, more.density)
    assert_array_equal(one.ledger.counts, more.ledger.counts)


def test_every_form_of_features_gets_the_same_answer(model):
    top = model.predict_topk(TEST, 4)
    dense = TEST.X.toarray()
    for X in (TEST.X, coo_array(dense), dense, dense.astype(np.float64), ff.Dataset(dense)):
        assert_same(model.predict_topk(X, 4), top)


def test_no_examples_get_no_answers(model):
    assert model.predict_topk(TEST[:0], 2).indices.shape == (0, 2)
    assert model.predict_scores(TEST[:0], csr_array((0, 30))).shape == (0, 30)


# -- figures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("exact", [False, True])
def test_an_evaluation_measures_what_prediction_shows(model, exact):
    names = ["nDCG@3", "accuracy", "PSP@2", "P@5"]
    found = model.evaluate(TEST, names, exact=exact, propensity=(0.6, 2.6))
    top, labels = model.predict_topk(TEST, 5, exact=exact).indices, TEST.label_lists()
    p = propensities(model.label_counts, model.n_trained, 0.6, 2.6)
    assert list(found) == names
    assert_allclose(found["nDCG@3"], ndcg_at(3, top, labels))
    assert_allclose(found.accuracy, precision_at(1, top, labels))
    assert_allclose(found["PSP@2"], psp_at(2, top, labels, p))
    assert_allclose(found["P@5"], precision_at(5, top, labels))
    assert (found.n_examples, found.exact) == (90, exact)
    assert 0 < found.density <= 1
    assert found.ledger.total > 0


def test_an_evaluation_that_names_no_metric_has_those_of_the_targets(model, maker):
    own = list(model.own_metrics)
    assert list(model.evaluate(TEST)) == ["P@1", "P@3", "P@5", *own]
    assert list(maker(CLASSES).evaluate(CLASSES)) == ["accuracy", *own]
    assert model.default_metrics("classes") == ["accuracy", *own]


def test_recall_by_group_is_of_what_prediction_shows(model):
    top = model.predict_topk(TEST, 4).indices
    wanted = recall_by_group(4, top, TEST.label_lists(), model.label_counts)
    assert model.recall_by_group(TEST, 4) == wanted
    all_found = model.recall_by_group(TEST, 99, exact=True)
    assert {group.recall for group in all_found.values()} == {1.0}


def test_latency_tells_what_is_left_out(model):
    found = model.latency(TEST, k=3, n_jobs=1)
    gated, exact = (model.predict_topk(TEST, 3, exact=every).indices for every in (False, True))
    recall = np.mean([np.isin(best, own).mean() for own, best in zip(gated, exact, strict=True)])
    assert found.recall == pytest.approx(recall)
    assert 3 <= found.candidates <= 30
    assert 0 < found.p50 <= found.p99
    assert 0 < found.exact_p50 <= found.exact_p99
    assert (found.k, found.leaves, found.n_examples) == (3, model.n_opened, 90)


# -- what training learned -----------------------------------------------------------------------


def test_training_is_remembered(model):
    assert model.encoding == TRAIN.encoding
    assert model.label_names == tuple(NAMES)
    assert (model.n_features, model.n_outputs) == (TRAIN.n_features, 30)
    assert_array_equal(model.label_counts, TRAIN.y.toarray().sum(axis=0))
    assert model.label_counts.dtype == np.int64
    assert model.n_trained == 300
    with pytest.raises(ValueError, match="read-only"):
        model.label_counts[0] = 1


@pytest.mark.parametrize("mapped", [False, True])
def test_a_loaded_model_answers_the_same_bits(model, tmp_path, mapped):
    model.save(tmp_path / "model")
    twin = ff.load(tmp_path / "model", mapped=mapped)
    assert (type(twin), repr(twin)) == (type(model), repr(model))
    assert (twin.encoding, twin.n_trained) == (model.encoding, model.n_trained)
    assert_array_equal(twin.label_counts, model.label_counts)
    for exact in (False, True):
        tops = (each.predict_topk(TEST, 5, exact=exact) for each in (model, twin))
        assert_same(*tops)
        figures = [each.evaluate(TEST, ["P@1", "PSP@3"], exact=exact) for each in (model, twin)]
        assert dict(figures[0]) == dict(figures[1])
    scores = [each.predict_scores(TEST, SOME).data for each in (model, twin)]
    assert_array_equal(*scores)
    twin.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


def test_the_withheld_label_of_a_checkerboard_is_the_first_that_was_not_given(maker):
    data = checkerboard(30)
    given = data.y.toarray() > 0
    top = maker(data).predict_topk(data, 30, exact=True).indices
    for i, best in enumerate(top):
        assert next(label for label in best if label < 0 or not given[i, label]) == i


def test_a_model_of_text_takes_text(maker, tmp_path):
    pytest.importorskip("sklearn")
    words = np.array([f"word{i}" for i in range(30)])
    texts = [" ".join(words[[i % 30, (7 * i) % 30]]) for i in range(120)]
    (tmp_path / "texts.tsv").write_text(
        "".join(f"{text}\t{i % 30},{(7 * i) % 30}\n" for i, text in enumerate(texts))
    )
    data = ff.datasets.load_text(tmp_path / "texts.tsv")
    model = maker(data)
    wanted = model.predict_topk(data, 3)
    assert_same(model.predict_topk(texts, 3), wanted)
    assert_same(model.predict_topk(np.array(texts), 3), wanted)
    with pytest.raises(ValueError, match="give a list of texts"):
        model.predict_topk(texts[0], 3)


# -- what is refused -----------------------------------------------------------------------------

NUMBERS = ff.Dataset(TEST.X, np.zeros((90, 1), np.float32))
REFUSED = {
    "another width": (lambda m: m.predict_topk(np.ones((1, 9))), "9 features but the model needs"),
    "NaN": (lambda m: m.predict_topk(np.full((1, TEST.n_features), np.nan)), "nan"),
    "text": (lambda m: m.predict_topk(["cat"]), "was not trained on text"),
    "k of 0": (lambda m: m.predict_topk(TEST, 0), "k must be at least 1 and at most 30"),
    "k above": (lambda m: m.predict_topk(TEST, 31), "k must be at least 1 and at most 30"),
    "k of a latency": (lambda m: m.latency(TEST, 31), "k must be"),
    "no thread": (lambda m: m.predict_topk(TEST, 1, n_jobs=0), "n_jobs must be"),
    "other candidates": (
        lambda m: m.predict_scores(TEST, csr_array((1, 30))),
        r"shape \(1, 30\), wanted \(90, 30\): a row per example, a column per label",
    ),
    "no examples": (lambda m: m.evaluate(TEST[:0]), "no examples"),
    "no example to time": (lambda m: m.latency(TEST[:0]), "no examples"),
    "arrays": (lambda m: m.evaluate(TEST.X), "must be a fewfire.Dataset"),
    "no targets": (lambda m: m.evaluate(ff.Dataset(TEST.X)), "no targets"),
    "values": (lambda m: m.evaluate(NUMBERS), "values"),
    "groups of values": (lambda m: m.recall_by_group(NUMBERS), "values"),
    "more labels": (
        lambda m: m.evaluate(ff.Dataset(TEST.X, [30] * 90, n_labels=31)),
        "31 labels but the model has 30",
    ),
    "no names": (lambda m: m.evaluate(ff.Dataset(TEST.X, TEST.y)), "one encoder"),
    "an unknown metric": (lambda m: m.evaluate(TEST, ["F1"]), "unknown metric 'F1'"),
    "half a propensity": (lambda m: m.evaluate(TEST, ["PSP@1"], propensity=(1.0,)), "is a pair"),
    "no folder": (lambda m: m.save("nowhere/at/all"), "nowhere"),
}


@pytest.mark.parametrize("question", REFUSED)
def test_a_wrong_question_is_refused_by_name(model, question):
    ask, words = REFUSED[question]
    with pytest.raises((ValueError, TypeError, FileNotFoundError), match=words):
        ask(model)


def test_a_loss_is_measured_by_those_that_have_one(model):
    if "loss" in model.own_metrics:
        assert model.evaluate(TEST, ["loss"]).loss > 0
    else:
        with pytest.raises(ValueError, match="no loss"):
            model.evaluate(TEST, ["loss"])


def test_a_model_is_let_go_before_the_disk_is_waited_for(model, tmp_path, monkeypatch):
    order = []

    @contextlib.contextmanager
    def at_rest():
        order.append("held")
        yield
        order.append("let go")

    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(model, "_at_rest", at_rest)
    monkeypatch.setattr(os, "fsync", lambda file: (order.append("sync"), sync(file)))
    monkeypatch.setattr(os, "replace", lambda *paths: (order.append("rename"), replace(*paths)))
    model.save(tmp_path / "model")
    assert order[:4] == ["held", "let go", "sync", "rename"]
