"""What a training run shows while it goes on."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tqdm.auto import tqdm

from .printable import visible

_SLICE_SECONDS = 0.1


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


def epoch_bar(title: str, n_examples: int, *, verbose: bool) -> tqdm[Any]:
    """Return a bar of examples; without `verbose` it shows nothing."""
    return bar(title, n_examples, " examples", verbose=verbose)


def bar(title: str, total: int, unit: str, *, verbose: bool) -> tqdm[Any]:
    """Return a bar, on a terminal or in a notebook; without `verbose` it shows nothing."""
    return tqdm(
        total=total,
        desc=title,
        unit=unit,
        unit_scale=True,
        disable=not (verbose and _on_terminal()),
        leave=False,
    )


def tell_epoch(record: Mapping[str, Any], max_epochs: int, of: str = "", *, verbose: bool) -> None:
    """Say an epoch's losses and metrics in one line that begins with what it is `of`; nothing
    without `verbose`."""
    if not verbose:
        return
    figures = [f"{name} {value:.4f}" for name, value in record.items() if "/" in name]
    if "density" in record:
        figures.append(f"density {record['density']:.3f}")
    tell(
        f"{of}epoch {record['epoch']}/{max_epochs}: {', '.join(figures)}, "
        f"{record['examples_per_second']:,.0f} examples/s"
    )


def tell(line: str) -> None:
    """Write a line beside the bars; where nobody listens any more, work goes on."""
    with contextlib.suppress(OSError):
        tqdm.write(visible(line), file=sys.stderr)


def _on_terminal() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules
