"""Goes through trials, as many side by side as there are cores, and keeps each that is done."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from .results import AnyTrial, Results
from .speed import SpeedTrial, run_speed
from .work import Figures, run_trial

Say = Callable[[str], None]


def run(
    trials: Sequence[AnyTrial],
    results: Results,
    folders: Mapping[str, Path | None],
    *,
    n_jobs: int,
    say: Say,
) -> None:
    """Run the trials that are not in `results` yet.

    Parameters
    ----------
    trials : sequence of Trial or SpeedTrial
    results : Results
        Gets a line for each, in the order in which they end.
    folders : dict of str to Path or None
        Where each data set is read from; None where it is generated.
    n_jobs : int
        Processes; with one, trials run in this process.
    say : callable
        Called with each trial that is done.
    """
    todo = [trial for trial in trials if trial not in results]
    progress = _Progress(todo, say)
    if n_jobs == 1 or len(todo) < 2:
        for trial in todo:
            _keep(trial, _run(trial, folders[trial.data]), results, progress)
        return
    # Sets are loaded once per process: their trials come together, those that take longest first.
    order = {name: place for place, name in enumerate(folders)}
    todo.sort(key=lambda trial: (order[trial.data], -trial.work))
    with _workers(n_jobs) as pool:
        try:
            running = {pool.submit(_run, trial, folders[trial.data]): trial for trial in todo}
            for future in as_completed(running):
                _keep(running[future], future.result(), results, progress)
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _run(trial: AnyTrial, folder: Path | None) -> Figures:
    return run_speed(trial, folder) if isinstance(trial, SpeedTrial) else run_trial(trial, folder)


def _keep(trial: AnyTrial, figures: Figures, results: Results, progress: _Progress) -> None:
    results.add(trial, figures)
    progress.done(trial, figures)


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
    """Says of trials that are done, and of the time left."""

    def __init__(self, todo: Sequence[AnyTrial], say: Say) -> None:
        self.n = len(todo)
        self.n_done = 0
        self.work = sum(trial.work for trial in todo)
        self.work_done = 0.0
        self.start = time.monotonic()
        self.say = say

    def done(self, trial: AnyTrial, figures: Figures) -> None:
        """Say of a trial."""
        self.n_done += 1
        self.work_done += trial.work
        elapsed = time.monotonic() - self.start
        left = elapsed * (self.work - self.work_done) / self.work_done
        self.say(f"{self.n_done}/{self.n} {trial}: {_outcome(figures)}; {_duration(left)} left")


def _outcome(figures: Figures) -> str:
    if "unavailable" in figures:
        return str(figures["unavailable"])
    accuracy = figures.get("test_accuracy_gated", figures["validation_accuracy_gated"])
    return f"{accuracy:.4f} in {figures['seconds']:.0f} s"


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
