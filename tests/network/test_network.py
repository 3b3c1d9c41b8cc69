"""What a network predicts: shapes, agreement of all ways to ask, and a plain numpy net."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.special import expit, log_softmax

import fewfire as ff
from fewfire.network import network
from fewfire.network.centers import learn_centers

GATES = {
    "all": ff.gates.All(),
    "dropout": ff.gates.Dropout(density=0.3),
    "adaptive": ff.gates.AdaptiveDropout(beta=-1),
    "topk": ff.gates.TopK(density=0.3),
    "soft topk": ff.gates.TopK(density=0.3, soft=True),
    "sign": ff.Hashed(density=0.3, rerank=1.5),
    "simhash": ff.Hashed(density=0.3, family=ff.gates.SimHash(n_bits=3, n_tables=4), rerank=1.5),
    "centred": ff.Hashed(
        density=0.3, rerank=1.5,
        family=ff.gates.SimHash(
            n_bits=3, n_tables=4, probes=2, projection="hadamard", mips="simple", center=True,
            rank="sign",
        ),
    ),
    "dwta": ff.Hashed(density=0.3, family=ff.gates.Dwta(n_hashes=1, n_tables=4), rerank=1.5),
    "minhash": ff.Hashed(density=0.3, family=ff.gates.MinHash(n_bits=3, n_tables=4), rerank=1.5),
    "centroid": ff.Hashed(density=0.3, family=ff.gates.Centroid(n_cells=5, probes=1), rerank=1.5),
}  # fmt: skip


def make(gate=GATES["sign"], widths=(12, 30, 20, 7), seed=0, **last):
    hidden = [
        ff.Linear(n_in, n_out, activation="relu", gate=gate)
        for n_in, n_out in pairwise(widths[:-1])
    ]
    net = ff.Network(*hidden, ff.Linear(widths[-2], widths[-1], **last), random_state=seed)
    rng = np.random.default_rng(seed)
    for layer in net.layers:
        layer.bias[:] = rng.normal(size=len(layer.bias)) * 0.1
    net.refresh()
    return net


def examples(n=50, d=12, seed=1):
    X = np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)
    return X * (np.abs(X) > 0.5)


def dense_scores(net, X):
    for layer in net.layers:
        X = X @ layer.weights.T + layer.bias
        if layer.settings.activation == "relu":
            X = np.maximum(X, 0)
    return X


@pytest.mark.parametrize("name", GATES)
def test_every_form_of_input_and_number_of_threads_gives_the_same_bits(name):
    net, X = make(GATES[name]), examples()
    wanted = net.decision_function(X)
    assert wanted.shape == (50, 7)
    assert wanted.dtype == np.float32
    for form in (X.astype(np.float64), sparse.csr_array(X), ff.Dataset(X), sparse.coo_matrix(X)):
        assert_array_equal(net.decision_function(form, n_jobs=2), wanted)
    assert_array_equal(
        np.concatenate([net.decision_function(X[i : i + 1]) for i in range(50)]), wanted
    )


@pytest.mark.parametrize("name", ["all", "dropout", "topk", "sign", "simhash"])
def test_exact_prediction_of_a_hard_gate_is_the_dense_net(name):
    gate = GATES[name]
    if isinstance(gate, ff.Hashed):
        gate = ff.Hashed(density=0.3, family=gate.family, soft=False)
    net, X = make(gate), examples()
    assert_allclose(
        net.decision_function(X, exact=True), dense_scores(net, X), rtol=1e-4, atol=1e-5
    )


def test_exact_prediction_of_a_soft_gate_keeps_the_true_best_rows():
    net, X = make(GATES["sign"]), examples()
    twin = make(GATES["soft topk"])
    for layer, other in zip(twin.layers, net.layers, strict=True):
        layer.weights[...], layer.bias[...] = other.weights, other.bias
    assert_array_equal(net.decision_function(X, exact=True), twin.decision_function(X))


def test_weights_of_another_network_are_refused_before_anything_changes():
    net, other = make(GATES["sign"]), make(GATES["soft topk"])
    before = net.weights()
    wrong_last = [*before[:-1], before[-1][:-1]]
    for arrays, reason in ((other.weights(), "arrays given, wanted"), (wrong_last, "bias is")):
        with pytest.raises(ValueError, match=reason):
            net.set_weights(arrays)
        for array, old in zip(net.weights(), before, strict=True):
            assert_array_equal(array, old)


@settings(deadline=None, max_examples=30)
@given(k=st.integers(1, 7), n=st.integers(0, 5))
def test_the_best_rows_are_those_of_the_scores(k, n):
    net, X = make(), examples(n)
    top, scores = net.predict_topk(X, k), net.decision_function(X)
    assert top.indices.shape == top.scores.shape == (n, k)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    assert_array_equal(top.indices, order)
    assert_array_equal(top.scores, np.take_along_axis(scores, order, axis=1))


def test_rows_that_no_gate_chose_have_no_score():
    net = ff.Network(ff.Linear(12, 20, gate=ff.Hashed(density=0.1, soft=False, rerank=1.0)))
    top = net.predict_topk(examples(), 5)
    assert (top.indices[:, :2] >= 0).all()
    assert (top.indices[:, 2:] == -1).all()
    assert np.isneginf(top.scores[:, 2:]).all()
    assert np.isneginf(net.decision_function(examples())).sum(axis=1).tolist() == [18] * 50


def test_probabilities_follow_the_loss():
    net, X = make(), examples()
    assert_allclose(net.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
    net.loss = "logistic"
    assert_allclose(net.predict_proba(X), expit(net.decision_function(X)), rtol=1e-6)
    assert_array_equal(net.predict(X), net.predict_proba(X) > 0.5)
    net.loss = "squared"
    assert_array_equal(net.predict(X), net.decision_function(X))
    with pytest.raises(ValueError, match="use predict"):
        net.predict_proba(X)


def test_classes_are_predicted_by_name():
    X = examples(30)
    train = ff.Dataset(X, np.array(["cat", "dog"])[(X[:, 0] > 0).astype(int)])
    net = ff.Network(ff.Linear(12, 2))
    ff.Trainer(net, optimizer=ff.optim.Adam(lr=0.05), max_epochs=30, batch_size=4, n_jobs=1).fit(
        train
    )
    assert_array_equal(net.predict(X), np.where(X[:, 0] > 0, "dog", "cat"))


def test_evaluation_measures_what_prediction_shows():
    net, X = make(), examples()
    y = np.random.default_rng(0).integers(0, 7, size=50)
    result = net.evaluate(ff.Dataset(X, y, n_labels=7), ["accuracy", "loss", "P@3"])
    scores = net.decision_function(X)
    assert list(result) == ["accuracy", "loss", "P@3"]
    assert result.accuracy == (net.predict(X) == y).mean()
    assert_allclose(result.loss, -log_softmax(scores, axis=1)[np.arange(50), y].mean(), rtol=1e-5)
    hits = (net.predict_topk(X, 3).indices == y[:, None]).any(axis=1)
    assert_allclose(result["P@3"], hits.mean() / 3)


def test_a_dense_net_costs_what_it_counts_as_dense():
    net = make(ff.gates.All())
    X = np.abs(examples()) + 1  # no zeros to skip
    result = net.evaluate(ff.Dataset(X, np.zeros(50, int), n_labels=7))
    assert result.ledger.dense == 50 * (12 * 30 + 30 * 20 + 20 * 7)
    assert result.ledger.total <= result.ledger.dense
    assert result.density == 1.0


def test_density_counts_the_rows_of_gated_layers():
    result = make().evaluate(ff.Dataset(examples(), np.zeros(50, int), n_labels=7))
    assert_allclose(result.density, (9 + 6) / 50)


def test_the_seed_decides_every_bit():
    first, same, other = (make(seed=seed).weights() for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(first, same, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_a_copy_shares_nothing():
    net, X = make(), examples()
    twin, before = net.copy(), net.decision_function(X)
    twin.layers[0].weights[:] = 1
    twin.refresh()
    assert_array_equal(net.decision_function(X), before)
    assert not np.array_equal(twin.decision_function(X), before)


def test_changed_weights_are_found_after_a_refresh():
    X = np.eye(12, dtype=np.float32)[:1]
    net = ff.Network(ff.Linear(12, 100, gate=ff.Hashed(density=0.01, rerank=1, soft=False)))
    for layer in net.layers:
        layer.weights[:] = -1
        layer.weights[42] = 1
    net.refresh()
    assert net.predict_topk(X, 1).indices[0, 0] == 42


def test_integers_of_numpy_are_integers():
    net = ff.Network(ff.Linear(np.int64(3), np.uint8(2)), random_state=np.int32(1))
    assert net.predict_topk(np.zeros((1, 3)), np.int64(2)).indices.shape == (1, 2)
    assert type(net.layers[0].settings.out_features) is type(net.random_state) is int


def test_rows_without_a_name_are_refused():
    net = ff.Network(ff.Linear(12, 3))
    with pytest.raises(ValueError, match="2 named labels"):
        ff.Trainer(net).fit(ff.Dataset(examples(2), ["cat", "dog"]))


def test_an_answer_larger_than_memory_is_refused(monkeypatch):
    monkeypatch.setattr(network, "DENSE_BUDGET", 50 * 7 * 4 - 1)
    with pytest.raises(ValueError, match="use predict_topk"):
        make().decision_function(examples())


def test_a_network_larger_than_the_machine_is_refused_before_it_is_made():
    with pytest.raises(MemoryError, match="GiB, this machine has"):
        ff.Network(ff.Linear(1_000_000, 2_000_000))


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([], "at least one layer"),
        ([ff.Linear(2, 3), ff.Linear(4, 5)], "layer 1 needs 4 inputs but layer 0 has 3"),
        ([ff.Linear(2, 3, activation="relu", gate=ff.Hashed())], "soft=False"),
        (["Linear"], "must be a Linear"),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers, words):
    with pytest.raises((ValueError, TypeError), match=words):
        ff.Network(*layers)


@pytest.mark.parametrize(
    "weights",
    [
        np.ones((3, 5), np.float32),
        np.ones((3, 4)),
        np.ones((4, 3), np.float32).T,
        np.broadcast_to(np.float32(1), (3, 4)),
    ],
)
def test_arrays_that_make_no_layer_are_refused(weights):
    with pytest.raises(ValueError, match=r"wanted layers\.0\.weights, layers\.0\.bias"):
        ff.Network.from_arrays([ff.Linear(4, 3)], [weights])
    with pytest.raises(ValueError, match=r"wanted float32\(3, 4\)"):
        ff.Network.from_arrays([ff.Linear(4, 3)], [weights, np.zeros(3, np.float32)])


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_centers_are_the_mean_inputs_of_their_layers(n_jobs):
    """The second layer's are what passes the gate of the first."""
    tables = ff.Hashed(
        density=0.3, family=ff.gates.SimHash(n_bits=3, n_tables=4, center=True), rerank=4.0
    )
    net, X = make(tables), examples(n=300)
    ids = np.arange(0, 300, 2)
    ledger = learn_centers(net, ff.Dataset(X), ids, n_jobs)
    first, second, output = net.layers
    assert output.center is None
    assert_allclose(first.center, X[ids].mean(axis=0), rtol=1e-5, atol=1e-6)
    scores = X[ids] @ first.weights.T + first.bias
    kept, threshold = np.sort(scores)[:, ::-1][:, :9], np.sort(scores)[:, ::-1][:, 9:10]
    hidden = np.maximum(0, np.where(scores >= kept[:, -1:], scores - np.maximum(threshold, 0), 0))
    assert_allclose(second.center, hidden.mean(axis=0), rtol=1e-3, atol=1e-5)
    assert ledger.refresh > 0
    assert ledger.dense == ledger.forward == 0


def test_centers_stay_where_no_layer_wants_them():
    net = make(GATES["simhash"])
    assert learn_centers(net, ff.Dataset(examples()), np.arange(5)).total == 0
    assert len(net.weights()) == 6


@pytest.mark.parametrize("density", [0.05, 0.5])
def test_dropout_leaves_initial_values_as_large_as_they_were(density):
    """Rows that stay are scaled up, so later layers start with smaller weights."""
    gate = ff.gates.Dropout(density)
    layers = [ff.Linear(400, 400, activation="relu", gate=gate) for _ in range(3)]
    net = ff.Network(*layers, ff.Linear(400, 50), random_state=0)
    rng = np.random.default_rng(0)
    values, power = rng.normal(size=(200, 400)), []
    for layer in net.layers:
        z = values @ layer.weights.T
        power.append((z**2).mean())
        stays = rng.random(z.shape).argsort(axis=1) < density * z.shape[1]
        values = np.maximum(z, 0) * stays / density
    assert_allclose(power, [2, 2, 2, 0.5], rtol=0.4)
