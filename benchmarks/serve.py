"""Requests per second over HTTP: `fewfire serve` beside FastAPI around scikit-learn and omikuji.

On a busy machine requests wait for a core more than for the server, so the table also has the rows
that each server answers in a second of its own CPU time.

All learn tags of summaries of Debian packages, which come along, and answer the five best tags of
texts that they have not seen; a request has 1, 16 or 64 of them. Each server has `--workers`
processes, all run at the same time, and `wrk` asks them in turns, on loopback and on the same
cores. First our answers are compared with the library's: they must be equal to the bit.

    python benchmarks/serve.py --out serve.jsonl

needs `fewfire[serve,text]`, `wrk`, and for the second peer `omikuji`.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import importlib.util
import json
import os
import pickle
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

import fewfire as ff
from report import report

HERE = Path(__file__).parent
K = 5
BODIES = 64  # different ones, of each size
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def main() -> None:
    options = parse()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as servers:
        folder = Path(name)
        texts, quality = train(folder)
        found: dict[str, tuple[str, int]] = {}
        found["fewfire"] = servers.enter_context(ours(folder, options.workers))
        peers = ["sklearn"] + ["omikuji"] * (importlib.util.find_spec("omikuji") is not None)
        for peer in peers:
            found[peer] = servers.enter_context(theirs(peer, folder, options.workers))
        check(found["fewfire"][0], folder, texts)
        runs_of = measure(found, folder, texts, options)
    lines = []
    for (server, rows), runs in runs_of.items():
        middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        line = report(
            "serve", threads=options.workers, server=server, rows=rows, **middle,
            rows_per_second=middle["requests_per_second"] * rows,
            spread=[run["requests_per_second"] * rows for run in runs],
            rows_per_cpu_second=rows / middle["cpu_seconds"],
            precision_at_1=quality[server], connections=options.connections,
        )  # fmt: skip
        lines.append(line)
    if options.out is not None:
        options.out.write_text("".join(json.dumps(line) + "\n" for line in lines))
    print(table(lines))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--rows", type=lambda text: list(map(int, text.split(","))), default=[1, 16, 64]
    )
    parser.add_argument("--seconds", type=int, default=5, help="of a measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--out", type=Path, help="file for the lines")
    return parser.parse_args()


def train(folder: Path) -> tuple[list[str], dict[str, float]]:
    """Train all models; return texts to ask for and the P@1 of each model."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    train, test = ff.datasets.packages()
    tagger = ff.Tagger().fit(train)
    tagger.save(folder / "tags.safetensors")
    texts = raw_texts()
    of_sklearn = OneVsRestClassifier(LogisticRegression(C=30, max_iter=300))
    of_sklearn.fit(train.X, labels_of(train))
    names = list(train.label_names)
    vectorizer = ff.load(folder / "tags.safetensors").encoding.text
    kept = (as_sklearn(vectorizer), names, of_sklearn)
    (folder / "sklearn.pickle").write_bytes(pickle.dumps(kept))
    truth = labels_of(test)
    first = {
        "fewfire": tagger.predict_topk(test, 1).indices[:, 0],
        "sklearn": of_sklearn.predict_proba(test.X).argmax(axis=1),
    }
    if importlib.util.find_spec("omikuji") is not None:
        first["omikuji"] = train_omikuji(folder, train, test)
    rows = np.arange(len(test))
    return texts, {name: float(truth[rows, best].mean()) for name, best in first.items()}


def as_sklearn(vectorizer: Any) -> Any:
    """Return scikit-learn's own vectorizer with the words and weights of ours."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
    from sklearn.pipeline import make_pipeline

    count = CountVectorizer(token_pattern=r"[^\W_]+", vocabulary=vectorizer.words, dtype=np.float32)
    weigh = TfidfTransformer()
    weigh.idf_ = vectorizer.idf
    return make_pipeline(count, weigh)


def train_omikuji(folder: Path, train: Any, test: Any) -> Any:
    import omikuji

    path = folder / "train.txt"
    indptr, ids = train.label_lists()
    some = np.flatnonzero(np.diff(train.X.indptr))  # it refuses examples without a word
    with open(path, "w") as file:
        file.write(f"{len(some)} {train.n_features} {train.n_labels}\n")
        for i in some:
            row = train.X[[i]]
            pairs = " ".join(f"{j}:{x:.6g}" for j, x in zip(row.indices, row.data, strict=True))
            file.write(f"{','.join(map(str, ids[indptr[i] : indptr[i + 1]]))} {pairs}\n")
    forest = omikuji.Model.train_on_data(str(path), n_threads=2)
    forest.save(str(folder / "omikuji"))
    found = []
    for i in range(len(test)):
        row = test.X[[i]]
        pairs = list(zip(row.indices.tolist(), row.data.tolist(), strict=True))
        found.append(forest.predict(pairs, top_k=1)[0][0])
    return np.array(found)


def labels_of(data: Any) -> Any:
    return (data.y.toarray() > 0).astype(int)


def raw_texts() -> list[str]:
    """The texts to test on, as they were before they were numbers."""
    file = files("fewfire.data").joinpath("shipped/packages-test.tsv.gz")
    lines = gzip.decompress(file.read_bytes()).decode().splitlines()
    return [line.split("\t")[0] for line in lines]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def ours(folder: Path, workers: int) -> Iterator[tuple[str, int]]:
    port = free_port()
    command = [
        *(sys.executable, "-m", "fewfire", "serve", str(folder / "tags.safetensors")),
        *("--port", str(port), "--workers", str(workers), "--access-log", str(folder / "log")),
    ]
    with running(command, {}, f"http://127.0.0.1:{port}/v2/health/ready") as process:
        yield f"http://127.0.0.1:{port}/v1/topk", process


@contextlib.contextmanager
def theirs(peer: str, folder: Path, workers: int) -> Iterator[tuple[str, int]]:
    port = free_port()
    command = [
        *(sys.executable, "-m", "uvicorn", "serve_peers:app", "--app-dir", str(HERE)),
        *("--port", str(port), "--workers", str(workers), "--no-access-log"),
    ]
    with running(
        command, {"PEER": peer, "MODELS": str(folder)}, f"http://127.0.0.1:{port}/openapi.json"
    ) as process:
        yield f"http://127.0.0.1:{port}/topk", process


@contextlib.contextmanager
def running(command: list[str], environment: dict[str, str], url: str) -> Iterator[int]:
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), urllib.request.urlopen(url):
                time.sleep(15)  # until all workers have their models
                break
            if process.poll() is not None:
                raise SystemExit(f"it ended: {' '.join(command)}")
            time.sleep(0.2)
        yield process.pid
    finally:
        process.terminate()
        process.wait(60)


def check(url: str, folder: Path, texts: list[str]) -> None:
    """Raise unless the server answers what the library does."""
    asked = texts[:500]
    body = json.dumps({"texts": asked, "k": K}).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        told = json.load(answer)["predictions"]
    top = ff.load(folder / "tags.safetensors").predict_topk(asked, K)
    wanted = [
        [{"label": name, "score": score} for name, score in zip(*row, strict=True)]
        for row in zip(top.names.tolist(), top.scores.tolist(), strict=True)
    ]
    if told != wanted:
        raise SystemExit("the server answers something else than the library")


def measure(
    servers: dict[str, tuple[str, int]], folder: Path, texts: list[str], options: argparse.Namespace
) -> dict[tuple[str, int], list[dict[str, float]]]:
    """Return the runs of each server and number of rows; the servers take turns."""
    found: dict[tuple[str, int], list[dict[str, float]]] = {}
    for rows in options.rows:
        script = folder / f"{rows}.lua"
        script.write_text(lua(texts, rows))
        for url, _ in servers.values():  # warms up
            load(url, script, 1, options.connections)
        for _ in range(options.rounds):
            for server, (url, process) in servers.items():
                before = cpu_seconds(process)
                run = load(url, script, options.seconds, options.connections)
                run["cpu_seconds"] = (cpu_seconds(process) - before) / run.pop("n")
                found.setdefault((server, rows), []).append(run)
    return found


def cpu_seconds(process: int) -> float:
    """The CPU time of a process and of those below it, as Linux tells."""
    fields = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields[int(path.parent.name)] = path.read_text().rpartition(")")[2].split()
    family = {process}
    for _ in range(3):
        family |= {pid for pid, own in fields.items() if int(own[1]) in family}
    ticks = sum(int(fields[pid][11]) + int(fields[pid][12]) for pid in family if pid in fields)
    return ticks / os.sysconf("SC_CLK_TCK")


def lua(texts: list[str], rows: int) -> str:
    """What wrk asks: one body after the other."""
    bodies = [
        json.dumps({"texts": [texts[(i * rows + j) % len(texts)] for j in range(rows)], "k": K})
        for i in range(BODIES)
    ]
    quoted = ",\n".join(f"[==[{body}]==]" for body in bodies)
    return (
        f"local bodies = {{{quoted}}}\nlocal i = 0\n"
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        "request = function()\n  i = i % #bodies + 1\n"
        "  return wrk.format(nil, nil, nil, bodies[i])\nend\n"
    )


def load(url: str, script: Path, seconds: int, connections: int) -> dict[str, float]:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "--timeout", "30s", "--latency"]
    out = subprocess.run(
        [*command, "-s", str(script), url], check=True, capture_output=True, text=True
    ).stdout
    if re.search(r"Non-2xx|Socket errors", out):
        raise SystemExit(f"{url} refuses requests:\n{out}")
    latencies = {
        f"p{share}_ms": float(value) * UNITS[unit]
        for share, value, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)\b", out)
    }
    rate = re.search(r"Requests/sec:\s+([\d.]+)", out)
    n = re.search(r"(\d+) requests in", out)
    assert rate is not None
    assert n is not None
    return {"requests_per_second": float(rate[1]), "n": int(n[1]), **latencies}


def table(lines: list[dict[str, Any]]) -> str:
    """Return a table in Markdown, with how many times our rows per second are a peer's."""
    text = [
        "| rows a request | server | requests/s | rows/s | fewfire is | rows per CPU s "
        "| fewfire is | p50 ms | p99 ms | P@1 |",
        f"|{' --- |' * 10}",
    ]
    own = {line["rows"]: line for line in lines if line["server"] == "fewfire"}
    for line in sorted(lines, key=lambda x: x["rows"]):
        times = {
            name: own[line["rows"]][name] / line[name]
            for name in ("rows_per_second", "rows_per_cpu_second")
        }
        text.append(
            f"| {line['rows']} | {line['server']} | {line['requests_per_second']:,.0f} | "
            f"{line['rows_per_second']:,.0f} | {times['rows_per_second']:.1f} x | "
            f"{line['rows_per_cpu_second']:,.0f} | {times['rows_per_cpu_second']:.1f} x | "
            f"{line['p50_ms']:.1f} | {line['p99_ms']:.1f} | {line['precision_at_1']:.1%} |"
        )
    last = lines[-1]
    where = f"{last['machine']}, load {last['load']}, commit {last['commit']}"
    return "\n".join([*text, "", f"{where}; {last['threads']} workers each"])


if __name__ == "__main__":
    main()
