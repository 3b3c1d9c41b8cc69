"""Training: what it learns, what it keeps, and what does not matter to it."""

import signal
import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import fewfire as ff
from fewfire import _core as core
from fewfire.base import progress
from fewfire.training.optimizer_state import OptimizerState
from fewfire.training.renumber import renumber

RNG = np.random.default_rng(0)
CENTRES = RNG.normal(size=(5, 20)).astype(np.float32)


def blobs(n, seed):
    """Five clouds of points."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 5, size=n)
    return ff.Dataset(CENTRES[y] + 0.7 * rng.normal(size=(n, 20)), y, n_labels=5)


TRAIN, TEST = blobs(600, 1), blobs(300, 2)


def make(gate=None, seed=0):
    gate = gate or ff.Hashed(density=0.2)
    return ff.Network(
        ff.Linear(20, 64, activation="relu", gate=gate),
        ff.Linear(64, 48, activation="relu", gate=gate),
        ff.Linear(48, 5),
        random_state=seed,
    )


def fit(net, data=TRAIN, **options):
    options = {"max_epochs": 3, "n_jobs": 1, **options}
    return ff.Trainer(net, **options).fit(data)


def assert_same(net, other):
    for a, b in zip(net.weights(), other.weights(), strict=True):
        assert_array_equal(a, b)


GATES = {
    "all": ff.gates.All(),
    "dropout": ff.gates.Dropout(density=0.5),
    "adaptive": ff.gates.AdaptiveDropout(),
    "topk": ff.gates.TopK(density=0.2, soft=True),
    "sign": ff.Hashed(density=0.2),
    "simhash": ff.Hashed(0.2, ff.gates.SimHash(n_bits=3, n_tables=8, refresh_every=100)),
    "centred": ff.Hashed(
        0.2,
        ff.gates.SimHash(
            n_bits=3, n_tables=8, probes=2, refresh_every=100, projection="sparse",
            mips="sign-alsh", center=True, rank="hamming",
        ),
    ),
    "centroid": ff.Hashed(0.2, ff.gates.Centroid(n_cells=8, probes=3, refresh_every=100)),
}  # fmt: skip


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_every_gate_learns_on_one_thread_and_on_two(name, n_jobs):
    net = make(GATES[name])
    fit(net, max_epochs=10, batch_size=4, optimizer=ff.optim.RMS(lr=0.002), n_jobs=n_jobs)
    assert net.evaluate(TEST).accuracy > 0.9


def test_a_density_that_nobody_set_is_measured():
    net = make(ff.gates.AdaptiveDropout(alpha=0, beta=-1))
    history = fit(net)
    assert history[-1]["density"] == pytest.approx(1 / (1 + np.exp(1)), abs=0.01)
    assert net.evaluate(TEST).density == 1


@pytest.mark.parametrize(
    "optimizer",
    [
        ff.optim.SGD(lr=0.05, momentum=0.5, l2=1e-4),
        ff.optim.Adagrad(lr=0.05),
        ff.optim.RMS(lr=0.002),
        ff.optim.Adam(lr=0.003),
        ff.optim.Adagrad(lr=0.05, rowwise=True),
        ff.optim.RMS(lr=0.004, rowwise=True),
        ff.optim.Adam(lr=0.003, rowwise=True),
    ],
    ids=repr,
)
def test_every_optimizer_learns(optimizer):
    net = make()
    fit(net, max_epochs=10, batch_size=4, optimizer=optimizer)
    assert net.evaluate(TEST).accuracy > 0.9


def test_one_thread_gives_the_same_bits_twice():
    first, second = make(), make()
    histories = [fit(first), fit(second)]
    assert_same(first, second)
    assert [row["train/loss"] for row in histories[0]] == [
        row["train/loss"] for row in histories[1]
    ]


@pytest.mark.parametrize("gate", GATES.values(), ids=list(GATES))
def test_deterministic_training_gives_the_same_bits_for_any_number_of_threads(gate):
    nets = [make(gate) for _ in range(3)]
    for n_jobs, net in enumerate(nets, start=1):
        fit(net, deterministic=True, n_jobs=n_jobs, batch_size=32)
    assert_same(nets[0], nets[1])
    assert_same(nets[0], nets[2])


def test_slices_of_an_epoch_leave_no_trace(monkeypatch):
    nets, histories = [make(GATES["simhash"]) for _ in range(3)], []
    for seconds, net in zip((1e-9, 3e-4, 1e9), nets, strict=True):
        monkeypatch.setattr(progress, "_SLICE_SECONDS", seconds)
        histories.append(fit(net))
        assert_same(net, nets[0])
    losses = [[row["train/loss"] for row in history] for history in histories]
    assert losses[0] == losses[1] == losses[2]


def test_sparse_and_dense_data_train_the_same_network():
    from scipy import sparse

    X = np.where(np.abs(TRAIN.X) > 0.5, TRAIN.X, 0)
    dense, thin = make(), make()
    fit(dense, ff.Dataset(X, TRAIN.y))
    fit(thin, ff.Dataset(sparse.csr_array(X), TRAIN.y))
    assert_same(dense, thin)


def test_history_has_a_row_per_epoch_and_agrees_with_evaluate():
    net = make()
    history = ff.Trainer(net, max_epochs=2, n_jobs=1).fit(TRAIN, eval_sets={"test": TEST})
    assert [row["epoch"] for row in history] == [1, 2]
    assert history.n_examples == 2 * len(TRAIN)
    assert history[-1]["test/accuracy"] == net.evaluate(TEST).accuracy
    assert history[-1]["lr"] < history[0]["lr"]
    assert 0 < history.ledger.share < 1
    assert history.ledger.dense == 2 * len(TRAIN) * (2 * 20 * 64 + 3 * 64 * 48 + 3 * 48 * 5)


def test_history_becomes_a_data_frame():
    pytest.importorskip("pandas")
    history = fit(make())
    assert list(history.to_frame()["epoch"]) == [1, 2, 3]


def test_rows_that_nobody_chose_keep_every_bit():
    net = make(ff.Hashed(density=0.05, rerank=1.0))
    before = {row.tobytes() for row in net.layers[0].weights}
    fit(net, TRAIN[:5], max_epochs=1, optimizer=ff.optim.RMS(rowwise=True))
    kept = before & {row.tobytes() for row in net.layers[0].weights}  # their numbers may change
    assert 0.5 < len(kept) / 64 < 1


def test_renumbering_rows_by_use_leaves_the_function_as_it_was():
    net = make()
    fit(net)
    moments = OptimizerState(net, ff.optim.RMS())
    for layer, ((weights, bias),) in zip(net.layers, moments.moments, strict=True):
        weights[:], bias[:] = layer.weights, layer.bias
    before, usage = net.copy(), [RNG.integers(0, 9, len(layer.bias)) for layer in net.layers]
    renumber(net, moments, usage)
    for layer, old in zip(net.layers, before.layers, strict=True):
        assert not np.array_equal(layer.weights, old.weights)
    net.refresh()
    assert not np.array_equal(net.layers[0].weights, before.layers[0].weights)
    scores = before.decision_function(TEST)
    np.testing.assert_allclose(net.decision_function(TEST), scores, rtol=1e-3, atol=1e-4)
    order = np.argsort(-usage[1], kind="stable")
    assert_array_equal(net.layers[1].bias, before.layers[1].bias[order])
    for layer, ((weights, bias),) in zip(net.layers, moments.moments, strict=True):
        assert_array_equal(weights, layer.weights)
        assert_array_equal(bias, layer.bias)


def test_row_wise_moments_move_with_their_rows():
    net = make()
    moments = OptimizerState(net, ff.optim.Adam(rowwise=True))
    for position, layer in enumerate(net.layers):
        (first, _), (second, _) = moments.moments[position]
        first[:], second[:, 0] = layer.weights, layer.weights.sum(axis=1)
    renumber(net, moments, [RNG.integers(0, 9, len(layer.bias)) for layer in net.layers])
    for position, layer in enumerate(net.layers):
        (first, _), (second, _) = moments.moments[position]
        assert_array_equal(first, layer.weights)
        np.testing.assert_allclose(second[:, 0], layer.weights.sum(axis=1), atol=1e-5)


@pytest.fixture
def _hears_interrupts():
    """A background job of a shell ignores SIGINT; a user's terminal does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class PressesCtrlC(np.ndarray):
    """Rows that are interrupted when they are written."""

    def __setitem__(self, at, rows):
        signal.raise_signal(signal.SIGINT)
        super().__setitem__(at, rows)


@pytest.mark.usefixtures("_hears_interrupts")
def test_an_interrupted_renumbering_leaves_the_function_as_it_was():
    net = make()
    before, usage = net.copy(), [RNG.integers(0, 9, len(layer.bias)) for layer in net.layers]
    net.layers[0].stored = net.layers[0].stored.view(PressesCtrlC)
    with pytest.raises(KeyboardInterrupt):
        renumber(net, OptimizerState(net, ff.optim.RMS()), usage)
    net.layers[0].stored = np.asarray(net.layers[0].stored)
    net.refresh()
    assert not np.array_equal(net.layers[0].weights, before.layers[0].weights)
    scores = before.decision_function(TEST)
    np.testing.assert_allclose(net.decision_function(TEST), scores, rtol=1e-3, atol=1e-4)


def test_rows_below_hash_tables_and_without_signs_keep_their_numbers():
    tables = ff.Hashed(density=0.2, family="simhash")
    for first, second in (
        (ff.Hashed(density=0.2), tables),
        (ff.gates.All(), ff.gates.All()),
        (tables, tables),
    ):
        net = ff.Network(
            ff.Linear(20, 16, activation="relu", gate=first),
            ff.Linear(16, 16, activation="relu", gate=second),
            ff.Linear(16, 5),
        )
        usage = [RNG.integers(0, 9, len(layer.bias)) for layer in net.layers]
        before = net.weights()
        ledger = renumber(net, OptimizerState(net, ff.optim.Adam()), usage)
        assert ledger.comparisons == 0
        for array, old in zip(net.weights(), before, strict=True):
            assert_array_equal(array, old)


def test_a_checkpoint_of_another_seed_is_refused(tmp_path):
    fit(make(seed=0), callbacks=[ff.callbacks.Checkpoint(tmp_path / "c.safetensors")])
    trainer = ff.Trainer(make(seed=1), max_epochs=3, n_jobs=1)
    with pytest.raises(ValueError, match="another network"):
        trainer.fit(TRAIN, resume=tmp_path / "c.safetensors")


def test_early_stopping_restores_the_best_epoch():
    class Watch(ff.callbacks.Callback):
        def __init__(self):
            self.weights = []

        def on_epoch_end(self, run, record):
            self.weights.append(run.net.weights())
            return False

    net, watch = make(), Watch()
    stop = ff.callbacks.EarlyStopping("val/accuracy", patience=2)
    trainer = ff.Trainer(net, optimizer=ff.optim.RMS(lr=0.03), max_epochs=30, n_jobs=1,
                         callbacks=[watch, stop])  # fmt: skip
    history = trainer.fit(TRAIN, eval_sets={"val": TEST})
    scores = [row["val/accuracy"] for row in history]
    assert len(history) == stop.best_epoch_ + 2 < 30
    assert stop.best_score_ == max(scores) == net.evaluate(TEST).accuracy
    for a, b in zip(watch.weights[stop.best_epoch_ - 1], net.weights(), strict=True):
        assert_array_equal(a, b)


def test_early_stopping_names_a_column_that_is_not_there():
    net = make()
    with pytest.raises(ValueError, match=r"val/accuracy.* give eval_sets"):
        fit(net, callbacks=[ff.callbacks.EarlyStopping("val/accuracy")])
    assert net.encoding is None


@pytest.mark.parametrize(
    ("optimizer", "name"),
    [
        (ff.optim.RMS(), "sign"),
        (ff.optim.Adam(), "sign"),
        (ff.optim.SGD(momentum=0.9), "sign"),
        (ff.optim.RMS(), "centred"),
    ],
    ids=repr,
)
def test_a_resumed_run_ends_with_the_same_bits(tmp_path, optimizer, name):
    class Stop(ff.callbacks.Callback):
        def on_epoch_end(self, run, record):
            return record["epoch"] == 2

    whole, first, second = (make(GATES[name]) for _ in range(3))
    fit(whole, max_epochs=4, optimizer=optimizer)
    path = tmp_path / "checkpoint"
    fit(first, max_epochs=4, optimizer=optimizer, callbacks=[ff.callbacks.Checkpoint(path), Stop()])
    options = {"max_epochs": 4, "optimizer": optimizer, "n_jobs": 1}
    history = ff.Trainer(second, **options).fit(TRAIN, resume=path)
    assert_same(whole, second)
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert history.n_examples == 4 * len(TRAIN)
    other = make(GATES[name])
    with pytest.raises(ValueError, match="batch_size"):
        ff.Trainer(other, **{**options, "batch_size": 2}).fit(TRAIN, resume=path)
    assert (other.loss, other.encoding) == (None, None)


@pytest.mark.usefixtures("_hears_interrupts")
def test_an_interrupt_ends_training_with_its_slice_and_keeps_what_was_learned(monkeypatch):
    net = make(seed=7)
    before = net.weights()
    train, slices = core.train, []

    def press(*arguments, **options):
        slices.append(arguments)
        if len(slices) < 100:
            return train(*arguments, **options)
        finger = threading.Thread(target=signal.raise_signal, args=[signal.SIGINT])
        finger.start()
        trained = train(*arguments, **options)
        finger.join()
        return trained

    monkeypatch.setattr(core, "train", press)
    history = fit(net, max_epochs=1_000_000, tune=False)
    assert len(slices) == 100
    assert history.interrupted
    assert not np.array_equal(before[0], net.layers[0].weights)
    assert net.evaluate(TEST).accuracy > 0.3
    scores = net.decision_function(TEST)
    net.refresh()
    assert_array_equal(net.decision_function(TEST), scores)  # the codes were those of the weights


def test_a_loss_that_is_no_number_leaves_the_network_of_the_last_good_epoch():
    net = make(ff.gates.All())
    before = net.weights()
    with pytest.raises(ff.errors.DivergenceError, match="smaller lr than 1e\\+30"):
        fit(net, optimizer=ff.optim.SGD(lr=1e30))
    for a, b in zip(before[:-1], net.weights()[:-1], strict=True):
        assert_array_equal(a, b)
    priors = net.layers[-1].bias
    assert_allclose(np.exp(priors).sum(), 1.0, rtol=1e-5)  # what the epoch began with


WRONG = [
    (ff.Dataset(np.zeros((3, 4)), [0, 1, 2]), {}, "4 features"),
    (ff.Dataset(np.zeros((3, 20))), {}, "no targets"),
    (ff.Dataset(np.zeros((3, 20)), [0, 1, 9], n_labels=10), {}, "10 labels"),
    (ff.Dataset(np.zeros((3, 20)), [[0.5], [0.1], [0.2]]), {"loss": "softmax"}, "softmax"),
    (TRAIN, {"loss": "squared"}, "1 column of values"),
    (ff.Dataset(np.zeros((3, 20)), np.full((3, 4), 0.5)), {}, "4 columns of values"),
]


@pytest.mark.parametrize(("data", "options", "words"), WRONG)
def test_data_that_does_not_fit_changes_nothing(data, options, words):
    net = make()
    before = net.weights()
    with pytest.raises(ValueError, match=words):
        fit(net, data, **options)
    assert (net.loss, net.encoding) == (None, None)
    for a, b in zip(before, net.weights(), strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"loss": "hinge"}, "loss"),
        ({"optimizer": "adam"}, "optimizer"),
        ({"schedule": 0.5}, "schedule"),
        ({"batch_size": 0}, "batch_size"),
        ({"max_epochs": 0}, "max_epochs"),
        ({"n_jobs": -5}, "n_jobs"),
        ({"callbacks": [print]}, "Callback"),
        ({"deterministic": 1}, "deterministic"),
    ],
)
def test_a_wrong_option_is_refused_by_name(options, words):
    with pytest.raises((ValueError, TypeError), match=words):
        ff.Trainer(make(), **options)


def test_arrays_train_as_data_sets_do():
    names = np.array(list("abcde"))[TRAIN.y]
    how = {"optimizer": ff.optim.Adam(lr=0.01), "max_epochs": 2, "n_jobs": 1}
    whole, parts = make(), make()
    data = ff.Dataset(TRAIN.X, names)
    test = (TEST.X, np.array(list("abcde"))[TEST.y])
    a = ff.Trainer(whole, **how).fit(data, eval_sets={"val": ff.Dataset(*test, like=data)})
    b = ff.Trainer(parts, **how).fit(TRAIN.X, names, eval_sets=test)
    for x, y in zip(whole.weights(), parts.weights(), strict=True):
        assert_array_equal(x, y)
    assert [row["val/accuracy"] for row in a] == [row["val/accuracy"] for row in b]
    assert parts.label_names == tuple("abcde")
    ff.Trainer(parts, **how).fit(TRAIN.X[:9], names[:9])  # goes on with the classes that it knows
    assert parts.label_names == tuple("abcde")


@pytest.mark.parametrize(
    ("given", "how", "words"),
    [
        ((TRAIN.X,), {}, "there are no targets"),
        ((TRAIN, TRAIN.y), {}, "brings its own targets"),
        ((TRAIN, {"val": TEST}), {}, "go by name"),
        ((TRAIN,), {"eval_sets": (TEST.X, TEST.y, TEST.y)}, "has 3 parts"),
        ((TRAIN,), {"eval_sets": [TEST]}, "names its data sets"),
    ],
)
def test_what_is_no_training_set_is_told(given, how, words):
    with pytest.raises((ValueError, TypeError), match=words):
        ff.Trainer(make()).fit(*given, **how)


@pytest.mark.parametrize("eval_sets", [TEST, {"train": TEST}])
def test_eval_sets_have_names_of_their_own(eval_sets):
    with pytest.raises((TypeError, ValueError), match="name"):
        ff.Trainer(make()).fit(TRAIN, eval_sets=eval_sets)


def test_values_and_label_lists_are_learned_too():
    from scipy import sparse

    net = ff.Network(ff.Linear(20, 32, activation="relu"), ff.Linear(32, 2))
    truth = TRAIN.X[:, :2] * 0.5
    fit(
        net,
        ff.Dataset(TRAIN.X, truth),
        max_epochs=40,
        batch_size=8,
        optimizer=ff.optim.Adam(lr=0.003),
    )
    assert net.loss == "squared"
    assert np.mean((net.predict(TRAIN.X) - truth) ** 2) < 0.1 * truth.var()

    net = make(ff.gates.All())
    y = np.asarray(TRAIN.y)
    labels = sparse.csr_array(np.eye(5)[y] + np.eye(5)[(y + 1) % 5])
    data = ff.Dataset(TRAIN.X, labels)
    fit(net, data, max_epochs=10, batch_size=8)
    assert net.loss == "logistic"
    assert net.evaluate(data, ["P@1", "P@2"])["P@2"] > 0.9


def test_calls_into_the_core_stay_bounded_when_every_one_is_cut_short():
    """A refresh that is due often ends calls long before their time."""
    pace = progress.Pace(clock=lambda: 0.0)
    for _ in range(1000):
        with pace.of(min(pace.size, 50)):
            pass
    assert pace.size == 200


def test_progress_goes_to_stderr_and_only_when_asked(capfd):
    fit(make())
    assert capfd.readouterr() == ("", "")
    fit(make(), verbose=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("epoch ") == 3
    assert "train/accuracy" in err
    assert "examples/s" in err


def test_the_ledger_of_an_epoch_stays_what_it_was():
    class Keep(ff.callbacks.Callback):
        def __init__(self):
            self.ledgers, self.totals = [], []

        def on_epoch_end(self, run, record):
            self.ledgers.append(run.history.ledger)
            self.totals.append(run.history.ledger.total)
            return False

    keep = Keep()
    fit(make(), TRAIN, max_epochs=3, callbacks=[keep])
    assert keep.totals[0] < keep.totals[1] < keep.totals[2]
    assert [ledger.total for ledger in keep.ledgers] == keep.totals
