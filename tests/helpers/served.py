"""Models to serve, and clients: of an application in this process, and of a server."""

import asyncio
import contextlib
import os
import re
import signal
import urllib.error
import urllib.request

import httpx
import msgspec

import fewfire as ff
from commands import start, wait_for
from fewfire.serve.settings import Settings
from fewfire.serve.worker import make_app
from tags import tagged

TEXTS = [
    f"{first} {second} in the {place}"
    for first in ("red", "green", "blue", "grey")
    for second in ("cat", "dog", "bird")
    for place in ("house", "garden", "street")
]

STROKES = ff.datasets.strokes(n_train=10, n_test=10)[1].X
SPARSE = tagged(n=200, n_labels=20).X[:7]


def tagger_of_texts(path, mark=""):
    lines = ["\t".join([text, ",".join(w + mark for w in text.split()[:2])]) for text in TEXTS]
    file = path.with_suffix(".tsv")
    file.write_text("\n".join(lines) + "\n")
    ff.Tagger("fast", n_jobs=1).fit(ff.datasets.load_text(file)).save(path)


def gated_net(path, seed=0):
    train, _ = ff.datasets.strokes(n_train=200, n_test=10)
    hidden = ff.Linear(784, 64, "relu", ff.Hashed(density=0.25))
    net = ff.Network(hidden, ff.Linear(64, 10), random_state=seed)
    ff.Trainer(net, max_epochs=1, n_jobs=1).fit(train)
    net.save(path)


def net_of_values(path):
    X = [[i % 7, i % 5] for i in range(60)]
    data = ff.Dataset(X, [float(a + 2 * b) + 0.5 for a, b in X])
    net = ff.Network(ff.Linear(2, 8, "relu"), ff.Linear(8, 1), random_state=0)
    ff.Trainer(net, max_epochs=2, n_jobs=1).fit(data)
    net.save(path)


def sparse_tagger(path, n_labels=20):
    ff.Tagger("fast", n_jobs=1).fit(tagged(n=200, n_labels=n_labels)).save(path)


MAKERS = {
    "texts": tagger_of_texts,
    "digits": gated_net,
    "values": net_of_values,
    "sparse": sparse_tagger,
}


def make_models(folder):
    """Files of all kinds of models, by name."""
    for name, make in MAKERS.items():
        make(folder / f"{name}.safetensors")
    return {name: folder / f"{name}.safetensors" for name in MAKERS}


class Client:
    """Asks an application in this process."""

    def __init__(self, paths, **settings):
        self.app, self.front, self.log = make_app(
            Settings(models=paths, **{"access_log": "", **settings})
        )

    def ask(self, method, path, body=None, headers=None):
        return self.all([(method, path, body, headers)])[0]

    def all(self, questions):
        """The answers to questions that are asked at the same time."""

        async def answers():
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
                return await asyncio.gather(*(self._one(client, *each) for each in questions))

        return asyncio.run(answers())

    async def _one(self, client, method, path, body=None, headers=None):
        content = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        headers = {"content-type": "application/json", **(headers or {})}
        return await client.request(method, path, content=content, headers=headers)

    def topk(self, **body):
        return self.ask("POST", "/v1/topk", body)


class Server:
    """A server of its own process, or of several."""

    def __init__(self, process, port):
        self.process, self.port = process, port
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path):
        """The answer to a GET, or None where nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.read().decode()
        except OSError:
            return None

    def tell(self, stop):
        os.kill(self.process.pid, stop)


@contextlib.contextmanager
def served(folder, *words):
    """A server that is ready, and is ended with the block."""
    process = start("serve", *words, "--port", 0, cwd=folder)
    line = process.stderr.readline()
    found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
    assert found, line + process.stderr.read()
    server = Server(process, int(found[1]))
    try:
        wait_for(lambda: server.get("/v2/health/ready") == '{"ready":true}', process)
        yield server
    finally:
        if process.poll() is None:
            server.tell(signal.SIGTERM)
        process.communicate(timeout=60)
