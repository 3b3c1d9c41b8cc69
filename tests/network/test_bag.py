"""Nets with an EmbeddingBag and a last layer that retrieves: they learn, resume, go into files;
what does not fit together is one clear error."""

import json
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from safetensors.numpy import save_file
from scipy import sparse

import fewfire as ff
from fewfire.base import files
from fewfire.model.learned import Learned

N_FEATURES, N_LABELS = 120, 60


def problem(n=600, seed=0):
    """Each label has three inputs of its own half of the time; an example has one label or two."""
    rng = np.random.default_rng(seed)
    own = np.random.default_rng(7).integers(0, N_FEATURES, (N_LABELS, 3))
    frequency = 1 / np.arange(1, N_LABELS + 1)
    X, Y = np.zeros((n, N_FEATURES), np.float32), np.zeros((n, N_LABELS), bool)
    for x, y in zip(X, Y, strict=True):
        chosen = rng.choice(
            N_LABELS, rng.integers(1, 3), replace=False, p=frequency / frequency.sum()
        )
        x[own[chosen].ravel()] = 1
        x[rng.integers(0, N_FEATURES, 2)] = 0.5
        y[chosen] = True
    return ff.Dataset(sparse.csr_array(X), sparse.csr_array(Y))


TRAIN, TEST = problem(), problem(200, seed=1)
ROLLING = ff.gates.Centroid(n_cells=7, refresh="rolling", refresh_every=32)
OUTPUTS = [
    ff.gates.Retrieve(18, "sign"),
    ff.gates.Retrieve(18, "sign", negatives=20, head=5),
    ff.gates.Retrieve(18, ff.gates.SimHash(n_bits=3, n_tables=6), negatives=0),
    ff.gates.Retrieve(18, ff.gates.Centroid(n_cells=7, refresh_every=64)),
    ff.gates.Retrieve(18, ROLLING),
    ff.Hashed(0.3, rerank=2.0),
]


def make(gate=OUTPUTS[1], dropout=0.0, **options):
    bag = ff.EmbeddingBag(N_FEATURES, 24, input_dropout=dropout, dropout=dropout, **options)
    return ff.Network(bag, ff.Linear(24, N_LABELS, gate=gate), random_state=3)


HOW = {"max_epochs": 3, "batch_size": 8, "n_jobs": 1, "optimizer": ff.optim.Adam(lr=0.01)}


def trained(net, **how):
    ff.Trainer(net, **HOW | how).fit(TRAIN)
    return net


def assert_same_bits(first, second):
    for a, b in zip(first.weights(), second.weights(), strict=True):
        assert_array_equal(a, b)
    for exact in (False, True):
        scores = (net.decision_function(TEST, exact=exact) for net in (first, second))
        assert_array_equal(*scores)


# -- learning -------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["softmax", "decoupled", "logistic"])
@pytest.mark.parametrize("gate", [None, *OUTPUTS], ids=repr)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_it_learns(gate, loss, n_jobs):
    """Threads of an asynchronous run included."""
    net = trained(make(gate, dropout=0.1), loss=loss, n_jobs=n_jobs, max_epochs=6)
    assert net.evaluate(TEST, ["P@1"], n_jobs=1)["P@1"] > 0.6  # the most frequent label: 0.33


def test_a_bag_is_the_layer_that_it_replaces():
    net = make()
    linear = ff.Linear(N_FEATURES, 24, activation="relu")
    twin = ff.Network(linear, net.layers[1].settings, random_state=3)
    twin.layers[0].weights[...] = net.layers[0].weights.T
    twin.layers[1].set_arrays(net.layers[1].arrays)
    for exact in (False, True):
        scores = (x.decision_function(TEST, exact=exact) for x in (net, twin))
        assert_allclose(*scores, rtol=1e-5, atol=1e-6)
    assert twin.n_parameters == net.n_parameters


def test_values_are_learned_above_a_bag_too():
    X = TRAIN.X
    y = np.asarray(X @ np.random.default_rng(0).normal(size=(N_FEATURES, N_LABELS)))
    data = ff.Dataset(X, y.astype(np.float32))
    net = make(ff.gates.Retrieve(54))
    net.loss = "squared"
    before = net.evaluate(data, exact=True)["loss"]
    ff.Trainer(net, **HOW).fit(data)
    assert net.evaluate(data, exact=True)["loss"] < 0.5 * before


def test_a_net_that_diverges_says_so():
    net = make()
    net.layers[1].weights[5] = np.nan
    with pytest.raises(ff.errors.DivergenceError):
        trained(net)


def test_no_more_rows_are_used_than_there_are():
    net = make(ff.gates.Retrieve(N_LABELS, negatives=30))
    history = ff.Trainer(net, **HOW).fit(TRAIN)
    assert history[-1]["density"] == 1.0


@pytest.mark.parametrize("gate", OUTPUTS, ids=repr)
def test_deterministic_training_gives_the_same_bits_for_any_number_of_threads(gate):
    one, two = (
        trained(make(gate, dropout=0.2), deterministic=True, n_jobs=n_jobs) for n_jobs in (1, 2)
    )
    assert_same_bits(one, two)
    assert_same_bits(one, trained(make(gate, dropout=0.2)))


@pytest.mark.parametrize("gate", OUTPUTS, ids=repr)
def test_a_resumed_run_gives_the_bits_of_one_that_was_not_interrupted(tmp_path, gate):
    class Stop(ff.callbacks.Callback):
        def on_epoch_end(self, run, record):
            return record["epoch"] == 2

    nets = [make(gate, dropout=0.2) for _ in range(3)]
    how, path = HOW | {"max_epochs": 4}, tmp_path / "checkpoint"
    whole = ff.Trainer(nets[0], **how).fit(TRAIN)
    ff.Trainer(nets[1], **how, callbacks=[ff.callbacks.Checkpoint(path), Stop()]).fit(TRAIN)
    resumed = ff.Trainer(nets[2], **how).fit(TRAIN, resume=path)
    assert_same_bits(nets[0], nets[2])
    assert [x["train/loss"] for x in whole] == [x["train/loss"] for x in resumed]


# -- labels by frequency --------------------------------------------------------------------------


def test_the_most_frequent_labels_are_candidates_of_every_example():
    net = trained(make(ff.gates.Retrieve(12, head=6)))
    frequent = np.argsort(-net.label_counts, kind="stable")[:6]
    for twin in (net, net.copy()):
        assert np.isfinite(twin.decision_function(TEST)[:, frequent]).all()
    net.learned = Learned()
    assert not np.isfinite(net.decision_function(TEST)[:, frequent]).all()


@pytest.mark.parametrize("loss", ["softmax", "logistic"])
def test_the_first_biases_are_log_odds_of_the_labels(loss):
    net = make()
    ff.Trainer(net, **HOW | {"max_epochs": 1, "optimizer": ff.optim.SGD(lr=1e-30)}, loss=loss).fit(
        TRAIN
    )
    counts, bias = net.label_counts + 0.5, net.layers[1].bias.astype(float)
    if loss == "softmax":
        assert_allclose(np.exp(bias), counts / counts.sum(), rtol=1e-5)
    else:
        assert_allclose(1 / (1 + np.exp(-bias)), counts / len(TRAIN), rtol=1e-5)


def test_biases_that_are_there_or_not_wanted_stay():
    how = {"max_epochs": 1, "optimizer": ff.optim.SGD(lr=1e-30)}
    begun = make()
    begun.layers[1].bias[3] = 1
    want = begun.layers[1].bias.copy()
    assert_allclose(trained(begun, **how).layers[1].bias, want, atol=1e-20)
    layers = ff.EmbeddingBag(N_FEATURES, 24), ff.Linear(24, N_LABELS, bias=False)
    assert not trained(ff.Network(*layers), **how).layers[1].bias.any()


# -- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("gate", [None, *OUTPUTS], ids=repr)
def test_a_loaded_network_predicts_the_same_bits(tmp_path, gate):
    net = trained(make(gate, dropout=0.2))
    net.save(tmp_path / "net")
    loaded = ff.load(tmp_path / "net")
    assert [layer.settings for layer in loaded.layers] == [layer.settings for layer in net.layers]
    assert_same_bits(net, loaded)
    assert_same_bits(net, net.copy())
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "net").read_bytes()


CHANGES = {
    "dropout of all": (lambda layers: layers[0].update(dropout=1), "dropout must be at least 0"),
    "dropout of text": (lambda layers: layers[0].update(input_dropout="0.5"), "input_dropout"),
    "another width": (lambda layers: layers[0].update(n_features=25), r"layers\.0\.weights"),
    "no width": (lambda layers: layers[0].pop("dim"), "dim"),
    "another layer": (lambda layers: layers[0].update(type="Linear"), "damaged"),
    "a second bag": (lambda layers: layers.append(layers[0]), r"layers\.2\.weights is missing"),
    "a bag with a gate": (lambda layers: layers[0].update(gate={"type": "All"}), "gate"),
    "a width beyond memory": (
        lambda layers: layers[0].update(n_features=2**31 - 1),
        r"layers\.0\.weights",
    ),
    "negatives of text": (lambda layers: layers[1]["gate"].update(negatives="2"), "negatives"),
    "negatives that nobody draws": (
        lambda layers: layers[1]["gate"].update(type="Hashed"),
        "Hashed.*unexpected keyword argument",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_damaged_description_is_refused(tmp_path, name):
    make().save(tmp_path / "net")
    change, words = CHANGES[name]
    config, arrays = files.read_model(tmp_path / "net")
    change(config["layers"])
    save_file(arrays, tmp_path / "model", metadata={"fewfire": json.dumps(config)})
    with pytest.raises(ff.errors.FormatError, match=words):
        ff.load(tmp_path / "model")


# -- what does not fit ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dropout": 1}, "dropout must be at least 0 and below 1, got 1"),
        ({"input_dropout": -0.1}, "input_dropout must be at least 0"),
        ({"input_dropout": 1.0}, "input_dropout must be at least 0 and below 1"),
        ({"dropout": True}, "dropout must be a finite number"),
        ({"dropout": np.nan}, "dropout must be a finite number"),
        ({"activation": "gelu"}, "activation must be one of"),
        ({"bias": 1}, "bias must be True or False"),
        ({"gain": -1.0}, "gain must be at least 0"),
        ({"dim": 0}, "dim must be at least 1"),
        ({"n_features": 2.5}, "n_features must be a whole number"),
    ],
)
def test_a_bag_checks_its_options(options, words):
    with pytest.raises((ValueError, TypeError), match=words):
        ff.EmbeddingBag(**{"n_features": 10, "dim": 4} | options)


LAST = ff.gates.Retrieve(4, negatives=5)
RELU = {"activation": "relu"}


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([ff.Linear(4, 8), ff.EmbeddingBag(8, 3)], "layer 1 is an EmbeddingBag: only the first"),
        ([ff.EmbeddingBag(9, 4), ff.Linear(5, 3)], "layer 1 needs 5 inputs but layer 0 has 4"),
        ([ff.EmbeddingBag(9, 4), ff.Linear(4, 8, gate=LAST), ff.Linear(8, 3)],
         "layer 1 cannot retrieve"),
        ([ff.Linear(4, 8, **RELU, gate=LAST)], "layer 0 cannot retrieve"),
        ([ff.Linear(4, 8), ff.Linear(8, 9, **RELU, gate=LAST)], "layer 1 cannot retrieve"),
        ([ff.Linear(4, 8, **RELU, gate=ff.gates.TopK(density=0.5)), ff.Linear(8, 9, gate=LAST)],
         "layer 1 cannot retrieve.*above a layer without a gate"),
    ],
)  # fmt: skip
def test_layers_that_do_not_fit_are_named(layers, words):
    with pytest.raises(ValueError, match=words):
        ff.Network(*layers)


@pytest.mark.parametrize(
    "options",
    [
        {"negatives": -1},
        {"head": -2},
        {"negatives": 1.5},
        {"candidates": 0},
        {"thin": 2.0},
        {"ns_exponent": -1.0},
    ],
)
def test_retrieval_checks_its_options(options):
    with pytest.raises((ValueError, TypeError), match=next(iter(options))):
        ff.gates.Retrieve(**options)


def test_examples_without_inputs_or_labels_are_no_trouble():
    X = sparse.csr_array(np.zeros((5, N_FEATURES), np.float32))
    Y = np.zeros((5, N_LABELS), bool)
    Y[0, 0] = Y[2, [1, 2]] = True
    data = ff.Dataset(X, sparse.csr_array(Y))
    for loss in ("softmax", "decoupled", "logistic"):
        net = make(dropout=0.5)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            history = ff.Trainer(net, **HOW, loss=loss).fit(data)
        assert np.isfinite(history[-1]["train/loss"])
        assert np.isfinite(net.layers[0].weights).all()


def test_a_net_with_a_bag_tells_of_itself():
    net = trained(make())
    assert "120 -> 24" in net.summary()
    assert repr(net) == f"Network(120-24-60, {120 * 24 + 24 + 24 * 60 + 60:,} parameters)"
    (stats,) = net.table_stats(TEST)
    assert stats.never_chosen < N_LABELS
