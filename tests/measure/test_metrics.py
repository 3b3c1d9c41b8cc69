"""Metrics beside plain loops over the same cases, and what a network makes of them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.base import files
from fewfire.measure.frequencies import LabelGroup, label_groups, propensities, recall_by_group
from fewfire.measure.metrics import (
    Cutoff,
    coverage_at,
    cutoffs,
    f1_at,
    hits,
    macro_precision_at,
    ndcg_at,
    precision_at,
    psp_at,
    recall_at,
)

N_LABELS = 6


def csr(truth):
    indptr = np.cumsum([0, *map(len, truth)])
    return indptr, np.array([label for labels in truth for label in sorted(labels)], np.int32)


@st.composite
def rankings(draw):
    """Label sets, and rows of at most four best rows, some of them missing (-1) at the end."""
    n, width = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    labels = st.integers(0, N_LABELS - 1)
    truth = [draw(st.sets(labels, max_size=5)) for _ in range(n)]
    top = np.full((n, width), -1, np.int32)
    for row in top:
        found = draw(st.lists(labels, max_size=width, unique=True))
        row[: len(found)] = found
    return truth, top


COUNTS = st.lists(st.integers(0, 20), min_size=N_LABELS, max_size=N_LABELS).map(np.array)
KS = st.integers(1, 7)


def plain_precision(k, top, truth):
    n_hits = sum(
        label in labels for row, labels in zip(top, truth, strict=True) for label in row[:k]
    )
    return n_hits / (k * len(truth))


def plain_recall(k, top, truth):
    shares = [
        len(labels & set(row[:k].tolist())) / len(labels) if labels else 0.0
        for row, labels in zip(top, truth, strict=True)
    ]
    return sum(shares) / len(truth)


def plain_f1(k, top, truth):
    total = 0.0
    for row, labels in zip(top, truth, strict=True):
        right = len(labels & set(row[:k].tolist()))
        if right:
            precision, recall = right / k, right / len(labels)
            total += 2 * precision * recall / (precision + recall)
    return total / len(truth)


def plain_by_label(k, top, truth):
    """macroP@k and coverage@k."""
    shares, found = [], []
    for label in set().union(*truth):
        answers = [label in row[:k] for row in top]
        right = sum(asked and label in labels for asked, labels in zip(answers, truth, strict=True))
        shares.append(right / sum(answers) if any(answers) else 0.0)
        found.append(right > 0)
    return (np.mean(shares), np.mean(found)) if shares else (0.0, 0.0)


def plain_ndcg(k, top, truth):
    total = 0.0
    for row, labels in zip(top, truth, strict=True):
        dcg = best = 0.0
        for rank, label in enumerate(row[:k], start=1):
            if label in labels:
                dcg += 1 / math.log2(rank + 1)
        for rank in range(1, min(k, len(labels)) + 1):
            best += 1 / math.log2(rank + 1)
        total += dcg / best if labels else 0.0
    return total / len(truth)


def plain_psp(k, top, truth, p):
    reached = attainable = 0.0
    for row, labels in zip(top, truth, strict=True):
        reached += sum(1 / p[label] for label in row[:k] if label in labels)
        attainable += sum(sorted((1 / p[label] for label in labels), reverse=True)[:k])
    return reached / attainable if attainable else 0.0


def plain_propensity(count, n, a, b):
    c = (math.log(n) - 1) * (b + 1) ** a
    return 1 / (1 + c * math.exp(-a * math.log(count + b)))


def plain_groups(counts):
    """The names of the labels' groups."""
    names, before = {}, 0
    for label in sorted(range(len(counts)), key=lambda label: (-counts[label], label)):
        in_head, in_torso = 3 * before < sum(counts), 3 * before < 2 * sum(counts)
        names[label] = "head" if in_head else "torso" if in_torso else "tail"
        before += counts[label]
    return names


@given(case=rankings(), k=KS)
def test_precision_is_the_share_of_hits(case, k):
    truth, top = case
    assert_allclose(precision_at(k, top, csr(truth)), plain_precision(k, top, truth))


@given(case=rankings(), k=KS)
def test_recall_f1_and_figures_of_labels_match_plain_loops(case, k):
    truth, top = case
    labels = csr(truth)
    assert_allclose(recall_at(k, top, labels), plain_recall(k, top, truth))
    assert_allclose(f1_at(k, top, labels), plain_f1(k, top, truth))
    macro, coverage = plain_by_label(k, top, truth)
    assert_allclose(macro_precision_at(k, top, labels), macro)
    assert_allclose(coverage_at(k, top, labels), coverage)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_a_cutoff_of_any_size_is_a_number(dtype):
    indptr, ids = csr(TRUTH)
    for k in (2**31 - 1, 2**63 - 1):
        assert 0 < f1_at(k, TOP, (indptr.astype(dtype), ids)) < 1e-8


@given(case=rankings(), k=KS)
def test_ndcg_weighs_hits_by_rank(case, k):
    truth, top = case
    assert_allclose(ndcg_at(k, top, csr(truth)), plain_ndcg(k, top, truth))


@given(case=rankings(), k=KS, p=st.lists(st.floats(0.01, 1), min_size=6, max_size=6).map(np.array))
def test_propensity_scored_precision_is_a_share_of_the_best_attainable(case, k, p):
    truth, top = case
    assert_allclose(psp_at(k, top, csr(truth), p), plain_psp(k, top, truth, p))


@given(counts=COUNTS, n=st.integers(20, 10**7), a=st.floats(0, 2), b=st.floats(0.1, 5))
def test_propensities_follow_the_formula(counts, n, a, b):
    got = propensities(counts, n, a, b)
    assert_allclose(got, [plain_propensity(count, n, a, b) for count in counts])
    assert ((got > 0) & (got <= 1)).all()
    assert (np.diff(got[np.argsort(counts)]) >= 0).all()


@given(case=rankings(), k=KS, counts=COUNTS.filter(lambda counts: counts.sum() > 0))
def test_recall_by_group_counts_the_occurrences_found(case, k, counts):
    truth, top = case
    groups = plain_groups(counts.tolist())
    got = recall_by_group(k, top, csr(truth), counts)
    assert list(got) == ["head", "torso", "tail"]
    for name, group in got.items():
        pairs = [
            label in row[:k]
            for row, labels in zip(top.tolist(), truth, strict=True)
            for label in labels
            if groups[label] == name
        ]
        assert group.n_labels == list(groups.values()).count(name)
        assert group.n_occurrences == len(pairs)
        assert_allclose(group.recall, np.mean(pairs) if pairs else np.nan)


@given(counts=COUNTS.filter(lambda counts: counts.sum() > 0))
def test_groups_hold_a_third_but_for_the_label_that_crosses_the_line(counts):
    groups, total = label_groups(counts), counts.sum()
    sizes = [counts[groups == group] for group in range(3)]
    head, torso = sizes[0].sum(), sizes[0].sum() + sizes[1].sum()
    assert head >= total / 3 > head - sizes[0].min()
    assert torso >= 2 * total / 3
    assert counts[groups == 0].min() >= counts[groups == 2].max(initial=0)


@given(case=rankings(), k=KS, p=st.lists(st.floats(0.01, 1), min_size=6, max_size=6).map(np.array))
def test_a_perfect_ranking_gives_one_and_no_ranking_more(case, k, p):
    truth, top = case
    truth = [labels or {0} for labels in truth]
    best = np.full((len(truth), 5), -1, np.int32)
    for row, labels in zip(best, truth, strict=True):
        row[: len(labels)] = sorted(labels, key=lambda label: p[label])
    assert_allclose(ndcg_at(k, best, csr(truth)), 1)
    assert_allclose(psp_at(k, best, csr(truth), p), 1)
    assert ndcg_at(k, top, csr(truth)) <= 1 + 1e-12
    assert psp_at(k, top, csr(truth), p) <= 1 + 1e-12


@pytest.mark.parametrize("k", [1, 3, 10])
def test_ndcg_agrees_with_sklearn(k):
    """Where every example has a label; k = 10 ranks all rows."""
    ndcg_score = pytest.importorskip("sklearn.metrics").ndcg_score
    rng = np.random.default_rng(k)
    truth = rng.random((30, 10)) < 0.3
    truth[:, 0] |= ~truth.any(axis=1)
    scores = rng.random((30, 10))
    top = np.argsort(-scores, axis=1).astype(np.int32)
    labels = csr([set(np.flatnonzero(row)) for row in truth])
    assert_allclose(ndcg_at(k, top, labels), ndcg_score(truth, scores, k=k))


TOP = np.array([[3, 1, 0], [2, 0, 1], [1, 2, 3]], np.int32)
TRUTH = [{1, 3}, {1}, set()]


def test_figures_worked_by_hand():
    """Hits: ranks 1 and 2 of the first example, rank 3 of the second; the third has no labels."""
    labels = csr(TRUTH)
    assert_array_equal(
        hits(3, TOP, labels), [[True, True, False], [False, False, True], [False] * 3]
    )
    assert precision_at(1, TOP, labels) == pytest.approx(1 / 3)
    assert precision_at(3, TOP, labels) == pytest.approx(3 / 9)
    assert ndcg_at(2, TOP, labels) == pytest.approx(1 / 3)
    assert ndcg_at(3, TOP, labels) == pytest.approx((1 + 0.5) / 3)  # 1 / log2(3 + 1)
    p = np.array([1, 0.5, 1, 0.25])  # a hit of label 1 counts 2, of label 3 it counts 4
    assert psp_at(1, TOP, labels, p) == pytest.approx(4 / (4 + 2))
    assert psp_at(2, TOP, labels, p) == pytest.approx(6 / (6 + 2))
    assert psp_at(3, TOP, labels, p) == pytest.approx(8 / 8)


def test_propensities_worked_by_hand():
    """With a = b = 1: C = 2 (log N - 1), and a label of N_l examples divides it by N_l + 1."""
    c = 2 * (math.log(20) - 1)
    assert_allclose(propensities(np.array([0, 3]), 20, 1, 1), [1 / (1 + c), 1 / (1 + c / 4)])


def test_groups_worked_by_hand():
    """12 occurrences: 6 before label 1 and 8 before label 2, a tie that the id breaks."""
    counts = np.array([6, 2, 2, 1, 1, 0])
    assert_array_equal(label_groups(counts), [0, 1, 2, 2, 2, 2])
    got = recall_by_group(2, TOP, csr([{0, 1}, {2, 0}, {5}]), counts)
    assert got["head"] == LabelGroup(1, 2, 0.5)
    assert got["torso"] == LabelGroup(1, 1, 1.0)
    assert got["tail"] == LabelGroup(4, 2, 0.5)


def test_examples_without_labels_and_no_examples_give_zero():
    none, p = csr([set(), set()]), np.ones(4)
    for top, labels in ((TOP[:2], none), (TOP[:0], csr([]))):
        assert precision_at(2, top, labels) == ndcg_at(2, top, labels) == 0
        assert psp_at(2, top, labels, p) == 0


def test_names_are_parsed():
    names = ["accuracy", "P@1", "loss", "nDCG@3", "PSP@15"]
    assert list(cutoffs(names).items()) == [
        ("accuracy", Cutoff("P", 1)),
        ("P@1", Cutoff("P", 1)),
        ("nDCG@3", Cutoff("nDCG", 3)),
        ("PSP@15", Cutoff("PSP", 15)),
    ]


@pytest.mark.parametrize("name", ["P@0", "P@", "p@1", "NDCG@1", "PSP", "P@1 ", "Q@5", "P@-1", ""])
def test_names_of_no_metric_are_refused(name):
    with pytest.raises(ValueError, match=r"unknown metric .*PSP@k"):
        cutoffs([name])


LABELS = csr(TRUTH)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: precision_at(0, TOP, LABELS), "k must be at least 1"),
        (lambda: ndcg_at(1.5, TOP, LABELS), "k must be a whole number"),
        (lambda: ndcg_at(1, TOP[:2], LABELS), "label lists of 3 examples"),
        (lambda: precision_at(1, TOP[:, 0], LABELS), "top has shape"),
        (lambda: psp_at(1, TOP, LABELS, np.ones(3)), "3 propensities but label 3"),
        (lambda: psp_at(1, TOP, LABELS, np.zeros(4)), "above 0"),
        (lambda: psp_at(1, TOP, LABELS, np.full(4, np.nan)), "above 0"),
        (lambda: propensities(np.array([1]), 2), "n_examples must be at least 3"),
        (lambda: propensities(np.array([1, 9]), 8), "0 to n_examples = 8, got 1 to 9"),
        (lambda: propensities(np.array([-1, 2]), 8), "got -1 to 2"),
        (lambda: propensities(np.array([1]), 8, a=-1.0), "a must be"),
        (lambda: propensities(np.array([1]), 8, b=0.0), "b must be"),
        (lambda: label_groups(np.zeros(3, int)), "nothing to group by"),
        (lambda: recall_by_group(1, TOP, LABELS, np.ones(3, int)), "3 label_counts but label 3"),
        (lambda: recall_by_group(0, TOP, LABELS, np.ones(4, int)), "k must be"),
    ],
)  # fmt: skip
def test_wrong_input_is_refused_by_name(call, words):
    with pytest.raises((ValueError, TypeError), match=words):
        call()


X = np.random.default_rng(0).normal(size=(40, 8)).astype(np.float32)
Y = np.random.default_rng(1).random((40, N_LABELS)) < np.array([0.9, 0.5, 0.3, 0.2, 0.1, 0.0])


def dataset():
    return ff.Dataset(X, csr_array(Y))


@pytest.fixture(scope="module")
def net():
    net = ff.Network(ff.Linear(8, 16, "relu"), ff.Linear(16, N_LABELS))
    ff.Trainer(net, max_epochs=3, batch_size=4, n_jobs=1).fit(dataset())
    return net


def test_training_counts_classes_and_no_values():
    names = ff.Network(ff.Linear(8, 3))
    classes = np.array(["a", "b", "b", "c"] * 10)
    ff.Trainer(names, max_epochs=1, n_jobs=1).fit(ff.Dataset(X, classes))
    assert_array_equal(names.label_counts, [10, 20, 10])
    values = ff.Network(ff.Linear(8, 2))
    ff.Trainer(values, max_epochs=1, n_jobs=1).fit(ff.Dataset(X, X[:, :2]))
    assert values.label_counts is None
    assert values.n_trained == 40
    with pytest.raises(ValueError, match="a loss and R2"):
        values.evaluate(ff.Dataset(X, X[:, :2]), ["nDCG@1"])
    with pytest.raises(ValueError, match="values are not labels"):
        values.recall_by_group(ff.Dataset(X, X[:, :2]))


def test_deformed_images_count_as_their_source():
    source = ff.datasets.strokes(n_train=60, n_test=1)[0]
    net = ff.Network(ff.Linear(784, 10))
    ff.Trainer(net, max_epochs=1, n_jobs=1).fit(ff.datasets.Deformed(source, 150))
    assert_array_equal(net.label_counts, np.bincount(source.y, minlength=10))
    assert net.n_trained == 60


def test_evaluation_computes_every_metric_from_the_best_rows(net):
    data, names = dataset(), ["PSP@3", "loss", "nDCG@5", "P@1", "accuracy", "PSP@9"]
    result = net.evaluate(data, names, propensity=(0.6, 2.6))
    assert list(result) == names
    top, truth = net.predict_topk(data, 6).indices, [set(np.flatnonzero(row)) for row in Y]
    p = [plain_propensity(count, 40, 0.6, 2.6) for count in Y.sum(axis=0)]
    assert_allclose(result["PSP@3"], plain_psp(3, top, truth, p))
    assert_allclose(result["PSP@9"], plain_psp(9, top, truth, p))
    assert_allclose(result["nDCG@5"], plain_ndcg(5, top, truth))
    assert_allclose(result["P@1"], plain_precision(1, top, truth))
    assert result["P@1"] == result.accuracy
    assert result["PSP@3"] != net.evaluate(data, ["PSP@3"])["PSP@3"]
    groups = net.recall_by_group(data, 2)
    assert groups == recall_by_group(2, top, data.label_lists(), net.label_counts)
    assert sum(group.n_occurrences for group in groups.values()) == Y.sum()
    assert net.recall_by_group(data, 9)["head"].recall == 1


def figures(net, name):
    return dict(net.evaluate(dataset(), [name]))


def test_a_copy_knows_what_training_learned(net):
    assert net.copy().learned is net.learned
    assert figures(net.copy(), "PSP@5") == figures(net, "PSP@5")


def changed(net, path, change):
    config, arrays = net.state()
    change(config, arrays)
    files.write_model(path, config, arrays)
    return path


def test_an_older_file_loads_and_counting_labels_brings_it_up_to_date(net, tmp_path):
    def forget(config, arrays):
        del config["n_trained"], arrays["label_counts"]

    old = ff.load(changed(net, tmp_path / "old", forget))
    assert (old.label_counts, old.n_trained) == (None, 0)
    assert figures(old, "nDCG@5") == figures(net, "nDCG@5")
    for ask in (lambda: old.evaluate(dataset(), ["PSP@5"]), lambda: old.recall_by_group(dataset())):
        with pytest.raises(ValueError, match=r"train it, or.*net\.count_labels\(train\)"):
            ask()
    old.count_labels(dataset())
    assert figures(old, "PSP@5") == figures(net, "PSP@5")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c, a: a.update(label_counts=np.ones(5, np.int64)), r"label_counts is int64\(5,\)"),
        (lambda c, a: a.update(label_counts=np.ones(6, np.int32)), "label_counts is int32"),
        (lambda c, a: a.update(label_counts=np.full(6, -1)), "0 to n_trained = 40"),
        (lambda c, a: a.update(label_counts=np.full(6, 41)), "0 to n_trained = 40"),
        (lambda c, a: c.update(n_trained="many"), "n_trained must be a whole number"),
        (lambda c, a: c.update(n_trained=-1), "n_trained must be at least 0"),
    ],
)
def test_counts_that_cannot_be_are_refused(net, tmp_path, change, words):
    with pytest.raises(ff.errors.FormatError, match=words):
        ff.load(changed(net, tmp_path / "net", change))


@pytest.mark.parametrize("propensity", [(0.55,), (1, 2, 3)])
def test_a_propensity_that_is_no_pair_is_refused(net, propensity):
    with pytest.raises(ValueError, match="a pair"):
        net.evaluate(dataset(), ["PSP@1"], propensity=propensity)
