"""Sparse arrays: damaged ones are refused before scipy computes with them, all others come out the
same, whatever their format and types."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse

from damage import CASES, DAMAGES, damaged
from fewfire.data import Dataset
from fewfire.data.csr import canonical, checked_csr, csr_of, read_as_is

X = sparse.random_array((6, 4), density=0.6, rng=np.random.default_rng(0), format="csr")


@pytest.mark.parametrize(("form", "damage"), CASES)
def test_a_damaged_part_is_refused_as_features_and_as_labels(form, damage):
    with pytest.raises(ValueError, match=r"^X (is a damaged sparse array|holds)"):
        Dataset(damaged(X, form, damage))
    with pytest.raises(ValueError, match=r"^y (is a damaged sparse array|holds)"):
        Dataset(np.zeros((6, 2)), damaged(X, form, damage))


@given(
    form=st.sampled_from(sorted(DAMAGES)),
    part=st.sampled_from(["indptr", "indices", "offsets", "coords"]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_numbers_in_the_parts_give_an_array_or_an_error(form, part, seed):
    rng = np.random.default_rng(seed)
    matrix = X.asformat(form).copy()
    if not hasattr(matrix, part):
        return
    arrays = getattr(matrix, part) if part == "coords" else (getattr(matrix, part),)
    wild = [np.array(array, np.int64) for array in arrays]
    for array in wild:
        places = rng.integers(0, len(array), rng.integers(1, 3))
        array[places] = rng.choice([-(2**63), -1, 0, 1, 2, 3, 9, 2**31, 2**62], len(places))
    setattr(matrix, part, tuple(wild) if part == "coords" else wild[0])
    try:
        found = Dataset(matrix).X
    except ValueError as error:
        assert "damaged" in str(error)  # noqa: PT017
    else:
        assert found.shape == X.shape
        Dataset(found).check()


@pytest.mark.parametrize("form", sorted(DAMAGES))
@pytest.mark.parametrize("types", ["i4", "i8", "u4", "u8", ">i4"])
def test_every_format_and_type_of_index_is_read(form, types):
    matrix = X.asformat(form).copy()
    for part in {"indptr", "indices", "offsets"} & set(vars(matrix)):
        if part != "offsets" or types[-2] != "u":
            setattr(matrix, part, getattr(matrix, part).astype(types))
    assert_array_equal(Dataset(matrix).X.toarray(), X.toarray().astype(np.float32))


def test_room_behind_the_last_entry_is_cut_off():
    matrix = X.copy()
    n = matrix.indptr[-1]
    matrix.indices = np.append(matrix.indices, [10**6, -1])
    matrix.data = np.append(matrix.data, [np.nan, 7])
    data = Dataset(matrix)
    assert_array_equal(data.X.toarray(), X.toarray().astype(np.float32))
    assert len(data.X.data) == n


def test_what_scipy_notes_of_an_array_is_not_believed():
    matrix = sparse.csr_array(([1.0, 2.0], [2, 0], [0, 2]), shape=(1, 3))
    matrix.has_canonical_format = True
    assert_array_equal(Dataset(matrix).X.indices, [0, 2])


def test_a_format_that_nobody_knows_is_refused():
    with pytest.raises(ValueError, match="unknown format 'xyz'"):
        csr_of("xyz", X, X.shape, "X")


@pytest.mark.parametrize("shape", [(6,), (6, -4), (6, 2**31), (6.5, 4), "ab", 7, (1, 2, 3)])
def test_a_shape_of_another_kind_is_refused(shape):
    with pytest.raises(ValueError, match="shape"):
        csr_of("csr", X, shape, "X")


def test_a_shape_beyond_the_machine_is_refused_before_memory_is_asked_for():
    places = sparse.coo_array(([1.0], ([0], [0])), shape=(2**50, 3))
    with pytest.raises(MemoryError):
        checked_csr(places, "X")


def test_what_was_given_keeps_its_arrays_and_may_be_written_to():
    given_array = sparse.csr_array(X, dtype=np.float32)
    before = given_array.copy()
    data = Dataset(given_array, given_array)
    assert np.shares_memory(data.X.data, given_array.data)
    for part in ("data", "indices", "indptr"):
        assert_array_equal(getattr(given_array, part), getattr(before, part))
        assert getattr(given_array, part).flags.writeable
        assert not getattr(data.X, part).flags.writeable
        assert not getattr(data.y, part).flags.writeable


VALUES = st.sampled_from([0.5, -2.0, 0.0, np.nan, np.inf])
ROWS = st.lists(
    st.dictionaries(st.integers(0, 7), VALUES, max_size=4),
    min_size=1,
    max_size=4,
)


@given(rows=ROWS, index_type=st.sampled_from([np.int32, np.int64]), n_columns=st.integers(6, 8))
def test_what_is_read_as_it_is_is_canonical_already(rows, index_type, n_columns):
    lengths = [len(row) for row in rows]
    indptr = np.array([0, *np.cumsum(lengths)], index_type)
    indices = np.array([i for row in rows for i in row], index_type)
    values = np.array([x for row in rows for x in row.values()], np.float32)
    matrix = sparse.csr_array((len(rows), n_columns), dtype=np.float32)
    matrix.data, matrix.indices, matrix.indptr = values, indices, indptr
    found = read_as_is(matrix)
    ascend = all(list(row) == sorted(row) for row in rows)
    is_right = ascend and (indices < n_columns).all() and np.isfinite(values).all() and values.all()
    assert (found is not None) == is_right
    if found is not None:
        wanted = canonical(checked_csr(matrix, "X"))
        for part in ("data", "indices", "indptr"):
            assert_array_equal(getattr(found, part), getattr(wanted, part))
            assert getattr(found, part).dtype == getattr(wanted, part).dtype


def test_wide_ids_that_would_wrap_around_are_not_read_as_they_are():
    matrix = sparse.csr_array((1, 8), dtype=np.float32)
    matrix.data, matrix.indptr = np.ones(1, np.float32), np.array([0, 1])
    matrix.indices = np.array([2**32 + 3])
    assert read_as_is(matrix) is None
