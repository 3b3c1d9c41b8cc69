"""A real server: workers, signals, clients of several kinds."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import threading
from pathlib import Path

import numpy as np
import pytest

import fewfire as ff
from commands import start, wait_for
from fewfire.cli import run
from served import SPARSE, STROKES, TEXTS, Server, served, sparse_tagger

BODY = json.dumps({"sparse": [{"indices": [0, 1]}], "k": 2}).encode()
TYPE = {"Content-Type": "application/json"}


def test_the_client_of_triton_gets_what_the_library_says(server, paths):
    triton = pytest.importorskip("tritonclient.http", reason="needs tritonclient[http]")
    client = triton.InferenceServerClient(f"127.0.0.1:{server.port}")
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("texts")
    assert not client.is_model_ready("nix")
    assert client.get_server_metadata()["name"] == "fewfire"
    assert client.get_model_metadata("texts")["inputs"][0]["name"] == "text"

    def asked(model, binary, wanted=None, **arrays):
        inputs = []
        for name, array in arrays.items():
            datatype = {"O": "BYTES", "f": "FP32", "i": "INT64"}[array.dtype.kind]
            tensor = triton.InferInput(name, list(array.shape), datatype)
            tensor.set_data_from_numpy(array, binary_data=binary)
            inputs.append(tensor)
        names = ("labels", "ids", "scores") if wanted is None else wanted
        outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in names]
        found = client.infer(model, inputs, outputs=outputs, parameters={"k": 3})
        return [found.as_numpy(name) for name in names]

    texts = np.array([text.encode() for text in TEXTS[:4]], object)
    top = ff.load(paths["texts"]).predict_topk(TEXTS[:4], 3)
    for binary in (True, False):
        labels, ids, scores = asked("texts", binary, text=texts)
        assert [[name.decode() if binary else name for name in row] for row in labels.tolist()] == [
            list(row) for row in top.names
        ]
        np.testing.assert_array_equal(ids, top.indices)
        np.testing.assert_array_equal(scores, top.scores)
        _, ids, _ = asked("digits", binary, rows=STROKES[:4])
        best = ff.load(paths["digits"]).predict_topk(STROKES[:4], 3)
        np.testing.assert_array_equal(ids, best.indices)
        parts = {
            "indptr": SPARSE.indptr.astype(np.int64),
            "indices": SPARSE.indices.astype(np.int64),
            "values": SPARSE.data,
        }
        _, ids, _ = asked("sparse", binary, **parts)
        best = ff.load(paths["sparse"]).predict_topk(SPARSE, 3)
        np.testing.assert_array_equal(ids, best.indices)
    tensor = triton.InferInput("text", [4], "BYTES")
    tensor.set_data_from_numpy(texts)
    everything = client.infer("texts", [tensor])  # outputs that nobody chose come in binary
    assert everything.as_numpy("scores").shape == (4, 5)
    with pytest.raises(Exception, match="there is no model 'nix'"):
        client.infer("nix", [tensor])


def test_both_workers_count_in_one_place(server):
    for _ in range(20):
        assert post(server, "/v1/topk", {"model": "texts", "texts": ["a cat"]}) == 200

    def counted(begin):
        lines = server.get("/metrics").splitlines()
        return [float(line.split()[-1]) for line in lines if line.startswith(begin)]

    wait_for(lambda: counted('fewfire_model_version{model="texts"') == [2.0], server.process)
    assert sum(counted('fewfire_requests_total{endpoint="topk",model="texts"')) >= 20


def post(server, path, body, headers=TYPE):
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    connection.request("POST", path, body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def raw(server, data):
    """What comes back for bytes, until the server closes or cuts the line."""
    found = b""
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", server.port), timeout=60) as line,
    ):
        line.sendall(data)
        line.shutdown(socket.SHUT_WR)
        while part := line.recv(65536):
            found += part
    return found


def test_damaged_requests_are_refused(server):
    assert b" 400 " in raw(server, b"GARBAGE\r\n\r\n").split(b"\r\n")[0]
    assert b" 400 " in raw(server, b"GET / HTTP/9.9\r\n\r\n").split(b"\r\n")[0]
    huge = b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 200_000
    assert raw(server, huge).split(b"\r\n")[0] in (b"HTTP/1.1 431 refused", b"")
    assert post(server, "/v1/topk", b"x" * 101 * 1024) == 413
    parts = b"HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    chunked = b"POST /v1/topk " + parts + b"Transfer-Encoding: chunked\r\n\r\n"
    many = chunked + (b"4000\r\n" + b" " * 0x4000 + b"\r\n") * 8 + b"0\r\n\r\n"
    assert b" 413 " in raw(server, many).split(b"\r\n")[0]
    assert b"HTTP/1.1 4" in raw(server, chunked + b"zz\r\n")
    assert server.get("/v2/health/live") == '{"live":true}'


def test_a_thousand_connections_are_held_and_answered(server):
    lines = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(1000)]
    head = b"POST /v1/topk HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    body = json.dumps({"model": "texts", "texts": ["a red cat"]}).encode()
    asked = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    assert server.get("/v2/health/live") == '{"live":true}'
    for line in lines:
        line.settimeout(60)
        line.sendall(asked)
    statuses = {line.recv(4096)[:12] for line in lines}
    for line in lines:
        line.close()
    # Those that waited too long for the others to be opened, on a busy machine, are told so.
    assert b"HTTP/1.1 200" in statuses
    assert statuses <= {b"HTTP/1.1 200", b"HTTP/1.1 408", b""}


class Load(threading.Thread):
    """Asks again and again, each time on the connection of before, as long as the server lets it;
    keeps every status and version."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.found, self.errors = port, [], []
        self.is_over = False

    def run(self):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port)) as connection:
            while not self.is_over:
                try:
                    connection.request("POST", "/v1/topk", BODY, TYPE)
                    answer = connection.getresponse()
                    told = json.loads(answer.read())
                except (OSError, http.client.HTTPException) as error:
                    self.errors.append(error)
                    return
                self.found.append((answer.status, told.get("version")))


def versions(server, n_asked=20):
    """The versions in use: so many connections reach every worker."""
    answers = [json.loads(server.get("/v1/models")) for _ in range(n_asked)]
    return {each["version"] for models in answers for each in models}


@pytest.mark.parametrize("workers", [1, 2])
def test_no_request_is_lost_when_models_change_or_the_server_ends(tmp_path, workers):
    path = tmp_path / "tags.safetensors"
    sparse_tagger(tmp_path / "a")
    sparse_tagger(tmp_path / "b", n_labels=21)
    shutil.copy(tmp_path / "a", path)
    words = (path, "--workers", workers, "--watch", 0, "--drain", 0.5, "--no-access-log")
    with served(tmp_path, *words) as server:
        loads = [Load(server.port) for _ in range(4)]
        for load in loads:
            load.start()
        seen = versions(server)
        for name in ("b", "a", "b"):
            shutil.copy(tmp_path / name, tmp_path / "next")
            (tmp_path / "next").rename(path)
            old = versions(server)
            server.tell(signal.SIGHUP)
            assert len(old) == 1
            wait_for(lambda old=old: not versions(server) & old, server.process)
            seen |= versions(server)
        n_before = [len(load.found) for load in loads]
        wait_for(lambda: all(len(x.found) > n for x, n in zip(loads, n_before, strict=True)))
        for load in loads:
            load.is_over = True
            load.join()
        assert [load.errors for load in loads] == [[]] * 4
        assert {status for load in loads for status, _ in load.found} == {200}
        assert {version for load in loads for _, version in load.found} <= seen
        assert len(seen) == 2
        check_drain(server)


def check_drain(server):
    """A request that has begun when SIGTERM comes is answered, and then all ends."""
    head = b"POST /v1/topk HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as line:
        line.sendall(head + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY[:9])
        wait_for(lambda: server.get("/v2/health/live") == '{"live":true}')
        server.tell(signal.SIGTERM)
        wait_for(lambda: server.get("/v2/health/ready") != '{"ready":true}')
        wait_for(lambda: server.get("/v2/health/ready") is None)  # nobody listens any more
        assert server.process.poll() is None  # but one is still being served
        line.sendall(BODY[9:])
        assert line.recv(4096).startswith(b"HTTP/1.1 200")
    assert server.process.wait(timeout=60) == 0, server.process.stderr.read()[-3000:]


@pytest.mark.parametrize("workers", [1, 2])
def test_signals_wait_for_a_server_that_starts(tmp_path, workers):
    sparse_tagger(tmp_path / "tags")
    process = start("serve", "tags", "--port", 0, "--workers", workers, cwd=tmp_path)
    found = re.search(r":(\d+)$", process.stderr.readline())
    server = Server(process, int(found[1]))

    def is_ready():
        server.tell(signal.SIGHUP)
        return server.get("/v2/health/ready") == '{"ready":true}'

    wait_for(is_ready, process)
    server.tell(signal.SIGTERM)
    told = process.communicate(timeout=60)[1]
    assert process.returncode == 0, told
    assert "ended" not in told


def test_a_worker_that_dies_is_replaced(server):
    place = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    if not place.exists():
        pytest.skip("needs /proc to find the workers")
    children = [int(child) for child in place.read_text().split()]
    workers = [pid for pid in children if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]
    assert len(workers) == 2
    os.kill(workers[0], signal.SIGKILL)
    assert "a worker has ended" in server.process.stderr.readline()
    body = {"model": "texts", "texts": ["a red cat"]}
    for _ in range(20):  # who waits in its queue waits for the next one
        assert post(server, "/v1/topk", body) == 200


def test_what_cannot_be_served_is_one_clear_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("bad").write_bytes(b"no model")
    sparse_tagger(tmp_path / "tags")
    Path("keys").write_text("\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for words, code, told in (
            (["bad"], 1, "bad is damaged"),
            (["nix"], 1, "no such file"),
            (["tags", "x/tags"], 1, "two models are named 'tags'"),
            (["tags", "--port", port], 1, "cannot listen on 127.0.0.1"),
            (["tags", "--max-rows", "0"], 2, "--max-rows"),
            (["tags", "--max-seconds", "0"], 1, "seconds"),
            (["tags", "--drain", "-1"], 2, "--drain"),
            (["tags", "--max-body", "much"], 2, "--max-body"),
            (["tags", "--no-access-log", "--log-contents"], 2, "--no-access-log"),
            (["tags", "--api-key-file", "keys"], 2, "holds no key"),
            ([], 2, "MODEL"),
        ):
            assert run(["serve", *words]) == code, words
            assert told in capsys.readouterr().err, words
