"""Names of labels come from a file, travel with the model, and are what a prediction prints."""

import gzip

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

import fewfire as ff
from fewfire import datasets
from texts import TEXTS, converted, svm

NAMES = [f"ü {i}" for i in range(12)]


@pytest.mark.parametrize("end", ["", "\n"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_line_is_a_name(tmp_path, end, line_end, mark):
    content = (mark + line_end.join(NAMES) + (line_end if end else "")).encode()
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "b.gz").write_bytes(gzip.compress(content))
    assert datasets.load_names(tmp_path / "a") == datasets.load_names(tmp_path / "b.gz")
    assert list(datasets.load_names(tmp_path / "a")) == NAMES


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a\nb\na\n", "lines 1 and 3 are the same name, 'a'"),
        (b"a\n\nb\n", "line 2 is empty"),
        (b"a\n\xff\xfe\n", "line 2 is not UTF-8 text"),
        (gzip.compress(b"a\nb\n", mtime=0)[:-5], "Compressed file ended"),
    ],
)
def test_a_file_of_names_that_is_wrong_is_told_where(tmp_path, content, words):
    (tmp_path / "names").write_bytes(content)
    with pytest.raises(ValueError, match=f"names cannot be read as names of labels: .*{words}"):
        datasets.load_names(tmp_path / "names")


def test_text_and_converted_text_take_names(tmp_path):
    path = converted(tmp_path, TEXTS["header"])
    text = tmp_path / "a.txt"
    named = converted(tmp_path, TEXTS["header"], "b", label_names=NAMES)
    for data in (
        datasets.load_xc(text, label_names=NAMES),
        datasets.load(text, label_names=NAMES),
        datasets.load(path, label_names=NAMES),
        datasets.load_mapped(named),
        datasets.load(path, datasets.load(named)),
    ):
        assert list(data.label_names) == NAMES
        assert data.n_labels == 12


def test_classes_take_names_by_number(tmp_path):
    path = converted(tmp_path, svm([0, 2, 1], 1), label_names=("x", "y", "z", "none"))
    data = datasets.load_svmlight(tmp_path / "a.txt", label_names=("x", "y", "z", "none"))
    for found in (data, datasets.load(path)):
        assert found.label_names == ("x", "y", "z", "none")
        assert_array_equal(found.y, [0, 2, 1])
    with pytest.raises(ValueError, match=r"label 2.0 in row 1, but only 0 to 1"):
        datasets.load(tmp_path / "a.txt", label_names=("x", "y"))
    with pytest.raises(ValueError, match=r"label 2.0 in row 1, but only 0 to 1"):
        converted(tmp_path, svm([0, 2, 1], 1), label_names=("x", "y"))


@pytest.mark.parametrize("names", [NAMES[:-1], [*NAMES, "more"], [*NAMES[:-1], NAMES[0]]])
@pytest.mark.parametrize("how", ["text", "mapped", "convert"])
def test_too_few_too_many_and_equal_names_are_refused(tmp_path, names, how):
    path = converted(tmp_path, TEXTS["header"])
    read = {
        "text": lambda: datasets.load(tmp_path / "a.txt", label_names=names),
        "mapped": lambda: datasets.load(path, label_names=names),
        "convert": lambda: datasets.convert(tmp_path / "a.txt", path, label_names=names),
    }
    with pytest.raises(ValueError, match=r"a\.(txt|safetensors).*label|label.*a\.safetensors"):
        read[how]()


def test_names_are_for_labels_of_text(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.eye(2), y=[0, 1])
    with pytest.raises(ValueError, match="label names are for text"):
        datasets.load(tmp_path / "a.npz", label_names=("x", "y"))
    with pytest.raises(ValueError, match="values, which have no label_names"):
        converted(tmp_path, TEXTS["values"], label_names=("x", "y"))
    path = converted(tmp_path, TEXTS["values"])
    with pytest.raises(ValueError, match="leave out the label names"):
        datasets.load(path, label_names=("x",))
    with pytest.raises(ValueError, match="like= brings its own labels"):
        datasets.convert(tmp_path / "a.txt", path, like=datasets.load(path), label_names=("x",))


class Counted(str):
    """A name that counts how often it is looked at."""

    looks = 0

    def __hash__(self):
        Counted.looks += 1
        return super().__hash__()

    def __eq__(self, other):
        Counted.looks += 1
        return super().__eq__(other)


def test_a_million_names_are_looked_at_a_few_times_and_fit_into_a_file(tmp_path):
    """More than 100 MB of them: no header of safetensors may be as large."""
    n = 670_091
    names = tuple(Counted(f"{i}: {'ü' * 30}") for i in range(n))
    y = sparse.csr_array((np.ones(2), ([0, 1], [0, n - 1])), shape=(2, n))
    data = ff.Dataset(np.eye(2), y, label_names=names)
    net = ff.Network(ff.Linear(2, 1), ff.Linear(1, n))
    ff.Trainer(net, max_epochs=1, n_jobs=1).fit(data, eval_sets={"same": data})
    net.save(tmp_path / "net")
    assert ff.load(tmp_path / "net").label_names == names
    assert Counted.looks < 8 * n
    assert (tmp_path / "net").stat().st_size > 100e6


def test_predicted_names_do_not_need_an_array_of_all(monkeypatch):
    net = ff.Network(ff.Linear(2, 3))
    X = np.eye(2, dtype=np.float32)
    ff.Trainer(net, max_epochs=1, n_jobs=1).fit(ff.Dataset(X, ["a", "b"], label_names="abc"))
    assert set(net.predict(X)) <= set("abc")
    assert net.predict(X[:0]).dtype.kind == "U"
