"""What a training example costs at the shape of Amazon-670K: fewfire's hashed output layer against
PyTorch's full softmax, and its sampled softmax that computes as many rows for each example.

All take turns in one run, so that a busy hour slows all alike: fewfire an epoch, then each peer a
few steps. fewfire trains in a process of its own, which never loads PyTorch: its peak memory is its
alone. Without PyTorch it is measured alone. A line per peer, and one for fewfire with the ratios;
with weights of several types a line for each; the lines of peers compare with the first.

fewfire's first epoch is not counted; the others are, with all that belongs to them: batches,
refreshes, the copy that a failing epoch goes back to. Of a peer only steps are counted. The longest
pauses are those of all epochs. Data are those of `xc.py`.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

import fewfire as ff
import xc
from common import check_names, names
from fewfire.base.bfloat16 import DTYPES
from fewfire.training.index_upkeep import Upkeep
from report import report

if TYPE_CHECKING:
    from pytorch_xc import Peer

PEERS = [
    "full-128-sgd", "full-512-sgd", "full-128-adam", "full-512-adam",
    "full-512-sgd-bf16", "full-512-adam-bf16",
    "sampled-128-sgd", "sampled-512-sgd", "sampled-128-adam", "sampled-512-adam",
]  # fmt: skip
SHORT = 10  # steps of a sampled softmax for one of a full one
COSTS = ("forward", "backward", "optimizer", "hashing", "refresh", "total", "rows_touched")


class OneEpochEach(ff.callbacks.Callback):
    """Trains an epoch whenever the other process asks for one, and tells what it took."""

    def __init__(self, turns: Connection, n_examples: int) -> None:
        self.turns = turns
        self.n_examples = n_examples
        self.first = (
            ff.results.Ledger.empty(0),
            0,
        )  # work until the end of the first epoch, and examples

    def on_fit_start(self, run: ff.callbacks.Run) -> None:
        self._wait()

    def on_epoch_end(self, run: ff.callbacks.Run, record: ff.callbacks.Record) -> bool:
        if record["epoch"] == 1:
            self.first = run.history.ledger, run.history.n_examples
        ms = 1000 * record["seconds"] / self.n_examples
        self.turns.send(self.clock.cost(self.n_examples)._replace(ms=ms))
        self._wait()
        return False

    def _wait(self) -> None:
        self.turns.recv()
        self.clock = xc.Clock()


def train(options: argparse.Namespace, dtype: str, turns: Connection) -> None:
    """Train an epoch per turn; at the end tell the figures."""
    pauses = {name: xc.Stopwatch(Upkeep, name) for name in ("keep_up", "end_epoch")}
    data = make(options, options.examples)
    clock = xc.Clock()
    gate = xc.retrieve(options, options.candidates)
    net = ff.Network(
        ff.EmbeddingBag(options.features, options.dim, dtype=dtype),
        ff.Linear(options.dim, options.labels, gate=gate, dtype=dtype),
    )
    build_seconds, _ = clock.seconds()
    epochs = OneEpochEach(turns, len(data))
    history = xc.make_trainer(
        net, options, epochs=options.rounds + 1, threads=options.threads, callbacks=[epochs]
    ).fit(data)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    turns.send(
        {
            "gate": repr(gate),
            "build_seconds": round(build_seconds, 1),
            **work(history, *epochs.first, options.labels),
            **{f"longest_{name}_ms": longest(watch) for name, watch in pauses.items()},
            "keep_up_seconds": round(sum(pauses["keep_up"].seconds), 3),
            "index_bytes": index_bytes(net),
            "weights_bytes": sum(layer.stored.nbytes for layer in net.layers),
            "peak_rss_mib": peak >> 10,
            "loss_first": round(history[0]["train/loss"], 4),
            "loss_last": round(history[-1]["train/loss"], 4),
            **quality(net, make(options, options.test_examples, part=1)),
        }
    )


def make(options: argparse.Namespace, n_examples: int, part: int = 0) -> ff.Dataset:
    return xc.make(n_examples, options.features, options.labels, part=part)


def work(
    history: ff.results.History, first: ff.results.Ledger, n_first: int, n_labels: int
) -> dict[str, Any]:
    """Work per example after the first epoch, for each layer."""
    ledger = ff.results.Ledger(history.ledger.counts - first.counts)
    n = history.n_examples - n_first
    layers = [{name: round(getattr(x, name) / n) for name in COSTS} for x in ledger.layers]
    return {
        "rows_computed_per_example": round(history[-1]["density"] * n_labels),
        "multiplications_per_example": round(ledger.total / n),
        "share": round(ledger.share, 6),
        "layers": layers,
    }


def longest(watch: xc.Stopwatch) -> float:
    return round(1000 * max(watch.seconds), 1)


def index_bytes(net: ff.Network) -> int:
    index = net.layers[-1].index
    parts = (index.codes, index.offsets, index.rows, index.learned)
    return sum(np.asarray(part).nbytes for part in parts)


def quality(net: ff.Network, test: ff.Dataset) -> dict[str, float]:
    """P@1 on examples that were not trained on."""
    return {
        f"p_at_1_{name}": round(net.evaluate(test, ["P@1"], exact=exact)["P@1"], 4)
        for name, exact in (("gated", False), ("exact", True))
    }


@contextmanager
def training(options: argparse.Namespace, dtype: str) -> Iterator[Connection]:
    """fewfire in a process of its own, and where to ask it for epochs."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=train, args=(options, dtype, there), daemon=True)
    process.start()
    there.close()  # so that the end of the process is the end of what it says
    yield here
    process.join()


def peers_of(options: argparse.Namespace) -> list[Peer]:
    if options.alone:
        return []
    if find_spec("torch") is None:
        print("PyTorch is not installed: fewfire is measured alone", file=sys.stderr)
        return []
    # Read when PyTorch is loaded. Threads that spin at barriers lose a time slice at each when the
    # machine is busy: short steps took 20 times as long.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from pytorch_xc import Peer, prepare

    prepare(options.threads)
    data = make(options, min(options.examples, 20_000))
    n_labels = options.labels
    computed = min(options.candidates, n_labels) + min(options.negatives, n_labels // 2)
    return [Peer(name, data, options.dim, computed) for name in options.only]


def take_turns(
    options: argparse.Namespace, trainings: dict[str, Connection]
) -> tuple[dict[str, list[xc.Cost]], dict[str, Any]]:
    """Return what fewfire's epochs and each peer's steps took, and fewfire's figures."""
    peers = peers_of(options)
    costs: dict[str, list[xc.Cost]] = {name: [] for name in trainings}
    costs |= {peer.name: [] for peer in peers}
    for turns in trainings.values():
        ask(turns)
    for turn in range(options.rounds):
        for dtype, turns in trainings.items():
            costs[dtype].append(ask(turns))
        for peer in peers:
            n_steps = options.steps * (1 if peer.is_full else SHORT)
            costs[peer.name] += peer.turn(turn, n_warm=2, n_steps=n_steps)
    return costs, {dtype: ask(turns) for dtype, turns in trainings.items()}


def ask(turns: Connection) -> Any:
    turns.send(None)
    return turns.recv()


def run(options: argparse.Namespace) -> None:
    with ExitStack() as stack:
        trainings = {x: stack.enter_context(training(options, x)) for x in options.dtype}
        costs, figures = take_turns(options, trainings)
    left_out = ("only", "alone", "dtype")
    settings = {name: x for name, x in vars(options).items() if name not in left_out}
    ms = {name: median(cost.ms for cost in of_turns) for name, of_turns in costs.items()}
    own = {dtype: ms.pop(dtype) for dtype in options.dtype}
    first = own[options.dtype[0]]
    for name in ms:
        line = {"what": name, **times(costs[name]), "by_fewfire": round(ms[name] / first, 2)}
        report("xc_step", **line, torch=version("torch"), **settings)
    kinds = dict.fromkeys(map(kind_of, ms))
    for dtype in options.dtype:
        ratios = {f"{kind}_by_fewfire": fastest(ms, kind) / own[dtype] for kind in kinds}
        report(
            "xc_step",
            what="fewfire",
            dtype=dtype,
            **times(costs[dtype]),
            **{name: round(ratio, 2) for name, ratio in ratios.items()},
            **figures[dtype],
            **settings,
        )


def times(costs: list[xc.Cost]) -> dict[str, float]:
    ms, cpu_ms = zip(*costs, strict=True)
    figures = {
        "ms_per_example": median(ms),
        "least_ms": min(ms),
        "cpu_ms_per_example": median(cpu_ms),
    }
    return {name: round(value, 4) for name, value in figures.items()}


def kind_of(peer: str) -> str:
    kind, _, _, *bf16 = peer.split("-")
    return "_".join(["torch", kind, *bf16])


def fastest(ms: dict[str, float], kind: str) -> float:
    return min(time for peer, time in ms.items() if kind_of(peer) == kind)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option("--features", type=int, default=135_909)
    option("--dim", type=int, default=128)
    option("--labels", type=int, default=670_091)
    option("--examples", type=int, default=100_000, help="of an epoch")
    option("--test-examples", type=int, default=1000)
    option("--candidates", type=int, default=600, help="rows that an example chooses")
    xc.add_options(parser, optimizer="adagrad-rowwise", lr=0.05, refresh_every=1000)
    option("--threads", type=int, default=2)
    option("--rounds", type=int, default=3, help="turns that count")
    option("--steps", type=int, default=4, help="of a turn of a full softmax, after 2")
    option("--only", type=names, default=PEERS, help="peers: kind-batch-optimizer[-bf16]")
    option("--dtype", type=names, default=["float32"], help="of weights; several take turns")
    option("--alone", action="store_true", help="without peers")
    options = parser.parse_args()
    check_names(parser, options.only, PEERS)
    check_names(parser, options.dtype, list(DTYPES))
    run(options)


if __name__ == "__main__":
    main()
