"""A tagger trained here, on one thread and on two, and on two workers of Dask, trees as tasks and
parts of trees as tasks: seconds on the clock, CPU seconds of all processes, P@k on the last 5,000
training rows, and whether the tagger has the bits of one thread. A line per training.

Workers have started, and have imported the library, before the clock runs; they map the data file
themselves, which is made of the text first.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from distributed import Client, LocalCluster

import fewfire as ff
import fewfire.dask as fd
from report import report

N_VALIDATION = 5000
METRICS = ["P@1", "P@3", "P@5"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option("folder", type=Path, help="with train.txt.gz")
    option("--preset", default="balanced")
    option("--examples", type=int, default=None, help="train on the first so many alone")
    option("--parts", type=int, default=2, help="ranges of a tree's leaves, in the last training")
    option("--seed", type=int, default=0)
    option("--no-threads", action="store_true", help="leave out two threads")
    options = parser.parse_args()
    rows = ff.datasets.load_xc(options.folder / "train.txt.gz")
    train, validation = rows.split(N_VALIDATION)
    with tempfile.TemporaryDirectory() as folder:
        path = write(train[: options.examples], Path(folder))
        del rows, train
        compare(options, path, validation)


def write(train: ff.Dataset, folder: Path) -> Path:
    """Write examples to a data file, which workers map; return its path."""
    ff.datasets.save_svmlight(folder / "train.txt", train)
    ff.datasets.convert(folder / "train.txt", folder / "train.data")
    return folder / "train.data"


def compare(options: argparse.Namespace, path: Path, validation: ff.Dataset) -> None:
    """Train in all ways, and report."""

    def tagger(**more: Any) -> ff.Tagger:
        return ff.Tagger(options.preset, random_state=options.seed, **more)

    def here(n_jobs: int) -> ff.Tagger:
        return tagger(n_jobs=n_jobs).fit(ff.datasets.load(path))

    one = measured(options, "one thread", lambda: here(1), validation)
    if not options.no_threads:
        measured(options, "two threads", lambda: here(2), validation, like=one)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        Client(cluster) as client,
    ):
        client.run(used)
        for name, parts in (("two workers, trees", 1), ("two workers, parts", options.parts)):
            measured(
                options,
                name,
                lambda parts=parts: fd.fit(tagger(), path, client, parts=parts),
                validation,
                like=one,
                client=client,
            )


def measured(
    options: argparse.Namespace,
    way: str,
    train: Callable[[], ff.Tagger],
    validation: ff.Dataset,
    *,
    like: ff.Tagger | None = None,
    client: Client | None = None,
) -> ff.Tagger:
    """Train, report figures, and return the tagger."""
    start, before = time.perf_counter(), of_all(client)
    tagger = train()
    seconds, cpu_seconds = time.perf_counter() - start, of_all(client) - before
    report(
        "dask_workers",
        way=way,
        preset=options.preset,
        examples=tagger.n_trained,
        seed=options.seed,
        seconds=round(seconds, 2),
        cpu_seconds=round(cpu_seconds, 2),
        has_bits_of_one_thread=like is None or same(tagger, like),
        **tagger.evaluate(validation, METRICS, n_jobs=1),
        threads=1 if way == "one thread" else 2,
    )
    return tagger


def of_all(client: Client | None) -> float:
    """CPU seconds of this process and of the workers so far."""
    workers = {} if client is None else client.run(used)
    return used() + sum(workers.values())


def used() -> float:
    import fewfire.dask.tasks  # noqa: F401  # so that no training pays for it

    return time.process_time()


def same(one: ff.Tagger, other: ff.Tagger) -> bool:
    ours, theirs = one.state()[1], other.state()[1]
    return all(np.array_equal(ours[name], theirs[name]) for name in theirs)


if __name__ == "__main__":
    main()
