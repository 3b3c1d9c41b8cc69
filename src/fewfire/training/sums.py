"""Totals of an epoch of training."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from ..network.answers import density
from ..network.network import Network


class Sums:
    """Totals of an epoch so far."""

    def __init__(self) -> None:
        self.loss = 0.0
        self.n_correct = 0
        self.n_seen = 0
        self.usage: list[NDArray[np.int64]] = []
        self.forget_recent_usage()

    def add(self, loss: float, n_correct: int, usage: list[NDArray[np.int64]], n: int) -> None:
        """Add what the core returned for `n` examples; `loss` is the sum of the epoch so far."""
        self.loss = loss
        self.n_correct += n_correct
        self.n_seen += n
        if not self.usage:
            self.usage = [np.zeros_like(counts) for counts in usage]
            self.forget_recent_usage()
        for totals in (self.usage, self.recent_usage):
            for total, counts in zip(totals, usage, strict=True):
                total += counts

    def forget_recent_usage(self) -> None:
        """Count the use of rows from here on in `recent_usage`."""
        self.recent_usage = [np.zeros_like(counts) for counts in self.usage]

    def show(self, bar: tqdm[Any], n_new: int, net: Network) -> None:
        """Move the bar by `n_new` examples."""
        figures = {"loss": f"{self.loss / self.n_seen:.4f}"}
        if net.loss != "squared":
            figures["accuracy"] = f"{self.n_correct / self.n_seen:.4f}"
        figures["density"] = f"{density(net.layers, self.usage, self.n_seen):.3f}"
        bar.set_postfix(figures, refresh=False)
        bar.update(n_new)
