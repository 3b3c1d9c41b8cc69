"""Hashed hidden layers of growing width on MNIST: accuracy, counts and time at the same number of
active rows, a line per width, family and seed.

`--only` names families with their defaults; `--examples` trains on the first so many images, which
is enough to see what a wider layer costs. Bytes are computed from the counts: four for a product of
hashing, ranking or the forward pass; eight for a parameter that an update reads and writes; four
bits (`centroid`) or one (`sign`) for an addition that ranks; half a byte for a product of a
refresh, in which eight rows share the centroids that they are compared with.
"""

from __future__ import annotations

import argparse

import fewfire as ff
from common import build, check_names, costs, load, make_parser, measure, names
from fewfire.network.families import FAMILIES
from report import report, widths

COUNTS = (
    "forward", "backward", "optimizer", "hashing", "ranking", "refresh", "rows_touched",
    "parameters_touched",
)  # fmt: skip


def run(
    options: argparse.Namespace,
    train: ff.Dataset,
    validation: ff.Dataset,
    width: int,
    family: str,
    seed: int,
) -> None:
    gate = ff.Hashed(density=min(1.0, options.active / width), family=family)
    net = build(train, [width] * options.layers, gate, seed)
    trainer = ff.Trainer(net, max_epochs=options.epochs, n_jobs=options.threads, random_state=seed)
    history = trainer.fit(train)
    per_example = {
        name: round(getattr(history.ledger, name) / history.n_examples) for name in COUNTS
    }
    report(
        "widths",
        width=width,
        layers=options.layers,
        active=options.active,
        gate=repr(gate),
        epochs=options.epochs,
        n_examples=len(train),
        seed=seed,
        **measure(net, validation, "validation"),
        **costs(history, len(train)),
        **per_example,
        bytes_per_example=round(n_bytes(history.ledger, family) / history.n_examples),
        threads=options.threads,
    )


def n_bytes(ledger: ff.results.Ledger, family: str) -> float:
    """Bytes of weights, centroids and sign bits that are read and written."""
    products = ledger.hashing + ledger.ranking + ledger.forward
    bits = ledger.additions / (8 if family == "sign" else 2)
    return 4 * products + 8 * ledger.parameters_touched + bits + ledger.refresh / 2


def main() -> None:
    parser = make_parser(__doc__)
    option = parser.add_argument
    option("--widths", type=widths, default=[1000, 4000, 16000, 64000])
    option("--layers", type=int, default=1, help="hidden layers of that width")
    option("--active", type=int, default=50, help="rows that an example keeps")
    option("--only", type=names, default=["sign", "centroid"], help="families")
    option("--examples", type=int, default=None, help="default: all 55,000")
    option("--seeds", type=int, default=1, help="how many, from 0")
    option("--threads", type=int, default=1)
    options = parser.parse_args()
    check_names(parser, options.only, FAMILIES)
    digits = load(options.folder)
    train = digits.train[: options.examples]
    for width in options.widths:
        for family in options.only:
            for seed in range(options.seeds):
                run(options, train, digits.validation, width, family, seed)


if __name__ == "__main__":
    main()
