"""Goes through cells, as many side by side as there are cores, and keeps each that is done."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from .results import AnyCell, Results
from .speed import SpeedCell, run_speed
from .work import Figures, run_cell

Say = Callable[[str], None]


def run(
    cells: Sequence[AnyCell],
    results: Results,
    folders: Mapping[str, Path | None],
    *,
    n_jobs: int,
    say: Say,
) -> None:
    """Run the cells that are not in `results` yet.

    Parameters
    ----------
    cells : sequence of Cell or SpeedCell
    results : Results
        Gets a line for each, in the order in which they end.
    folders : dict of str to Path or None
        Where each data set is read from; None where it is generated.
    n_jobs : int
        Processes; with one, cells run in this process.
    say : callable
        Told of each cell that is done.
    """
    todo = [cell for cell in cells if cell not in results]
    progress = _Progress(todo, say)
    if n_jobs == 1 or len(todo) < 2:
        for cell in todo:
            _keep(cell, _run(cell, folders[cell.data]), results, progress)
        return
    # Sets are loaded once per process, so their cells come together, those that take longest first.
    order = {name: place for place, name in enumerate(folders)}
    todo.sort(key=lambda cell: (order[cell.data], -cell.work))
    with _workers(n_jobs) as pool:
        try:
            running = {pool.submit(_run, cell, folders[cell.data]): cell for cell in todo}
            for future in as_completed(running):
                _keep(running[future], future.result(), results, progress)
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _run(cell: AnyCell, folder: Path | None) -> Figures:
    return run_speed(cell, folder) if isinstance(cell, SpeedCell) else run_cell(cell, folder)


def _keep(cell: AnyCell, figures: Figures, results: Results, progress: _Progress) -> None:
    results.add(cell, figures)
    progress.done(cell, figures)


def _workers(n_jobs: int) -> ProcessPoolExecutor:
    # Not forked: a worker must not inherit the threads and locks of whoever calls.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(n_jobs, mp_context=context, initializer=_end_with_parent)


def _end_with_parent() -> None:
    """End this worker when the process that started it is gone, killed or not."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


class _Progress:
    """Tells of cells that are done, and of the time left."""

    def __init__(self, todo: Sequence[AnyCell], say: Say) -> None:
        self.n = len(todo)
        self.n_done = 0
        self.work = sum(cell.work for cell in todo)
        self.work_done = 0.0
        self.start = time.monotonic()
        self.say = say

    def done(self, cell: AnyCell, figures: Figures) -> None:
        """Tell of a cell."""
        self.n_done += 1
        self.work_done += cell.work
        elapsed = time.monotonic() - self.start
        left = elapsed * (self.work - self.work_done) / self.work_done
        self.say(f"{self.n_done}/{self.n} {cell}: {_outcome(figures)}; {_duration(left)} left")


def _outcome(figures: Figures) -> str:
    if "unavailable" in figures:
        return str(figures["unavailable"])
    accuracy = figures.get("test_accuracy_gated", figures["validation_accuracy_gated"])
    return f"{accuracy:.4f} in {figures['seconds']:.0f} s"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
