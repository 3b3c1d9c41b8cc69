"""Files that are damaged, lie about their size, or were made by other programs: one error that
names the file, no more memory than it may take, and the same from `load` and `convert`."""

import gzip
import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse

from damage import CASES, DAMAGES
from fewfire import datasets
from fewfire.data import Dataset, readers

X = sparse.random_array((6, 4), density=0.6, rng=np.random.default_rng(0), format="csr")
Y = sparse.csr_array([[1, 0, 1], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 0, 0], [0, 1, 0]])
GIBIBYTE = 1 << 30
in_one_folder = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


# -- parts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "damage"), [case for case in CASES if case[0] in "csr coo dia"])
def test_a_damaged_part_in_an_npz_of_scipy_is_refused_by_file(tmp_path, form, damage):
    matrix = X.asformat(form).copy()
    DAMAGES[form][damage](matrix)
    try:
        sparse.save_npz(tmp_path / "a.npz", matrix)
    except (AttributeError, IndexError, TypeError, ValueError):
        return  # scipy does not write it
    with pytest.raises(ValueError, match=r"a\.npz"):
        datasets.load(tmp_path / "a.npz")


@pytest.mark.parametrize("name", ["X", "y"])
@pytest.mark.parametrize("damage", DAMAGES["csr"])
def test_a_damaged_part_in_an_npz_is_refused_by_file(tmp_path, name, damage):
    matrix = X.copy()
    DAMAGES["csr"][damage](matrix)
    parts = {"X": np.ones((6, 4))}
    for part in ("data", "indices", "indptr"):
        value = getattr(matrix, part)
        parts[f"{name}_{part}"] = np.array([], object) if value is None else value
    np.savez(tmp_path / "a.npz", **parts, **{f"{name}_shape": matrix.shape})
    with pytest.raises(ValueError, match=r"a\.npz"):
        datasets.load(tmp_path / "a.npz")


STRANGE = {
    "nothing": None,
    "a number": np.array(3),
    "a word": np.array("x"),
    "words": np.array(["a", "b"]),
    "a row": np.zeros(3),
    "a cube": np.zeros((2, 2, 2)),
    "complex": np.full(6, 1j),
    "dates": np.zeros(6, "M8[ns]"),
    "records": np.zeros(6, "i4,f4"),
    "bytes": np.array([b"a"] * 6),
    "no numbers": np.full(6, np.nan),
    "objects": np.array([{}] * 6),
    "below 0": np.array(-1),
    "a huge number": np.array(2**62),
}
SAVED = {
    "labels": Dataset(X, Y, label_names=("a", "b", "c")),
    "classes": Dataset(X.toarray(), ["a", "b", "c", "a", "b", "c"]),
}


@pytest.mark.parametrize("strange", STRANGE)
@pytest.mark.parametrize("kind", SAVED)
def test_a_strange_member_of_an_npz_is_refused_by_file_or_read(tmp_path, kind, strange):
    datasets.save_npz(tmp_path / "a.npz", SAVED[kind])
    with np.load(tmp_path / "a.npz") as archive:
        members = dict(archive)
    for name in members:
        changed = {**members, name: STRANGE[strange]}
        if STRANGE[strange] is None:
            del changed[name]
        np.savez(tmp_path / "b.npz", **changed)
        try:
            assert isinstance(datasets.load(tmp_path / "b.npz"), Dataset)
        except ValueError as error:
            assert "b.npz" in str(error)  # noqa: PT017


def test_members_of_other_names_are_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("X.npy", npy(np.ones((2, 3))))
        archive.writestr("other.npy", bytes(1 << 28))
    assert len(in_little_memory(lambda: datasets.load(tmp_path / "a.npz"))) == 2


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


# -- bombs ---------------------------------------------------------------------------------------


def in_little_memory(use):
    """Return what `use` returns; it must take less than a fifth of what the bombs unpack to."""
    tracemalloc.start()
    try:
        return use()
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < GIBIBYTE // 5


@pytest.fixture(scope="module")
def bombs(tmp_path_factory):
    """Files of a megabyte that unpack to a gibibyte, whatever their headers say."""
    folder = tmp_path_factory.mktemp("bombs")
    starts = {
        "idx": b"\0\0\x08\x01\0\0\0\x28",
        "npy": npy(np.zeros(5)),
        "names.txt": b"cat\n",
        "svm.txt": b"1 1:1\n",
        "xc.txt": b"1 2 2\n0 0:1\n",
        "a.tsv": b"a cat\tcat\n",
    }
    for name, start in starts.items():
        filling = b"\0" if name in ("idx", "npy") else b" "
        # A file may have many gzip members: what they hold is joined.
        block = gzip.compress(filling * (1 << 24))
        (folder / f"{name}.gz").write_bytes(gzip.compress(start) + block * (GIBIBYTE >> 24))
    return folder


@pytest.mark.parametrize("name", ["idx", "names.txt", "svm.txt", "xc.txt", "a.tsv"])
def test_nothing_is_unpacked_beyond_what_may_be_there(bombs, name):
    read = {"idx": readers.read_idx, "names.txt": datasets.load_names}.get(name, datasets.load)
    with pytest.raises(ValueError, match=rf"{name}\.gz cannot be read as"):
        in_little_memory(lambda: read(bombs / f"{name}.gz"))


@pytest.mark.parametrize("name", ["svm.txt", "xc.txt"])
def test_no_bomb_is_converted(bombs, tmp_path, name):
    with pytest.raises(ValueError, match=r"unpacks to more than|is longer than 16 MiB"):
        in_little_memory(lambda: datasets.convert(bombs / f"{name}.gz", tmp_path / "a.safetensors"))
    assert not list(tmp_path.iterdir())


def test_what_a_header_announces_is_all_that_is_unpacked(bombs):
    with pytest.raises(ValueError, match="X has 1 dimensions"):
        in_little_memory(lambda: datasets.load(bombs / "npy.gz"))


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("kind", ["idx", "npy", "npz"])
def test_a_header_that_announces_more_than_the_file_may_hold_is_refused(tmp_path, kind, suffix):
    path = tmp_path / f"a{suffix}"
    if kind == "idx":
        raw = b"\0\0\x0e\x02" + (2**16).to_bytes(4, "big") * 2
    else:
        raw = npy(np.ones((8, 8))).replace(b"(8, 8)", b"(65536, 65536)")
    if kind == "npz":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if suffix else 0) as archive:
            archive.writestr("X.npy", raw)
    else:
        path.write_bytes(gzip.compress(raw) if suffix else raw)
    with pytest.raises(ValueError, match=r"header announces 34,359,738,368 bytes .* more than a"):
        in_little_memory(lambda: datasets.load(path))


def test_text_that_repeats_itself_is_unpacked(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"1 1:1 2:1\n" * 200_000, 9))
    assert len(datasets.load(tmp_path / "a.txt.gz")) == 200_000


# -- text ----------------------------------------------------------------------------------------

LINES = st.lists(
    st.sampled_from(
        ["1 1:0.5 3:2", "0 2:1", "0,1 0:1", "3 1:1 # a, b", "# all, of it", "", " ", " 1:1",
         "1:1 2:2", "2", "-1 1:1", "0.5 1:1", "3 4 5", "1 2 3\r", "1 4 3 #x", "1,2",
         "qid:1 1:2", "x", "1 0:0"]
    ),
    max_size=5,
)  # fmt: skip
HEADERS = st.sampled_from(
    ["", "2 5 4", "3 5 4", "2 5 4\r", "2 5 4\r\r", " 2\t5 4 ", "2 5 4 # a", "2 5 4\r#", "2 5 4\x0c",
     "2\x0b5 4", "2 5 4 5", "02 5 4", "2 5 2147483648", "9999999999 5 4", "2 5"]
)  # fmt: skip


def loaded(read):
    """Return what is in a data set, or that it was refused, with an error that names the file."""
    try:
        data = read()
    except ValueError as error:
        assert "a.txt" in str(error)  # noqa: PT017
        return "refused"
    rows = [np.asarray(part).tolist() for part in (data.X.indptr, data.X.indices, data.X.data)]
    y = np.asarray(data.y).tolist() if data.kind != "labels" else data.label_lists()
    return repr((data.encoding, rows, y))


@in_one_folder
@given(
    header=HEADERS,
    lines=LINES,
    ends=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from(["", "\ufeff"]),
    last=st.booleans(),
    wild=st.binary(max_size=3),
)
def test_what_load_reads_convert_converts_and_what_it_refuses_is_refused(
    tmp_path, header, lines, ends, mark, last, wild
):
    text = mark + ends.join([header, *lines] if header else lines) + ends * last
    (tmp_path / "a.txt").write_bytes(text.encode() + wild)

    def converted():
        datasets.convert(tmp_path / "a.txt", tmp_path / "b.safetensors")
        return datasets.load_mapped(tmp_path / "b.safetensors")

    assert loaded(lambda: datasets.load(tmp_path / "a.txt")) == loaded(converted)


@pytest.mark.parametrize("text", ["1 2:3\n0 1:1\n", "2 3 4\n0,3 1:0.5\n2 0:1\n"])
def test_the_mark_of_utf8_is_no_part_of_the_text(tmp_path, text):
    (tmp_path / "plain.txt").write_text(text)
    (tmp_path / "marked.txt").write_text(text, encoding="utf-8-sig")
    plain, marked = (datasets.load(tmp_path / f"{name}.txt") for name in ("plain", "marked"))
    assert_array_equal(plain.X.toarray(), marked.X.toarray())
    assert plain.encoding == marked.encoding


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf16_is_called_by_its_name(tmp_path, encoding):
    mark = "" if encoding == "utf-16" else "\ufeff"
    (tmp_path / "a.txt").write_text(f"{mark}1 1:2\n", encoding=encoding)
    match = r"a\.t.* is text in UTF-16: save it as UTF-8"
    with pytest.raises(ValueError, match=match):
        datasets.load(tmp_path / "a.txt")
    with pytest.raises(ValueError, match=match):
        datasets.load_names(tmp_path / "a.txt")
    with pytest.raises(ValueError, match=match):
        datasets.convert(tmp_path / "a.txt", tmp_path / "b.safetensors")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1 1:0.5 3:2 # apples, pears\n0 2:1 # plums\n", "classes"),
        ("# sorted, by class\n1 1:1\n0 2:1\n", "classes"),
        ("0.5 1:1 # a,b\n1.5 1:2\n", "values"),
        ("1 1:1\n0,1 2:1\n", "labels"),
        ("# a comment\n0,1 2:1 # c\n", "labels"),
    ],
)
def test_only_a_comma_in_the_first_word_of_an_example_makes_lists(tmp_path, text, kind):
    (tmp_path / "a.txt").write_text(text)
    assert datasets.load(tmp_path / "a.txt").kind == kind
    datasets.convert(tmp_path / "a.txt", tmp_path / "a.safetensors")
    assert datasets.load(tmp_path / "a.safetensors").kind == kind


def test_names_with_tabs_are_refused_by_line(tmp_path):
    (tmp_path / "a.txt").write_text("cat\nbig\tdog\n")
    with pytest.raises(ValueError, match=r"a\.txt cannot be read .*: line 2 holds a tab"):
        datasets.load_names(tmp_path / "a.txt")
