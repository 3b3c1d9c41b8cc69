"""The hashed net on MNIST with fewfire's defaults: accuracy, ledger and speed, a line per seed.

The last 5,000 training rows are kept for choices; `--test` reads the test set, once, after the last
epoch. Accuracies are gated and exact, of the same weights. The clock is `History`'s: whole epochs
with the refresh of the codes, evaluation left out; the first epoch is not counted.
"""

from __future__ import annotations

import argparse
import statistics
from itertools import pairwise
from pathlib import Path

import fewfire as ff
from report import report, widths

N_VALIDATION = 5000
SELECTORS = {
    "hashed": lambda options: ff.Hashed(options.density),
    "topk": lambda options: ff.TopK(options.density),
    "dropout": lambda options: ff.Dropout(options.density),
    "adaptive": lambda options: ff.AdaptiveDropout(options.alpha, options.beta),
    "all": lambda options: ff.All(),
}


def run(options: argparse.Namespace, seed: int) -> None:
    train, test = ff.datasets.mnist(options.folder)
    train, validation = train.split(N_VALIDATION)
    selector = SELECTORS[options.selector](options)
    hidden = [
        ff.Linear(n_in, n_out, activation="relu", selector=selector)
        for n_in, n_out in pairwise([train.n_features, *options.hidden])
    ]
    net = ff.Network(*hidden, ff.Linear(options.hidden[-1], train.n_labels), random_state=seed)
    trainer = ff.Trainer(net, max_epochs=options.epochs, n_jobs=options.threads, random_state=seed)
    history = trainer.fit(train)

    seconds = [row["seconds"] for row in history]
    warm = seconds[1:] or seconds
    report(
        "mnist",
        hidden=options.hidden,
        selector=repr(selector),
        epochs=options.epochs,
        seed=seed,
        **measure(net, validation, "validation"),
        **(measure(net, test, "test") if options.test else {}),
        training_share=history.ledger.share,
        training_share_nonzero=history.ledger.share_nonzero,
        multiplications_per_example=round(history.ledger.total / history.n_examples),
        additions_per_example=round(history.ledger.additions / history.n_examples),
        examples_per_second=round(len(train) / statistics.median(warm)),
        ms_per_example=round(1000 * statistics.median(warm) / len(train), 4),
        ms_per_example_best_epoch=round(1000 * min(warm) / len(train), 4),
        threads=options.threads,
    )


def measure(net: ff.Network, data: ff.Dataset, name: str) -> dict[str, float]:
    gated, exact = net.evaluate(data), net.evaluate(data, exact=True)
    return {
        f"{name}_accuracy_gated": gated.accuracy,
        f"{name}_accuracy_exact": exact.accuracy,
        f"{name}_share": gated.ledger.share,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option("folder", type=Path, help="folder of MNIST's four idx files, plain or .gz")
    option("--hidden", type=widths, default=[1000, 1000])
    option("--selector", choices=SELECTORS, default="hashed")
    option("--density", type=float, default=0.05, help="of hashed, topk and dropout")
    option("--alpha", type=float, default=1.0, help="of adaptive")
    option("--beta", type=float, default=0.0, help="of adaptive")
    option("--epochs", type=int, default=None, help="default: fitted to the net")
    option("--seeds", type=int, default=3, help="how many, from 0")
    option("--threads", type=int, default=2)
    option("--test", action="store_true", help="read the test set after the last epoch")
    options = parser.parse_args()
    for seed in range(options.seeds):
        run(options, seed)


if __name__ == "__main__":
    main()
