"""onnxruntime computes what a network does with every row, from operators of the standard."""

import builtins
import json

import numpy as np
import pytest

import fewfire as ff
from commands import run
from device_nets import CLASSES, DATA, NETS, sparse, trained
from fewfire.device import export_onnx


def scores(path, X):
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": X})[0]


OTHERS = {
    "adaptive dropout": lambda: trained(ff.gates.AdaptiveDropout()),
    "hard hashed": lambda: trained(ff.Hashed(0.3, soft=False)),
}


@pytest.mark.parametrize("name", [*NETS, *OTHERS])
def test_onnxruntime_computes_the_same_scores(name, tmp_path):
    pytest.importorskip("onnx", reason="onnx is not installed")
    net = {**NETS, **OTHERS}[name]()
    export_onnx(net, tmp_path / "net.onnx")
    found = scores(tmp_path / "net.onnx", DATA.X)
    wanted = net.decision_function(sparse() if name == "bag" else DATA, exact=name != "hard")
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())
    np.testing.assert_array_equal(found.argmax(axis=1), wanted.argmax(axis=1))


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "linear"])
def test_other_activations_are_known(activation, tmp_path):
    pytest.importorskip("onnx", reason="onnx is not installed")
    net = ff.Network(ff.Linear(40, 9, activation), ff.Linear(9, 5), random_state=1)
    export_onnx(net, tmp_path / "net.onnx")
    found = scores(tmp_path / "net.onnx", DATA.X)
    np.testing.assert_allclose(found, net.decision_function(DATA), rtol=1e-4, atol=1e-5)


def test_the_command_writes_a_graph_of_the_standard_with_labels(tmp_path):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    named = ff.Dataset(DATA.X, [f"class {i}" for i in CLASSES])
    net = ff.Network(ff.Linear(40, 9, "relu"), ff.Linear(9, 5))
    ff.Trainer(net, optimizer=ff.optim.Adam(), max_epochs=2, n_jobs=1).fit(named)
    net.save(tmp_path / "net.safetensors")
    ff.datasets.save_npz(tmp_path / "data.npz", named)
    words = ["export", "net.safetensors", "data.npz", "--format", "onnx", "-o", "net.onnx"]
    report = json.loads(run(*words, "--json", cwd=tmp_path)[0])
    assert report["accuracy"] == net.evaluate(named)["accuracy"]
    model = onnx.load(tmp_path / "net.onnx")
    assert [entry.version for entry in model.opset_import] == [18]
    assert {node.domain for node in model.graph.node} == {""}
    labels = {entry.key: entry.value for entry in model.metadata_props}["labels"]
    assert json.loads(labels) == [f"class {i}" for i in range(5)]


def test_without_onnx_the_extra_is_named(tmp_path, monkeypatch):
    whole = builtins.__import__

    def missing(name, *rest, **named):
        if name == "onnx":
            raise ImportError(name)
        return whole(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r"fewfire\[onnx\]"):
        export_onnx(trained(), tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()
