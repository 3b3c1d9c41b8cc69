"""No data file crashes the process: what breaks a promise is one clear error."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

import fewfire as ff
from fewfire import datasets
from fewfire.data import mapped
from texts import TEXTS, converted, xc


def resaved(path, change):
    """The data file with its description and arrays changed by `change`."""
    arrays = {name: array.copy() for name, array in load_file(path).items()}
    size = int.from_bytes(path.read_bytes()[:8], "little")
    header = json.loads(path.read_bytes()[8 : 8 + size])
    description = json.loads(header["__metadata__"]["fewfire.data"])
    change(description, arrays)
    save_file(arrays, path, metadata={"fewfire.data": json.dumps(description)})


def put(name, place, value):
    return lambda d, a: a[name].__setitem__(place, value)


HOSTILE = {
    "a newer version": (lambda d, a: d.update(version=2), "version 2"),
    "no kind": (lambda d, a: d.pop("kind"), "kind"),
    "kind None": (lambda d, a: d.update(kind=None), "no targets"),
    "an unknown kind": (lambda d, a: d.update(kind=[]), "kind"),
    "classes without y": (lambda d, a: d.update(kind="classes"), "'y'"),
    "half a width": (lambda d, a: d.update(n_features=0.5), "n_features .* got 0.5"),
    "a negative width": (lambda d, a: d.update(n_labels=-1), "n_labels .* got -1"),
    "a width of words": (lambda d, a: d.update(n_labels="many"), "n_labels .* got 'many'"),
    "an unknown word": (lambda d, a: d.update(color="red"), "color"),
    "a missing array": (lambda d, a: a.pop("X.data"), "X.data"),
    "fewer values": (lambda d, a: a.update({"X.data": a["X.data"][:-1].copy()}), "differ in size"),
    "another type": (lambda d, a: a.update({"X.data": a["X.indices"]}), "X.data is int32"),
    "a type that models have": (
        lambda d, a: a.update({"X.indptr": a["X.indptr"].astype(np.uint64)}), "X.indptr is uint64"
    ),
    "fewer targets": (lambda d, a: a.update({"y.indptr": a["y.indptr"][:-1].copy()}), "y is of"),
    "no starts": (lambda d, a: a.update({"X.indptr": a["X.indptr"][:0].copy()}), "differ|examples"),
    "a start below 0": (put("X.indptr", 0, -1), "indptr goes from -1"),
    "an end beyond": (put("X.indptr", -1, 10**9), "indptr goes from 0 to 1000000000"),
    "starts that fall": (put("X.indptr", 5, 10**12), "indptr must not fall|entries"),
    "a start far below 0": (put("X.indptr", 5, -(2**63)), "indptr must not fall|entries"),
    "labels that start below 0": (put("y.indptr", 9, -5), "indptr falls|entries"),
    "a column beyond": (put("X.indices", 7, 40), "ascend"),
    "a column below 0": (put("X.indices", 7, -1), "ascend"),
    "columns out of order": (lambda d, a: a["X.indices"].sort(), "ascend"),
    "not a number": (put("X.data", 3, np.nan), "not finite"),
    "a label beyond": (put("y.indices", -1, 12), "labels from 0 to 12, beyond 0 to 11"),
    "a label below 0": (put("y.indices", 0, -1), "labels from -1"),
    "names that are none": (
        lambda d, a: a.update(label_names=np.frombuffer(b"[[[[", np.uint8)), "Expecting|list"
    ),
    "names in a name": (
        lambda d, a: a.update(label_names=np.frombuffer(b"[" * 9000, np.uint8)), "list"
    ),
    "a name too few": (lambda d, a: a.update(label_names=packed(range(11))), "11 label_names"),
    "names twice": (lambda d, a: a.update(label_names=packed([1] * 12)), "1 of them distinct"),
    "names that are lists": (lambda d, a: a.update(label_names=packed([[]] * 12)), "not a name of"),
}  # fmt: skip


def packed(names):
    return np.frombuffer(json.dumps(list(names)).encode(), np.uint8)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("window", [1000, 1 << 26])
def test_a_file_that_breaks_its_promises_is_refused(tmp_path, monkeypatch, name, window):
    monkeypatch.setattr(mapped, "WINDOW", window)
    change, words = HOSTILE[name]
    path = converted(tmp_path, TEXTS["header"])
    resaved(path, change)
    with pytest.raises(ff.errors.FormatError, match=rf"a\.safetensors is damaged.*({words})"):
        datasets.load(path)


@pytest.mark.parametrize("name", ["other classes", "values"])
def test_targets_that_are_none_are_refused(tmp_path, name):
    path = converted(tmp_path, TEXTS[name])
    resaved(path, put("y", 150, 2 if name == "other classes" else np.inf))
    with pytest.raises(ff.errors.FormatError, match="in examples 0 to 199: y holds"):
        datasets.load(path)


IN_ONE_FOLDER = settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@IN_ONE_FOLDER
@given(length=st.integers(9, 6000))
def test_a_truncated_file_is_refused(whole, tmp_path, length):
    (tmp_path / "cut").write_bytes(whole[: min(length, len(whole) - 1)])
    with pytest.raises(ff.errors.FormatError, match="cut is damaged, truncated"):
        datasets.load_mapped(tmp_path / "cut")


@IN_ONE_FOLDER
@given(data=st.data())
def test_a_file_with_damaged_bytes_is_refused_or_safe(whole, tmp_path, data):
    content = bytearray(whole)
    header = 8 + int.from_bytes(content[:8], "little")
    end = data.draw(st.sampled_from([header, len(content)]))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, end - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "damaged").write_bytes(content)
    try:
        found = datasets.load_mapped(tmp_path / "damaged")
    except ff.errors.FormatError:
        return
    net = ff.Network(ff.Linear(found.n_features, 4), ff.Linear(4, max(1, found.n_labels)))
    net.predict_topk(found, 1)
    assert found.X.toarray().shape == (len(found), found.n_features)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return converted(tmp_path_factory.mktemp("whole"), xc(60)).read_bytes()


def test_a_file_that_changes_under_a_data_set_is_refused(tmp_path):
    data = datasets.load(converted(tmp_path, TEXTS["header"]))
    converted(tmp_path, TEXTS["classes from 0"])
    with pytest.raises(ff.errors.FormatError, match="has changed since"):
        data[:5].X  # noqa: B018


def test_data_is_no_model_and_a_model_no_data(tmp_path):
    path = converted(tmp_path, TEXTS["header"])
    with pytest.raises(ff.errors.FormatError, match="holds data, not a model"):
        ff.load(path)
    ff.Network(ff.Linear(2, 3)).save(tmp_path / "model")
    with pytest.raises(ff.errors.FormatError, match="it is a model"):
        datasets.load(tmp_path / "model")
