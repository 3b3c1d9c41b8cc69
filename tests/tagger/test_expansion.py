"""Expanded features against their twin: powers, unit length, pairs of the largest."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array, random_array

import native
import reference
from fewfire import _core


@st.composite
def rows(draw):
    """Sparse rows with negative and equal values, and rows without any."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, width = draw(st.integers(1, 40)), draw(st.integers(1, 60))
    X = random_array((n, width), density=draw(st.sampled_from([0.0, 0.1, 0.6])), rng=rng)
    X = np.asarray(X.todense(), np.float32)
    return np.where(rng.random(X.shape) < 0.3, np.round(2 * X) / 2, X) * rng.choice(
        [-1, 1, 1], X.shape
    )


ALL = np.empty(0, np.uint64)  # features as they are
POWERS = st.sampled_from([0.3, 0.5, 1.0, 2.0])


@given(
    X=rows(),
    power=POWERS,
    most=st.integers(1, 20),
    least=st.integers(1, 4),
    form=st.sampled_from(["dense", "sparse"]),
    n_threads=st.integers(1, 3),
)
def test_expansion_matches_its_twin(X, power, most, least, form, n_threads):
    inputs = native.vectors(X, form)
    keys = _core.count_pairs(inputs, most, least, n_threads)
    assert_array_equal(keys, reference.frequent_pairs(X, most, least))
    expanded = _core.Expanded(inputs, _core.Expansion(power, most, 0.3, keys, ALL))
    indptr, indices, values = _core.copy_rows(expanded, n_threads)
    width = X.shape[1] + len(keys)
    got = csr_array((values, indices, indptr), shape=(len(X), width)).toarray()
    assert_allclose(got, reference.expand(X, power, most, 0.3, keys), rtol=1e-4, atol=1e-6)


@given(X=rows(), power=POWERS)
def test_expanded_rows_ascend_and_have_unit_length(X, power):
    inputs = native.vectors(X, "sparse")
    keys = _core.count_pairs(inputs, 8, 2, 1)
    expanded = _core.Expanded(inputs, _core.Expansion(power, 8, 0.3, keys, ALL))
    indptr, indices, values = _core.copy_rows(expanded, 1)
    for begin, end in itertools.pairwise(indptr):
        assert (np.diff(indices[begin:end]) > 0).all()
        assert begin == end or np.linalg.norm(values[begin:end]) == pytest.approx(1, abs=1e-5)


@given(X=rows(), power=POWERS, most=st.integers(2, 20), seed=st.integers(0, 2**32 - 1))
def test_features_that_are_read_are_renumbered_and_others_left_out(X, power, most, seed):
    known = np.flatnonzero(np.random.default_rng(seed).random(X.shape[1]) < 0.5)
    known = known if len(known) else np.array([0])
    own = native.vectors(X[:, known], "sparse")
    keys = _core.count_pairs(own, most, 2, 1)
    plain = _core.Expanded(own, _core.Expansion(power, most, 0.3, keys, ALL))
    read = _core.Expansion(power, most, 0.3, keys, known.astype(np.uint64))
    renumbered = _core.Expanded(native.vectors(X, "sparse"), read)
    for got, want in zip(_core.copy_rows(renumbered, 1), _core.copy_rows(plain, 1), strict=True):
        assert_array_equal(got, want)


@pytest.mark.parametrize(
    ("keys", "message"),
    [([1 << 32 | 1], "pairs of ascending"), ([2, 1], "must ascend"), ([1, 1], "must ascend"),
     ([1 << 31], "pairs of ascending")],
)  # fmt: skip
def test_keys_that_are_no_pairs_are_refused(keys, message):
    with pytest.raises(ValueError, match=message):
        _core.Expansion(1.0, 4, 0.3, np.array(keys, np.uint64), ALL)
