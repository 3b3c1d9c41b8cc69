"""What descriptions of labels add to a tagger, and what ranking by propensity does, on
debian-depends, whose labels are packages: the text of a label is its own row of the training set.

    python benchmarks/label_text.py FOLDER --seeds 3

A line for each seed, with and without the text, and order of the answers. With `--unseen` a
twentieth of the labels that have a text lose their examples: `recall@10` is that of these labels,
among all labels. The last 5,000 training rows are the validation set; with `--test` all rows train,
and the test set is read.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

import fewfire as ff
import xc
from debian_depends import load
from fewfire.measure.metrics import owners
from report import report

METRICS = [f"{name}@{k}" for name in ("P", "PSP") for k in (1, 3, 5)]
RANKS = (0.0, 0.1, 1.0)


def main() -> None:
    options = parse()
    train, measured = load(options)
    text = label_features(options.folder, train)
    unseen = np.empty(0, np.int32)
    if options.unseen:
        train, unseen = without_examples(train, text)
    for seed in range(options.seeds):
        for with_text in (False, True):
            clock = xc.Clock()
            tagger = ff.Tagger(options.preset, random_state=seed, n_jobs=options.threads)
            tagger.fit(train, label_features=text if with_text else None)
            _, cpu_seconds = clock.seconds()
            told = {"preset": options.preset, "seed": seed, "text": with_text}
            told |= {"test": options.test, "threads": options.threads}
            told |= {"cpu_seconds": round(cpu_seconds, 1)}
            if options.unseen:
                print_unseen(tagger, measured, unseen, told)
            else:
                print_ranks(tagger, measured, told)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    option = parser.add_argument
    option("folder", type=Path, help="debian-depends/")
    option("--preset", default="fast")
    option("--seeds", type=int, default=1, help="how many, from 0")
    option("--threads", type=int, default=1)
    option("--examples", type=int, help="train on the first only")
    option("--unseen", action="store_true", help="hold back the examples of some labels")
    option("--test", action="store_true", help="read the test examples")
    return parser.parse_args()


def label_features(folder: Path, train: ff.Dataset) -> csr_array:
    """Return the features of each label's own row, if it is among those that train."""
    labels, names = (
        ff.datasets.load_names(folder / f"{part}.txt.gz") for part in ("labels", "train-names")
    )
    row_of = {name: row for row, name in enumerate(names[: len(train)])}
    pairs = [(label, row_of[name]) for label, name in enumerate(labels) if name in row_of]
    label, row = np.array(pairs).T
    pick = csr_array((np.ones(len(label), np.float32), (label, row)), (len(labels), len(train)))
    return csr_array(pick @ train.X)


def without_examples(train: ff.Dataset, text: csr_array) -> tuple[ff.Dataset, NDArray[np.int32]]:
    """Return the training set without a twentieth of the labels that have a text, and these."""
    indptr, ids = train.label_lists()
    known = np.intersect1d(ids, np.flatnonzero(np.diff(text.indptr)))
    rng = np.random.default_rng(0)
    unseen = np.sort(rng.choice(known, len(known) // 20, replace=False)).astype(np.int32)
    kept = ~np.isin(ids, unseen)
    rows = owners(indptr)[kept]
    shape = (len(train), train.n_labels)
    y = csr_array((np.ones(kept.sum(), np.float32), (rows, ids[kept])), shape)
    return ff.Dataset(train.X, y, like=train), unseen


def print_ranks(tagger: ff.Tagger, measured: ff.Dataset, told: dict[str, object]) -> None:
    for exponent in RANKS:
        found = tagger.evaluate(measured, METRICS, rank_by=exponent)
        figures = {name: round(100 * found[name], 2) for name in METRICS}
        report("label_text", **told, rank_by=exponent, **figures)


def print_unseen(
    tagger: ff.Tagger, measured: ff.Dataset, unseen: NDArray[np.int32], told: dict[str, object]
) -> None:
    indptr, ids = measured.label_lists()
    top = tagger.predict_topk(measured, 10).indices
    rows = owners(indptr)
    wanted = np.isin(ids, unseen)
    found = (top[rows[wanted]] == ids[wanted][:, None]).any(axis=1)
    labels = ids[wanted]
    by_label = [found[labels == label].mean() for label in np.unique(labels)]
    figures = {"pairs": int(wanted.sum()), "labels": len(by_label)}
    figures |= {"recall@10": round(float(found.mean()), 4)}
    figures |= {"by_label": round(float(np.mean(by_label)), 4)}
    report("label_text", **told, **figures)


if __name__ == "__main__":
    main()
