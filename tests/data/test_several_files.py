"""Several files are read as one file with all of their lines would be, whatever their format."""

import numpy as np
import pytest
from scipy import sparse

import fewfire as ff
from commands import run
from fewfire import datasets
from fewfire.data.joined import joined
from fewfire.data.readers.raw_format import format_of

TEXTS = {
    "tsv": ["a small cat\tcat\nthe dog\tdog,big\n", "a cat\tcat,big\nthe small dog\tdog\n"],
    "jsonl": ['{"text": "a cat", "tags": ["x"]}\n', '{"text": "a dog", "tags": ["y", "x"]}\n'],
    "svm classes": ["3 1:0.5\n7 2:1\n", "5 1:1 4:2\n3 1:2\n"],
    "svm lists": ["0,2 1:0.5\n1 2:1\n", "0,5 1:1 4:2\n2 1:2\n"],
    "svm values": ["0.5 1:0.5\n", "1.5 2:1\n2.25 1:1\n"],
}
SUFFIX = {"tsv": ".tsv", "jsonl": ".jsonl"}


def same(one, other):
    assert one.encoding == other.encoding
    assert (sparse.csr_array(one.X) != sparse.csr_array(other.X)).nnz == 0
    assert (sparse.csr_array(one.y) != sparse.csr_array(other.y)).sum() == 0


@pytest.mark.parametrize("kind", TEXTS)
def test_lines_of_two_files_are_those_of_one(tmp_path, kind):
    paths = [tmp_path / f"{name}{SUFFIX.get(kind, '.txt')}" for name in ("a", "b", "both")]
    for path, text in zip(paths, [*TEXTS[kind], "".join(TEXTS[kind])], strict=True):
        path.write_text(text)
    found, whole = datasets.load(paths[:2]), datasets.load(paths[2])
    same(found, whole)
    again = datasets.load(paths[:2], whole)
    same(again, datasets.load(paths[2], whole))


def test_files_with_headers_state_the_sizes_of_the_widest(tmp_path):
    (tmp_path / "a.txt").write_text("1 3 4\n0,3 1:0.5\n")
    (tmp_path / "b.txt").write_text("2 5 2\n1 4:1\n 0:1\n")
    data = datasets.load([tmp_path / "a.txt", tmp_path / "b.txt"])
    assert (len(data), data.n_features, data.n_labels) == (3, 5, 4)
    assert data.y.toarray().tolist() == [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_arrays_are_joined_and_labels_numbered_anew(tmp_path):
    a = ff.Dataset([[1.0], [2.0]], ["dog", "ant"], sample_weight=[1, 2])
    b = ff.Dataset([[3.0]], ["cat"])
    both = joined([a, b])
    assert both.label_names == ("ant", "cat", "dog")
    assert both.y.tolist() == [2, 0, 1]
    assert both.sample_weight.tolist() == [1, 2, 1]
    datasets.save_npz(tmp_path / "a.npz", ff.Dataset([[1.0]], ["dog"]))
    datasets.save_npz(tmp_path / "b.npz", b)
    assert datasets.load([tmp_path / "a.npz", tmp_path / "b.npz"]).label_names == ("cat", "dog")


def test_features_count_from_0_where_any_file_has_a_feature_0(tmp_path):
    (tmp_path / "a.txt").write_text("1 1:0.5\n")
    (tmp_path / "b.txt").write_text("2 0:1\n")
    data = datasets.load([tmp_path / "a.txt", tmp_path / "b.txt"])
    assert np.asarray(data.X.toarray()).tolist() == [[0, 0.5], [1, 0]]


def test_unknown_labels_of_all_files_are_kept(tmp_path):
    train = ff.Dataset(sparse.csr_array(np.eye(3)), sparse.csr_array(np.eye(3)))
    for name in "ab":
        (tmp_path / name).write_text("0,7 1:1\n4 2:1\n")
    data = datasets.load([tmp_path / "a", tmp_path / "b"], train)
    assert data.unknown_labels.nnz == 4
    assert len(data) == 4


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a.tsv": "a cat\tcat\n", "b.txt": "1 1:2\n"}, "give files of one format"),
        ({"a.txt": "1 1:2\n2 1:1\n", "b.txt": "1.5 1:2\n"}, "some examples have classes, others"),
        ({"a.tsv": "a cat\tcat\n", "b.tsv": "no tab\n"}, "b.tsv.*has no labels"),
    ],
)
def test_files_that_do_not_go_together_are_refused(tmp_path, files, said):
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=said):
        datasets.load([tmp_path / name for name in files])


def test_a_folder_is_read_alone(tmp_path):
    (tmp_path / "a.txt").write_text("1 1:2\n")
    (tmp_path / "b").mkdir()
    with pytest.raises(ValueError, match=r"a folder|one format"):
        datasets.load([tmp_path / "b", tmp_path / "b"])


def test_the_command_line_takes_several_files_and_options_of_text(tmp_path):
    for name, text in zip("ab", TEXTS["tsv"], strict=True):
        (tmp_path / f"{name}.TSV").write_text(text * 3)
    (tmp_path / "stop.txt").write_text("the\n")
    options = ("--preset", "fast", "--ngrams", "1,2", "--stop-words", "stop.txt", "--sublinear-tf",
               "--min-df", 1)  # fmt: skip
    run("train", "a.TSV", "b.TSV", *options, "-o", "m", "-q", cwd=tmp_path)
    model = ff.load(tmp_path / "m")
    assert "small cat" in model.encoding.text.words
    assert "the" not in model.encoding.text.words
    assert model.encoding.text.sublinear_tf
    out, _ = run("evaluate", "m", "a.TSV", "b.TSV", cwd=tmp_path)
    assert "12 examples" in out
    out, _ = run("predict", "m", "a.TSV", "b.TSV", cwd=tmp_path)
    assert len(out.splitlines()) == 12


def test_a_table_is_known_by_its_quotes_whatever_its_name(tmp_path):
    rows = b'"a small, grey cat","cat"\n"a dog","dog"\n"a do'
    assert format_of(tmp_path / "a.data", rows) == "csv"
    assert format_of(tmp_path / "a.data", b'"a cat" sat\tcat\n') == "tsv"
    assert format_of(tmp_path / "a.data", b"1 1:2\n") is None
    assert format_of(tmp_path / "A.JSONL.GZ", b"{}") == "json"
