"""What a training run shows while it goes on."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from .network import Network
from .plan import Plan

_SLICE_SECONDS = 0.1


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
        if bar.disable:
            return
        figures = {"loss": f"{self.loss / self.n_seen:.4f}"}
        if net.loss != "squared":
            figures["accuracy"] = f"{self.n_correct / self.n_seen:.4f}"
        figures["density"] = f"{net.density(self.usage, self.n_seen):.3f}"
        bar.set_postfix(figures, refresh=False)
        bar.update(n_new)


class Pace:
    """Steps per call into the core, so that a call takes about a tenth of a second."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.size = 16
        self._clock = clock

    @contextlib.contextmanager
    def of(self, n_steps: int) -> Iterator[None]:
        """Learn from a call of so many steps, no more than `size`."""
        start = self._clock()
        yield
        seconds = max(1e-6, self._clock() - start)
        self.size = max(1, round(n_steps * min(4.0, _SLICE_SECONDS / seconds)))


def progress_bar(plan: Plan, epoch: int, n_examples: int) -> tqdm[Any]:
    """Return the bar of an epoch of a plan."""
    return epoch_bar(f"epoch {epoch}/{plan.max_epochs}", n_examples, verbose=plan.verbose)


def epoch_bar(title: str, n_examples: int, *, verbose: bool) -> tqdm[Any]:
    """Return a bar, on a terminal or in a notebook; without `verbose` it shows nothing."""
    return tqdm(
        total=n_examples,
        desc=title,
        unit=" examples",
        unit_scale=True,
        disable=not (verbose and _on_terminal()),
        leave=False,
    )


def tell_epoch(record: Mapping[str, Any], max_epochs: int, *, verbose: bool) -> None:
    """Tell an epoch's losses and metrics in one line; nothing without `verbose`."""
    if not verbose:
        return
    figures = [f"{name} {value:.4f}" for name, value in record.items() if "/" in name]
    if "density" in record:
        figures.append(f"density {record['density']:.3f}")
    tell(
        f"epoch {record['epoch']}/{max_epochs}: {', '.join(figures)}, "
        f"{record['examples_per_second']:,.0f} examples/s"
    )


def tell(line: str) -> None:
    """Write a line beside the bars."""
    tqdm.write(line, file=sys.stderr)


def _on_terminal() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules
