"""What the benchmarks of extreme classification share: synthetic sets, options, clocks.

Sets come in any shape, from a seed. Labels come in families of 16 that share words; each has words
of its own. An example has a label, drawn by a power law, some of its siblings, most of their words,
and noise, so that a net can learn it and hashing has something to find.
"""

from __future__ import annotations

import argparse
import time
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

import fewfire as ff
from fewfire import Dataset

FAMILY = 16  # labels
WORDS_OF_LABEL, WORDS_OF_FAMILY, NOISE = 12, 24, 20
KINDS = {"adagrad": ff.optim.Adagrad, "rms": ff.optim.RMS, "adam": ff.optim.Adam}
OPTIMIZERS = [name + end for name in KINDS for end in ("", "-rowwise")]


def make(
    n_examples: int,
    n_features: int,
    n_labels: int,
    seed: int = 0,
    *,
    labels_per_example: int = 5,
    part: int = 0,
) -> Dataset:
    """Return examples of about 76 features; `part` tells training from test examples."""
    world, rng = np.random.default_rng(seed), np.random.default_rng([seed, part])
    n_families = -(-n_labels // FAMILY)
    of_label = world.integers(0, n_features, (n_labels, WORDS_OF_LABEL), dtype=np.int32)
    of_family = world.integers(0, n_features, (n_families, WORDS_OF_FAMILY), dtype=np.int32)

    order = world.permutation(n_labels)
    first = order[(n_labels * rng.random(n_examples) ** 1.5).astype(np.int64)]  # a long tail
    family = first // FAMILY
    siblings = family[:, None] * FAMILY + rng.integers(0, FAMILY, (n_examples, labels_per_example))
    labels = np.minimum(np.column_stack([first, siblings[:, 1:]]), n_labels - 1)
    n_kept = rng.integers(1, labels_per_example + 1, n_examples)
    kept = np.arange(labels_per_example) < n_kept[:, None]

    own = of_label[labels].reshape(n_examples, -1)
    spoken = np.repeat(kept, WORDS_OF_LABEL, axis=1) & (rng.random(own.shape) < 0.7)
    shared = of_family[family]
    noise = (n_features * rng.random((n_examples, NOISE)) ** 3).astype(np.int32)
    words = np.hstack([own, shared, noise])
    used = np.hstack([spoken, rng.random(shared.shape) < 0.6, np.ones(noise.shape, bool)])
    values = rng.gamma(2.0, 1.0, words.shape).astype(np.float32)
    X = _csr(words, used, values, n_features)
    X.data /= np.sqrt(np.repeat(X.power(2).sum(axis=1), np.diff(X.indptr))).astype(np.float32)
    y = _csr(labels, kept, np.ones(labels.shape, np.float32), n_labels)
    return Dataset(X, y)


def _csr(ids: np.ndarray, used: np.ndarray, values: np.ndarray, width: int) -> csr_array:
    rows = np.repeat(np.arange(len(ids)), used.sum(axis=1))
    X = csr_array((values[used], (rows, ids[used])), shape=(len(ids), width))
    X.sum_duplicates()
    return X


def add_options(
    parser: argparse.ArgumentParser, *, optimizer: str, lr: float, refresh_every: int
) -> None:
    """What every training here can be told: of its hashed layer, of its optimizer."""
    option = parser.add_argument
    option("--cells", type=int, default=1024, help="of the rows, no more than there are")
    option("--probes", type=int, default=127, help="cells that a query visits besides the nearest")
    option("--refresh-every", type=int, default=refresh_every, help="steps of a round, all rows")
    option("--negatives", type=int, default=3072, help="rows that a batch draws")
    option("--optimizer", choices=OPTIMIZERS, default=optimizer)
    option("--lr", type=float, default=lr)
    option("--batch", type=int, default=128, help="examples per step")


def retrieve(options: argparse.Namespace, candidates: int) -> ff.gates.Retrieve:
    """The gate of a last layer that computes so many candidates."""
    cells = ff.gates.Centroid(
        n_cells=options.cells,
        probes=options.probes,
        rank="union",
        refresh="rolling",
        refresh_every=options.refresh_every,
    )
    return ff.gates.Retrieve(candidates, cells, negatives=options.negatives)


def make_trainer(
    net: ff.Network, options: argparse.Namespace, *, epochs: int, threads: int, **others: Any
) -> ff.Trainer:
    kind, _, rowwise = options.optimizer.partition("-")
    return ff.Trainer(
        net,
        loss="softmax",
        optimizer=KINDS[kind](lr=options.lr, rowwise=bool(rowwise)),
        batch_size=options.batch,
        max_epochs=epochs,
        n_jobs=threads,
        **others,
    )


class Cost(NamedTuple):
    """What an example took, on the clock and of the CPUs."""

    ms: float
    cpu_ms: float


class Clock:
    """Runs from here on."""

    def __init__(self) -> None:
        self.start = time.perf_counter(), time.process_time()

    def seconds(self) -> tuple[float, float]:
        """So far, on the clock and of the CPUs."""
        return time.perf_counter() - self.start[0], time.process_time() - self.start[1]

    def cost(self, n_examples: int) -> Cost:
        return Cost(*(1000 * seconds / n_examples for seconds in self.seconds()))


class Stopwatch:
    """Times every call of a method, from here on."""

    def __init__(self, owner: type, name: str) -> None:
        self.seconds: list[float] = []
        method = getattr(owner, name)

        def timed(*args: Any, **options: Any) -> Any:
            start = time.perf_counter()
            try:
                return method(*args, **options)
            finally:
                self.seconds.append(time.perf_counter() - start)

        setattr(owner, name, timed)
