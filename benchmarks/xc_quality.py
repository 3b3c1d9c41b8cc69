"""Quality and cost of models for sparse text with many labels, beside each other on one data set.

A line per seed, power of the features and model: P, nDCG and PSP at 1, 3 and 5, seconds of training
on the clock and of the CPUs, peak memory, size on disk, and how long a single example takes one
thread. `xc_models.py` says what each model is. Each run is a process of its own, and models run in
turn, so that a busy machine is busy for all. With the power .5 features are square-rooted, and rows
scaled to unit length again.

The last 5,000 training rows are the validation set; with `--test` all rows train, and the test set
is read. What is not installed is left out; another environment's Python may run it:

    python benchmarks/xc_quality.py FOLDER --python omikuji=peers/bin/python > lines.jsonl
    python benchmarks/xc_table.py lines.jsonl

With `--keep TOPS` the labels that each run finds are written there, for `xc_paired.py`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

import fewfire as ff
from common import check_names, names
from fewfire.measure.frequencies import propensities
from fewfire.measure.metrics import ndcg_at, precision_at, psp_at
from report import report
from xc_models import MODELS, Job

N_VALIDATION = 5000
CUTOFFS = (1, 3, 5)
RUNNER = Path(__file__).with_name("xc_models.py")


def load(options: argparse.Namespace) -> tuple[ff.Dataset, ff.Dataset]:
    """Examples to train on, and those to measure on."""
    rows = ff.datasets.load_xc(options.folder / "train.txt.gz")
    if options.test:
        return rows, ff.datasets.load_xc(options.folder / "test.txt.gz", like=rows)
    return rows.split(options.n_validation)


def powered(data: ff.Dataset, power: float) -> ff.Dataset:
    """Return `data` with its features to this power, each row of unit length again."""
    if power == 1:
        return data
    X = data.X.copy()
    X.data **= np.float32(power)
    norms = np.sqrt(X.multiply(X).sum(axis=1))
    X.data /= np.repeat(norms, np.diff(X.indptr)).astype(np.float32)
    return ff.Dataset(X, data.y)


def write(folder: Path, train: ff.Dataset, measured: ff.Dataset) -> None:
    """Write what `xc_models.py` reads: for old versions of scipy, as matrices."""
    folder.mkdir()
    ff.datasets.save_svmlight(folder / "train.txt", train)
    for name, matrix in {"train": train.X, "labels": train.y, "measured": measured.X}.items():
        parts = matrix.data, matrix.indices, matrix.indptr
        sparse.save_npz(folder / f"{name}.npz", sparse.csr_matrix(parts, matrix.shape))


def run(job: Job, python: str) -> dict[str, float]:
    """Do a job in a process of its own; return its costs."""
    Path(job.out).mkdir()
    path = Path(job.out) / "job.json"
    path.write_text(json.dumps(asdict(job)))
    # Peers tell their progress in megabytes.
    done = subprocess.run([python, RUNNER, path], capture_output=True, text=True, errors="replace")
    if done.returncode:
        raise SystemExit(f"{job.model} failed:\n{done.stderr[-2000:]}")
    return json.loads((Path(job.out) / "costs.json").read_text())


def quality(top: Any, measured: ff.Dataset, known: Any) -> dict[str, float]:
    labels = measured.label_lists()
    figures = {f"P@{k}": precision_at(k, top, labels) for k in CUTOFFS}
    figures |= {f"nDCG@{k}": ndcg_at(k, top, labels) for k in CUTOFFS}
    figures |= {f"PSP@{k}": psp_at(k, top, labels, known) for k in CUTOFFS}
    return {name: round(figure, 5) for name, figure in figures.items()}


def installed(options: argparse.Namespace) -> dict[str, str]:
    """Return the Python of each wanted model; a line on stderr for each that is left out."""
    found = {}
    for name in options.only or MODELS:
        kind = MODELS[name].func
        python = options.python.get(kind.module.split(".")[0], sys.executable)
        wanted = f"from {kind.module} import {kind.name}"
        asked = subprocess.run([python, "-c", wanted], capture_output=True, text=True)
        if asked.returncode:
            print(f"{name} is left out: {asked.stderr.splitlines()[-1]}", file=sys.stderr)
        else:
            found[name] = python
    return found


def main() -> None:
    options = parse()
    pythons = installed(options)
    train, measured = load(options)
    counts = np.bincount(train.label_lists()[1], minlength=train.n_labels)
    known = propensities(counts, len(train))
    settings = {
        "data": options.folder.resolve().name,
        "n_examples": len(train),
        "measured_on": "test" if options.test else "validation",
    }
    with tempfile.TemporaryDirectory() as work:
        for power in options.powers:
            write(Path(work) / f"data-{power}", powered(train, power), powered(measured, power))
        runs = [
            (seed, power, name)
            for seed in range(options.first_seed, options.first_seed + options.seeds)
            for power in options.powers
            for name in pythons
        ]
        for number, (seed, power, name) in enumerate(runs):
            with tempfile.TemporaryDirectory(dir=work) as out:
                data = str(Path(work) / f"data-{power}")
                job = Job(name, data, str(Path(out) / "run"), options.threads, seed)
                costs = run(job, pythons[name])
                top = np.load(Path(job.out) / "top.npy")
                figures = quality(top, measured, known)
                if options.keep:
                    np.save(options.keep / f"{name}^{power:g}-{seed}.npy", top)
            what = {"model": name, "power": power, "seed": seed, **settings}
            report("xc_quality", threads=options.threads, **what, **figures, **costs)
            print(f"{number + 1} of {len(runs)} runs", file=sys.stderr)


def python_of(text: str) -> tuple[str, str]:
    module, _, python = text.partition("=")
    if not python:
        raise argparse.ArgumentTypeError(f"{text!r} is not MODULE=PYTHON")
    return module, python


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    option = parser.add_argument
    option("folder", type=Path, help="folder of train.txt.gz and test.txt.gz")
    option(
        "--test", action="store_true", help="train on all rows, and read the test set at the end"
    )
    option("--n-validation", type=int, default=N_VALIDATION, help="last training rows kept for it")
    option("--only", type=names, default=[], help=f"default: {','.join(MODELS)}")
    option("--powers", type=lambda text: [float(x) for x in text.split(",")], default=[1.0, 0.5])
    option("--seeds", type=int, default=3, help="how many")
    option("--first-seed", type=int, default=0)
    option("--threads", type=int, default=2)
    option("--python", type=python_of, action="append", default=[], metavar="MODULE=PYTHON",
           help="the Python that has a peer, such as omikuji, napkinxc, pecos")  # fmt: skip
    option("--keep", type=Path, help="folder for the labels that each run finds")
    options = parser.parse_args()
    check_names(parser, options.only, MODELS)
    options.python = dict(options.python)
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    return options


if __name__ == "__main__":
    main()
