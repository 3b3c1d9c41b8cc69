"""Text whose data file is several times larger than the address space allowed (`ulimit -v`):
converted, trained on for an epoch, and measured on the last examples, each under that limit.

A control shows what the limit means: reading the same text into memory fails. Text and data file
are made in --folder, about seven times the limit together, and removed.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from report import report

N_FEATURES, N_LABELS, ROW = 20_000, 1000, 200
OWN = 60  # features that a label draws its examples from, as often as from all features


def generate(path: Path, n_rows: int, seed: int) -> None:
    """Write rows of up to `ROW` features with a label that half of them tell, at random."""
    rng = np.random.default_rng(seed)
    values = rng.random(N_FEATURES)
    words = [f"{i}:{value:.4f} ".encode() for i, value in enumerate(values)]
    own = rng.integers(0, N_FEATURES, (N_LABELS, OWN))
    with open(path, "wb") as file:
        file.write(f"{n_rows} {N_FEATURES} {N_LABELS}\n".encode())
        for first in range(0, n_rows, 4096):
            labels = rng.integers(0, N_LABELS, min(4096, n_rows - first))
            told = own[labels[:, None], rng.integers(0, OWN, (len(labels), OWN // 2))]
            others = rng.integers(0, N_FEATURES, (len(labels), ROW - OWN // 2))
            for label, *rows in zip(labels, told, others, strict=True):
                ids = set(np.concatenate(rows).tolist())
                file.write(b"%d " % label + b"".join([words[i] for i in ids]) + b"\n")


def limited(limit: int, *words: Any) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """Run fewfire with at most `limit` bytes of address space; return also seconds and memory."""
    start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "fewfire", *map(str, words)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = round(time.perf_counter() - start, 1)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done, {"seconds": seconds, "cpu_seconds": round(cpu, 1)}


def succeed(limit: int, *words: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    done, cost = limited(limit, *words, "--json")
    if done.returncode:
        sys.exit(f"fewfire {' '.join(map(str, words))}: {done.returncode}\n{done.stderr}")
    return json.loads(done.stdout), cost


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit-mib", type=int, default=768, help="of address space")
    parser.add_argument("--times", type=float, default=3, help="data file / limit, at least")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--hidden", default="32")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="default: a temporary one")
    options = parser.parse_args()
    limit = options.limit_mib << 20
    n_rows = round(options.times * limit / (8 * (ROW - 6)))  # some ids are drawn twice
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        text, data = Path(folder, "train.txt"), Path(folder, "train.safetensors")
        generate(text, n_rows, options.seed)
        control, _ = limited(limit, "train", text, "--max-epochs", 1, "-q")
        _, converting = succeed(limit, "convert", text, data)
        result, training = succeed(
            limit, "train", data, "--hidden", options.hidden, "--gate", "all", "--optimizer",
            "adam", "--batch-size", 64, "--max-epochs", 1, "--val-size", 10_000, "--n-jobs",
            options.threads, "--seed", options.seed, "-q",
        )  # fmt: skip
        epoch = result["history"][0]
        report(
            "larger_than_memory",
            limit_mib=options.limit_mib,
            text_mib=text.stat().st_size >> 20,
            data_mib=data.stat().st_size >> 20,
            data_by_limit=round(data.stat().st_size / limit, 2),
            examples=n_rows,
            hidden=options.hidden,
            seed=options.seed,
            convert=converting,
            train=training,
            epoch_seconds=round(epoch["seconds"], 1),
            examples_per_second=round(epoch["examples_per_second"]),
            validation=result["val"]["exact"]["metrics"],
            text_in_memory=control.stderr.strip().splitlines()[-1],
            threads=options.threads,
        )


if __name__ == "__main__":
    main()
