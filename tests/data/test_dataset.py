"""What a `Dataset` promises about layout, labels and parts, and which errors name what."""

from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse

from fewfire.data import Dataset, Encoding

DENSE = np.arange(12.0).reshape(4, 3)


@pytest.mark.parametrize(
    "dtype", ["?", "u1", "i2", ">i4", "i8", "u8", "f2", ">f4", "f4", "f8", "g"]
)
def test_dense_features_become_float32_rows(dtype):
    X = Dataset(np.asfortranarray(DENSE.astype(dtype))).X
    assert X.dtype == np.float32
    assert X.dtype.isnative
    assert X.flags.c_contiguous
    assert_array_equal(X, DENSE.astype(dtype).astype(np.float32))


def test_float32_rows_are_borrowed():
    X = DENSE.astype(np.float32)
    assert np.shares_memory(Dataset(X).X, X)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"])
@pytest.mark.parametrize("matrix", [sparse.coo_array, sparse.coo_matrix])
def test_sparse_features_become_canonical_csr(form, matrix):
    data = Dataset(matrix(DENSE).asformat(form))
    assert_core_layout(data.X)
    assert_array_equal(data.X.toarray(), DENSE)
    assert (len(data), data.n_features) == DENSE.shape


def test_duplicates_add_up_and_the_input_keeps_its_order():
    X = sparse.csr_array(([1.0, 2.0, 4.0, 0.0], [2, 0, 2, 1], [0, 4]), shape=(1, 3))
    data = Dataset(X)
    assert_core_layout(data.X)
    assert_array_equal(data.X.indices, [0, 2])
    assert_array_equal(data.X.data, [2, 5])
    assert_array_equal(X.indices, [2, 0, 2, 1])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
@pytest.mark.parametrize("form", [np.array, sparse.csr_array, sparse.csc_array])
def test_what_is_not_finite_is_named_by_row_and_column(bad, form):
    X = DENSE.copy()
    X[2, 1] = bad
    with pytest.raises(ValueError, match="row 2, column 1"):
        Dataset(form(X))


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (np.zeros(3), "2, one row per example"),
        (np.zeros((2, 2, 2)), "reshape"),
        (np.zeros((2, 2), complex), "complex128"),
        ([["a", "b"]], "real numbers"),
        (sparse.csr_array(np.eye(2, dtype=complex)), "complex128"),
        (sparse.coo_array(np.ones(3)), "2 dimensions"),
    ],
)
def test_features_of_another_kind_are_refused(X, words):
    with pytest.raises(ValueError, match=words):
        Dataset(X)


def test_a_damaged_csr_is_refused():
    X = sparse.csr_array(np.eye(3))
    X.indices[1] = 7
    with pytest.raises(ValueError, match="damaged"):
        Dataset(X)


@pytest.mark.parametrize("y", [[0, 1, 2, 1], [0.0, 1.0, 2.0, 1.0], np.array([0, 1, 2, 1], "u1")])
def test_integers_from_0_stay(y):
    data = Dataset(DENSE, y)
    assert (data.kind, data.n_labels, data.label_names) == ("classes", 3, None)
    assert data.y.dtype == np.int32
    assert_array_equal(data.y, [0, 1, 2, 1])


@pytest.mark.parametrize(
    ("y", "names"),
    [
        ([7, 3, 7, 9], (3, 7, 9)),
        ([1, 2, 1, 2], (1, 2)),
        ([-1.0, 1.0, 1.0, -1.0], (-1, 1)),
        (["b", "a", "b", "c"], ("a", "b", "c")),
        (np.array(["b", "a", "b", "c"], dtype=object), ("a", "b", "c")),
        (np.array([2**63, 1, 1, 1], dtype=np.uint64), (1, 2**63)),
    ],
)
def test_other_classes_are_numbered_in_order_and_keep_their_names(y, names):
    data = Dataset(DENSE, y)
    assert data.label_names == names
    assert data.n_labels == len(names)
    assert [data.label_names[i] for i in data.y] == list(y)


def test_booleans_are_two_classes_even_if_one_is_missing():
    data = Dataset(DENSE, [True] * 4)
    assert (data.n_labels, data.label_names) == (2, None)
    assert_array_equal(data.y, [1, 1, 1, 1])


def test_n_labels_makes_integers_ids():
    assert_array_equal(Dataset(DENSE, [5, 0, 2, 5], n_labels=9).y, [5, 0, 2, 5])
    with pytest.raises(ValueError, match="label 5 in row 0"):
        Dataset(DENSE, [5, 0, 2, 5], n_labels=5)


def test_label_names_are_looked_up_by_name_or_by_id():
    names = ("x", "y", "z")
    assert_array_equal(Dataset(DENSE, ["z", "x", "x", "x"], label_names=names).y, [2, 0, 0, 0])
    assert_array_equal(Dataset(DENSE, [2, 0, 0, 0], label_names=names).y, [2, 0, 0, 0])
    with pytest.raises(ValueError, match="distinct"):
        Dataset(DENSE, [0, 1, 0, 1], label_names=("x", "x"))


@pytest.mark.parametrize("y", [["b", "a", "c", "a"], [5, 3, 9, 3], [0, 1, 3, 2]])
def test_like_gives_the_same_name_the_same_id(y):
    train = Dataset(DENSE, y)
    test = Dataset(DENSE[:2], y[2:], like=train)
    assert_array_equal(test.y, train.y[2:])
    assert (test.n_labels, test.label_names) == (train.n_labels, train.label_names)


@pytest.mark.parametrize(
    ("y", "unseen"), [(["b", "a"] * 2, "zz"), ([5, 3] * 2, 4), ([0, 1] * 2, 2)]
)
def test_like_refuses_a_label_it_has_not_seen(y, unseen):
    train = Dataset(DENSE, y)
    with pytest.raises(ValueError, match=f"label {unseen} in row 1"):
        Dataset(DENSE[:2], [y[0], unseen], like=train)


def test_like_widens_sparse_features_and_refuses_more():
    train = Dataset(sparse.csr_array(DENSE))
    test = Dataset(sparse.csr_array(DENSE[:, :2]), like=train)
    assert_core_layout(test.X)
    assert test.n_features == 3
    with pytest.raises(ValueError, match=r"4 features .* 3"):
        Dataset(sparse.csr_array(np.eye(4)), like=train)
    with pytest.raises(ValueError, match="2 features"):
        Dataset(DENSE[:, :2], like=train)


def test_like_widens_labels_and_refuses_more():
    train = Dataset(DENSE, sparse.csr_array(np.eye(4, 5)))
    test = Dataset(DENSE, sparse.csr_array(np.eye(4, 3)), like=train)
    assert test.y.shape == (4, 5)
    with pytest.raises(ValueError, match="one encoder"):
        Dataset(DENSE, sparse.csr_array(np.eye(4, 6)), like=train)


def test_like_refuses_targets_of_another_kind():
    train = Dataset(DENSE, [0, 1, 0, 1])
    with pytest.raises(ValueError, match=r"y holds values, but .* classes"):
        Dataset(DENSE, [0.5, 1, 0, 1], like=train)
    with pytest.raises(ValueError, match=r"y holds labels, but .* classes"):
        Dataset(DENSE, sparse.csr_array(np.eye(4)), like=train)


def test_like_reads_whole_numbers_as_values_where_it_holds_values():
    train = Dataset(DENSE, [0.5, 1, 0, 1])
    assert_array_equal(Dataset(DENSE[:2], [3, 4], like=train).y, [[3], [4]])


@pytest.mark.parametrize("y", [[0.5, 1, 2, 3], np.ones((4, 2)), np.ones((4, 1), "f4")])
def test_floats_become_columns_of_values(y):
    data = Dataset(DENSE, y)
    assert data.kind == "values"
    assert data.y.dtype == np.float32
    assert data.y.shape == (4, data.n_labels)
    assert_array_equal(data.y, np.reshape(y, (4, -1)).astype(np.float32))


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([0, 1, 0], "4 rows but y has 3"),
        (3, "4 rows but y has 0"),
        (np.full((4, 2), 7), "csr_array"),
        ([[1], 2, [], [1]], "csr_array"),
        ([0.5, np.nan, 1, 1], "row 1"),
        ([[0.5], [np.inf], [1.0], [1.0]], "row 1, column 0"),
        (["a", None, "b", "c"], "None in row 1"),
        (np.array(["a", 1, "b", 2], dtype=object), "sorted"),
    ],
)
def test_targets_without_a_meaning_are_refused(y, words):
    with pytest.raises(ValueError, match=words):
        Dataset(DENSE, y)


@given(
    indicator=st.lists(
        st.lists(st.integers(0, 2), min_size=5, max_size=5), min_size=1, max_size=8
    ).map(np.array),
    form=st.sampled_from(["csr", "csc", "coo"]),
)
def test_label_lists_are_the_places_that_are_not_zero(indicator, form):
    data = Dataset(np.zeros((len(indicator), 1)), sparse.coo_array(indicator).asformat(form))
    assert (data.kind, data.n_labels) == ("labels", 5)
    assert_core_layout(data.y)
    indptr, indices = data.label_lists()
    assert (indptr.dtype, indices.dtype) == (np.int64, np.int32)
    for i, row in enumerate(indicator):
        assert_array_equal(indices[indptr[i] : indptr[i + 1]], np.flatnonzero(row))


def test_a_class_is_a_list_of_one_label():
    indptr, indices = Dataset(DENSE, [2, 0, 1, 2]).label_lists()
    assert_array_equal(indptr, range(5))
    assert_array_equal(indices, [2, 0, 1, 2])
    with pytest.raises(ValueError, match="values"):
        Dataset(DENSE, [0.5, 1, 1, 1]).label_lists()


@pytest.mark.parametrize("X", [DENSE, sparse.csr_array(DENSE)])
@pytest.mark.parametrize("y", [["b", "a", "b", "c"], sparse.csr_array(np.eye(4)), None, [0.5] * 4])
@pytest.mark.parametrize(
    "rows",
    [slice(1, 3), [3, 0, 3], np.array([True, False, False, True]), [], slice(None, None, -1)],
)
def test_a_part_is_what_numpy_would_take(X, y, rows):
    data = Dataset(X, y)
    part = data[rows]
    chosen = np.arange(4)[np.zeros(0, int) if isinstance(rows, list) and not rows else rows]
    assert_array_equal(to_dense(part.X), DENSE[chosen])
    assert (part.kind, part.n_labels, part.label_names) == (
        data.kind,
        data.n_labels,
        data.label_names,
    )
    if y is not None:
        assert_array_equal(to_dense(part.y), to_dense(data.y)[chosen])
    for matrix in (part.X, part.y):
        if sparse.issparse(matrix):
            assert_core_layout(matrix)


def test_split_cuts_off_the_last():
    data = Dataset(DENSE, [0, 1, 2, 1])
    first, last = data.split(1)
    assert_array_equal(np.concatenate([first.X, last.X]), DENSE)
    assert (len(first), len(last), last.n_labels) == (3, 1, 3)
    for n_last in (0, 4, -1):
        with pytest.raises(ValueError, match="choose 1 to 3"):
            data.split(n_last)


def test_places_outside_are_errors():
    data = Dataset(DENSE)
    with pytest.raises(IndexError):
        data[[4]]
    with pytest.raises(TypeError, match=r"data\[3:4\]"):
        data[3]
    with pytest.raises(ValueError, match="mask"):
        data[[True, False]]


def test_repr_states_sizes_and_kinds():
    assert repr(Dataset(DENSE)) == "Dataset(4 examples, 3 dense features, no targets)"
    labels = sparse.csr_array((4, 2000))
    assert repr(Dataset(sparse.csr_array(DENSE), labels)).endswith(
        "3 sparse features, 2,000 labels)"
    )


def to_dense(values):
    return values.toarray() if sparse.issparse(values) else values


def assert_core_layout(csr):
    assert isinstance(csr, sparse.csr_array)
    assert (csr.data.dtype, csr.indices.dtype, csr.indptr.dtype) == (np.float32, np.int32, np.int64)
    assert csr.data.all()
    for start, end in zip(csr.indptr[:-1], csr.indptr[1:], strict=True):
        assert (np.diff(csr.indices[start:end]) > 0).all()


def test_slices_of_a_set_in_memory_share_its_entries():
    X = sparse.random_array((50, 8), density=0.3, format="csr", dtype=np.float32, rng=0)
    data = Dataset(X, X)
    for part in (*data.split(20), data[3:3], data[:]):
        assert np.shares_memory(part.X.data, data.X.data) or not part.X.nnz
        assert np.shares_memory(part.X.indices, data.X.indices) or not part.X.nnz
        assert np.shares_memory(part.y.indices, data.y.indices) or not part.y.nnz


KEPT = ["cat", "", "a\tb", "\ud800", 7, -1, 2**63, 0.1, -2.5, True, np.float32(0.1), np.int8(3)]
LOST = [b"cat", None, np.nan, 1j, ("a", "b"), Decimal("1.5"), date(2024, 1, 2)]
LOST += [np.datetime64("2024-01-02"), np.datetime64("2024-01-02", "ns"), np.timedelta64(3, "s")]


@pytest.mark.parametrize("name", KEPT)
def test_a_name_that_is_taken_comes_back_from_a_model(name):
    encoding = Dataset(DENSE, [0, 1, 1, 0], label_names=("other", name)).encoding
    assert Encoding.from_state(*encoding.state()) == encoding


@pytest.mark.parametrize("name", LOST)
def test_a_name_that_no_file_keeps_is_refused(name):
    with pytest.raises(
        ValueError, match=r"not a name of a label that a file can keep.*astype\(str\)"
    ):
        Dataset(DENSE, [0, 1, 1, 0], label_names=("other", name))


@pytest.mark.parametrize(
    "y",
    [
        np.array([b"a", b"b", b"a", b"b"]),
        np.array([b"a", b"b", b"a", b"b"], object),
        np.array([date(2024, 1, day) for day in (1, 2, 1, 2)]),
        np.array(["2024-01-01", "2024-01-02"] * 2, "M8[ns]"),
        np.array([Decimal(1), Decimal(2)] * 2),
        np.array([1, 2, 1, 2], "m8[s]"),
    ],
)
def test_classes_whose_names_no_file_keeps_are_refused_before_training(y):
    with pytest.raises(ValueError, match=r"y\.astype\(str\)"):
        Dataset(DENSE, y)
    assert Dataset(DENSE, y.astype(str)).n_labels == 2


def test_words_are_no_ids_of_labels_without_names():
    train = Dataset(DENSE, [0, 1, 2, 1])
    with pytest.raises(ValueError, match=r"the 3 labels have no names.*y\.astype\(int\)"):
        Dataset(DENSE, ["0", "2", "1", "1"], like=train)


@pytest.mark.parametrize("rows", [[3], [-4], [0, 99]])
def test_rows_that_are_not_there_are_refused(rows):
    for X in (np.eye(3), sparse.csr_array(np.eye(3))):
        with pytest.raises(IndexError, match="there are 3 examples, but positions"):
            Dataset(X)[rows]
