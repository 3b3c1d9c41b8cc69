"""Files come back as they were written; damaged and foreign ones give one error that names them."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from scipy import sparse

from fewfire import datasets
from fewfire.data import Dataset, readers

MNIST = Path(__file__).parents[3] / "shared/data/mnist"
DENSE = np.array([[0, 1.5, 0], [2, 0, 1e-7], [0, 0, 0], [-3, 1 / 3, 0]], np.float32)
LABELS = sparse.csr_array([[1, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0]])
in_one_folder = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@in_one_folder
@given(
    values=hnp.arrays(
        st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"]), hnp.array_shapes(max_dims=4)
    ),
    name=st.sampled_from(["a.idx", "a.gz"]),
)
def test_idx_gives_back_every_bit(tmp_path, values, name):
    readers.save_idx(tmp_path / name, values)
    got = readers.read_idx(tmp_path / name)
    assert got.dtype == values.dtype
    assert got.shape == values.shape
    assert got.tobytes() == values.tobytes()


def test_idx_is_big_endian(tmp_path):
    readers.save_idx(tmp_path / "a", np.array([1, 258], np.int16))
    assert (tmp_path / "a").read_bytes() == bytes([0, 0, 0x0B, 1, 0, 0, 0, 2, 0, 1, 1, 2])


def test_idx_refuses_types_it_cannot_hold(tmp_path):
    with pytest.raises(ValueError, match="int64"):
        readers.save_idx(tmp_path / "a", np.arange(3))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_folder_of_idx_files_is_two_data_sets_from_0_to_1(tmp_path, suffix):
    images = np.arange(24, dtype=np.uint8).reshape(6, 2, 2) * 11
    write_idx_folder(tmp_path, images, np.array([1, 3, 3, 1, 3, 1], np.uint8), suffix)
    for load in (datasets.mnist, datasets.load):
        train, test = load(tmp_path)
        assert_array_equal(train.X, images[:4].reshape(4, 4) / np.float32(255))
        assert train.label_names == test.label_names == (1, 3)
        assert_array_equal(test.y, [1, 0])


def test_a_folder_without_the_four_files_says_which_is_missing(tmp_path):
    with pytest.raises(ValueError, match=r"0 files named .*train-images"):
        datasets.mnist(tmp_path)


@pytest.mark.parametrize("X", [DENSE, sparse.csr_array(DENSE)])
@pytest.mark.parametrize(
    ("y", "names"),
    [
        (None, None),
        ([0, 2, 1, 1], None),
        ([7, 3, 9, 9], None),
        (["b", "a", "", "ö"], None),
        ([0.5, 1, 2, 3], None),
        (LABELS, None),
        (LABELS, ("a", "b", "c", "d")),
    ],
)
def test_npz_gives_back_the_data_set(tmp_path, X, y, names):
    data = Dataset(X, y, label_names=names)
    datasets.save_npz(tmp_path / "a.npz", data)
    assert_same(datasets.load(tmp_path / "a.npz"), data)


def test_npz_keeps_labels_that_do_not_occur(tmp_path):
    data = Dataset(DENSE, [0, 1, 0, 1], n_labels=9)
    datasets.save_npz(tmp_path / "a.npz", data)
    assert datasets.load_npz(tmp_path / "a.npz").n_labels == 9


def test_npz_of_keras_is_two_data_sets(tmp_path):
    images = np.full((3, 2, 2), 51, np.uint8)
    parts = {"x_train": images, "y_train": [0, 1, 2], "x_test": images[:1], "y_test": [1]}
    np.savez(tmp_path / "a.npz", **parts)
    train, test = datasets.load(tmp_path / "a.npz")
    assert_array_equal(train.X, np.full((3, 4), np.float32(0.2)))
    assert test.n_labels == 3


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_npz_of_scipy_is_features(tmp_path, form):
    sparse.save_npz(tmp_path / "a.npz", sparse.coo_array(DENSE).asformat(form))
    assert_array_equal(datasets.load(tmp_path / "a.npz").X.toarray(), DENSE)


def test_npy_is_features(tmp_path):
    np.save(tmp_path / "a.npy", DENSE)
    assert_same(datasets.load(tmp_path / "a.npy"), Dataset(DENSE))


def test_npz_never_unpickles(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.array([[object]]))
    with pytest.raises(ValueError, match=r"a\.npz cannot be read"):
        datasets.load(tmp_path / "a.npz")


def test_npz_with_other_names_says_which_are_wanted(tmp_path):
    np.savez(tmp_path / "a.npz", features=DENSE)
    with pytest.raises(ValueError, match=r"a\.npz .* holds features; name the arrays X and y"):
        datasets.load(tmp_path / "a.npz")


@pytest.mark.parametrize("kind", ["idx", "idx.gz", "npz", "scipy.npz", "npy"])
def test_a_truncated_file_is_one_error_that_names_it(tmp_path, kind):
    path = tmp_path / f"whole.{kind}"
    {
        "idx": lambda: readers.save_idx(path, DENSE),
        "idx.gz": lambda: readers.save_idx(path, DENSE),
        "npz": lambda: readers.save_npz(path, Dataset(DENSE, LABELS)),
        "scipy.npz": lambda: sparse.save_npz(path, sparse.csr_array(DENSE)),
        "npy": lambda: np.save(path, DENSE),
    }[kind]()
    read = {"idx": readers.read_idx, "idx.gz": readers.read_idx, "npy": readers.read_npy}
    whole, cut = path.read_bytes(), tmp_path / "cut.file"
    for size in range(0, len(whole), max(1, len(whole) // 60)):
        cut.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"cut\.file"):
            read.get(kind, readers.read_npz)(cut)


@in_one_folder
@given(
    content=st.binary(max_size=80),
    start=st.sampled_from([b"", b"PK\3\4", b"\x93NUMPY\1\0", b"\0\0\x08\1"]),
)
def test_foreign_bytes_are_one_error_that_names_the_file(tmp_path, content, start):
    (tmp_path / "odd.file").write_bytes(start + content)
    for read in (readers.read_npz, readers.read_npy):
        with pytest.raises(ValueError, match=r"odd\.file"):
            read(tmp_path / "odd.file")
    if start != b"\0\0\x08\1":  # what follows may happen to be a whole idx file
        with pytest.raises(ValueError, match=r"odd\.file"):
            readers.read_idx(tmp_path / "odd.file")


def test_a_huge_shape_in_a_short_idx_file_allocates_nothing(tmp_path):
    (tmp_path / "a").write_bytes(bytes([0, 0, 8, 3]) + b"\xff" * 12)
    with pytest.raises(ValueError, match="announces"):
        readers.read_idx(tmp_path / "a")


def test_a_missing_file_is_the_errors_of_the_system(tmp_path):
    for read in (datasets.load, datasets.load_npz, datasets.load_xc, datasets.load_svmlight):
        with pytest.raises(FileNotFoundError, match="nowhere"):
            read(tmp_path / "nowhere")


def test_a_failed_write_leaves_the_old_file_whole(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError):
        write_half(path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_gzip_writes_the_same_bytes_every_time(tmp_path):
    for name in ("a.gz", "b.gz"):
        readers.save_idx(tmp_path / name, DENSE)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_svmlight_text_counts_features_from_1(tmp_path):
    datasets.save_svmlight(tmp_path / "a.txt", Dataset(DENSE, [7, 3, 7, 7]))
    lines = (tmp_path / "a.txt").read_text().splitlines()
    assert lines == ["7 2:1.5", "3 1:2.0 3:1e-07", "7", "7 1:-3.0 2:0.33333334"]


def test_xc_text_states_its_sizes_and_counts_from_0(tmp_path):
    datasets.save_svmlight(tmp_path / "a.gz", Dataset(DENSE, LABELS))
    lines = gzip.decompress((tmp_path / "a.gz").read_bytes()).decode().splitlines()
    assert lines == ["4 3 4", "0,3 1:1.5", "2 0:2.0 2:1e-07", " ", "1 0:-3.0 1:0.33333334"]


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_xc_text_gives_back_the_data_set(tmp_path, name):
    data = Dataset(sparse.csr_array(DENSE), LABELS)
    datasets.save_svmlight(tmp_path / name, data)
    assert_same(datasets.load_xc(tmp_path / name), data)
    assert_same(datasets.load(tmp_path / name), data)


@pytest.mark.parametrize("y", [[7, 3, 7, 7], [0, 1, 2, 1], [0.5, 1, 2, -1e-7]])
def test_svmlight_text_gives_back_the_data_set(tmp_path, y):
    data = Dataset(sparse.csr_array(DENSE), y)
    datasets.save_svmlight(tmp_path / "a.txt", data)
    assert_same(datasets.load_svmlight(tmp_path / "a.txt"), data)
    assert_same(datasets.load(tmp_path / "a.txt"), data)


def test_svmlight_text_like_another_counts_and_widens_as_that_one(tmp_path):
    (tmp_path / "from0.txt").write_text("1 0:1 3:1\n2 1:1\n")
    (tmp_path / "from1.txt").write_text("1 1:1 3:1\n2 2:1\n")
    (tmp_path / "test.txt").write_text("2 1:1\n")
    from0 = datasets.load_svmlight(tmp_path / "from0.txt")
    from1 = datasets.load_svmlight(tmp_path / "from1.txt")
    test = datasets.load_svmlight(tmp_path / "test.txt", from0)
    assert_array_equal(test.X.toarray(), [[0, 1, 0, 0]])
    assert_array_equal(test.y, [1])
    test = datasets.load_svmlight(tmp_path / "test.txt", from1)
    assert_array_equal(test.X.toarray(), [[1, 0, 0]])
    assert datasets.load_svmlight(tmp_path / "test.txt", n_features=9).n_features == 9
    with pytest.raises(ValueError, match="feature 0"):
        datasets.load_svmlight(tmp_path / "from0.txt", from1)


def test_svmlight_text_with_commas_holds_lists_of_labels(tmp_path):
    (tmp_path / "a.txt").write_text("2,0 1:1\n1 2:1\n")
    data = datasets.load_svmlight(tmp_path / "a.txt")
    assert_array_equal(data.y.toarray(), [[1, 0, 1], [0, 1, 0]])


@pytest.mark.skipif(not MNIST.is_dir(), reason=f"MNIST is not at {MNIST}")
def test_mnist_has_its_known_counts():
    train, test = datasets.mnist(MNIST)
    assert train.X.shape == (60000, 784)
    assert (train.X.min(), train.X.max()) == (0, 1)
    assert_array_equal(np.bincount(test.y), [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])


def write_half(path):
    with readers.shared.writing(path) as file:
        file.write(b"half")
        raise ZeroDivisionError


def write_idx_folder(folder, images, labels, suffix):
    for part, rows in (("train", slice(0, 4)), ("t10k", slice(4, 6))):
        readers.save_idx(folder / f"{part}-images-idx3-ubyte{suffix}", images[rows])
        readers.save_idx(folder / f"{part}-labels-idx1-ubyte{suffix}", labels[rows])


def assert_same(got, data):
    assert (got.kind, got.n_labels, got.label_names) == (data.kind, data.n_labels, data.label_names)
    for a, b in ((got.X, data.X), (got.y, data.y)):
        assert sparse.issparse(a) == sparse.issparse(b)
        if b is not None:
            assert a.dtype == b.dtype
            assert_array_equal(*((m.toarray() if sparse.issparse(m) else m) for m in (a, b)))
