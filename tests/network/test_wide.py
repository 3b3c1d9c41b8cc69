"""Wide last layers in use: scores of given rows, latency and recall, memory, and what is fitted."""

import json
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array, random_array

import fewfire as ff
from fewfire.gates import Centroid, Retrieve
from fewfire.network.architecture import WIDE

RNG = np.random.default_rng(0)


def lists(n, n_features=40, n_labels=300):
    X = random_array((n, n_features), density=0.2, random_state=RNG, dtype=np.float32)
    Y = random_array((n, n_labels), density=0.01, random_state=RNG)
    return ff.Dataset(csr_array(X), csr_array(Y))


DATA = lists(200)


def make(gate, dtype="float32"):
    bag = ff.EmbeddingBag(DATA.n_features, 16, dtype=dtype)
    output = ff.Linear(16, DATA.n_labels, gate=gate, dtype=dtype)
    return ff.Network(bag, output, random_state=1)


GATES = [ff.gates.All(), Retrieve(30), Retrieve(30, "sign"), ff.Hashed(0.1, rerank=3)]


@pytest.mark.parametrize("gate", GATES, ids=repr)
def test_scores_of_given_rows_are_those_of_exact_prediction(gate):
    net = make(gate)
    wanted = random_array((200, 300), density=0.05, format="csr", random_state=RNG)
    found = net.predict_scores(DATA.X, wanted)
    every = net.decision_function(DATA.X, exact=True)
    assert found.shape == wanted.shape
    assert found.nnz == wanted.nnz
    rows, columns = found.nonzero()
    assert_array_equal(found.data, every[rows, columns])


def test_scores_of_given_rows_are_values_of_the_layer():
    net = ff.Network(ff.Linear(2, 4, "sigmoid"), random_state=0)
    wanted = csr_array(np.ones((1, 4)))
    found = net.predict_scores(np.ones((1, 2)), wanted).data
    assert_array_equal(found, net.decision_function(np.ones((1, 2)))[0])
    adaptive = ff.Network(ff.Linear(2, 4, gate=ff.gates.AdaptiveDropout()), random_state=0)
    with pytest.raises(ValueError, match="adaptive dropout"):
        adaptive.predict_scores(np.ones((1, 2)), wanted)
    for exact in (False, True):
        scores = adaptive.decision_function(np.ones((1, 2)), exact=exact)[0]
        top = adaptive.predict_topk(np.ones((1, 2)), 4, exact=exact)
        assert_array_equal(top.scores[0], np.sort(scores)[::-1])


def test_cells_of_a_refit_move_with_renumbered_rows():
    """Training below renumbers columns while a refit of the last layer is under way."""
    how = {"refresh": "rolling", "refresh_every": 1200, "spherical": False, "rank": "union"}
    cells = ff.Hashed(0.2, Centroid(n_cells=8, **how))
    net = ff.Network(ff.Linear(40, 64, "relu", ff.Hashed(0.5)), ff.Linear(64, 300, gate=cells))
    rms = ff.optim.RMS(lr=0.01, rowwise=True)
    ff.Trainer(net, loss="softmax", optimizer=rms, max_epochs=10, n_jobs=1).fit(DATA)
    codes = np.asarray(net.layers[-1].index.codes)[:, 0]
    rows = np.hstack([net.layers[-1].weights, net.layers[-1].bias[:, None]])
    centroids = np.asarray(net.layers[-1].index.learned)
    own = np.einsum("ij,ij->i", rows, centroids[codes])
    cosine = own / np.linalg.norm(rows, axis=1) / np.linalg.norm(centroids[codes], axis=1)
    assert cosine.mean() > 0.5


@pytest.mark.parametrize("gate", GATES[1:], ids=repr)
def test_latency_counts_the_rows_that_the_gates_score(gate):
    net = make(gate)
    assert net.latency(DATA, k=5).candidates == (90 if isinstance(gate, ff.Hashed) else 30)


def test_exact_prediction_ranks_blocks_as_a_sort_would():
    """Ties, more rows than a block, and a last layer of lists as of full rows."""
    rng = np.random.default_rng(3)
    for first in (ff.EmbeddingBag(40, 16), ff.Linear(40, 16, "relu", ff.Hashed(0.5))):
        net = ff.Network(first, ff.Linear(16, 1000), random_state=2)
        net.layers[-1].weights[...] = rng.integers(-2, 3, (1000, 16))
        net.layers[0].weights[...] = rng.integers(-2, 3, net.layers[0].weights.shape)
        net.refresh()
        X = np.asarray(DATA.X.todense() > 0, np.float32)
        scores = net.decision_function(X, exact=True)
        found = net.predict_topk(X, 7, exact=True)
        order = np.lexsort((np.broadcast_to(np.arange(1000), scores.shape), -scores))[:, :7]
        assert_array_equal(found.indices, order)
        assert_array_equal(found.scores, np.take_along_axis(scores, order, axis=1))


@pytest.mark.parametrize("loss", ["softmax", "decoupled", "logistic"])
def test_losses_in_blocks_are_those_of_all_rows(loss):
    net = make(Retrieve(30))
    net.loss = loss
    z = net.decision_function(DATA, exact=True).astype(float)
    is_label = DATA.y.toarray() > 0
    if loss == "logistic":
        want = np.logaddexp(0, np.where(is_label, -z, z)).sum(axis=1)
    else:
        others = np.log(np.where(is_label & (loss == "decoupled"), 0, np.exp(z)).sum(axis=1))
        of_each = others[:, None] if loss == "softmax" else np.logaddexp(z, others[:, None])
        counts = is_label.sum(axis=1)
        want = ((of_each - z) * is_label).sum(axis=1) / np.maximum(counts, 1)
    got = net.evaluate(DATA, ["loss"], exact=True).loss
    assert got == pytest.approx(want.mean(), rel=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_memory_is_that_of_the_arrays(dtype):
    net = make(Retrieve(30), dtype=dtype)
    optimizer = ff.optim.RMS(rowwise=True)
    estimate = ff.estimate_memory(net, optimizer)
    assert estimate.parameters == sum(
        layer.stored.nbytes + layer.bias.nbytes for layer in net.layers
    )
    index = net.layers[-1].index
    held = sum(np.asarray(array).nbytes for array in (index.codes, index.offsets, index.rows))
    assert held < estimate.index < 2 * held + 3 * np.asarray(index.learned).nbytes
    moments = ff.training.optimizer_state.OptimizerState(net, optimizer).arrays()
    assert estimate.optimizer == sum(array.nbytes for array in moments.values())
    assert estimate.copy == estimate.parameters
    assert ff.estimate_memory(net).optimizer == 0
    assert f"{estimate.total / 1e6:,.1f} MB" in str(estimate)


def test_wide_last_layers_retrieve_by_default():
    def last(width, below=None, **options):
        below = below or ff.EmbeddingBag(8, 4)
        return ff.Network(below, ff.Linear(4, width, **options)).layers[-1].settings.gate

    assert last(WIDE) == ff.Linear(4, WIDE, gate=Retrieve()).gate
    assert last(WIDE - 1) == ff.gates.All()
    assert last(WIDE, activation="relu") == ff.gates.All()
    assert last(WIDE, gate=ff.gates.All()) == ff.gates.All()
    assert last(WIDE, ff.Linear(8, 4, "relu", ff.Hashed(0.5))) == ff.gates.All()
    net = ff.Network(ff.Linear(2, 4), ff.Linear(4, WIDE))
    with pytest.raises(ValueError, match="values need every row"):
        ff.Trainer(net, loss="squared")


def test_cells_are_fitted_to_the_layer():
    def fitted(n_rows, family="centroid", gate=Retrieve):
        return ff.Linear(128, n_rows, gate=gate(family=family)).gate.family

    last = fitted(670_091)
    assert (last.rank, last.refresh, last.n_cells) == ("union", "rolling", 8192)
    assert not last.spherical
    assert ff.Linear(128, 670_091, gate=Retrieve()).active == 1000
    assert ff.Linear(128, 600, gate=Retrieve()).active == 600
    pauses = fitted(9000, Centroid(refresh_growth=1.3))
    assert (pauses.refresh, pauses.refresh_growth) == ("touched", 1.3)
    hidden = fitted(4000, gate=ff.Hashed)
    assert (hidden.rank, hidden.refresh, hidden.refresh_growth) == ("sign", "touched", 1.3)
    assert (hidden.spherical, hidden.n_cells, hidden.probes) == (True, 128, 31)
    assert fitted(4000, Centroid(refresh="rolling"), ff.Hashed).refresh_growth == 1.0
    assert fitted(100, Centroid(n_cells=1000), ff.Hashed).n_cells == 100
    own = fitted(20_000, Centroid(rank="sign", refresh="touched", n_cells=9))
    assert (own.rank, own.refresh, own.n_cells) == ("sign", "touched", 9)
    assert fitted(20_000, own) == own


def test_a_step_whose_loss_is_no_number_changes_nothing():
    net = make(Retrieve(30))
    net.layers[-1].weights[:50] = np.nan
    before = [layer.weights.copy() for layer in net.layers]
    net.count_labels(DATA)
    with pytest.raises(ff.errors.DivergenceError, match="is nan in epoch 1"):
        ff.Trainer(net, max_epochs=1, n_jobs=1, loss="softmax").fit(DATA)
    for layer, weights in zip(net.layers, before, strict=True):
        assert_array_equal(layer.weights, weights)


def run(folder, *words):
    return subprocess.run(
        [sys.executable, "-m", "fewfire", *map(str, words)],
        cwd=folder, capture_output=True, text=True,
    )  # fmt: skip


def test_negatives_follow_the_counts_of_labels():
    counts = np.array([0, 1, 16, 81, 10_000])
    assert len(Retrieve(ns_exponent=0).shares_of_negatives(counts)) == 0
    assert len(Retrieve(ns_exponent=1).shares_of_negatives(np.zeros(5, int))) == 0
    shares = Retrieve(ns_exponent=0.5).shares_of_negatives(counts)
    assert_allclose(shares - 0.1, 0.5 * np.array([0, 1, 4, 9, 100]) / 114, atol=1e-12)


def test_a_loaded_net_draws_by_the_counts_that_it_learned(tmp_path):
    def trained(net):
        ff.Trainer(net, max_epochs=1, n_jobs=1).fit(DATA)
        return net

    ends = []
    for power in (0.0, 1.0):
        net = trained(make(Retrieve(20, negatives=20, head=0, ns_exponent=power)))
        net.save(tmp_path / "net")
        loaded = ff.load(tmp_path / "net")
        ends += [trained(each).layers[-1].weights for each in (net, loaded)]
    assert_array_equal(ends[0], ends[1])
    assert_array_equal(ends[2], ends[3])
    assert (ends[0] != ends[2]).any()


def test_label_lists_train_behind_a_bag_on_the_command_line(tmp_path):
    ff.datasets.save_svmlight(tmp_path / "lists.txt", DATA)
    done = run(tmp_path, "train", "lists.txt", "--bag", 8, "--candidates", 40, "--negatives", 50,
               "--head", 10, "--max-epochs", 1, "-o", "net", "--seed", 1)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "memory: " in done.stderr
    net = ff.load(tmp_path / "net")
    bag, last = (layer.settings for layer in net.layers)
    assert (bag.dim, bag.input_dropout, bag.dropout) == (8, 0.3, 0.2)
    assert (last.active, last.gate.negatives, last.gate.head) == (40, 50, 10)
    done = run(tmp_path, "evaluate", "net", "lists.txt", "--json")
    report = json.loads(done.stdout)
    assert set(report["metrics"]) == {"P@1", "P@3", "P@5", "loss"}
    assert 0 <= report["latency"]["recall"] <= 1
    assert (
        "single examples, one thread: p50" in run(tmp_path, "evaluate", "net", "lists.txt").stdout
    )


def test_above_a_gate_candidates_are_kept_without_negatives(tmp_path):
    ff.datasets.save_svmlight(tmp_path / "lists.txt", DATA)
    done = run(tmp_path, "train", "lists.txt", "--hidden", 16, "--candidates", 30, "-o", "net",
               "--max-epochs", 1)  # fmt: skip
    assert done.returncode == 0, done.stderr
    last = ff.load(tmp_path / "net").layers[-1].settings
    cells = Centroid().for_layer(300, retrieves=True)
    assert last.gate == ff.Linear(16, 300, gate=ff.Hashed(0.1, cells, rerank=1.0)).gate
    assert last.active == 30


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        ("--dropout 0.5 --hidden 8", 2, "--dropout needs a --bag"),
        ("--bag 8 --dropout 1.5", 1, "dropout must be"),
        ("--output-rows all --negatives 5", 2, "--negatives needs --output-rows hashed"),
        ("--hidden 8 --negatives 5", 2, "--negatives is for a last layer above one without"),
        ("--rise 0.5 --schedule linear", 2, "linear has no option --rise"),
        ("--bag -1", 2, "--bag"),
    ],
)
def test_options_that_do_nothing_are_refused(tmp_path, words, code, what):
    ff.datasets.save_svmlight(tmp_path / "lists.txt", DATA)
    done = run(tmp_path, "train", "lists.txt", *words.split(), "-o", "net")
    assert (done.returncode, done.stdout) == (code, "")
    assert what in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "net").exists()
