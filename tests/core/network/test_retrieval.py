"""A last layer of which few rows are computed: by its candidates and shared negatives, and exact
where these are all rows."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import native
import reference
import strategies
from fewfire import _core
from reference import FIELDS, Bag, CentroidIndex, Layer, Model, Optimizer, Retrieve, SignIndex

LOSSES = ["softmax", "decoupled", "logistic"]
HOW = [{}, *({"deterministic": True, "n_threads": n} for n in (1, 2, 3))]


@dataclass(frozen=True)
class Case:
    """A hidden layer, a sampled one, and a micro-batch."""

    model: Model
    X: np.ndarray
    targets: list[np.ndarray]
    level: str

    @property
    def gate(self):
        return self.model.layers[1].gate

    def network(self, optimizer=native.PLAIN_SGD, **changes):
        hidden, output = self.model.layers
        gate = replace(self.gate, **changes)
        layers = [hidden, Layer(output.rows, output.activation, gate)]
        return native.Network(Model(layers, self.model.loss), optimizer)

    def train(self, net, ids=None, rate=1.0, batch_size=None, **how):
        ids = np.arange(len(self.X)) if ids is None else ids
        batch_size = batch_size or len(ids)
        rates = np.full(-(-len(ids) // batch_size), rate)
        labels = native.targets(self.targets, self.model.loss)
        return net.train(native.vectors(self.X, "sparse"), labels, ids, rates, batch_size, **how)

    def candidates(self, i, epoch=0):
        """Rows that training computes for an example besides the negatives."""
        usage = self.train(self.network(n_negatives=0), [i], 0.0, epoch=epoch).usage[1]
        assert usage.max() == 1
        return np.flatnonzero(usage)


@st.composite
def sampled(draw, loss=None, spread=0.0):
    """`spread` scales biases, so that scores lie far apart."""
    rng, seed = np.random.default_rng(draw(strategies.SEEDS)), draw(strategies.SEEDS)
    loss = loss or draw(st.sampled_from(LOSSES))
    d, width, n_rows = (draw(strategies.SIZES) for _ in range(3))
    kind = draw(st.sampled_from([Bag, Layer]))
    hidden = kind(strategies.rows(rng, width, d), draw(st.sampled_from([*reference.ACTIVATIONS])))
    table = strategies.rows(rng, n_rows, width)
    table[:, -1] *= 1 + spread
    index = draw(
        st.sampled_from(
            [
                SignIndex(0.1, seed),
                CentroidIndex(5, 2, rank="sign", seed=seed),
                CentroidIndex(5, 2, rank="union", seed=seed),
                native.Tables("simhash", 3, 4, "count", seed),
            ]
        )
    )
    head = rng.choice(n_rows, draw(st.integers(0, min(3, n_rows))), replace=False)
    gate = Retrieve(
        index,
        draw(st.integers(1, n_rows)),
        draw(st.integers(0, n_rows)),
        seed,
        tuple(map(int, head)),
        shares=draw(st.sampled_from([(), tuple(rng.uniform(0.1, 9, n_rows))])),
    )
    X = strategies.examples(rng, draw(st.integers(1, 7)), d, draw(strategies.KINDS))
    targets = strategies.some_targets(rng, loss, len(X), n_rows, max_labels=4)
    output = Layer(table, "linear", gate)
    return Case(Model([hidden, output], loss), X, targets, draw(strategies.LEVELS))


# -- one step, in numpy --------------------------------------------------------------------------


def twin_step(case, candidates, negatives):
    """The loss, and the mean gradients of both layers, biases last."""
    hidden, output = case.model.layers
    losses, gradients = [], [np.zeros(layer.rows.shape) for layer in case.model.layers]
    for x, labels, own in zip(case.X.astype(float), case.targets, candidates, strict=True):
        left = np.setdiff1d(negatives, own)
        rows = np.concatenate([own, left])
        share = (len(output.rows) - len(own)) / max(1, len(left))
        if case.gate.shares and len(left):
            share = reference.stands_for(case.gate.shares, case.gate.n_negatives)[rows]
        weights = np.where(np.arange(len(rows)) < len(own), 1, share)
        a = reference.ACTIVATIONS[hidden.activation](hidden.weights @ x + hidden.bias)
        z = output.weights[rows] @ a + output.bias[rows]
        loss, slope = reference.sampled_loss(case.model.loss, z, np.isin(rows, labels), weights)
        losses.append(loss)
        gradients[1][rows] += slope[:, None] * np.append(a, 1)
        deltas = slope @ output.weights[rows] * reference.SLOPES[hidden.activation](a)
        gradients[0] += deltas[:, None] * np.append(x, 1)
    return sum(losses), [gradient / len(case.X) for gradient in gradients]


def is_clear(case):
    """No ReLU is nearly off: float32 decides as float64 does."""
    hidden = case.model.layers[0]
    z = case.X @ hidden.weights.T + hidden.bias
    return hidden.activation != "relu" or np.abs(z[z != 0]).min(initial=1) > 1e-4


@given(case=st.one_of(sampled(), sampled(spread=60)), epoch=st.integers(0, 2))
def test_a_step_is_that_of_the_formula(case, epoch):
    """Also where scores lie so far apart that float32 holds no sum of their exponentials."""
    _core.set_simd_level(case.level)
    assume(is_clear(case))
    candidates = [case.candidates(i, epoch) for i in range(len(case.X))]
    n_rows = len(case.model.layers[1].rows)
    how_drawn = case.gate.n_negatives, n_rows, case.gate.seed, epoch
    negatives = reference.shared_negatives(case.X, *how_drawn, shares=case.gate.shares)
    loss, gradients = twin_step(case, candidates, negatives)
    net = case.network()
    trained = case.train(net, epoch=epoch)
    assert_allclose(trained.loss, loss, rtol=1e-4, atol=1e-4)
    for at, (layer, gradient) in enumerate(zip(case.model.layers, gradients, strict=True)):
        got = layer.rows - net.rows(at, is_bag=isinstance(layer, Bag))
        assert_allclose(got, gradient, rtol=1e-3, atol=2e-4, err_msg=f"layer {at}")
    usage = np.sum([np.isin(np.arange(n_rows), [*own, *negatives]) for own in candidates], axis=0)
    assert_array_equal(trained.usage[1], usage)


@given(case=sampled(), how=st.sampled_from(HOW[1:]))
def test_rows_that_are_neither_candidates_nor_negatives_keep_every_bit(case, how):
    _core.set_simd_level(case.level)
    net = case.network(Optimizer("adam", rowwise=True, l2=0.1))
    arrays = [net.weights[1], net.bias[1], *(array for pair in net.moments[1] for array in pair)]
    before = [array.copy() for array in arrays]
    unused = case.train(net, **how).usage[1] == 0
    for was, now in zip(before, arrays, strict=True):
        assert_array_equal(now[unused], was[unused])
    assert not net.touched[1][unused].any()


@given(
    case=strategies.cases(n_layers=2),
    bag=st.booleans(),
    more=st.integers(0, 9),
    how=st.sampled_from(HOW),
)
def test_with_all_rows_as_candidates_it_trains_like_a_layer_without_a_gate(case, bag, more, how):
    """By every rule of the optimizer, moments too. The squared loss knows no labels: its rows are
    those of the index. A gradient that cancels to nothing may do so in one of both only."""
    _core.set_simd_level(case.level)
    hidden, output = case.model.layers
    hidden = (Bag if bag else Layer)(hidden.rows, hidden.activation)
    nets = []
    for gate in (None, Retrieve(SignIndex(0.1), len(output.rows) + more)):
        model = Model([hidden, Layer(output.rows, output.activation, gate)], case.model.loss)
        nets.append(native.Network(model, case.optimizer, case.initial))
    case = replace(case, model=Model([hidden, replace(output, gate=None)], case.model.loss))
    assume(case.twin(case.states()).record.is_clear)
    plain, sampled = (case.train(net, **how) for net in nets)
    assert_allclose(sampled.loss, plain.loss, rtol=1e-4, atol=1e-4)
    assert sampled.n_correct == plain.n_correct
    assume(all(map(np.array_equal, *(net.touched for net in nets))))
    for a, b in zip(*(net.arrays() for net in nets), strict=True):
        assert_allclose(a, b, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("loss", ["softmax", "decoupled"])
@pytest.mark.parametrize("how", HOW, ids=str)
def test_an_example_without_labels_changes_no_row(loss, how):
    """Without a gradient nothing is touched, however many candidates and negatives there were."""
    case = replace(toy(loss), targets=[np.array([3]), np.array([], int), np.array([], int)])
    net = case.network(Optimizer("adam", l2=0.1))
    case.train(net, [0])
    before = [array.copy() for array in (net.weights[1], net.bias[1], net.touched[1])]
    trained = case.train(net, [1, 2], first_step=1, **how)
    assert trained.loss == 0
    assert trained.ledger[1, FIELDS.index("rows_updated")] == 0
    for was, now in zip(before, (net.weights[1], net.bias[1], net.touched[1]), strict=True):
        assert_array_equal(now, was)


# -- which rows ---------------------------------------------------------------------------------


@given(case=sampled(), epoch=st.integers(0, 2))
def test_candidates_are_the_labels_the_head_and_what_the_index_proposes(case, epoch):
    _core.set_simd_level(case.level)
    (rows,) = {len(case.model.layers[1].rows)}
    gate = case.gate
    for i, labels in enumerate(case.targets):
        chosen = case.candidates(i, epoch)
        assert len(chosen) == max(min(gate.active, rows), len(labels))
        assert np.isin(labels, chosen).all()
        if len(np.union1d(labels, gate.head)) <= gate.active:
            assert np.isin(gate.head, chosen).all()
        if epoch == 0 and len(labels) == 0:  # as in prediction
            scores = case.network().scores(native.vectors(case.X), [i])
            assert_array_equal(np.flatnonzero(np.isfinite(scores[0])), chosen)


@given(case=sampled(), batch_size=st.integers(1, 7), how=st.sampled_from(HOW))
def test_candidates_do_not_depend_on_the_batch(case, batch_size, how):
    _core.set_simd_level(case.level)
    rng = np.random.default_rng(len(case.X))
    net = case.network(n_negatives=0)
    usage = case.train(net, rng.permutation(len(case.X)), 0.0, batch_size, **how).usage[1]
    want = np.zeros_like(usage)
    for i in range(len(case.X)):
        want[case.candidates(i)] += 1
    assert_array_equal(usage, want)


@given(case=sampled(), batch_size=st.integers(1, 7), epoch=st.integers(0, 2))
def test_threads_do_not_change_a_bit(case, batch_size, epoch):
    _core.set_simd_level(case.level)
    ran = []
    for how in (HOW[0], *HOW):
        net = case.network(Optimizer("adagrad"))
        got = case.train(net, None, 0.1, batch_size, epoch=epoch, **how)
        ran.append([np.float64(got.loss), got.n_correct, got.ledger, *got.usage, *net.arrays()])
    for other in ran[1:]:
        for a, b in zip(ran[0], other, strict=True):
            assert_array_equal(a, b)


@given(case=sampled(), n_threads=st.integers(1, 3))
def test_a_computed_score_has_the_bits_of_the_exact_one(case, n_threads):
    _core.set_simd_level(case.level)
    X, ids = native.vectors(case.X), np.arange(len(case.X))
    net = case.network()
    gated = net.scores(X, ids, n_threads=n_threads)
    exact = net.scores(X, ids, exact=True, n_threads=n_threads)
    hidden, output = case.model.layers
    plain = native.Network(Model([hidden, Layer(output.rows, "linear")], case.model.loss))
    assert_array_equal(exact, plain.scores(X, ids))
    found = np.isfinite(gated)
    assert_array_equal(gated[found], exact[found])
    assert (found.sum(axis=1) == min(case.gate.active, len(output.rows))).all()


@pytest.mark.parametrize("how", HOW, ids=str)
@pytest.mark.parametrize("index", [SignIndex(0.1), CentroidIndex(5, 2, rank="sign")], ids=str)
@pytest.mark.parametrize("width", [1, 63, 64, 65, 150])
def test_sign_bits_follow_the_weights(index, width, how):
    rng = np.random.default_rng(width)
    hidden, output = strategies.rows(rng, width, 10), strategies.rows(rng, 70, width)
    gate = Retrieve(index, 20, 10, 1)
    net = native.Network(Model([Bag(hidden, "relu"), Layer(output, "linear", gate)]))
    X = strategies.examples(rng, 8, 10, "gaussian")
    labels = native.targets(strategies.some_targets(rng, "softmax", 8, 70), "softmax")
    for epoch in range(3):
        net.train(native.vectors(X), labels, range(8), [3.0, 3.0], 4, epoch=epoch, **how)
        if isinstance(index, SignIndex):
            assert_array_equal(net.index.bits, reference.sign_bits(net.weights[1]))
        else:
            assert_array_equal(net.index.sign_bits, reference.sign_bits(net.weights[1].T))


# -- what is expected of the negatives ------------------------------------------------------------


def toy(loss, n_rows=40, active=9, thin=0.0, shares=()):
    """Several candidates of 40 rows; 20 negatives, so that some draw a candidate in every step."""
    rng = np.random.default_rng(5)
    hidden, output = strategies.rows(rng, 6, 4), strategies.rows(rng, n_rows, 6)
    gate = Retrieve(SignIndex(0.1), active, n_rows // 2, 0, (1, 2), thin, shares)
    X = strategies.examples(rng, 3, 4, "gaussian")
    targets = [np.array([3]), np.array([5, 8]), np.array([8])]
    model = Model([Layer(hidden, "tanh"), Layer(output, "linear", gate)], loss)
    return Case(model, X, targets, native.LEVELS[0])


N_SEEDS = 1500


@pytest.mark.parametrize("thin", [0.0, 0.3])
def test_the_logistic_update_is_that_of_all_rows_in_the_mean(thin):
    """Thinned gradients, too: what is left out and what is enlarged cancel."""
    case = toy("logistic", thin=thin)
    hidden, output = case.model.layers
    whole = native.Network(Model([hidden, Layer(output.rows, "linear")], "logistic"))
    case.train(whole)
    want = np.concatenate([whole.rows(at).ravel() for at in (0, 1)])
    updates = np.empty((N_SEEDS, len(want)))
    for seed in range(N_SEEDS):
        net = case.network(seed=seed)
        case.train(net)
        updates[seed] = np.concatenate([net.rows(at).ravel() for at in (0, 1)])
    error = updates.std(axis=0) / np.sqrt(N_SEEDS)
    assert (np.abs(updates.mean(axis=0) - want) <= 4 * error + 1e-5).all()


def test_thinned_gradients_change_few_rows_and_none_by_less():
    """Rows whose gradient is left out keep every bit; of the others the least is `thin`."""
    case = toy("softmax", thin=0.3)
    before = case.network().weights[1].copy()
    net = case.network()
    case.train(net)
    changed = (net.weights[1] != before).any(axis=1)
    assert changed[[3, 5, 8]].all()  # labels have gradients of .5 and more
    assert changed.sum() < 15
    smallest = np.abs(net.bias[1] - case.network().bias[1])[changed].min()
    assert smallest >= 0.3 / len(case.X) * 0.999


@given(
    n=strategies.SIZES,
    thin=st.sampled_from([0.001, 0.1, 1.0]),
    seed=strategies.SEEDS,
    level=strategies.LEVELS,
)
def test_gradients_are_thinned_by_the_lots_of_the_example(n, thin, seed, level):
    """The only label is the candidate, and every row is a negative."""
    _core.set_simd_level(level)
    z = np.random.default_rng(seed).normal(size=n).astype(np.float32) * 3
    gate = {"active": 1, "n_negatives": n, "seed": seed}
    _, whole = slopes(z, [0], "softmax", **gate)
    _, got = slopes(z, [0], "softmax", **gate, thin=thin)
    key = reference.random_bits(seed, reference.example_key(ONE[0]), 0)
    want = reference.thinned(whole, thin, key >> 32)
    want[:1] = reference.thinned(whole[:1], thin, key)
    assert_array_equal(got, want)


@pytest.mark.parametrize("shares", [(), tuple(range(1, 41))], ids=["uniform", "by shares"])
def test_the_partition_function_is_that_of_all_rows_in_the_mean(shares):
    """Of one example with one label, exp(loss + score of the label)."""
    case = toy("softmax", shares=shares)
    z = case.network().scores(native.vectors(case.X), [0], exact=True)[0].astype(float)
    losses = [case.train(case.network(seed=seed), [0]).loss for seed in range(N_SEEDS)]
    estimates = np.exp(np.array(losses) + z[3])
    assert estimates.std() > 0.01 * estimates.mean()
    error = estimates.std() / np.sqrt(N_SEEDS)
    assert abs(estimates.mean() - np.exp(z).sum()) <= 4 * error


def test_negatives_are_drawn_uniformly_and_shared():
    """Any row is a negative equally often, of one example or of many."""
    n_rows, n = 30, 7
    case = toy("softmax", n_rows, active=1)
    hits = np.zeros(n_rows)
    for seed in range(2000):
        drawn = reference.shared_negatives(case.X, n, n_rows, seed)
        assert len(drawn) == n
        hits[drawn] += 1
    strategies.assert_uniform(hits, n / n_rows, 2000)
    for seed in range(10):
        net = case.network(n_negatives=n, seed=seed, head=())
        usage = case.train(net, rate=0.0).usage[1]
        drawn = reference.shared_negatives(case.X, n, n_rows, seed)
        assert_array_equal(usage[drawn], 3)


# -- the loss at its limits -----------------------------------------------------------------------


ONE = np.ones((1, 1), np.float32)


def slopes(z, labels, loss, **gate):
    """The loss of one example of these scores, and its gradient to the bit: rows start at 0 and
    read an input of 1, and biases are the scores."""
    table = np.column_stack([np.zeros(len(z)), z])
    gate = Retrieve(SignIndex(0.1), **{"active": len(z), **gate})
    model = Model([Layer(np.array([[1.0, 0]]), "linear"), Layer(table, "linear", gate)], loss)
    net = native.Network(model)
    y = native.targets([np.array(labels, int)], loss)
    trained = net.train(native.vectors(ONE), y, [0], [1.0], 1)
    return trained.loss, -net.weights[1][:, 0]


@given(n=strategies.SIZES, seed=strategies.SEEDS, level=strategies.LEVELS)
def test_slopes_between_are_those_of_numpy(n, seed, level):
    _core.set_simd_level(level)
    z = np.random.default_rng(seed).uniform(-30, 88, n).astype(np.float32)
    _, got = slopes(z, [], "logistic")
    assert_allclose(got, 1 / (1 + np.exp(-z.astype(float))), rtol=4e-7)


@pytest.mark.parametrize("level", native.LEVELS)
@pytest.mark.parametrize("n", [1, 3, 4, 7, 8, 9, 16, 17, 33])
def test_what_is_too_low_is_nothing_and_nan_is_nan(level, n):
    _core.set_simd_level(level)
    for low in (np.nextafter(np.float32(-87), np.float32(-100)), -1e4, -3e38, -np.inf):
        loss, got = slopes(np.full(n, low, np.float32), [], "logistic")
        assert loss == 0
        assert_array_equal(got, 0)
    for loss in LOSSES:
        z = np.zeros(n, np.float32)
        z[n - 1] = np.nan
        got, gradient = slopes(z, [0], loss)
        assert np.isnan(got)
        assert_array_equal(gradient, 0)  # a step whose loss is not a number changes nothing


@given(
    n=strategies.SIZES,
    n_labels=st.integers(1, 5),
    spread=st.sampled_from([1, 10, 80, 1000]),
    loss=st.sampled_from(LOSSES),
    gated=st.booleans(),
    seed=strategies.SEEDS,
    level=strategies.LEVELS,
)
def test_losses_hold_over_all_scores(n, n_labels, spread, loss, gated, seed, level):
    """Values and slopes, of a sampled layer and of one without a gate."""
    _core.set_simd_level(level)
    rng = np.random.default_rng(seed)
    z = (rng.normal(size=n) * spread).astype(np.float32)
    is_label = np.isin(np.arange(n), rng.choice(n, min(n, n_labels), replace=False))
    want, slope = reference.LOSSES[loss](z.astype(float), is_label)
    labels = np.flatnonzero(is_label)
    if gated:
        got, gradient = slopes(z, labels, loss)
    else:
        model = Model([Layer(np.column_stack([np.zeros(n), z]), "linear")], loss)
        net = native.Network(model)
        one, y = native.vectors(ONE), native.targets([labels], loss)
        got, gradient = net.train(one, y, [0], [1.0], 1).loss, -net.weights[0][:, 0]
    assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    assert_allclose(gradient, slope, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("n_negatives", [0, 8])
def test_gradients_equal_finite_differences_of_the_loss(loss, n_negatives):
    """Of the core's own loss; candidates and negatives stand still, because they come from codes
    and lots."""
    case = toy(loss)
    tables = native.Tables("simhash", 3, 4, "count", 1)
    options = {"index": tables, "n_negatives": n_negatives}
    net = case.network(**options)
    case.train(net)
    rng = np.random.default_rng(0)
    fixed = case.network(**options)
    for at in (0, 1):
        weights, after = fixed.weights[at], net.weights[at]
        for i, j in rng.integers(0, weights.shape, (25, 2)):
            here, h, found = weights[i, j].copy(), np.float32(1e-2), []
            for value in (here + h, here - h):
                weights[i, j] = value
                found.append(case.train(fixed, rate=0.0).loss / len(case.X))
            weights[i, j] = here
            slope = (found[0] - found[1]) / (2 * h)
            assert_allclose(here - after[i, j], slope, rtol=2e-2, atol=5e-4)


# -- what may happen, and what it costs -----------------------------------------------------------


@pytest.mark.parametrize("level", native.LEVELS)
@pytest.mark.parametrize("loss", [*LOSSES, "squared"])
@pytest.mark.parametrize("index", [SignIndex(0.1), CentroidIndex(5, 2)], ids=str)
@pytest.mark.parametrize("fill", [0, 1, np.float32(1e18), np.float32(3e38), np.nan], ids=str)
@pytest.mark.parametrize("n", [1, 5])
def test_degenerate_layers_do_not_crash(level, loss, index, fill, n):
    """Equal rows, a single one, empty examples, no labels, overflow: any number, but no crash."""
    _core.set_simd_level(level)
    gate = Retrieve(index, 2, n, 0, (0,))
    layers = [
        Layer(np.ones((n, 4)), "relu"),
        Layer(np.full((n, n + 1), float(fill)), "linear", gate),
    ]
    net = native.Network(Model(layers, loss), Optimizer("adam", l2=1))
    X = np.array([[0, 0, 0], [1, 0, -1], [fill, fill, fill]], np.float32)
    labels = [np.array([0]), np.array([], int), np.arange(n)]
    y = native.targets(np.ones((3, n)) if loss == "squared" else labels, loss)
    inputs = native.vectors(X)
    for how in (*HOW, {"n_threads": 2}):
        net.train(inputs, y, [0, 1, 2, 2], [0.1, 0.1], 2, **how)
    ids, *_ = net.evaluate(inputs, None, [2, 1, 0], n)
    assert ((ids >= -1) & (ids < n)).all()


def test_a_step_costs_what_was_worked_out_by_hand():
    """Two examples, a hidden layer of 3, 40 rows of which 2 are candidates and 5 negatives."""
    case = toy("softmax")
    hidden, output = (
        Layer(np.ones((3, 5)), "linear"),
        strategies.rows(np.random.default_rng(0), 40, 3),
    )
    gate = Retrieve(SignIndex(0.1), 2, 5, 3)
    case = replace(case, model=Model([hidden, Layer(output, "linear", gate)]))
    candidates = np.concatenate([case.candidates(i) for i in (0, 1)])
    negatives = reference.shared_negatives(case.X[:2], 5, 40, 3)
    n_read = len(np.unique(candidates)) + 5
    n_changed = len(np.union1d(candidates, negatives))
    ledger = case.train(case.network(), [0, 1]).ledger
    got = dict(zip(FIELDS, ledger[1].tolist(), strict=True))
    assert {name: count for name, count in got.items() if count} == {
        "forward": 2 * 2 * 3 + 2 * 5 * 3,
        "backward": 2 * (2 * 2 * 3 + 2 * 5 * 3),  # to the weights, and to the layer below
        "rows_touched": n_read,
        "rows_updated": n_changed,
        "parameters_touched": n_changed * (3 + 1),
        "optimizer": n_changed * (3 + 1),
        "additions": 40 * 3,  # of sign sums; labels fill the budget of one example
        "ranking": 40,
        "comparisons": 40,
        "dense": 2 * 3 * 40 * 3,
        "dense_nonzero": 2 * 3 * 40 * 3,
    }
