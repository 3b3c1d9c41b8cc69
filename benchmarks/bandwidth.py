"""What memory gives on this machine: GB per second copied in order, and of rows read and copied at
random, 512 bytes each, as a step of a wide last layer reads them. A line per number of threads."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from report import report

ROWS, COLUMNS, ROUNDS = 670_091, 128, 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()
    for n_threads in options.threads:
        report("bandwidth", threads=n_threads, **measure(n_threads))


def measure(n_threads: int) -> dict[str, float]:
    """Copies of the whole matrix, a share by each thread; numpy lets go of the GIL."""
    rng = np.random.default_rng(0)
    matrix = np.ones((ROWS, COLUMNS), np.float32)
    copies = np.empty_like(matrix)
    shares = np.array_split(np.arange(ROWS), n_threads)
    orders = np.array_split(rng.permutation(ROWS), n_threads)
    with ThreadPoolExecutor(n_threads) as pool:

        def in_order(share: np.ndarray) -> None:
            copies[share[0] : share[-1] + 1] = matrix[share[0] : share[-1] + 1]

        def at_random(part: int) -> None:
            first = shares[part][0]
            to = copies[first : first + len(orders[part])]
            np.take(matrix, orders[part], axis=0, out=to, mode="clip")

        times = {
            "gb_per_s_copied": best_of(lambda: list(pool.map(in_order, shares))),
            "gb_per_s_of_random_rows": best_of(lambda: list(pool.map(at_random, range(n_threads)))),
        }
    # Read once and written once.
    return {name: round(2 * matrix.nbytes / seconds / 1e9, 2) for name, seconds in times.items()}


def best_of(call: Callable[[], object]) -> float:
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


if __name__ == "__main__":
    main()
