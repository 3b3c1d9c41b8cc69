"""The memory of a `Tagger` at the shape of Amazon-670K: what training takes, as estimated and as
measured, and what the model takes that it leaves behind.

Data of `xc_topics.py`, every label in an example or more, are made, trained on and asked in
processes of their own. Peaks are those of resident memory. `training_gb` is all of the process;
`besides_data_gb` is without what it held when the data were read, and is what `memory` limits.
`answering_gb` is all of the process that reads the model and answers.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

import fewfire as ff
import xc_topics
from report import report

EXAMPLES, FEATURES, LABELS = 490_449, 135_909, 670_091
LIKE = {"tokens": 100, "most_labels": 11}  # for about 75 features and 5.45 labels
N_SINGLE = 1000  # examples that are asked for one by one


def make(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    shape = [round(options.share * n) for n in (EXAMPLES, FEATURES, LABELS)]
    train = xc_topics.make(*shape, options.seed, every_label=True, **LIKE)
    asked = xc_topics.make(options.queries, *shape[1:], options.seed, part=1, **LIKE)
    for name, data in (("train", train), ("asked", asked)):
        sparse.save_npz(folder / f"{name}.X.npz", data.X, compressed=False)
        sparse.save_npz(folder / f"{name}.y.npz", data.y, compressed=False)
    counts = np.bincount(train.y.indices, minlength=shape[2])
    return {
        **dict(zip(("examples", "features", "labels"), shape, strict=True)),
        "features_per_example": round(train.X.nnz / len(train), 1),
        "labels_per_example": round(train.y.nnz / len(train), 2),
        "examples_per_label": [int(x) for x in np.percentile(counts, [0, 50, 90, 100])],
    }


def train(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    data = read(folder, "train")
    tagger = ff.Tagger(
        options.preset,
        memory=options.memory,
        max_epochs=options.epochs,
        random_state=options.seed,
        n_jobs=options.threads,
        verbose=True,
    )
    held, start, cpu = begin_peak(), time.perf_counter(), time.process_time()
    tagger.fit(data)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resident("VmHWM")
    estimate = tagger.estimate_memory(data)
    path = folder / "model.safetensors"
    tagger.save(path)
    known = [level.nodes.size for tree in tagger.forest.trees for level in tree.levels]
    return {
        "trees": tagger.settings.n_trees,
        "pairs": tagger.settings.pairs,
        "estimate_gb": gb(estimate.total),
        "besides_data_gb": gb(peak - held),
        "training_gb": gb(peak),
        "train_seconds": round(seconds, 1),
        "train_cpu_seconds": round(cpu, 1),
        "epoch_seconds": [round(row["seconds"], 1) for row in tagger.history_],
        "known_features": int(sum(known)),
        "model_gb": gb(path.stat().st_size),
    }


def ask(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    data = read(folder, "asked")
    begin_peak()
    start = time.perf_counter()
    tagger = ff.load(folder / "model.safetensors")
    loading = time.perf_counter() - start
    rows = [data.X[[i]] for i in range(min(N_SINGLE, len(data)))]
    spent = []
    for row in rows:
        start = time.perf_counter()
        tagger.predict_topk(row, 5, n_jobs=1)
        spent.append(time.perf_counter() - start)
    start = time.perf_counter()
    top = tagger.predict_topk(data, 5, n_jobs=options.threads)
    seconds = time.perf_counter() - start
    hits = [label in data.y[[i]].indices for i, label in enumerate(top.indices[:, 0])]
    return {
        "answering_gb": gb(resident("VmHWM")),
        "load_seconds": round(loading, 1),
        "p50_us": round(1e6 * float(np.median(spent))),
        "p99_us": round(1e6 * float(np.percentile(spent, 99))),
        "batch_us": round(1e6 * seconds / len(data)),
        "P@1": round(float(np.mean(hits)), 4),
    }


def read(folder: Path, name: str) -> ff.Dataset:
    return ff.Dataset(*(sparse.load_npz(folder / f"{name}.{part}.npz") for part in "Xy"))


def begin_peak() -> int:
    """Forget the peak so far (Linux); return what the process holds."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident("VmRSS")


def resident(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"this system does not tell {name}")


def gb(n_bytes: int) -> float:
    return round(n_bytes / 1e9, 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option("--preset", default="fast")
    option("--memory", default="16G")
    option("--epochs", type=int, help="default: the preset's")
    option("--share", type=float, default=1.0, help="of the examples, features and labels")
    option("--queries", type=int, default=5000)
    option("--threads", type=int, default=2)
    option("--seed", type=int, default=0)
    option("--folder", type=Path, help="for data and model; default: a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:

        def alone(stage: Callable[..., dict[str, Any]]) -> dict[str, Any]:
            context = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, mp_context=context) as process:
                return process.submit(stage, options, Path(folder)).result()

        figures = {
            name: value for stage in (make, train, ask) for name, value in alone(stage).items()
        }
        report(
            "tagger_memory",
            preset=options.preset,
            memory=options.memory,
            seed=options.seed,
            **figures,
            threads=options.threads,
        )


if __name__ == "__main__":
    main()
