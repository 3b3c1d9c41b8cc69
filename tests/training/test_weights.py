"""What the loss of an example counts for: by itself, and by its class."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.callbacks import Checkpoint
from fewfire.gates import Retrieve
from fewfire.optim import RMS, SGD, Adam
from resuming import Interrupt

RNG = np.random.default_rng(0)
N = 60
X = RNG.normal(size=(N, 8)).astype(np.float32)
CLASSES = RNG.integers(0, 3, N)
LISTS = csr_array(RNG.random((N, 20)) < 0.1)
VALUES = RNG.normal(size=N)
REPEATS = RNG.permutation(np.tile([0, 1, 2], N // 3))  # as many in all


def net_of(n_outputs, gate=None, last=None):
    return ff.Network(
        ff.Linear(8, 24, "relu", gate), ff.Linear(24, n_outputs, gate=last), random_state=3
    )


def fit(net, data, **how):
    how = {"optimizer": SGD(lr=0.05), "max_epochs": 1, "n_jobs": 1, "batch_size": N} | how
    ff.Trainer(net, **how).fit(data)
    return net.weights()


def floats(net):
    return [array for array in net.weights() if array.dtype == np.float32]


@pytest.mark.parametrize(
    ("y", "kind", "n_outputs"),
    [(CLASSES, "classes", 3), (VALUES, "values", 1), (LISTS, "labels", 20)],
    ids=["classes", "values", "labels"],
)
def test_a_weight_is_as_many_copies(y, kind, n_outputs):
    """A step on weighted examples is that on copies of them, whose mean is over more examples; and
    so is what a last layer starts from."""
    seen = np.repeat(np.arange(N), REPEATS)
    start = net_of(n_outputs)
    weighted, copied = start.copy(), start.copy()
    fit(weighted, ff.Dataset(X, y, kind=kind, sample_weight=REPEATS))
    plain = ff.Dataset(X, y, kind=kind)[seen]
    fit(copied, plain, batch_size=len(seen), optimizer=SGD(lr=0.05 * len(seen) / N))
    for before, a, b in zip(*map(floats, (start, weighted, copied)), strict=True):
        assert np.abs(a - before).max() > 1e-5
        assert_allclose(a, b, atol=2e-5)


@pytest.mark.parametrize("negatives", [0, 4])
def test_all_weights_twice_are_twice_the_rate_also_of_negatives(negatives):
    last = Retrieve(8, "sign", negatives=negatives)
    start = net_of(20, last=last)
    start.layers[-1].bias[:] = 0.1  # else it begins at shares, which are counted half a time more
    start.refresh()
    one, two = start.copy(), start.copy()
    fit(one, ff.Dataset(X, LISTS), optimizer=SGD(lr=0.1))
    fit(two, ff.Dataset(X, LISTS, sample_weight=np.full(N, 2)), optimizer=SGD(lr=0.05))
    for before, a, b in zip(*map(floats, (start, one, two)), strict=True):
        assert np.abs(a - before).max() > 1e-5
        assert_allclose(a, b, atol=2e-5)


def test_weights_of_0_teach_nothing():
    kept = np.arange(N) % 2 == 0
    other = np.where(kept, CLASSES, (CLASSES + 1) % 3)
    nets = [net_of(3, ff.Hashed(0.3)) for _ in range(2)]
    for net, y in zip(nets, (CLASSES, other), strict=True):
        net.layers[-1].bias[:] = 0.1
        data = ff.Dataset(X, y, sample_weight=kept)
        fit(net, data, optimizer=Adam(lr=0.01), batch_size=4, max_epochs=3)
    for a, b in zip(*(net.weights() for net in nets), strict=True):
        assert_array_equal(a, b)


def test_balanced_classes_are_those_of_scikit_learn_and_rare_ones_are_learned():
    rng = np.random.default_rng(1)
    y = (rng.random(600) < 0.05).astype(int)
    X = rng.normal(size=(600, 6)) + 0.9 * y[:, None]
    names = np.array(["common", "rare"])[y]
    counts = np.bincount(y)
    weights = {"common": 600 / (2 * counts[0]), "rare": 600 / (2 * counts[1])}
    data, found = ff.Dataset(X, names), {}
    for how in ("balanced", weights, None):
        net = ff.Network(ff.Linear(6, 32, "relu", ff.Hashed(0.2)), ff.Linear(32, 2))
        rms = RMS(lr=0.001, rowwise=True, centred=True)
        ff.Trainer(net, optimizer=rms, max_epochs=5, n_jobs=1, class_weight=how).fit(data)
        found[str(how)] = net
    balanced, given, plain = found.values()
    for a, b in zip(balanced.weights(), given.weights(), strict=True):
        assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    recall = [np.mean(net.predict(data)[y == 1] == "rare") for net in (balanced, plain)]
    assert recall[0] > 0.7 > recall[1]


def test_weights_go_where_examples_go():
    data = ff.Dataset(X, CLASSES, sample_weight=REPEATS)
    assert_array_equal(data[[3, 1]].sample_weight, REPEATS[[3, 1]])
    assert_array_equal(data[5:9].sample_weight, REPEATS[5:9])
    assert_array_equal(data.hold_out(9)[1].sample_weight.sum(), data.sample_weight.sum()
                       - data.hold_out(9)[0].sample_weight.sum())  # fmt: skip
    assert ff.Dataset(X, CLASSES, kind="classes").sample_weight is None
    assert data.as_values().sample_weight is not None


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1.0], "a number for each"),
        (np.full(N, -1.0), "-1 in row 0: weights are 0 or more"),
        (np.full(N, np.nan), "sample_weight holds nan in row 0"),
        (np.ones((N, 1)), "a number for each"),
        (np.zeros(N), "0 for all examples"),
    ],
)
def test_odd_weights_are_refused(weights, said):
    with pytest.raises(ValueError, match=said):
        ff.Dataset(X, CLASSES, sample_weight=weights)


@pytest.mark.parametrize(
    ("weight", "data", "said"),
    [
        ("even", ff.Dataset(X, CLASSES), 'must be "balanced" or a dict'),
        ({7: 1.0}, ff.Dataset(X, CLASSES), "names 7, which is not a class"),
        ({0: -1.0}, ff.Dataset(X, CLASSES), r"class_weight\[0\] must be at least 0"),
        ("balanced", ff.Dataset(X, LISTS), "y holds lists of several labels, or of none"),
    ],
)
def test_odd_class_weights_are_refused_and_nothing_changes(weight, data, said):
    net = net_of(data.n_labels)
    before = net.weights()
    with pytest.raises(ValueError, match=said):
        ff.Trainer(net, class_weight=weight).fit(data)
    for a, b in zip(before, net.weights(), strict=True):
        assert_array_equal(a, b)


def test_what_weights_add_up_to_moves_no_start():
    rare = csr_array(RNG.random((N, 9)) < 0.1)
    starts = []
    for weights in (np.ones(N), np.full(N, 1 / N), np.full(N, 1e-4)):
        net = net_of(9)
        fit(net, ff.Dataset(X, rare, sample_weight=weights), optimizer=SGD(lr=1e-30))
        starts.append(net.layers[-1].bias.copy())
    assert_allclose(starts[1:], starts[:1] * 2, rtol=1e-4)
    assert max(starts[0]) < 0


def test_weights_that_would_be_lost_are_refused(tmp_path):
    data = ff.Dataset(X, LISTS, sample_weight=REPEATS)
    with pytest.raises(ValueError, match="npz holds no sample_weight"):
        ff.datasets.save_npz(tmp_path / "x.npz", data)


def test_weights_are_looked_at_again():
    weights = np.ones(N, np.float32)
    data = ff.Dataset(X, CLASSES, sample_weight=weights)
    weights[3] = -1
    with pytest.raises(ValueError, match="changed after it was made: sample_weight is -1 in row 3"):
        ff.Trainer(net_of(3)).fit(data)


@pytest.mark.parametrize("change", ["sample_weight", "class_weight"])
def test_a_resumed_run_has_the_same_weights(tmp_path, change):
    how = {"optimizer": SGD(lr=0.05), "max_epochs": 4, "n_jobs": 1, "class_weight": {0: 2.0}}
    data = ff.Dataset(X, CLASSES, sample_weight=REPEATS)
    watched = [Checkpoint(tmp_path / "c"), Interrupt(2)]
    ff.Trainer(net_of(3), callbacks=watched, **how).fit(data)
    ff.Trainer(net_of(3), **how).fit(data, resume=tmp_path / "c")
    if change == "sample_weight":
        data = ff.Dataset(X, CLASSES, sample_weight=REPEATS + 1)
    else:
        how["class_weight"] = {0: 3.0}
    with pytest.raises(ValueError, match="needs the same"):
        ff.Trainer(net_of(3), **how).fit(data, resume=tmp_path / "c")


def test_a_part_whose_weights_are_all_0_is_refused():
    part = ff.Dataset(X, CLASSES, sample_weight=np.arange(len(X)) == 0)[1:]
    net = ff.Network(ff.Linear(X.shape[1], 4, activation="relu"), ff.Linear(4, part.n_labels))
    for fit in (ff.Trainer(net).fit, ff.Tagger("fast").fit):
        with pytest.raises(ValueError, match="sample_weight is 0 for all examples"):
            fit(part)
