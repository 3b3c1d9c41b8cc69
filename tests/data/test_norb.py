"""Small NORB comes back reduced, gzipped or not; damaged files give an error that names them."""

import gzip
import json
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from commands import run
from fewfire import datasets
from fewfire.data import readers

MAGIC = {"f4": 0x1E3D4C51, "f8": 0x1E3D4C53, "i4": 0x1E3D4C54, "u1": 0x1E3D4C55, "i2": 0x1E3D4C56}
NAMES = {
    "train": "smallnorb-5x46789x9x18x6x2x96x96-training",
    "test": "smallnorb-5x01235x9x18x6x2x96x96-testing",
}
in_one_folder = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def matrix(values, dtype):
    values = np.asarray(values, f"<{dtype}")
    sizes = [*values.shape, *[1] * (3 - values.ndim)]
    header = struct.pack(f"<{2 + len(sizes)}i", MAGIC[dtype], values.ndim, *sizes)
    return header + values.tobytes()


def write(folder, part, pairs, labels, suffix=""):
    for what, content in (("dat", matrix(pairs, "u1")), ("cat", matrix(labels, "i4"))):
        packed = gzip.compress(content, mtime=0) if suffix else content
        path(folder, part, what, suffix).write_bytes(packed)


def path(folder, part, what, suffix=""):
    return folder / f"{NAMES[part]}-{what}.mat{suffix}"


def draw(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 2, 96, 96), dtype=np.uint8), np.arange(n) % 5


def reduced(pairs):
    """The means one by one, left image first."""
    rows = np.empty((len(pairs), 2048))
    for i, pair in enumerate(pairs):
        for eye in range(2):
            for y in range(32):
                for x in range(32):
                    block = pair[eye, 3 * y : 3 * y + 3, 3 * x : 3 * x + 3]
                    rows[i, 1024 * eye + 32 * y + x] = block.mean() / 255
    return rows


@pytest.fixture
def small(tmp_path):
    """A folder with a training set of 7 pairs and a test set of 3."""
    for part, n in (("train", 7), ("test", 3)):
        write(tmp_path, part, *draw(n, seed=n))
    return tmp_path


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_pairs_are_reduced_to_means_of_nine_pixels(tmp_path, suffix):
    for part, n in (("train", 7), ("test", 3)):
        write(tmp_path, part, *draw(n, seed=n), suffix)
    for load in (datasets.norb, datasets.load):
        for data, n in zip(load(tmp_path), (7, 3), strict=True):
            pairs, labels = draw(n, seed=n)
            assert data.X.dtype == np.float32
            assert_allclose(data.X, reduced(pairs), rtol=1e-6)
            assert_array_equal(data.y, labels)
            assert (data.kind, data.n_labels, data.label_names) == ("classes", 5, None)


def test_black_is_0_and_white_is_1(tmp_path):
    pairs = np.zeros((1, 2, 96, 96), np.uint8)
    pairs[0, 1] = 255
    write(tmp_path, "train", pairs, [4])
    data = readers.read_norb(tmp_path, "train")
    assert_array_equal(data.X[0], np.repeat([0, 1], 1024))


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_what_is_read_is_held_in_blocks(tmp_path, suffix):
    block = readers.norb.BLOCK
    n = 8 * block + 1
    pairs, labels = draw(n)
    write(tmp_path, "train", pairs, labels, suffix)
    readers.read_norb(tmp_path, "train")  # what is imported once counts not
    tracemalloc.start()
    data = readers.read_norb(tmp_path, "train")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < data.X.nbytes + pairs.nbytes / 2
    for first in (0, n - 1):  # in the first block and in the last
        assert_allclose(data.X[[first]], reduced(pairs[[first]]), rtol=1e-6)


def test_an_unpacked_file_goes_before_its_packed_twin(small):
    path(small, "train", "dat", ".gz").write_bytes(b"damaged")
    assert len(readers.read_norb(small, "train")) == 7


def test_a_third_part_is_refused_by_name(small):
    with pytest.raises(ValueError, match="part must be one of train, test; got 'valid'"):
        readers.read_norb(small, "valid")


@pytest.mark.parametrize("part", NAMES)
@pytest.mark.parametrize("what", ["dat", "cat"])
def test_a_missing_file_is_named_with_an_example(small, part, what):
    missing = path(small, part, what)
    missing.unlink()
    with pytest.raises(ValueError, match=f"0 files named .*-{what}.mat.*such as {missing.name}"):
        datasets.norb(small)


def test_two_files_for_one_part_are_refused(small):
    (small / "other-training-dat.mat").write_bytes(b"")
    with pytest.raises(ValueError, match="2 files"):
        datasets.norb(small)


PAIRS, _ = draw(7)
WRONG = {
    "an empty file": ("dat", b"", "ends early"),
    "a file of another format": ("dat", b"\x93NUMPY\1\0" * 9, "magic number"),
    "the other file": ("dat", matrix(range(7), "i4"), "holds int32 values, wanted uint8"),
    "labels of another type": ("cat", matrix(range(5), "i2"), "holds int16 values, wanted int32"),
    "packed values": ("cat", struct.pack("<2i", 0x1E3D4C52, 1), "holds packed values"),
    "a header that ends early": ("dat", matrix(PAIRS, "u1")[:20], "ends early: 16 bytes"),
    "another number of dimensions": ("dat", matrix(PAIRS[:, 0], "u1"), "3 dimensions, wanted 4"),
    "no dimensions": ("cat", struct.pack("<2i", MAGIC["i4"], 0), "0 dimensions"),
    "dimensions beyond count": ("cat", struct.pack("<2i", MAGIC["i4"], 2**31 - 1), "dimensions"),
    "images of another size": ("dat", matrix(PAIRS[:, :, :, :95], "u1"), r"\[2, 96, 96\]"),
    "used unused sizes": ("cat", struct.pack("<5i", MAGIC["i4"], 1, 1, 1, 2), r"\[1, 1, 2\]"),
    "a negative size": ("cat", struct.pack("<5i", MAGIC["i4"], 1, -7, 1, 1), r"\[-7, 1, 1\]"),
    "no examples": ("cat", matrix([], "i4"), r"\[0, 1, 1\]"),
    "truncated images": ("dat", matrix(PAIRS, "u1")[: -2 * 18432], "announces 129,024 bytes"),
    "images without their end": ("dat", matrix(PAIRS, "u1")[:-1], "ends early"),
    "truncated labels": ("cat", matrix(range(5), "i4")[:-3], "ends early"),
    "trailing bytes": ("dat", matrix(PAIRS, "u1") + b"\0", "more bytes follow than the 129,024"),
    "trailing labels": ("cat", matrix([0] * 7, "i4") + b"\0", "more bytes follow"),
    "too few images": ("dat", matrix(PAIRS[:6], "u1"), "6 image pairs, .*-cat.mat.* 7 labels"),
    "too few labels": ("cat", matrix([0] * 6, "i4"), "7 image pairs, .*-cat.mat.* 6 labels"),
    "a class too many": ("cat", matrix([0, 1, 5, 0, 0, 9, 0], "i4"), "example 2 has label 5"),
    "a negative class": ("cat", matrix([0, 1, 2, 3, 4, 0, -1], "i4"), "example 6 has label -1"),
}  # fmt: skip


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_one_error_that_names_it(tmp_path, name, suffix):
    what, content, reason = WRONG[name]
    if suffix:
        reason = reason.replace("announces 129,024 bytes", "ends early: 129,024")  # size unknown
    write(tmp_path, "train", PAIRS, [0] * 7, suffix)
    path(tmp_path, "train", what, suffix).write_bytes(gzip.compress(content) if suffix else content)
    with pytest.raises(ValueError, match=rf"-dat\.mat.*{reason}|-{what}\.mat.*{reason}") as error:
        readers.read_norb(tmp_path, "train")
    assert "check the format or fetch it again" in str(error.value)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_huge_sizes_in_short_files_allocate_nothing(tmp_path, suffix):
    n = 2**22
    labels, images = matrix(np.zeros(n), "i4"), matrix(PAIRS, "u1")
    images = images[:8] + struct.pack("<i", n) + images[12:]
    path(tmp_path, "train", "cat").write_bytes(labels)
    path(tmp_path, "train", "dat", suffix).write_bytes(gzip.compress(images) if suffix else images)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"-dat\.mat.*announces 77,309,411,328 bytes of values"):
        readers.read_norb(tmp_path, "train")
    path(tmp_path, "train", "cat").write_bytes(labels[:8] + b"\xff\xff\xff\x7f" + labels[12:20])
    with pytest.raises(ValueError, match=r"-cat\.mat.*announces 8,589,934,588 bytes of values"):
        readers.read_norb(tmp_path, "train")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * len(labels)


def test_a_set_beyond_this_machine_is_refused_before_it_is_read(tmp_path):
    n = 2**16  # half a GiB reduced
    with open(path(tmp_path, "train", "cat"), "wb") as file:
        file.write(struct.pack("<5i", MAGIC["i4"], 1, n, 1, 1))
        file.truncate(20 + 4 * n)  # holes: zeros that take no room on the disk
    with open(path(tmp_path, "train", "dat"), "wb") as file:
        file.write(struct.pack("<6i", MAGIC["u1"], 4, n, 2, 96, 96))
        file.truncate(24 + 18432 * n)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.sysconf", lambda name: {"SC_PAGE_SIZE": 4096}.get(name, 2**16))
        with pytest.raises(ValueError, match=r"-dat\.mat.* takes 0\.5 GiB, this machine has 0\.2"):
            readers.read_norb(tmp_path, "train")


@in_one_folder
@given(what=st.sampled_from(["dat", "cat"]), suffix=st.sampled_from(["", ".gz"]), data=st.data())
def test_a_header_that_changed_is_an_error(tmp_path, what, suffix, data):
    pairs, labels = draw(2)
    whole = matrix(pairs, "u1") if what == "dat" else matrix(labels, "i4")
    length = 24 if what == "dat" else 20
    start = data.draw(st.integers(0, length - 1))
    patch = data.draw(st.binary(min_size=1, max_size=length - start))
    content = whole[:start] + patch + whole[start + len(patch) :]
    write(tmp_path, "train", pairs, labels, suffix)
    path(tmp_path, "train", what, suffix).write_bytes(gzip.compress(content) if suffix else content)
    if content == whole:
        assert_array_equal(readers.read_norb(tmp_path, "train").y, labels)
    else:
        with pytest.raises(ValueError, match=r"-dat\.mat|-cat\.mat"):
            readers.read_norb(tmp_path, "train")
    for file in tmp_path.iterdir():
        file.unlink()


@in_one_folder
@given(
    what=st.sampled_from(["dat", "cat"]),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1),
    keep=st.floats(0, 1),
)
def test_damage_to_a_packed_file_is_an_error_or_harmless(tmp_path, what, changes, keep):
    pairs, labels = np.zeros((2, 2, 96, 96), np.uint8), [3, 1]
    write(tmp_path, "train", pairs, labels, ".gz")
    damaged = path(tmp_path, "train", what, ".gz")
    content = bytearray(damaged.read_bytes())
    for place, value in changes:
        content[int(place * len(content))] = value
    damaged.write_bytes(content[: max(1, round(keep * len(content)))])
    try:
        got = readers.read_norb(tmp_path, "train")
    except ValueError as error:
        reason = str(error)
    else:
        assert_array_equal(got.y, labels)
        assert not got.X.any()
        return
    assert NAMES["train"] in reason


@in_one_folder
@given(
    content=st.binary(max_size=60),
    start=st.sampled_from(
        [b"", b"\x1f\x8b", *(struct.pack("<i", code) for code in MAGIC.values())]
    ),
    what=st.sampled_from(["dat", "cat"]),
)
def test_foreign_bytes_are_one_error_that_names_the_file(tmp_path, content, start, what):
    write(tmp_path, "train", *draw(1))
    damaged = path(tmp_path, "train", what)
    damaged.write_bytes(start + content)
    with pytest.raises(ValueError, match=r"-dat\.mat|-cat\.mat"):
        readers.read_norb(tmp_path, "train")


def bright_corners(n, seed):
    """Pairs with a bright square at a height that tells the class."""
    rng = np.random.default_rng(seed)
    pairs, labels = rng.integers(0, 60, (n, 2, 96, 96), dtype=np.uint8), np.arange(n) % 5
    for pair, label in zip(pairs, labels, strict=True):
        pair[:, 18 * label : 18 * label + 18] += 150
    return pairs, labels


def test_the_command_line_reduces_and_trains(tmp_path):
    (tmp_path / "norb").mkdir()
    write(tmp_path / "norb", "train", *bright_corners(200, 0), ".gz")
    write(tmp_path / "norb", "test", *bright_corners(50, 1))
    out, _ = run("data", "norb", "norb", "-o", "small", cwd=tmp_path)
    assert "small: train Dataset(200 examples, 2,048 dense features, 5 classes)" in out
    out, _ = run("data", "norb", "norb", "-o", "again", "--json", cwd=tmp_path)
    assert json.loads(out)["test"] == {
        "n_examples": 50, "n_features": 2048, "n_labels": 5, "kind": "classes"
    }  # fmt: skip
    for got, data in zip(
        datasets.load(tmp_path / "small"), datasets.norb(tmp_path / "norb"), strict=True
    ):
        assert_array_equal(got.X, data.X)
        assert_array_equal(got.y, data.y)
    options = ("--hidden", 32, "--gate", "all", "--max-epochs", 8, "--batch-size", 8, "-q",
               "--n-jobs", 1)  # fmt: skip
    for source in ("small", "norb"):
        run("train", source, *options, "-o", f"{source}.safetensors", cwd=tmp_path)
    models = [(tmp_path / f"{name}.safetensors").read_bytes() for name in ("small", "norb")]
    assert models[0] == models[1]
    out, _ = run("evaluate", "norb.safetensors", "norb", "--json", cwd=tmp_path)
    assert json.loads(out)["metrics"]["accuracy"] > 0.9


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        ("data norb nowhere -o out", 1, "nowhere holds 0 files named *training*-dat.mat"),
        ("data norb norb -o out", 1, "testing-cat.mat cannot be read"),
        ("data norb norb", 2, "'-o'"),
        ("train norb --hidden 8", 1, "testing-cat.mat cannot be read"),
    ],
)
def test_bad_input_on_the_command_line_leaves_nothing_behind(tmp_path, words, code, expected):
    (tmp_path / "norb").mkdir()
    write(tmp_path / "norb", "train", *draw(5))
    write(tmp_path / "norb", "test", *draw(5))
    path(tmp_path / "norb", "test", "cat").write_bytes(b"damaged")
    out, err = run(*words.split(), cwd=tmp_path, code=code)
    assert out == ""
    assert expected in err
    assert len(err.splitlines()) == 1 or code == 2
    assert not (tmp_path / "out").exists()


def test_an_idx_folder_refuses_a_shape_that_does_not_fit(small):
    train, test = datasets.norb(small)
    with pytest.raises(ValueError, match="square images"):
        datasets.save_idx_folder(small / "out", train, test)
    with pytest.raises(ValueError, match=r"\(3, 32, 32\) images"):
        datasets.save_idx_folder(small / "out", train, test, shape=(3, 32, 32))
    assert not (small / "out").exists()
