"""A network as a graph of ONNX's standard operators, opset 18, for onnxruntime and its like."""

from __future__ import annotations

import json
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..base.files import PathLike
from ..base.replacing import replacing
from ..network.bag import EmbeddingBag
from ..network.gates import AdaptiveDropout, TopK
from ..network.layer import Layer
from ..network.network import Network

_OPSET, _IR = 18, 9
_ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid", "linear": None}


def export_onnx(net: Network, path: PathLike) -> None:
    """Write a network as ONNX: an input `x`, (n, n_features), and `scores`, (n, n_outputs).

    It computes every row, as `net.decision_function(x, exact=True)` does; behind `TopK` the best
    are kept, as in every prediction. Labels are in the metadata, as JSON. Let `net.compact` leave
    out first what data does not use.

    Parameters
    ----------
    net : Network
    path : path

    Raises
    ------
    ImportError
        If onnx is not installed.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> from pathlib import Path
    >>> from fewfire import Linear
    >>> export_onnx(Network(Linear(4, 8, "relu"), Linear(8, 3)), "net.onnx")
    >>> Path("net.onnx").stat().st_size > 0
    True
    """
    onnx = _onnx()
    graph = _Graph(onnx)
    x = "x"
    if net.columns is not None:
        x = graph.add(
            "Gather", [x, graph.constant("columns", net.columns.astype(np.int64))], axis=1
        )
    for position, layer in enumerate(net.layers):
        x = _layer(graph, layer, x, f"layer{position}.")
    graph.add("Identity", [x], to="scores")
    model = graph.model(net.n_features, net.n_outputs)
    if net.label_names is not None:
        labels = json.dumps([str(name) for name in net.label_names])
        onnx.helper.set_model_props(model, {"labels": labels})
    onnx.checker.check_model(model, full_check=True)
    with replacing(path) as file:
        file.write(model.SerializeToString())


def _onnx() -> ModuleType:
    try:
        import onnx
    except ImportError as error:
        raise ImportError("ONNX needs the package onnx: pip install 'fewfire[onnx]'") from error
    module: ModuleType = onnx
    return module


def _layer(graph: _Graph, layer: Layer, x: str, prefix: str) -> str:
    """Add a layer that reads `x`; return what holds its values."""
    settings = layer.settings
    transposed = int(not isinstance(settings, EmbeddingBag))
    weights = graph.constant(f"{prefix}weights", layer.weights)
    z = graph.add(
        "Gemm", [x, weights, graph.constant(f"{prefix}bias", layer.bias)], transB=transposed
    )
    values = _kept(graph, layer, z, prefix)
    operator = _ACTIVATIONS[settings.activation]
    values = values if operator is None else graph.add(operator, [values])
    gate = settings.gate
    if isinstance(gate, AdaptiveDropout):
        scaled = graph.add("Mul", [z, graph.constant(f"{prefix}alpha", np.float32(gate.alpha))])
        shifted = graph.add("Add", [scaled, graph.constant(f"{prefix}beta", np.float32(gate.beta))])
        values = graph.add("Mul", [values, graph.add("Sigmoid", [shifted])])
    return values


def _kept(graph: _Graph, layer: Layer, z: str, prefix: str) -> str:
    """Return the scores that a gate keeps: of a soft one what is above the best that it leaves out,
    of `TopK` those that are not kept become 0."""
    settings = layer.settings
    keeps_best = settings.soft or isinstance(settings.gate, TopK)
    if not keeps_best or settings.active >= settings.out_features:
        return z
    count = graph.constant(f"{prefix}count", np.array([settings.active + 1], np.int64))
    best = graph.add("TopK", [z, count], n_outputs=2, axis=1)
    place = graph.constant(f"{prefix}place", np.array([settings.active], np.int64))
    cut = graph.add("Gather", [best, place], axis=1)
    zero = graph.constant(f"{prefix}zero", np.float32(0))
    if settings.soft:
        return graph.add("Sub", [z, graph.add("Max", [cut, zero])])
    return graph.add("Where", [graph.add("Greater", [z, cut]), z, zero])


class _Graph:
    """Nodes and constants, collected."""

    def __init__(self, onnx: ModuleType) -> None:
        self._onnx = onnx
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, name: str, values: NDArray[Any] | np.float32) -> str:
        """Keep an array; return its name."""
        self._constants.append(self._onnx.numpy_helper.from_array(np.asarray(values), name))
        return name

    def add(
        self, kind: str, inputs: list[str], *, to: str = "", n_outputs: int = 1, **attributes: int
    ) -> str:
        """Add a node; return the name of its first output."""
        own = to or f"{kind}{len(self._nodes)}"
        outputs = [own, *(f"{own}.{i}" for i in range(1, n_outputs))]
        self._nodes.append(self._onnx.helper.make_node(kind, inputs, outputs, **attributes))
        return own

    def model(self, n_features: int, n_outputs: int) -> Any:
        """Return all as a model."""
        helper, kind = self._onnx.helper, self._onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            self._nodes,
            "fewfire",
            [helper.make_tensor_value_info("x", kind, ["n", n_features])],
            [helper.make_tensor_value_info("scores", kind, ["n", n_outputs])],
            self._constants,
        )
        opset = helper.make_opsetid("", _OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=_IR)
