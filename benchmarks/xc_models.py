"""Models for sparse text with many labels, each trained, saved and asked in a process of its own.

    python xc_models.py JOB.json

Peers may want another numpy, so a job runs in the environment that its model is installed in, and
this file needs numpy and scipy alone. What is timed is the training, on data in memory as the model
takes it, from the first look at it to the last weight.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

K = 5  # labels that are asked for
N_SINGLE = 1000  # examples that are asked for one by one
N_FREQUENT = 500  # labels that scikit-learn learns
PRESETS = ("fast", "balanced", "best")  # of fewfire.Tagger


@dataclass(frozen=True)
class Job:
    """What a process is to do, from JSON."""

    model: str
    data: str  # folder: train.txt, train.npz, labels.npz, measured.npz
    out: str  # folder: model/, top.npy, costs.json
    threads: int
    seed: int


class Model(ABC):
    """Something that learns labels; `settings` are those that differ from its defaults."""

    module: ClassVar[str]
    name: ClassVar[str] = "__name__"  # what has to be in the module

    def __init__(self, job: Job, **settings: Any) -> None:
        self.job, self.settings = job, settings
        self.folder = Path(job.out) / "model"
        self.library = importlib.import_module(self.module)

    def read(self) -> Any:
        """Return training data as the model takes it: not part of its time."""
        return tuple(read(self.job, name) for name in ("train", "labels"))

    @abstractmethod
    def train(self, data: Any) -> None: ...

    @abstractmethod
    def save(self) -> None: ...

    def serve(self) -> None:  # noqa: B027
        """Get ready for prediction with one thread, where that takes more than the training."""

    @abstractmethod
    def ask(self, examples: Any) -> Any:
        """Return the K best labels of examples that were made by `prepare`."""

    @abstractmethod
    def top(self, answer: Any) -> NDArray[np.int32]:
        """Return an answer as label ids (n, K), best first, -1 where there are fewer."""

    def prepare(self, row: Any) -> Any:
        """Return one example as the model takes it: not part of its time."""
        return row


class Omikuji(Model):
    """Trees of linear classifiers. Its binding answers one example at a time."""

    module = "omikuji"

    def read(self) -> Any:
        # What `Model.train_on_data` does, in two steps, so that reading the text is not timed.
        binding = importlib.import_module("omikuji._libomikuji")
        self.ffi, self.lib = binding.ffi, binding.lib
        self.pool = self.lib.init_omikuji_thread_pool(self.job.threads)
        path = self.ffi.new("char[]", str(Path(self.job.data) / "train.txt").encode())
        data = self.lib.load_omikuji_data_set(path, self.pool)
        return self.ffi.gc(data, self.lib.free_omikuji_data_set)

    def train(self, data: Any) -> None:
        settings = self.library.Model.default_hyper_param()
        for name, value in self.settings.items():
            setattr(settings, name, value)
        self.model = self.library.Model(self.lib.train_omikuji_model(data, settings, self.pool))

    def save(self) -> None:
        self.model.save(str(self.folder))

    def serve(self) -> None:
        self.model.init_prediction_thread_pool(1)

    def prepare(self, row: Any) -> Any:
        return list(zip(row.indices.tolist(), row.data.tolist(), strict=True))

    def ask(self, examples: Any) -> Any:
        return self.model.predict(examples, top_k=K)

    def top(self, answer: Any) -> NDArray[np.int32]:
        return padded([[label for label, _ in answer]])


class NapkinXC(Model):
    module = "napkinxc"

    def __init__(self, job: Job, **settings: Any) -> None:
        super().__init__(job, **settings)
        self.kind = importlib.import_module("napkinxc.models").PLT

    def train(self, data: Any) -> None:
        X, y = data
        threads, seed = self.job.threads, self.job.seed
        self.model = self.kind(str(self.folder), threads=threads, seed=seed, **self.settings)
        self.model.fit(X, [row.indices.tolist() for row in y])  # which writes the model, too

    def save(self) -> None:
        pass

    def serve(self) -> None:
        self.model = self.kind(str(self.folder), threads=1)
        self.model.load()

    def ask(self, examples: Any) -> Any:
        return self.model.predict(examples, top_k=K)

    def top(self, answer: Any) -> NDArray[np.int32]:
        return padded(answer)


class Pecos(Model):
    """XLinear on a tree of labels by the sums of their examples."""

    module = "pecos.xmc.xlinear.model"
    answering: ClassVar = {"beam_size", "post_processor"}

    def train(self, data: Any) -> None:
        X, y = data
        pecos = importlib.import_module("pecos.xmc")
        given, threads = dict(self.settings), self.job.threads
        nr_splits = given.pop("nr_splits", 16)
        self.asked = {name: given.pop(name) for name in self.answering & given.keys()}
        centroids = pecos.LabelEmbeddingFactory.create(Y=y, X=X, method="pifa")
        tree = pecos.Indexer.gen(
            centroids, nr_splits=nr_splits, seed=self.job.seed, threads=threads
        )
        self.model = self.library.XLinearModel.train(X, y, C=tree, threads=threads, **given)

    def save(self) -> None:
        self.model.save(str(self.folder))

    def serve(self) -> None:
        self.model = self.library.XLinearModel.load(str(self.folder), is_predict_only=True)

    def ask(self, examples: Any) -> Any:
        return self.model.predict(examples, only_topk=K, threads=1, **self.asked)

    def top(self, answer: Any) -> NDArray[np.int32]:
        return padded([row.indices[np.argsort(-row.data, kind="stable")] for row in answer])


class OneVsRest(Model):
    """A linear support vector machine for each of the most frequent labels."""

    module = "sklearn.svm"

    def train(self, data: Any) -> None:
        X, y = data
        counts = np.bincount(y.indices, minlength=y.shape[1])
        self.labels = np.argsort(-counts, kind="stable")[:N_FREQUENT].astype(np.int32)
        several = importlib.import_module("sklearn.multiclass").OneVsRestClassifier
        each = self.library.LinearSVC(random_state=self.job.seed, **self.settings)
        model = several(each, n_jobs=self.job.threads)
        with importlib.import_module("joblib").parallel_config("threading"):
            model.fit(X, y[:, self.labels])
        weights = np.vstack([each.coef_ for each in model.estimators_])
        self.weights = np.ascontiguousarray(weights.T, np.float32)  # else each product copies it
        self.bias = np.hstack([each.intercept_ for each in model.estimators_])

    def save(self) -> None:
        self.folder.mkdir()
        np.savez(self.folder / "weights.npz", self.labels, self.weights, self.bias)

    def ask(self, examples: Any) -> Any:
        return examples @ self.weights + self.bias

    def top(self, answer: Any) -> NDArray[np.int32]:
        return self.labels[np.argsort(-answer, axis=1, kind="stable")[:, :K]]


class Fewfire(Model):
    module = "fewfire"

    def read(self) -> Any:
        return self.library.Dataset(*super().read())

    def save(self) -> None:
        self.folder.mkdir()
        self.model.save(self.folder / "model.safetensors")

    def ask(self, examples: Any) -> Any:
        return self.model.predict_topk(examples, K)

    def top(self, answer: Any) -> NDArray[np.int32]:
        return answer.indices


class Hidden(Fewfire):
    """A hidden layer of 256 and a hashed last layer, as the command line's `--bag 256`."""

    def train(self, data: Any) -> None:
        ff, seed = self.library, self.job.seed
        bag = ff.EmbeddingBag(data.n_features, 256, input_dropout=0.3, dropout=0.2)
        self.model = ff.Network(bag, ff.Linear(256, data.n_labels, gain=0.0), random_state=seed)
        ff.Trainer(
            self.model, n_jobs=self.job.threads, random_state=seed, verbose=False, **self.settings
        ).fit(data)


class Tagger(Fewfire):
    """Blocks of sparse rows behind a trained router; `preset` as the library calls it."""

    name: ClassVar = "Tagger"

    def train(self, data: Any) -> None:
        job = self.job
        self.model = self.library.Tagger(**self.settings, random_state=job.seed, n_jobs=job.threads)
        self.model.fit(data)


MODELS: dict[str, partial[Model]] = {
    "omikuji": partial(Omikuji),
    # What its documentation compares: like Bonsai, wide and balanced, collapsed like AttentionXML.
    "omikuji unbalanced 100": partial(Omikuji, cluster_balanced=False, cluster_k=100, max_depth=3),
    "omikuji balanced 100": partial(Omikuji, cluster_k=100),
    "omikuji collapsed": partial(Omikuji, collapse_every_n_layers=5),
    "napkinXC": partial(NapkinXC),
    "napkinXC x3": partial(NapkinXC, ensemble=3),
    "PECOS": partial(Pecos),
    "PECOS tfn+man": partial(
        Pecos, nr_splits=32, negative_sampling_scheme="tfn+man", threshold=0.01, beam_size=50
    ),
    f"one-vs-rest {N_FREQUENT}": partial(OneVsRest),
    "hidden 256": partial(Hidden),
    **{f"tagger {preset}": partial(Tagger, preset=preset) for preset in PRESETS},
}


def read(job: Job, name: str) -> Any:
    return sparse.load_npz(Path(job.data) / f"{name}.npz")


def padded(lists: Any) -> NDArray[np.int32]:
    return np.array([[*labels, *[-1] * K][:K] for labels in lists], np.int32)


def rows_of(X: Any) -> Iterator[Any]:
    return (X[i] for i in range(X.shape[0]))


def peak_bytes() -> int:
    """The most memory that this process had, and not, as of `getrusage`, the one it came from."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    raise OSError("this system does not tell the peak of a process")


def run(job: Job) -> dict[str, float]:
    """Do a job; write what the model answers and return its costs."""
    model = MODELS[job.model](job)
    data = model.read()
    started, cpu = time.perf_counter(), time.process_time()
    model.train(data)
    costs = {
        "seconds": time.perf_counter() - started,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": peak_bytes() / 1e6,
    }
    model.save()
    model.serve()
    examples = [model.prepare(row) for row in rows_of(read(job, "measured"))]
    answers, spent = [], []
    for example in examples:
        start = time.perf_counter()
        answers.append(model.ask(example))
        spent.append(time.perf_counter() - start)
    np.save(Path(job.out) / "top.npy", np.vstack([model.top(answer) for answer in answers]))
    us = 1e6 * np.array(spent[:N_SINGLE])
    return {
        **costs,
        "model_mb": sum(path.stat().st_size for path in model.folder.rglob("*")) / 1e6,
        "p50_us": float(np.percentile(us, 50)),
        "p99_us": float(np.percentile(us, 99)),
    }


if __name__ == "__main__":
    job = Job(**json.loads(Path(sys.argv[1]).read_text()))
    costs = {name: round(cost, 2) for name, cost in run(job).items()}
    (Path(job.out) / "costs.json").write_text(json.dumps(costs))
