"""How far each model of `xc_quality.py --keep TOPS` is ahead of one of them, in points of P@k, with
the standard errors of the differences between pairs.

    python benchmarks/xc_paired.py FOLDER TOPS --test --against "omikuji^0.5"

Over examples: of an example's mean difference, all seeds together, among the examples measured.
Over seeds: of the mean difference of a seed, among seeds; small samples make it uncertain.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import fewfire as ff
from xc_quality import CUTOFFS, N_VALIDATION, load

Seeds = dict[int, dict[int, NDArray[np.float64]]]


def hits(top: NDArray[np.int32], measured: ff.Dataset) -> dict[int, NDArray[np.float64]]:
    """Return the precision at each cutoff of each example."""
    indptr, labels = measured.label_lists()
    rows = np.repeat(np.arange(len(measured)), np.diff(indptr))
    is_label = np.isin(
        np.arange(len(measured))[:, None] * measured.n_labels + top,
        rows * measured.n_labels + labels,
    )
    is_label &= top >= 0
    return {k: is_label[:, :k].sum(axis=1) / k for k in CUTOFFS}


def standard_error(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")


def compared(ours: Seeds, theirs: Seeds, k: int) -> str:
    """Tell the mean of ours - theirs at a cutoff, and its two standard errors."""
    ahead = 100 * np.array([ours[seed][k] - theirs[seed][k] for seed in ours])
    examples, seeds = standard_error(ahead.mean(axis=0)), standard_error(ahead.mean(axis=1))
    return f"{ahead.mean():+.2f} ({examples:.2f}, {seeds:.2f})"


def read(folder: Path, measured: ff.Dataset) -> dict[str, Seeds]:
    """Return the precisions of each model, seed, cutoff and example."""
    found: dict[str, Seeds] = defaultdict(dict)
    for path in sorted(folder.glob("*.npy")):
        model, _, seed = path.stem.rpartition("-")
        found[model][int(seed)] = hits(np.load(path), measured)
    return found


def table(rows: Iterable[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    option = parser.add_argument
    option("folder", type=Path, help="folder of train.txt.gz and test.txt.gz")
    option("tops", type=Path, help="what xc_quality.py --keep wrote")
    option("--against", default="omikuji^0.5", help="the model that others are compared with")
    option("--test", action="store_true", help="these are of the test set")
    option("--n-validation", type=int, default=N_VALIDATION)
    options = parser.parse_args()
    _, measured = load(options)
    models = read(options.tops, measured)
    if options.against not in models:
        parser.error(f"{options.tops} has no {options.against!r}, only {sorted(models)}")
    others = models.pop(options.against)
    print(f"ahead of {options.against}, points (standard error over examples, over seeds)\n")
    for name, own in models.items():
        if own.keys() != others.keys():
            parser.error(f"{name} has the seeds {sorted(own)}, {options.against} {sorted(others)}")
    head = ["model", *(f"P@{k}" for k in CUTOFFS)]
    rows = [[name, *(compared(own, others, k) for k in CUTOFFS)] for name, own in models.items()]
    print(table([head, ["---", *["---:"] * len(CUTOFFS)], *rows]))


if __name__ == "__main__":
    main()
