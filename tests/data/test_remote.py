"""Paths with a protocol are read like those of this machine."""

import sys

import pytest

import fewfire as ff
from fewfire.data.remote import fetch
from tags import tagged, write_xc

fsspec = pytest.importorskip("fsspec", reason="needs fsspec: pip install 'fewfire[remote]'")


@pytest.fixture
def memory(monkeypatch, tmp_path):
    monkeypatch.setenv("FEWFIRE_CACHE", str(tmp_path / "cache"))
    system = fsspec.filesystem("memory")
    yield system
    system.rm("/fewfire", recursive=True)


@pytest.fixture
def data():
    return tagged(n=60)


def same(one, other):
    return (one.X != other.X).nnz == 0 and (one.y != other.y).nnz == 0


def test_text_is_read_from_memory_and_by_the_protocol_of_files(memory, tmp_path, data):
    write_xc(tmp_path / "train.txt", data)
    memory.put(str(tmp_path / "train.txt"), "/fewfire/train.txt")
    here = ff.datasets.load(tmp_path / "train.txt")
    for url in ("memory://fewfire/train.txt", f"file://{tmp_path}/train.txt"):
        assert same(ff.datasets.load(url), here)
        assert same(ff.datasets.load_xc(url, like=here), here)


def test_a_data_file_is_fetched_and_then_mapped(memory, tmp_path, data):
    write_xc(tmp_path / "train.txt", data)
    ff.datasets.convert(tmp_path / "train.txt", tmp_path / "train.data")
    memory.put(str(tmp_path / "train.data"), "/fewfire/train.data")
    mapped = ff.datasets.load_mapped("memory://fewfire/train.data")
    assert isinstance(mapped, ff.datasets.Mapped)
    assert same(mapped, ff.datasets.load(tmp_path / "train.data"))


def test_a_folder_is_fetched_whole(memory, tmp_path):
    ff.datasets.save_idx_folder(tmp_path / "idx", *ff.datasets.strokes(n_train=20, n_test=5))
    memory.put(str(tmp_path / "idx"), "/fewfire/idx", recursive=True)
    train, test = ff.datasets.load("memory://fewfire/idx")
    assert (len(train), len(test)) == (20, 5)


def test_models_are_loaded(memory, tmp_path, data):
    tagger = ff.Tagger("fast", n_jobs=1, max_epochs=1).fit(data)
    tagger.save(tmp_path / "tags")
    memory.put(str(tmp_path / "tags"), "/fewfire/tags")
    top = ff.load("memory://fewfire/tags").predict_topk(data)
    assert (top.scores == tagger.predict_topk(data).scores).all()


def test_what_has_changed_is_fetched_anew_and_what_has_not_is_kept(memory):
    memory.pipe("/fewfire/a.txt", b"one")
    first = fetch("memory://fewfire/a.txt")
    assert fetch("memory://fewfire/a.txt") == first
    memory.pipe("/fewfire/a.txt", b"another")
    assert fetch("memory://fewfire/a.txt").read_bytes() == b"another"
    assert [path.name for path in first.parent.parent.iterdir() if "tmp" in path.name] == []


def test_a_missing_file_and_an_unknown_protocol_are_named(memory):
    memory.pipe("/fewfire/a.txt", b"")
    with pytest.raises(FileNotFoundError, match=r"no such file: memory://fewfire/b\.txt"):
        ff.datasets.load("memory://fewfire/b.txt")
    with pytest.raises(ValueError, match=r"nowhere://b\.txt cannot be read"):
        ff.datasets.load("nowhere://b.txt")


def test_an_error_inside_tells_where_the_file_came_from(memory):
    memory.pipe("/fewfire/bad.txt", b"2 3 4\n0,9 1:0.5\n")
    with pytest.raises(ValueError, match=r"bad\.txt") as caught:
        ff.datasets.load_xc("memory://fewfire/bad.txt")
    assert "fetched from memory://fewfire/bad.txt" in caught.value.__notes__[0]


def test_without_fsspec_an_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(ImportError, match=r"fewfire\[remote\]"):
        fetch("memory://a.txt")
