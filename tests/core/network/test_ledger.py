"""The ledger counts what was done: against the numpy twin, and against a case worked by hand."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import native
import reference
import strategies
from fewfire import _core
from reference import FIELDS, Hashed, Layer, Model, Optimizer, SignIndex


def by_name(ledger):
    return [dict(zip(FIELDS, map(int, counts), strict=True)) for counts in ledger]


def test_fields_have_the_names_of_the_twin():
    assert tuple(_core.LEDGER_FIELDS) == tuple(FIELDS)


@given(case=strategies.cases(), how=st.sampled_from([{}, {"deterministic": True, "n_threads": 3}]))
def test_training_counts_what_the_twin_counts(case, how):
    _core.set_simd_level(case.level)
    net = case.network()
    record = case.twin(case.states()).record
    assume(record.is_clear)
    got, want = case.train(net, **how), reference.ledger(record)
    tables = case.model.layers[0].gate
    if isinstance(tables, Hashed) and tables.proposed:  # the twin is told what tables propose
        found = [FIELDS.index(name) for name in ("additions", "comparisons", "popcounts")]
        want[0, found] = got.ledger[0, found]
    assert by_name(got.ledger) == by_name(want)


@given(case=strategies.cases(), exact=st.booleans(), n_threads=st.integers(1, 4))
def test_evaluation_counts_what_the_twin_counts(case, exact, n_threads):
    _core.set_simd_level(case.level)
    net = case.network()
    record = reference.scores(case.model, case.X, case.order, exact).record
    assume(record.is_clear)
    want = reference.ledger(record)
    *_, ledger, usage = net.evaluate(
        case.inputs, None, case.order, 1, exact=exact, n_threads=n_threads
    )
    tables = case.model.layers[0].gate
    if isinstance(tables, Hashed) and tables.proposed and not exact:
        found = [FIELDS.index(name) for name in ("additions", "comparisons", "popcounts")]
        want[0, found] = ledger[0, found]
    assert by_name(ledger) == by_name(want)
    for used, twins in zip(usage, reference.usage(record), strict=True):
        assert_array_equal(used, twins)


def hand_worked_net(optimizer):
    """3 inputs, 4 hidden rows of which 1 of 2 candidates is kept, 2 outputs; every row positive."""
    hidden = np.array([[1, 1, 1, 0], [2, 2, 2, 0], [3, 3, 3, 0], [4, -4, 4, 0]]) / 4
    output = np.array([[1, 1, 1, 1, 0], [-1, 0, -1, 0, 0]], float)
    layers = [
        Layer(hidden, "relu", Hashed(SignIndex(1.0), 1, 3)),
        Layer(output, "linear"),
    ]
    return native.Network(Model(layers), optimizer)


# One example with inputs 1 and 3. The hidden layer's signs give rows 0, 1, 2, 3 the scores
# 2, 2, 2, 2 (column 2 is not read), so one of them is drawn out and 3 are computed exactly.
HIDDEN = {
    "forward": 1 * 2,  # a row kept x two inputs
    "ranking": 4 + 2 * 2,  # a multiplication per sign score, two rows scored in vain
    "additions": 4 * 2,
    "comparisons": 4 + 3,  # both cuts
    "dense": 4 * 3,
    "dense_nonzero": 4 * 2,
    "rows_touched": 3,
}
OUTPUT = {
    "forward": 2 * 1,
    "dense": 2 * 4,
    "dense_nonzero": 2 * 4,
    "rows_touched": 2,
}
TRAINING = [
    {
        "backward": 1 * 2,
        "parameters_touched": 2 + 1,
        "rows_updated": 1,
        "dense": 2 * 12,
        "dense_nonzero": 2 * 8,
    },
    {
        "backward": 2 * (2 * 1),
        "parameters_touched": 2 * (1 + 1),
        "rows_updated": 2,
        "dense": 3 * 8,
        "dense_nonzero": 3 * 8,
    },
]
NOTHING = dict.fromkeys(FIELDS, 0)


def test_evaluation_costs_what_was_worked_out_by_hand():
    X = native.vectors(np.array([[1, 0, 1]], np.float32))
    *_, ledger, usage = hand_worked_net(Optimizer()).evaluate(X, None, [0], 1)
    assert by_name(ledger) == [NOTHING | HIDDEN, NOTHING | OUTPUT]
    assert [counts.sum() for counts in usage] == [1, 2]


@pytest.mark.parametrize(
    ("optimizer", "per_parameter"),
    [
        (Optimizer("sgd"), 1),
        (Optimizer("sgd", momentum=0.9), 2),
        (Optimizer("adagrad"), 4),
        (Optimizer("rms"), 6),
        (Optimizer("adam"), 10),
    ],
    ids=str,
)
def test_a_step_costs_what_was_worked_out_by_hand(optimizer, per_parameter):
    X = native.vectors(np.array([[1, 0, 1]], np.float32))
    labels = native.targets([np.array([0])], "softmax")
    ledger = hand_worked_net(optimizer).train(X, labels, [0], [0.0], 1).ledger
    for got, forward, training in zip(by_name(ledger), [HIDDEN, OUTPUT], TRAINING, strict=True):
        n_biases = training["rows_updated"]
        n_weights = training["parameters_touched"] - n_biases
        if optimizer.rule == "sgd":  # a product with the input, counted on the way back, and a rate
            n_weights = training["rows_updated"]
        spent = per_parameter * (n_weights + n_biases)
        assert got == NOTHING | forward | training | {"optimizer": spent}


@pytest.mark.parametrize(
    ("optimizer", "settled"),
    [
        (Optimizer("sgd", momentum=0.9), 3 + 1),
        (Optimizer("adam"), 2 * (3 + 1)),
        (Optimizer("adagrad"), 0),
        (Optimizer("sgd", l2=0.1), 3),
    ],
    ids=str,
)
def test_a_row_that_owes_pays_for_its_whole_width(optimizer, settled):
    """The second step, three steps later, touches one input of three."""
    net = native.Network(Model([Layer(np.array([[1.0, 2, 3, 4]]), "linear")], "squared"), optimizer)
    X, y = native.vectors(np.array([[0, 1, 0]], np.float32)), native.targets([[1.0]], "squared")
    first, later = net.train(X, y, [0], [0.1], 1), net.train(X, y, [0], [0.1], 1, first_step=3)
    cost = FIELDS.index("optimizer")
    once = settled if optimizer.l2 else 0  # weights decay in every step that touches the row
    assert later.ledger[0, cost] - first.ledger[0, cost] == settled - once


@given(n=strategies.SIZES, d=strategies.SIZES, n_bits=st.integers(1, 8), n_tables=st.integers(1, 9))
def test_refresh_counts_the_projections_of_every_row(n, d, n_bits, n_tables):
    weights, bias = np.ones((n, d), np.float32), np.zeros(n, np.float32)
    tables = _core.TableIndex(_core.SimHash(d, n_bits, n_tables, 1), n, "count", 1)
    assert by_name(tables.refresh(weights, bias, 2)) == [
        NOTHING | {"refresh": n * d * n_bits * n_tables}
    ]
    signs = _core.SignIndex(n, d, 0.1, 1)
    assert by_name(signs.refresh(weights, bias, 2)) == [NOTHING | {"comparisons": n * d}]
    signs = _core.SignIndex(n, d, 0.0, 1)  # measured, of rows and columns
    own = NOTHING | {"comparisons": n * d, "additions": 2 * n * d, "refresh": n * d}
    assert by_name(signs.refresh(weights, bias, 2)) == [own]
    signs.set_center(np.ones(d, np.float32))
    own |= {"additions": 3 * n * d, "refresh": 3 * n * d}
    assert by_name(signs.refresh(weights, bias, 2)) == [own]


@given(
    n=strategies.SIZES,
    n_bits=st.integers(1, 4),
    n_tables=st.integers(1, 9),
    seed=strategies.SEEDS,
)
def test_tables_count_a_vote_per_row_they_offer(n, n_bits, n_tables, seed):
    rng = np.random.default_rng(seed)
    rows, x = strategies.rows(rng, n, 20), strategies.examples(rng, 1, 20, "sparse")
    index = native.twin_index(rows[:, :-1], n_bits, n_tables, "count", seed)
    net = native.Network(Model([Layer(rows, "linear", Hashed(index, 1, 1))]))
    *_, ledger, _ = net.evaluate(native.vectors(x), None, [0], 1)
    buckets = index.buckets(reference.nonzeros(x[0]))
    n_found = len(np.unique(np.concatenate(buckets)))
    got = by_name(ledger)[0]
    if n > 1:
        assert got["additions"] == sum(map(len, buckets))
        assert got["comparisons"] == (n_found if n_found > 1 else 0)
        assert got["hashing"] == n_bits * n_tables * np.count_nonzero(x)
