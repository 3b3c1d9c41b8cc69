"""What a tagger learns from besides plain examples: weights of examples, descriptions of labels."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.sparse import csr_array, vstack

import fewfire as ff

N_LABELS, PER_LABEL, N = 60, 6, 400


def topics(n, seed):
    """Examples of a label each: three of the six features of its own, and one of any."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, N_LABELS, n)
    own = np.argsort(rng.random((n, PER_LABEL)), axis=1)[:, :3] + PER_LABEL * labels[:, None]
    columns = np.column_stack([own, rng.integers(0, N_LABELS * PER_LABEL, n)])
    rows = np.repeat(np.arange(n), columns.shape[1])
    X = csr_array((np.ones(rows.size, np.float32), (rows, columns.ravel())))
    X = csr_array(X, shape=(n, N_LABELS * PER_LABEL))
    return X, labels


X, LABELS = topics(N, 1)
TEXT = csr_array(np.kron(np.eye(N_LABELS), np.ones(PER_LABEL)).astype(np.float32))
ASKED, WANTED = topics(200, 2)


def as_lists(labels):
    return csr_array(
        (np.ones(len(labels)), (np.arange(len(labels)), labels)), (len(labels), N_LABELS)
    )


def fit(data, **more):
    tagger = ff.Tagger("fast", max_epochs=3, n_jobs=1, labels_per_leaf=10)
    return tagger.fit(data, **more)


def share_found(tagger, labels, k=1):
    asked = np.isin(WANTED, labels)
    top = tagger.predict_topk(ASKED[asked], k=k).indices
    return (top == WANTED[asked][:, None]).any(axis=1).mean()


def test_weights_of_1_are_no_weights():
    one = fit(ff.Dataset(X, as_lists(LABELS)))
    same = fit(ff.Dataset(X, as_lists(LABELS), sample_weight=np.ones(N)))
    for a, b in zip(*(model.predict_topk(ASKED, k=5) for model in (one, same)), strict=True):
        assert_array_equal(a, b)


def test_what_has_the_weight_0_teaches_nothing():
    """Examples of other labels than their own spoil a tagger, unless they count for nothing."""
    rng = np.random.default_rng(0)
    wrong = np.append(LABELS, [rng.permutation(LABELS) for _ in range(4)])
    both = csr_array(vstack([X] * 5))
    weights = np.repeat([1.0, 0.0], [N, 4 * N])
    heard = fit(ff.Dataset(both, as_lists(wrong), sample_weight=weights))
    misled = fit(ff.Dataset(both, as_lists(wrong)))
    every = np.arange(N_LABELS)
    assert share_found(heard, every) > 0.95
    assert share_found(misled, every) < share_found(heard, every) - 0.1


def test_a_weight_is_as_many_copies():
    """Of two labels that the same features speak for, the one whose examples count more is told."""
    labels = np.tile([0, 1], 50)
    ones = csr_array(np.ones((100, 1), np.float32))
    y = csr_array((np.ones(100), (np.arange(100), labels)))
    for weights in ([5.0, 1.0], [1.0, 5.0]):
        data = ff.Dataset(ones, y, sample_weight=np.tile(weights, 50))
        copies = data[np.repeat(np.arange(100), data.sample_weight.astype(int))]
        copies = ff.Dataset(copies.X, copies.y)
        scores = []
        for train in (data, copies):
            top = ff.Tagger("fast", n_jobs=1).fit(train).predict_topk(ones[:1], k=2)
            assert top.indices[0, 0] == np.argmax(weights)
            scores.append(top.scores[0])
        assert np.abs(scores[0] - scores[1]).max() < 0.1


def test_weights_are_in_the_loss_that_is_told():
    plain, half = (
        fit(ff.Dataset(X, as_lists(LABELS), sample_weight=np.full(N, weight))).history_[0]
        for weight in (1.0, 1e-6)
    )
    assert half["train/loss"] < 1e-4 * plain["train/loss"]


def test_partial_fit_hears_weights():
    tagger = fit(ff.Dataset(X, as_lists(LABELS)))
    before = tagger.predict_topk(ASKED, k=5).scores
    wrong = ff.Dataset(
        X, as_lists(np.random.default_rng(0).permutation(LABELS)), sample_weight=np.full(N, 1e-9)
    )
    tagger.partial_fit(wrong)
    assert np.abs(tagger.predict_topk(ASKED, k=5).scores - before).max() < 0.02


@pytest.mark.parametrize("kind", ["labels", "classes"])
def test_labels_without_examples_are_found_by_their_text(kind):
    unseen = np.arange(0, N_LABELS, 10)
    seen = ~np.isin(LABELS, unseen)
    if kind == "labels":
        data = ff.Dataset(X[seen], as_lists(LABELS[seen]))
    else:
        data = ff.Dataset(X[seen], LABELS[seen], n_labels=N_LABELS)
    told = fit(data, label_features=TEXT)
    assert share_found(fit(data), unseen, k=5) == 0
    assert share_found(told, unseen, k=5) > 0.6
    assert share_found(told, np.setdiff1d(np.arange(N_LABELS), unseen)) > 0.95
    assert told.label_counts[unseen].sum() == 0  # descriptions are not examples
    assert told.n_trained == seen.sum()


@pytest.mark.parametrize("names", [np.arange(N_LABELS) + 1, np.arange(N_LABELS)[::-1]])
def test_text_is_of_ids_also_where_names_are_other_numbers(names):
    names = [int(name) for name in names]
    data = ff.Dataset(X, np.array(names)[LABELS], label_names=names)
    assert share_found(fit(data, label_features=TEXT), np.arange(N_LABELS)) > 0.95


def test_numbers_that_look_like_values_are_warned_of_with_text_too():
    data = ff.Dataset(np.eye(60, dtype=np.float32), np.arange(60))
    with pytest.warns(UserWarning, match="60 classes"):
        fit(data, label_features=np.eye(60))


def test_a_label_may_have_no_text():
    text = TEXT.toarray()
    text[1::2] = 0
    data = ff.Dataset(X, as_lists(LABELS))
    assert share_found(fit(data, label_features=text), np.arange(N_LABELS)) > 0.95
    no_text = TEXT.copy()
    no_text.data[:] = 0
    none = fit(data, label_features=no_text).predict_topk(ASKED, k=5)
    for a, b in zip(none, fit(data).predict_topk(ASKED, k=5), strict=True):
        assert_array_equal(a, b)


def test_label_features_of_another_shape_are_refused():
    data = ff.Dataset(X, as_lists(LABELS))
    tagger = fit(data)
    before = tagger.predict_topk(ASKED, k=5).scores
    for wrong in (TEXT[1:], TEXT[:, 1:]):
        with pytest.raises(ValueError, match="give a row for each label"):
            tagger.fit(data, label_features=wrong)
    with pytest.raises(ValueError, match="finite"):
        tagger.fit(data, label_features=np.full(TEXT.shape, np.nan))
    assert_array_equal(tagger.predict_topk(ASKED, k=5).scores, before)


def by_class(**how):
    return ff.Tagger("fast", max_epochs=3, n_jobs=1, labels_per_leaf=10, **how)


def test_weights_of_classes_are_those_of_their_examples():
    data = ff.Dataset(X, LABELS, n_labels=N_LABELS)
    counts = np.bincount(LABELS, minlength=N_LABELS)
    balanced = N / (np.count_nonzero(counts) * np.maximum(counts, 1))
    some = {int(label): 3.0 for label in range(0, N_LABELS, 2)}
    of_some = np.where(np.arange(N_LABELS) % 2, 1.0, 3.0)
    for how, weights in (("balanced", balanced), (some, of_some)):
        told = by_class(class_weight=how).fit(data)
        same = by_class().fit(data.weighing(weights[LABELS]))
        for a, b in zip(*(x.predict_topk(ASKED, k=5) for x in (told, same)), strict=True):
            assert_array_equal(a, b)


def test_lists_of_one_label_each_are_classes():
    """As files of texts have them."""
    data = ff.Dataset(X, as_lists(LABELS))
    counts = np.bincount(LABELS, minlength=N_LABELS)
    balanced = len(LABELS) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    told = by_class(class_weight="balanced").fit(data)
    same = by_class().fit(data.weighing(balanced[LABELS]))
    for a, b in zip(*(x.predict_topk(ASKED, k=5) for x in (told, same)), strict=True):
        assert_array_equal(a, b)


def test_odd_weights_of_classes_are_refused():
    with pytest.raises(ValueError, match='class_weight must be "balanced" or a dict'):
        by_class(class_weight="even")
    two = as_lists(LABELS) + as_lists(np.roll(LABELS, 1))
    with pytest.raises(ValueError, match="y holds lists of several labels, or of none"):
        by_class(class_weight="balanced").fit(X, two)
    with pytest.raises(ValueError, match="names 99, which is not a class"):
        by_class(class_weight={99: 2.0}).fit(ff.Dataset(X, LABELS, n_labels=N_LABELS))


def test_a_training_with_other_weights_does_not_go_on(tmp_path):
    data, path = ff.Dataset(X, LABELS, n_labels=N_LABELS), tmp_path / "checkpoint"
    by_class(class_weight="balanced").fit(data, callbacks=[ff.callbacks.Checkpoint(path)])
    with pytest.raises(ValueError, match="was trained on other data"):
        by_class(class_weight={0: 2.0}).fit(data, resume=path)


def test_descriptions_that_the_data_set_brings_count_as_those_of_fit():
    data = ff.Dataset(X, as_lists(LABELS))
    own = ff.Dataset(data.X, data.y, like=data, label_features=TEXT)
    assert (own[:5].label_features != TEXT).nnz == 0
    told, brought = fit(data, label_features=TEXT), fit(own)
    assert np.array_equal(told.predict_topk(ASKED, 5).scores, brought.predict_topk(ASKED, 5).scores)
    with pytest.raises(ValueError, match="label_features have the shape"):
        ff.Dataset(data.X, data.y, like=data, label_features=TEXT[:2])
    with pytest.raises(ValueError, match="y holds no targets"):
        ff.Dataset(data.X, label_features=TEXT)
