"""Asynchronous training with more and more threads: time, accuracy, conflicts, joules.

These trials run one after the other, alone on the machine.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from .trials import Trial

_BYTES = 1 << 28


def thread_counts(n_cores: int) -> list[int]:
    """Return 1, 2, 4, ... up to all cores.

    >>> thread_counts(6)
    [1, 2, 4, 6]
    """
    powers = [1 << i for i in range(n_cores.bit_length()) if 1 << i <= n_cores]
    return sorted({*powers, n_cores})


def to_time(measured: Sequence[Trial], n_cores: int) -> list[Trial]:
    """Return trainings alone with each number of threads, of trials that the grid measures."""
    return [
        replace(trial, part="threads", n_threads=n)
        for trial in measured
        for n in thread_counts(n_cores)
    ]


def bandwidth(n_threads: int) -> float:
    """Return GB/s that so many threads copy, reads and writes together: the best of five times."""
    parts = [np.ones(_BYTES // 4 // n_threads, np.float32) for _ in range(2 * n_threads)]
    pairs = list(zip(parts[::2], parts[1::2], strict=True))
    seconds = []
    with ThreadPoolExecutor(n_threads) as pool:
        for _ in range(5):
            start = time.perf_counter()
            list(pool.map(lambda pair: np.copyto(*pair), pairs))
            seconds.append(time.perf_counter() - start)
    return round(2 * _BYTES / min(seconds) / 1e9, 2)
