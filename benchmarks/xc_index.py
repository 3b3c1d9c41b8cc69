"""What an index finds of the trained rows of a wide last layer, and what that takes: recall@1 and
recall@5 beside microseconds per query and the share of rows returned, for every hash family and for
libraries of nearest neighbours on the same rows.

A line per setting (`kind` "search"), and per index one for an update of a hundredth of the rows
("update"). `us` is the median of calls with one query each, in one thread, from Python and back;
`share` that of the rows whose exact scores were computed, null where a library does not tell.
Memory is what the process grew by: a copy of the rows for a library, none for a layer that has
them.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

import fewfire as ff
from common import names
from peers import installed
from report import report
from xc_gates import Gate, grid
from xc_index_plot import plot
from xc_rows import Case, K, make_case, recall

REPEATS = 3  # of the bag: the best counts
WANTED = 0.95  # recall@5 of the setting that is updated, if there is one


class Index(Protocol):
    can_update: bool
    share: float | None
    settings: Sequence[Any]

    def set(self, setting: Any) -> None: ...
    def prepare(self, queries: NDArray[np.float32]) -> NDArray[np.float32]: ...
    def search(self, queries: NDArray[np.float32]) -> NDArray[Any]: ...
    def update(self) -> None: ...


def main() -> None:
    options = parse()
    case, figures = make_case(options)
    settings = {"labels": options.labels, "dim": options.dim}
    report("xc_index", kind="net", **settings, **figures, threads=options.threads)
    report("xc_index", kind="bag", **settings, us=bag_us(case), threads=1)
    lines = []
    for series, make in indexes(options.labels).items():
        if not any(series.startswith(name) for name in options.only):
            continue
        for line in measure(case, make, options.threads):
            named = {**settings, "queries": len(case.queries), "series": series}
            lines.append(report("xc_index", **named, **line, threads=1))
    if options.plot:
        plot(lines, options.plot)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option("--labels", type=int, default=670_091)
    option("--features", type=int, default=135_909)
    option("--dim", type=int, default=128)
    option("--examples", type=int, default=490_449, help="of the training set")
    option("--epochs", type=int, default=5)
    option("--candidates", type=int, default=500, help="rows of an example in training")
    option("--negatives", type=int, default=1024, help="rows that a batch draws in training")
    option("--cells", type=int, help="of the index in training, if not the library's own choice")
    option("--queries", type=int, default=1000)
    option("--threads", type=int, default=2, help="of training and building; a query has one")
    option("--net", type=Path, metavar="FILE", help="the trained net: made if it is not there")
    option("--only", type=names, default=[""], metavar="A,B", help="how names of series begin")
    option("--plot", type=Path, metavar="FILE.png", help="draw the curves; needs matplotlib")
    return parser.parse_args()


def indexes(n_rows: int) -> dict[str, Callable[[Case, int], Index]]:
    own = {
        series: partial(Gate, settings, exact=series == "exact")
        for series, settings in grid(n_rows).items()
    }
    return {**own, **dict(installed())}


def measure(
    case: Case, make: Callable[[Case, int], Index], threads: int
) -> Iterator[dict[str, Any]]:
    """The figures of each setting of an index, then those of an update."""
    before = resident_mb()
    start = time.perf_counter()
    index = make(case, threads)
    building = {
        "build_seconds": round(time.perf_counter() - start, 2),
        "build_threads": threads,
        "memory_mb": round(resident_mb() - before),
    }
    lines = []
    for setting in index.settings:
        index.set(setting)
        lines.append(search(index, case, setting) | building)
        yield lines[-1]
    good = [line for line in lines if line["recall_at_5"] >= WANTED]
    chosen = good[0] if good else max(lines, key=lambda line: line["recall_at_5"])
    index.set(index.settings[lines.index(chosen)])
    yield update(index, case, chosen)


def search(index: Index, case: Case, setting: Any) -> dict[str, Any]:
    queries = index.prepare(case.queries)
    found, share = index.search(queries), index.share
    alone = [queries[i : i + 1] for i in range(len(queries))]
    seconds = median(seconds_of(partial(index.search, query)) for query in alone)
    return {
        "kind": "search",
        "setting": repr(setting),
        "recall_at_1": round(recall(found, case.truth, 1), 4),
        "recall_at_5": round(recall(found, case.truth, K), 4),
        "share": None if share is None else float(f"{share:.4g}"),
        "us": round(seconds * 1e6, 2),
    }


def update(index: Index, case: Case, line: dict[str, Any]) -> dict[str, Any]:
    """Milliseconds that changing a hundredth of the rows takes, and what is found after it: null
    where an index has to be built anew."""
    old = case.rows[case.changed].copy()
    milliseconds = found = None
    if index.can_update:
        milliseconds = round(seconds_of(index.update) * 1e3, 2)
        found = index.search(index.prepare(case.queries))
    case.rows[case.changed] = old
    return {
        "kind": "update",
        "setting": line["setting"],
        "rows_changed": len(case.changed),
        "update_ms": milliseconds,
        "rebuild_ms": round(line["build_seconds"] * 1e3),
        "recall_at_5_before": line["recall_at_5"],
        "recall_at_5": None if found is None else round(recall(found, case.new_truth, K), 4),
    }


def bag_us(case: Case) -> float:
    """Microseconds of a query that are the bag's below the gate, and of ranking its values."""
    dim = case.rows.shape[1]
    net = ff.Network(ff.EmbeddingBag(dim, dim, activation="linear"))
    run = partial(net.predict_topk, case.queries, K, n_jobs=1)
    seconds = min(seconds_of(run) for _ in range(REPEATS))
    return round(seconds * 1e6 / len(case.queries), 2)


def seconds_of(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def resident_mb() -> float:
    """Memory of the process, after what was freed has gone back to the system."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
