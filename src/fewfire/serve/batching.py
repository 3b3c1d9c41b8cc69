"""Requests to one model that come at the same time are answered together.

Nobody waits for company unless `batch_wait` says so: what came in one turn of the event loop, or
while the model was busy, is a batch. One that takes less than a thread would cost is answered in
the loop itself; others in threads beside it, since the core frees the interpreter.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from scipy.sparse import csr_array

from .answering import Answer, Question, Took, answer
from .inputs import Inputs
from .metrics import Metrics
from .models import Loaded
from .problems import busy
from .settings import Limits

_SMALL = 32 << 10  # bytes of requests that may be answered in the loop
_QUICK = 0.003  # seconds that such requests usually take: other clients wait meanwhile
_FORGETS = 0.1  # share of a new measurement in what is usual


@dataclass(eq=False)
class Job:
    """A request that waits for its answer.

    `until` is the moment from which nobody waits for it any more.
    """

    loaded: Loaded
    inputs: Inputs
    question: Question
    candidates: csr_array | None
    n_bytes: int
    until: float
    done: asyncio.Future[tuple[Answer, Took]]
    since: float = field(default_factory=time.perf_counter)

    def goes_with(self, other: Job) -> bool:
        """Whether both can be answered by one call."""
        return (
            self.loaded is other.loaded
            and self.question == other.question
            and self.candidates is None
            and other.candidates is None
            and type(self.inputs) is type(other.inputs)
        )


class Batcher:
    """The queue of one model, in one worker."""

    def __init__(
        self, name: str, limits: Limits, metrics: Metrics, pool: Executor, n_threads: int
    ) -> None:
        self._name, self._limits, self._metrics = name, limits, metrics
        self._pool, self._n_threads = pool, n_threads
        self._queue: deque[Job] = deque()
        self._n_rows = 0  # in the queue
        self._n_running = 0  # batches, in threads
        self._is_due = False
        self._usual = 1.0  # seconds of a small batch; before the first, a thread is the safe place

    def submit(self, job: Job) -> None:
        """Take a request into the queue; refuse it if that is full."""
        if self._n_rows + len(job.inputs) > self._limits.queue_rows and self._queue:
            raise busy(f"{self._n_rows} examples wait for {self._name!r}, and no more can")
        self._queue.append(job)
        self._count(len(job.inputs))
        wait = self._limits.batch_wait
        if not wait or self._n_rows >= self._limits.batch_rows:
            self._soon()
        elif len(self._queue) == 1:
            asyncio.get_running_loop().call_later(wait, self._soon)

    def _soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._go)

    def _go(self) -> None:
        """Answer what waits, as far as there is a thread for it."""
        self._is_due = False
        while self._queue and self._n_running < self._n_threads:
            batch = self._take()
            if not batch:
                continue
            n_bytes = sum(job.n_bytes for job in batch)
            if n_bytes <= _SMALL and self._usual < _QUICK:
                self._finish(batch, *_attempted(batch))
                if self._queue:  # others, such as new requests, come first
                    self._soon()
                return
            self._n_running += 1
            loop, work = asyncio.get_running_loop(), self._pool.submit(_attempted, batch)
            work.add_done_callback(_in_loop(loop, batch, self._finish_of_thread))

    def _take(self) -> list[Job]:
        """Take from the queue what can be answered by one call, without what nobody waits for."""
        batch: list[Job] = []
        n_rows, now = 0, time.perf_counter()
        while self._queue:
            job = self._queue[0]
            n_more = len(job.inputs)
            if batch and (n_rows + n_more > self._limits.batch_rows or not job.goes_with(batch[0])):
                break
            self._queue.popleft()
            self._count(-n_more)
            if not job.done.done() and job.until > now:
                batch.append(job)
                n_rows += n_more
                self._metrics.stage(self._name, "wait", now - job.since)
        return batch

    def _count(self, n_more: int) -> None:
        self._n_rows += n_more
        self._metrics.queue(self._name, self._n_rows)

    def _finish_of_thread(self, batch: list[Job], outcome: _Outcome) -> None:
        self._n_running -= 1
        self._finish(batch, *outcome)
        if self._queue:
            self._soon()

    def _finish(
        self, batch: list[Job], outcomes: list[tuple[Answer, Took] | Exception], seconds: float
    ) -> None:
        if sum(job.n_bytes for job in batch) <= _SMALL:
            is_first = self._usual == 1.0
            self._usual += (seconds - self._usual) * (1.0 if is_first else _FORGETS)
        n_rows = sum(len(job.inputs) for job in batch)
        for job, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Exception):
                if not job.done.done():
                    job.done.set_exception(outcome)
            elif not job.done.done():
                job.done.set_result(outcome)
        took = next((each[1] for each in outcomes if not isinstance(each, Exception)), None)
        if took is not None:
            self._metrics.batch(self._name, n_rows, took)


_Outcome = tuple[list["tuple[Answer, Took] | Exception"], float]


def _attempted(batch: list[Job]) -> _Outcome:
    """Return what comes of each job, and the seconds of all: one that fails spoils no other."""
    begin = time.perf_counter()
    outcomes: list[tuple[Answer, Took] | Exception] = []
    try:
        found, took = _answered(batch)
        end = 0
        for job in batch:
            begin_of, end = end, end + len(job.inputs)
            outcomes.append((found[begin_of:end], took))
    except Exception as error:
        outcomes = [error] if len(batch) == 1 else [_attempted([job])[0][0] for job in batch]
    return outcomes, time.perf_counter() - begin


def _answered(batch: list[Job]) -> tuple[Answer, Took]:
    first = batch[0]
    return answer(first.loaded, [job.inputs for job in batch], first.question, first.candidates)


def _in_loop(
    loop: asyncio.AbstractEventLoop,
    batch: list[Job],
    finish: Callable[[list[Job], _Outcome], None],
) -> Callable[[Future[_Outcome]], None]:
    """Return what hands the result of a thread to the loop, if that still runs."""

    def hand_over(work: Future[_Outcome]) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(finish, batch, work.result())

    return hand_over
