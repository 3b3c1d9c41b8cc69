"""What `Hashed.auto` chooses against what is faster: microseconds to find and score the rows of one
example, with the sign scan and with cells, for layers of many shapes and budgets.

Weights are random, inputs dense and non-negative, like those of a hidden layer; one thread. A line
per shape, and at the end the share of shapes where the choice was the faster family, or no more
than a fifth slower.
"""

from __future__ import annotations

import argparse
import time
from itertools import product

import numpy as np

import fewfire as ff
from common import best_seconds
from fewfire.network.families import as_family
from report import report, widths

FAMILIES = ("sign", "centroid")
LARGEST = 2**26  # weights of a layer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    option = parser.add_argument
    option("--inputs", type=widths, default=[64, 256, 784, 4096], help="in_features")
    option("--rows", type=widths, default=[1000, 2000, 4000, 8000, 16000, 32000, 64000])
    option("--active", type=widths, default=[10, 50, 200], help="rows that an example keeps")
    option("--examples", type=int, default=200)
    options = parser.parse_args()
    good = []
    for n_inputs, n_rows, active in product(options.inputs, options.rows, options.active):
        if n_inputs * n_rows > LARGEST:
            continue
        rng = np.random.default_rng(0)
        X = np.abs(rng.normal(size=(options.examples, n_inputs))).astype(np.float32)
        density = active / n_rows
        times = {family: microseconds(X, n_rows, density, family) for family in FAMILIES}
        chosen = as_family(ff.Hashed.auto(n_inputs, n_rows, density).family).name
        good.append(times[chosen] <= 1.2 * min(times.values()))
        report(
            "auto",
            in_features=n_inputs,
            out_features=n_rows,
            active=active,
            **{f"{family}_microseconds": round(value, 1) for family, value in times.items()},
            auto=chosen,
            threads=1,
        )
    report("auto", n_shapes=len(good), share_good=round(float(np.mean(good)), 3), threads=1)


def microseconds(X: np.ndarray, n_rows: int, density: float, family: str) -> float:
    gate = ff.Hashed(density, family=family)
    hidden = ff.Linear(X.shape[1], n_rows, activation="relu", gate=gate)
    net = ff.Network(hidden, ff.Linear(n_rows, 2))
    return best_seconds(net, X, time.process_time) / len(X) * 1e6


if __name__ == "__main__":
    main()
