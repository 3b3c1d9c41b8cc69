"""The parser of svmlight and Extreme Classification text: MB per second, on generated rows."""

from __future__ import annotations

import argparse
import time

import numpy as np

from fewfire import _core
from report import report


def generate(n_rows: int) -> np.ndarray:
    """Rows of 60 features out of 135,909 with six decimals, and five labels, as bytes."""
    rng = np.random.default_rng(0)
    lines = []
    for _ in range(n_rows):
        labels = ",".join(map(str, np.unique(rng.integers(0, 670_091, 5))))
        ids, values = np.unique(rng.integers(0, 135_909, 60)), rng.random(60)
        pairs = (f"{i}:{value:.6f}" for i, value in zip(ids, values, strict=False))
        lines.append(f"{labels} {' '.join(pairs)}")
    return np.frombuffer("\n".join(lines).encode(), np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=40_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    text = generate(options.rows)
    for threads in (1, 2):
        seconds = []
        for _ in range(options.repeats):
            start = time.perf_counter()
            _core.parse_text(text, header=False, labels=True, n_threads=threads)
            seconds.append(time.perf_counter() - start)
        rate = text.size / 1e6 / min(seconds)
        report("parse_text", megabytes=round(text.size / 1e6, 1), mb_per_second=round(rate),
               mb_per_second_and_thread=round(rate / threads), threads=threads)  # fmt: skip


if __name__ == "__main__":
    main()
