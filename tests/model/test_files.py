"""Model files: the same bits after loading, one clear error for anything else."""

import json
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from safetensors.numpy import load_file, save_file

import fewfire as ff
from fewfire.base import files
from fewfire.network.families import FAMILIES
from fewfire.network.gates import GATES

X = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)
Y = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]


def trained(gate=None):
    net = ff.Network(
        ff.Linear(6, 20, activation="relu", gate=gate or ff.Hashed(density=0.2)),
        ff.Linear(20, 2, bias=False),
        random_state=5,
    )
    ff.Trainer(net, max_epochs=2, n_jobs=1).fit(ff.Dataset(X, Y))
    return net


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "net.safetensors"
    trained().save(path)
    return path


TABLES = ff.Hashed(
    density=0.3, family=ff.gates.SimHash(n_bits=3, mips="simple", center=True, rank="sign")
)
REDRAWN = ff.Hashed(
    density=0.3, family=ff.gates.SimHash(n_bits=3, n_tables=4, center=True, redraw_every=7)
)


@pytest.mark.parametrize(
    "gate",
    [
        *(kind() for kind in GATES.values() if kind is not ff.gates.Retrieve),
        *(ff.Hashed(family=name) for name in FAMILIES),
        TABLES,
        REDRAWN,
    ],
    ids=repr,
)
def test_a_loaded_network_predicts_the_same_bits(tmp_path, gate):
    net = trained(gate)
    net.save(tmp_path / "net.safetensors")
    loaded = ff.load(tmp_path / "net.safetensors")
    for exact in (False, True):
        scores = net.decision_function(X, exact=exact)
        assert_array_equal(loaded.decision_function(X, exact=exact), scores)
    assert_array_equal(loaded.predict(X), net.predict(X))
    assert (loaded.loss, loaded.encoding) == (net.loss, net.encoding)
    assert [layer.settings for layer in loaded.layers] == [layer.settings for layer in net.layers]


CELLS = ff.Hashed(density=0.3, family=ff.gates.Centroid(n_cells=4))
LEARNED = {
    "draws of more tables": (REDRAWN, "draws", np.zeros(5, np.uint32), r"wanted uint32\(4,\)"),
    "draws of another type": (REDRAWN, "draws", np.zeros(4, np.float32), r"wanted uint32\(4,\)"),
    "a cell too many": (
        CELLS,
        "cells",
        np.full((20, 1), 4, np.uint32),
        "holds 4, .*below 4",
    ),
    "cells of fewer rows": (CELLS, "cells", np.zeros((19, 1), np.uint32), "wanted uint32"),
    "too few centroids": (CELLS, "centroids", np.zeros((3, 7), np.float32), "wanted float32"),
}


@pytest.mark.parametrize("name", LEARNED)
def test_what_hashing_had_not_learned_of_these_rows_is_refused(tmp_path, name):
    gate, array, values, words = LEARNED[name]
    trained(gate).save(tmp_path / "net")
    change = {f"layers.0.{array}": values}
    path = damaged(tmp_path / "net", tmp_path / "model", lambda c, a: a.update(change))
    with pytest.raises(ff.errors.FormatError, match=rf"layers\.0\.{array} .*{words}"):
        ff.load(path)


def test_an_untrained_network_can_be_kept(tmp_path):
    ff.Network(ff.Linear(2, 3)).save(tmp_path / "net")
    assert ff.load(tmp_path / "net").encoding is None


def test_names_from_a_numpy_array_can_be_kept(tmp_path):
    net = ff.Network(ff.Linear(6, 2))
    data = ff.Dataset(X, np.where(X[:, 0] > 0, 20, 10), label_names=np.array([10, 20]))
    ff.Trainer(net, max_epochs=1, n_jobs=1).fit(data)
    net.save(tmp_path / "net")
    assert ff.load(tmp_path / "net").label_names == (10, 20)


def test_equal_networks_are_equal_files(tmp_path, saved):
    trained().save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == saved.read_bytes()


def test_other_tools_can_read_the_arrays(saved):
    arrays = load_file(saved)
    assert_array_equal(arrays["layers.0.weights"], ff.load(saved).layers[0].weights)


def test_a_model_may_be_read_by_those_who_may_read_other_files(tmp_path, saved):
    (tmp_path / "other").touch()
    assert saved.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "net"
    path.write_text("old")

    def fail(file, array):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(files, "write_blocks", fail)
    with pytest.raises(OSError, match="disk full"):
        trained().save(path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["net"]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        trained().save(tmp_path / "nowhere" / "net")


quick = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@quick
@given(length=st.integers(0, 10_000))
def test_a_truncated_file_is_one_clear_error(saved, tmp_path, length):
    content = saved.read_bytes()
    path = tmp_path / "cut"
    path.write_bytes(content[: min(length, len(content) - 1)])
    with pytest.raises(ff.errors.FormatError, match="cut"):
        ff.load(path)


@quick
@given(data=st.data())
def test_a_damaged_description_is_an_error_or_a_network(saved, tmp_path, data):
    content = bytearray(saved.read_bytes())
    size = 8 + int.from_bytes(content[:8], "little")
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, size - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged"
    path.write_bytes(content)
    try:
        net = ff.load(path)
    except ff.errors.FormatError as error:
        if "damaged" not in str(error):
            raise
    else:
        assert net.predict_topk(X, 1).indices.shape == (20, 1)


def damaged(saved, path, change):
    """The saved model with its description and arrays changed by `change`."""
    config, arrays = files.read_model(saved)
    change(config, arrays)
    save_file(arrays, path, metadata={"fewfire": json.dumps(config)})
    return path


CHANGES = {
    "a newer version": (lambda c, a: c.update(version=99), "version 99"),
    "no layers": (lambda c, a: c.update(layers=[]), "at least one layer"),
    "a layer without a width": (lambda c, a: c["layers"][0].pop("in_features"), "in_features"),
    "a width of its own": (lambda c, a: c["layers"][0].update(in_features=7), r"layers.0.weights"),
    "a width beyond memory": (
        lambda c, a: c["layers"][0].update(in_features=2**31 - 1),
        r"layers.0.weights",
    ),
    "an unknown gate": (lambda c, a: c["layers"][0].update(gate={"type": "Md5"}), "Md5"),
    "a missing array": (lambda c, a: a.pop("layers.1.bias"), r"layers.1.bias is missing"),
    "weights that are not numbers": (lambda c, a: a["layers.0.weights"].fill(np.nan), "finite"),
    "weights of another type": (
        lambda c, a: a.update({"layers.0.bias": np.zeros(20)}), "F64"
    ),
    "an unknown loss": (lambda c, a: c.update(loss="hinge"), "hinge"),
    "too many names": (
        lambda c, a: c["encoding"].update(label_names=["a", "b", "c"]), "label_names"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_model_that_does_not_fit_together_is_refused(saved, tmp_path, name):
    change, words = CHANGES[name]
    with pytest.raises(ff.errors.FormatError, match=words):
        ff.load(damaged(saved, tmp_path / "model", change))


def test_what_is_no_model_is_named(tmp_path):
    save_file({"x": np.zeros(3)}, tmp_path / "foreign")
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("hello" * 100)
    (tmp_path / "list").write_bytes((2).to_bytes(8, "little") + b"[]")
    save_file({"x": np.zeros(3)}, tmp_path / "json", metadata={"fewfire": "[[[["})
    for name in ("foreign", "empty", "text", "list", "json", "."):
        with pytest.raises(ff.errors.FormatError):
            ff.load(tmp_path / name)
    with pytest.raises(FileNotFoundError, match="missing"):
        ff.load(tmp_path / "missing")
