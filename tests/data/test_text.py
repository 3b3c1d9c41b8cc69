"""The text parser against a plain twin, and each error at its line and column."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

import fewfire as ff
from fewfire import _core

NAMES = [
    "indptr",
    "indices",
    "values",
    "label_indptr",
    "labels",
    "targets",
    "n_features",
    "n_labels",
    "has_feature_0",
]


def parse(text, *, header=False, labels=True, n_threads=1):
    data = text if isinstance(text, bytes) else text.encode()
    found = _core.parse_text(np.frombuffer(data, np.uint8), header, labels, n_threads)
    return dict(zip(NAMES, found, strict=True))


@st.composite
def rows(draw):
    """Examples as (labels, [(feature, value)]), ids in any order and some more than once."""
    ids = st.integers(0, 40)
    values = st.floats(-1e6, 1e6, width=32) | st.just(0.0)
    row = st.tuples(st.lists(ids, max_size=4), st.lists(st.tuples(ids, values), max_size=8))
    return draw(st.lists(row, max_size=8))


@st.composite
def written(draw, examples):
    """The same examples as text, in any of the ways it may be written."""
    lines = []
    for labels, features in examples:
        words = [f"{i}:{value!r}" for i, value in features]
        words += draw(st.sampled_from([[], ["qid:7"]]))
        line = ",".join(map(str, labels)) + " " + " ".join(words)
        line += draw(st.sampled_from(["", " ", "\t", " # note 1:2"])) + draw(
            st.sampled_from(["", "\r"])
        )
        lines += [*draw(st.sampled_from([[], [""], ["# a line of its own"]])), line]
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))


def summed(features):
    """What a row holds: each feature once, its values summed in float32 as they are written."""
    sums = {}
    for i, value in features:
        sums[i] = sums.get(i, np.float32(0)) + np.float32(value)
    return {i: value for i, value in sorted(sums.items()) if value != 0}


@settings(deadline=None)
@given(data=st.data(), examples=rows(), n_threads=st.integers(1, 4))
def test_text_gives_the_rows_that_were_written(data, examples, n_threads):
    got = parse(data.draw(written(examples)), n_threads=n_threads)
    kept = [summed(features) for _, features in examples]
    labels = [sorted(set(labels)) for labels, _ in examples]
    assert_array_equal(got["indptr"], np.cumsum([0, *map(len, kept)]))
    assert_array_equal(got["indices"], [i for row in kept for i in row])
    assert_array_equal(got["values"], np.array([v for row in kept for v in row.values()], "f4"))
    assert_array_equal(got["label_indptr"], np.cumsum([0, *map(len, labels)]))
    assert_array_equal(got["labels"], [label for row in labels for label in row])
    assert got["n_features"] == max((i + 1 for _, row in examples for i, _ in row), default=0)
    assert got["n_labels"] == max((i + 1 for row in labels for i in row), default=0)
    assert got["has_feature_0"] == any(i == 0 for _, row in examples for i, _ in row)


def test_a_feature_given_twice_is_summed_and_a_label_counts_once():
    got = parse("7,2,7 5:1 3:0.25 5:2 4:1 4:-1\n2,2 1:1\n")
    assert_array_equal(got["indices"], [3, 5, 1])
    assert_array_equal(got["values"], np.array([0.25, 3, 1], "f4"))
    assert_array_equal(got["labels"], [2, 7, 2])
    assert_array_equal(got["label_indptr"], [0, 2, 3])


@settings(deadline=None)
@given(targets=st.lists(st.floats(-1e30, 1e30) | st.integers(-9, 9).map(float)))
def test_one_value_per_line_comes_back_exactly(targets):
    text = "\n".join(f"{target!r} 1:1" for target in targets)
    assert_array_equal(parse(text, labels=False)["targets"], targets)


def test_a_sign_may_stand_before_a_target():
    assert_array_equal(parse("+1 1:2\n-1 1:+3", labels=False)["targets"], [1, -1])


def test_values_too_small_for_a_float_are_zero():
    assert_array_equal(parse("0 1:1e-99 2:1")["indices"], [2])


def test_a_line_without_labels_may_begin_with_any_feature():
    got = parse("1 60 3\n50:1\n", header=True)
    assert_array_equal(got["indices"], [50])
    assert_array_equal(got["label_indptr"], [0, 0])


def test_a_header_states_the_sizes():
    got = parse("2 9 5\n0 1:1\n 2:1\n", header=True)
    assert (len(got["indptr"]) - 1, got["n_features"], got["n_labels"]) == (2, 9, 5)


@pytest.fixture(scope="module")
def large():
    """More than three of the pieces that threads take."""
    lines = [f"{i % 50},{i % 50 + 1} {i % 97}:0.5 {i % 97 + 1}:{i}.25" for i in range(150_000)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize("n_threads", [2, 3, 4])
def test_large_text_is_the_same_for_any_number_of_threads(large, n_threads):
    one, many = parse(large), parse(large, n_threads=n_threads)
    for name in NAMES:
        assert_array_equal(one[name], many[name])


@pytest.mark.parametrize("n_threads", [1, 4])
def test_the_first_error_of_a_large_text_is_reported(large, n_threads):
    lines = large.split(b"\n")
    for i in (140_000, 60_001, 149_999):
        lines[i] += b" 7"
    with pytest.raises(ValueError, match=r"^line 60002, column \d+: expected ':'"):
        parse(b"\n".join(lines), n_threads=n_threads)


ERRORS = {
    "0 1:1\n0 1:x": (2, 5, "value"),
    "0 1:3e38 1:3e38": (1, 10, "sum of a feature is not finite"),
    "0 3:-3e38 1:2 3:-3e38": (1, 15, "sum of a feature is not finite"),
    "0 1:1 1:x": (1, 9, "value"),
    "5,5,x 1:1": (1, 5, "label"),
    "0 1": (1, 4, "expected ':'"),
    "0 1:": (1, 5, "expected a value"),
    "0 :1": (1, 3, "expected a feature"),
    "0 -1:1": (1, 3, "expected a feature"),
    "0 1:nan": (1, 5, "not finite"),
    "0 1:inf": (1, 5, "not finite"),
    "0 1:1e99": (1, 5, "not finite"),
    "0 1:1x": (1, 6, "blank after the value"),
    "0 2147483647:1": (1, 3, "not below"),
    "0 99999999999999999999999:1": (1, 3, "not below"),
    "0, 1:1": (1, 3, "expected a label"),
    "0;1 1:1": (1, 2, "after the label"),
    "a 1:1": (1, 1, "expected a label"),
    "\x00\x01": (1, 1, "expected a label"),
}


@pytest.mark.parametrize("text", ERRORS)
def test_an_error_names_its_line_and_column(text):
    line, column, words = ERRORS[text]
    with pytest.raises(ValueError, match=f"^line {line}, column {column}: .*{words}") as caught:
        parse(text)
    assert str(caught.value).isprintable()


HEADER_ERRORS = {
    "3 2\n": (1, "number of labels"),
    "1 2 3 4\n0 1:1": (1, "nothing after"),
    "2 2 2\n0 1:1\n": (1, "2 rows, but the text has 1"),
    "1 2 2\n0 2:1\n": (2, "feature is not below 2"),
    "1 2 2\n2 1:1\n": (2, "label is not below 2"),
    "": (1, "number of rows"),
}


@pytest.mark.parametrize("text", HEADER_ERRORS)
def test_a_text_that_breaks_its_header_is_refused(text):
    line, words = HEADER_ERRORS[text]
    with pytest.raises(ValueError, match=f"^line {line}, column .*{words}"):
        parse(text, header=True)


@settings(deadline=None, max_examples=300)
@given(text=st.binary(max_size=80) | st.text("0123 :,.#-+e\n\r\tqid", max_size=80).map(str.encode),
       header=st.booleans(), labels=st.booleans())  # fmt: skip
def test_any_bytes_are_rows_or_one_error(text, header, labels):
    try:
        got = parse(text, header=header, labels=labels, n_threads=2)
    except ValueError as error:
        if not str(error).startswith("line "):
            raise
    else:
        assert np.isfinite(got["values"]).all()
        assert (np.diff(got["indptr"]) >= 0).all()


def test_packages_come_with_the_library():
    train, test = ff.datasets.packages()
    assert (len(train), len(test), train.n_labels) == (6998, 1000, 169)
    assert test.label_names == train.label_names
    assert test.unknown_labels is None
