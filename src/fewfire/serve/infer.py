"""`/v2/models/NAME/infer`: the Open Inference Protocol's questions, as those of `/v1/topk`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..base.checks import shown
from . import inputs, tensors
from .answering import Answer, Question
from .asked import TopK
from .inputs import Inputs
from .models import Loaded
from .problems import Problem, of_decoding
from .reply import Reply
from .settings import Limits
from .tensors import Infer, Inferred
from .topk import check_rows, question_of

JSON_BYTES = b"inference-header-content-length"
_ENCODE = msgspec.json.Encoder().encode
_SPARSE = ("indptr", "indices", "values")
_OURS: dict[str, type | tuple[type, ...]] = {
    "k": int, "threshold": float, "rank_by": (str, float), "exact": bool,
}  # fmt: skip
_BINARY = "binary_data_output"


def metadata(loaded: Loaded) -> dict[str, Any]:
    """Return what the protocol says of a model."""
    n_features, n_outputs = loaded.n_features, loaded.n_outputs
    takes = {
        "texts": [("text", "BYTES", [-1])],
        "rows": [("rows", "FP32", [-1, n_features])],
        "sparse": [("indptr", "INT64", [-1]), ("indices", "INT32", [-1]), ("values", "FP32", [-1])],
    }[loaded.takes]
    gives = [
        ("labels", "BYTES", [-1, -1]),
        ("ids", "INT32", [-1, -1]),
        ("scores", "FP32", [-1, -1]),
    ]
    if loaded.gives_values:
        gives = [("values", "FP32", [-1, n_outputs])]

    def tensors_of(described: list[Any]) -> list[dict[str, Any]]:
        return [{"name": name, "datatype": t, "shape": shape} for name, t, shape in described]

    return {
        "name": loaded.name,
        "versions": [loaded.version],
        "platform": "fewfire",
        "inputs": tensors_of(takes),
        "outputs": tensors_of(gives),
    }


def decode(body: bytes, headers: Mapping[bytes, bytes]) -> tuple[Infer, memoryview]:
    """Return the JSON of a body, and the bytes behind it."""
    given = headers.get(JSON_BYTES, str(len(body)).encode())
    if not given.isdigit() or int(given) > len(body):
        raise Problem(
            400, f"Inference-Header-Content-Length is {shown(given.decode('latin-1'))}, and the "
            f"body has {len(body)} bytes"
        )  # fmt: skip
    try:
        return tensors.decode(body, int(given)), memoryview(body)[int(given) :]
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise of_decoding(error) from None


def asked_of(
    infer: Infer, behind: memoryview, loaded: Loaded, limits: Limits
) -> tuple[TopK, Inputs, Question]:
    """Return what `/v1/topk` would be asked in the same place, checked."""
    examples = inputs_of(infer, behind, loaded, limits)
    asked = TopK()
    for name, value in infer.parameters.items():
        kind = _OURS.get(name, bool if name == _BINARY else None)
        if kind is None:
            known = ", ".join([*_OURS, _BINARY])
            raise Problem(422, f"parameters are {known}, not {shown(name)}", "/parameters")
        at = f"/parameters/{name}"
        is_number = type(value) is int and kind is not bool  # a whole one is a float, too
        if not (isinstance(value, kind) or is_number) or (type(value) is bool and kind is not bool):
            raise Problem(422, f"{name} is {shown(value)}, of another type than wanted", at)
        if name == "k" and value < 1:
            raise Problem(422, f"k must be at least 1, got {value}", at)
        if name in _OURS:
            setattr(asked, name, value)
    try:
        question, _ = question_of(asked, loaded, len(examples), limits)
    except Problem as problem:
        problem.pointer = f"/parameters{problem.pointer}"
        raise
    return asked, examples, question


def inputs_of(infer: Infer, behind: memoryview, loaded: Loaded, limits: Limits) -> Inputs:
    """Return the examples, checked."""
    given: dict[str, Any] = {}
    for i, tensor in enumerate(infer.inputs):
        if tensor.name in given:
            raise Problem(422, f"two inputs are named {shown(tensor.name)}", f"/inputs/{i}/name")
        given[tensor.name], size = tensors.read(tensor, behind, f"/inputs/{i}")
        behind = behind[size:]
    if len(behind):
        raise Problem(422, f"{len(behind)} bytes are of no input", "/inputs")
    names = set(given)
    if names == {"text"}:
        texts = given["text"]
        if not isinstance(texts, list):
            raise Problem(422, "text is of the datatype BYTES", "/inputs/0/datatype")
        check_rows(len(texts), limits, "/inputs/0")
        return inputs.texts(texts, loaded, "/inputs/0")
    if names == {"rows"}:
        rows = _numbers(given["rows"], "rows", 2)
        check_rows(len(rows), limits, "/inputs/0")
        return inputs.dense(rows, loaded, "/inputs/0")
    if names != set(_SPARSE):
        raise Problem(
            422, f"inputs are text, or rows, or {', '.join(_SPARSE)}; not {shown(sorted(names))}",
            "/inputs",
        )  # fmt: skip
    begins, indices, values = (_numbers(given[name], name, 1) for name in _SPARSE)
    if begins.dtype.kind not in "iu" or indices.dtype.kind not in "iu":
        raise Problem(422, "indptr and indices are whole numbers", "/inputs")
    check_rows(len(begins) - 1, limits, "/inputs")
    ends = begins.astype(np.int64)
    lengths = np.diff(ends)
    if ends[0] != 0 or (lengths < 0).any() or not ends[-1] == len(indices) == len(values):
        raise Problem(422, "indptr begins at 0, rises, and ends where indices and values do",
                      "/inputs")  # fmt: skip
    return inputs.csr(lengths, indices, values, loaded, "/inputs")


def _numbers(given: Any, name: str, n_dimensions: int) -> NDArray[Any]:
    if isinstance(given, list) or given.ndim != n_dimensions or given.dtype.kind == "b":
        raise Problem(422, f"{name} is numbers in {n_dimensions} dimensions", "/inputs")
    found: NDArray[Any] = given
    return found


def check_outputs(infer: Infer, loaded: Loaded) -> None:
    """Raise for outputs that there are not, before any work."""
    known = [each["name"] for each in metadata(loaded)["outputs"]]
    for i, output in enumerate(infer.outputs or ()):
        if output.name not in known:
            raise Problem(
                422,
                f"outputs are {', '.join(known)}, not {shown(output.name)}",
                f"/outputs/{i}/name",
            )


def reply(infer: Infer, asked: TopK, loaded: Loaded, found: Answer) -> Reply:
    """Return the answer, each output in JSON or behind it, as it is wanted."""
    values = _outputs(asked, loaded, found)
    everywhere = infer.parameters.get(_BINARY, False)
    wanted = dict.fromkeys(values, everywhere)
    if infer.outputs:
        wanted = {
            each.name: each.parameters.get("binary_data", everywhere) for each in infer.outputs
        }
    written = [
        tensors.written(name, *values[name], binary=bool(binary)) for name, binary in wanted.items()
    ]
    told = Inferred(loaded.name, loaded.version, [each for each, _ in written], infer.id)
    text, behind = _ENCODE(told), b"".join(data for _, data in written)
    if not any(wanted.values()):
        return Reply(200, b"application/json", text)
    size = ((JSON_BYTES, str(len(text)).encode()),)
    return Reply(200, b"application/octet-stream", text + behind, size)


def _outputs(
    asked: TopK, loaded: Loaded, found: Answer
) -> dict[str, tuple[NDArray[Any] | list[str], tuple[int, ...]]]:
    """Return the outputs by name, with their shapes; labels that are not answered are "", -1 and
    -inf, which JSON has as null."""
    if found.values is not None:
        return {"values": (found.values, found.values.shape)}
    assert found.top is not None
    ids, scores = found.top.indices, found.top.scores
    if asked.threshold is not None:
        is_out = ~(scores > asked.threshold)
        ids, scores = np.where(is_out, -1, ids), np.where(is_out, -np.inf, scores)
    names = loaded.names
    labels = ["" if i < 0 else str(names[i]) for i in ids.reshape(-1).tolist()]
    return {
        "labels": (labels, ids.shape),
        "ids": (ids.astype(np.int32, copy=False), ids.shape),
        "scores": (scores.astype(np.float32, copy=False), ids.shape),
    }
