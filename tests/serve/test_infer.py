"""The Open Inference Protocol, in JSON and in binary, as /v1/topk answers."""

import struct

import msgspec
import numpy as np
import pytest

from served import SPARSE, STROKES, TEXTS

INFER = "/v2/models/{}/infer"


def text_input(texts, **more):
    return {"name": "text", "datatype": "BYTES", "shape": [len(texts)], "data": texts, **more}


def outputs(answer):
    assert answer.status_code == 200, answer.text
    return {each["name"]: each for each in answer.json()["outputs"]}


def test_metadata_names_what_is_taken_and_given(client):
    told = client.ask("GET", "/v2/models/digits").json()
    assert told["inputs"] == [{"name": "rows", "datatype": "FP32", "shape": [-1, 784]}]
    assert [each["name"] for each in told["outputs"]] == ["labels", "ids", "scores"]
    version = told["versions"][0]
    assert client.ask("GET", f"/v2/models/digits/versions/{version}").json() == told
    assert client.ask("GET", "/v2/models/digits/versions/0").status_code == 404
    assert client.ask("GET", "/v2/models/digits/ready").json() == {"name": "digits", "ready": True}
    assert client.ask("GET", "/v2/models/nix/ready").status_code == 404
    assert client.ask("GET", "/v2").json()["extensions"] == ["binary_tensor_data"]


def test_texts_are_answered_as_by_topk(client):
    body = {"inputs": [text_input(TEXTS[:3])], "parameters": {"k": 2}, "id": "seven"}
    answer = client.ask("POST", INFER.format("texts"), body)
    found = outputs(answer)
    plain = client.topk(model="texts", texts=TEXTS[:3], k=2).json()["predictions"]
    assert found["labels"]["data"] == [each["label"] for row in plain for each in row]
    assert found["scores"]["data"] == [each["score"] for row in plain for each in row]
    assert found["ids"]["shape"] == [3, 2]
    assert answer.json()["id"] == "seven"


def test_sparse_rows_are_three_arrays(client):
    parts = {
        "indptr": ("INT64", SPARSE.indptr),
        "indices": ("INT32", SPARSE.indices),
        "values": ("FP32", SPARSE.data),
    }
    inputs = [
        {"name": name, "datatype": datatype, "shape": [len(own)], "data": own.tolist()}
        for name, (datatype, own) in parts.items()
    ]
    found = outputs(client.ask("POST", INFER.format("sparse"), {"inputs": inputs}))
    assert found["ids"]["shape"] == [7, 5]
    rows = client.topk(model="sparse", rows=SPARSE.toarray().tolist()).json()["predictions"]
    assert [i for i in found["ids"]["data"] if i >= 0] == [e["label"] for row in rows for e in row]


def test_values_are_one_output(client):
    rows = {"name": "rows", "datatype": "FP64", "shape": [2, 2], "data": [[1, 2], [3, 0.5]]}
    found = outputs(client.ask("POST", INFER.format("values"), {"inputs": [rows]}))
    plain = client.topk(model="values", rows=[[1, 2], [3, 0.5]]).json()["values"]
    assert found["values"]["data"] == [value for row in plain for value in row]


def test_binary_tensors_hold_the_same(client):
    rows = STROKES[:2].astype("<f4").tobytes()
    tensor = {
        "name": "rows",
        "datatype": "FP32",
        "shape": [2, 784],
        "parameters": {"binary_data_size": len(rows)},
    }
    asked = {"inputs": [tensor], "parameters": {"binary_data_output": True, "k": 3}}
    head = msgspec.json.encode(asked)
    size = {"inference-header-content-length": str(len(head))}
    answer = client.ask("POST", INFER.format("digits"), head + rows, size)
    assert answer.headers["content-type"] == "application/octet-stream"
    n = int(answer.headers["inference-header-content-length"])
    behind = answer.content[n:]
    found = {}
    for each in msgspec.json.decode(answer.content[:n])["outputs"]:
        size = each["parameters"]["binary_data_size"]
        found[each["name"]], behind = behind[:size], behind[size:]
    assert behind == b""
    plain = client.topk(model="digits", rows=STROKES[:2].tolist(), k=3).json()["predictions"]
    ids = np.frombuffer(found["ids"], "<i4").tolist()
    assert ids == [each["label"] for row in plain for each in row]
    labels = b"".join(struct.pack("<I", len(str(i))) + str(i).encode() for i in ids)
    assert found["labels"] == labels


WRONG = [
    ({"inputs": []}, "/inputs"),
    ({"inputs": [text_input(["a"], datatype="FP32")]}, "/inputs/0/data"),
    ({"inputs": [text_input(["a"], datatype="WORDS")]}, "/inputs/0/datatype"),
    ({"inputs": [text_input(["a"], shape=[2])]}, "/inputs/0/shape"),
    ({"inputs": [text_input(["a"], shape=[-1])]}, "/inputs/0/shape/0"),
    ({"inputs": [text_input([7])]}, "/inputs/0/data"),
    ({"inputs": [text_input(["a"], name="words")]}, "/inputs"),
    ({"inputs": [text_input(["a"]), text_input(["a"])]}, "/inputs/1/name"),
    ({"inputs": [text_input(["a"], parameters={"binary_data_size": 4})]}, "/inputs/0/data"),
    ({"inputs": [text_input(["a"])], "parameters": {"k": 0}}, "/parameters/k"),
    ({"inputs": [text_input(["a"])], "parameters": {"k": True}}, "/parameters/k"),
    ({"inputs": [text_input(["a"])], "parameters": {"depth": 1}}, "/parameters"),
    ({"inputs": [text_input(["a"])], "outputs": [{"name": "x"}]}, "/outputs/0/name"),
]


@pytest.mark.parametrize(("body", "pointer"), WRONG, ids=lambda x: str(x)[:50])
def test_what_is_wrong_is_named(client, body, pointer):
    answer = client.ask("POST", INFER.format("texts"), body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["pointer"] == f"#{pointer}"
    assert answer.json()["error"] == answer.json()["detail"]  # where clients of /v2 look


@pytest.mark.parametrize("size", ["x", "-1", "1000000", "3"])
def test_a_wrong_length_of_the_json_is_refused(client, size):
    headers = {"inference-header-content-length": size}
    body = {"inputs": [text_input(["a"])]}
    assert client.ask("POST", INFER.format("texts"), body, headers).status_code == 400


@pytest.mark.parametrize("behind", [b"", b"\1", b"\5\0\0\0abc", b"\1\0\0\0\xff", b"\0\0\0\0\0"])
def test_damaged_binary_texts_are_refused(client, behind):
    tensor = text_input([], shape=[1], parameters={"binary_data_size": len(behind)})
    del tensor["data"]
    head = msgspec.json.encode({"inputs": [tensor]})
    headers = {"inference-header-content-length": str(len(head))}
    answer = client.ask("POST", INFER.format("texts"), head + behind, headers)
    assert answer.status_code == 422, answer.text


def test_what_is_nested_without_end_is_refused(client):
    start = b'{"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": '
    answer = client.ask("POST", INFER.format("texts"), start + b"[" * 100_000)
    assert answer.status_code == 400, answer.text
