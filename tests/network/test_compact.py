"""A compact network answers as the one that it was made of wherever both use the same rows."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse import csr_array

import fewfire as ff
from commands import run
from model_contract import checkerboard

RNG = np.random.default_rng(0)
X = np.abs(RNG.normal(size=(80, 12))).astype(np.float32)
X[:, [2, 7]] = 0
DATA = ff.Dataset(X, RNG.integers(0, 3, 80))
GATES = [
    ff.gates.All(),
    ff.gates.TopK(0.2, soft=True),
    ff.gates.TopK(0.2),
    ff.gates.Dropout(0.5),
    ff.Hashed(0.2),
    ff.Hashed(0.2, family=ff.gates.Centroid(n_cells=3)),
]


def trained(gate, activation="relu", depth=2):
    widths = [12, *[24] * depth]
    hidden = [ff.Linear(a, b, activation, gate) for a, b in pairwise(widths)]
    net = ff.Network(*hidden, ff.Linear(24, 3), random_state=2)
    adam = ff.optim.Adam(lr=0.01)
    ff.Trainer(net, optimizer=adam, max_epochs=3, batch_size=4, n_jobs=1).fit(DATA)
    for layer in net.layers[:-1]:
        layer.bias[[3, 5, 11]] = -99  # rows that nothing chooses for a value
    net.refresh()
    return net


@pytest.mark.parametrize("gate", GATES, ids=str)
def test_rows_without_values_leave_and_scores_stay(gate):
    net = trained(gate)
    found = net.compact(DATA)
    small = found.model
    assert [layer.settings.active for layer in small.layers] == [
        min(layer.settings.active, len(own.bias))
        for layer, own in zip(net.layers, small.layers, strict=True)
    ]
    assert len(small.layers[0].bias) <= 21
    assert len(small.layers[1].bias) <= 21
    assert (small.columns.tolist(), small.n_features) == ([0, 1, 3, 4, 5, 6, 8, 9, 10, 11], 12)
    assert found.n_bytes < found.n_bytes_before
    if isinstance(gate, ff.gates.All | ff.gates.Dropout):
        np.testing.assert_allclose(
            small.decision_function(X), net.decision_function(X), rtol=1e-4, atol=1e-5
        )
        assert found.changed == 0


def test_rows_keep_their_order_and_weights():
    net = trained(ff.Hashed(0.2))
    small = net.compact(DATA).model
    rows = [net.layers[0].bias.tolist().index(bias) for bias in small.layers[0].bias]
    assert rows == sorted(rows)
    np.testing.assert_array_equal(
        small.layers[0].weights, net.layers[0].weights[np.ix_(rows, small.columns)]
    )
    np.testing.assert_array_equal(small.layers[0].center, net.layers[0].center[small.columns])
    assert sorted(small.layers[0].origins) == [*range(len(rows))]


@pytest.mark.parametrize("sparse", [False, True])
def test_a_compact_network_takes_the_inputs_of_before_from_files_copies_and_turns(sparse, tmp_path):
    net = trained(ff.Hashed(0.2))
    small = net.compact(DATA).model
    given = csr_array(X) if sparse else X
    small.save(tmp_path / "small.safetensors")
    again = ff.load(tmp_path / "small.safetensors")
    twice = small.compact(DATA).model
    assert twice.columns.tolist() == small.columns.tolist()
    for twin in (again, small.copy(), twice):
        np.testing.assert_array_equal(twin.decision_function(given), small.decision_function(X))
    assert small.evaluate(DATA)["accuracy"] == again.evaluate(DATA)["accuracy"]
    assert small.latency(given, 1).p50 > 0
    assert len(small.table_stats(DATA)) == 2
    with pytest.raises(ValueError, match="compacted, reads 10 of 12 inputs"):
        ff.Trainer(small, max_epochs=1).fit(DATA)


def test_rows_stay_below_hash_functions_of_columns():
    tables = ff.Hashed(0.2, family=ff.gates.SimHash(n_bits=2, n_tables=3))
    net = trained(tables)
    small = net.compact(DATA).model
    assert small.columns is None
    assert len(small.layers[0].bias) == 24
    assert len(small.layers[1].bias) <= 21
    np.testing.assert_array_equal(
        np.array(small.layers[0].index.codes), np.array(net.layers[0].index.codes)
    )


def test_rows_of_other_activations_leave_where_no_example_chooses_them():
    gate = ff.gates.TopK(0.2)
    small = trained(gate, "tanh").compact(DATA).model
    assert len(small.layers[0].bias) <= 21
    assert len(trained(ff.gates.All(), "tanh").compact(DATA).model.layers[0].bias) == 24


def test_a_bag_loses_features_and_neurons():
    data = checkerboard(12)
    wide = ff.Dataset(
        csr_array((data.X.data, data.X.indices, data.X.indptr), shape=(12, 20)), data.y
    )
    net = ff.Network(ff.EmbeddingBag(20, 8), ff.Linear(8, 12))
    ff.Trainer(net, loss="logistic", max_epochs=2, n_jobs=1).fit(wide)
    net.layers[0].bias[4] = -99
    found = net.compact(wide)
    n_features, dim = found.model.layers[0].stored.shape
    assert n_features == 12
    assert dim <= 7
    np.testing.assert_allclose(
        found.model.decision_function(wide.X), net.decision_function(wide.X), rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize(
    ("columns", "message"),
    [([0, 1], "wanted int32"), ([*range(9), 12], "ascend"), ([1, 0, *range(2, 10)], "ascend")],
)
def test_damaged_columns_are_refused(columns, message):
    small = trained(ff.gates.All()).compact(DATA).model
    with pytest.raises(ValueError, match=message):
        small.read_only(np.array(columns, np.int32), 12)


def test_examples_without_targets_tell_what_changed():
    found = trained(ff.gates.All()).compact(ff.Dataset(X))
    assert (found.metrics, found.metrics_before) == (None, None)
    assert "best label changed: 0.00% of 80 examples" in str(found)
    with pytest.raises(ValueError, match="no examples"):
        trained(ff.gates.All()).compact(DATA[:0])


def test_the_command_writes_what_python_makes(tmp_path):
    ff.datasets.save_npz(tmp_path / "data.npz", DATA)
    net = trained(ff.Hashed(0.2))
    net.save(tmp_path / "net.safetensors")
    out, _ = run("compact", "net.safetensors", "data.npz", "-o", "small.safetensors", cwd=tmp_path)
    assert "inputs: 10 of 12" in out
    small = ff.load(tmp_path / "small.safetensors")
    np.testing.assert_array_equal(
        small.decision_function(X), net.compact(DATA).model.decision_function(X)
    )


def test_gates_keep_as_many_rows_of_fewer():
    gate = ff.Hashed(0.5)
    small = trained(gate).compact(DATA).model
    own = small.layers[0].settings
    assert replace(own.gate, density=0.5).family == trained(gate).layers[0].settings.gate.family
    assert own.active == min(12, own.out_features)
