"""Training of a tagger on the workers of Dask."""

from __future__ import annotations

import contextlib
import uuid
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..base.checks import check_integer
from ..base.progress import bar, tell
from ..data.words import Words
from ..tagger.apart import Done
from ..tagger.tagger import Tagger
from . import tasks
from .needed import check_client, distributed
from .sources import source_of


def fit(
    tagger: Tagger,
    data: Any,
    client: Any,
    *,
    parts: int | None = None,
    retries: int = 2,
    vectorizer: Words | None = None,
) -> Tagger:
    """Train a tagger on the workers of a cluster, from the start, as its `fit` does on one thread:
    it gets the same bits.

    One worker settles what is trained: settings, features, which labels share a leaf. Then each
    tree is a task, or its router and ranges of its leaves are; a worker has weights of the tasks
    alone that it runs. Nothing but what is settled, and packed trees, goes from worker to worker.

    Parameters
    ----------
    tagger : Tagger
        Trained in place. Its `memory` is what a training on one thread may take; what it gives up
        for that, a cluster gives up, too. `verbose` shows progress here.
    data : path, list of paths, Dataset, or pair of X and y
        - Paths of any format that `fewfire.datasets.load` reads, also with a protocol that fsspec
          knows: each worker reads them itself. Features and labels are those of the first.
        - A data set is sent to the workers.
        - A pair of dask arrays, or of dask bags of texts and of label lists, is brought together on
          one worker, and sent to the others.
    client : distributed.Client
    parts : int, optional
        Into how many ranges the leaves of each tree are divided; 1 for trees as a whole. None: as
        many as give each thread of the workers one.
    retries : int
        How often a task that failed is run again. A task whose worker is lost is run on another as
        often as the scheduler allows (`distributed.scheduler.allowed-failures`, 3 times).
    vectorizer : Counted, Hashing or Vectorizer, optional
        Turns the texts of a bag into features; None: `fewfire.datasets.Counted()`.

    Returns
    -------
    Tagger
        Itself. Losses in `history_` are those of one thread but for rounding; `seconds` are those
        of all workers together. It is as it was before if anything is raised, also by Ctrl-C.

    Raises
    ------
    ValueError, TypeError
        What `fit` raises for such data; if the client is closed, or paths hold different labels.
    FileNotFoundError
        If a worker does not find a file.
    RuntimeError
        If workers were lost too often.
    ImportError
        If dask or distributed is not installed.

    Notes
    -----
    Packed trees keep all weights of at least `prune`; a `fit` that is short of memory for them
    raises that bound.

    Examples
    --------
    >>> import numpy as np
    >>> from distributed import Client
    >>> import fewfire.dask as fd
    >>> train = (np.eye(4, dtype=np.float32)[[0, 1, 2, 3] * 10], np.array([2, 0, 1, 3] * 10))
    >>> with Client(processes=False, n_workers=1, dashboard_address=":0") as client:
    ...     tagger = fd.fit(Tagger("fast"), train, client)
    >>> tagger.predict_topk(train[0][:3], k=1).indices.ravel()
    array([2, 0, 1], dtype=int32)
    """
    check_client(client)
    retries = check_integer("retries", retries, low=0)
    if parts is not None:
        parts = check_integer("parts", parts, low=1)
    with tagger._training():
        source = source_of(data, client, vectorizer)
        with _told_of_loss(), _Course.of(client, source, retries) as course:
            planned, summary = course.plan(tagger)
            for line in summary.warned:
                warnings.warn(line, UserWarning, stacklevel=2)
            if tagger.verbose:
                tell(summary.plan.told)
            n_trees = len(summary.n_leaves)
            n_each = -(-course.n_threads // n_trees) if parts is None else parts
            futures = [
                course.tree(planned, tree, max(1, min(n_each, n_leaves)))
                for tree, n_leaves in enumerate(summary.n_leaves)
            ]
            del planned
            done = course.gathered(futures, verbose=tagger.verbose)
        trained, history = summary.plan.trained(done)
        with tagger.access.changing():
            tagger._answer_by(trained)
        tagger.history_ = history
    return tagger


@dataclass(frozen=True)
class _Course:
    """The tasks of one training."""

    client: Any
    source: Any
    retries: int
    name: str

    @classmethod
    @contextlib.contextmanager
    def of(cls, client: Any, source: Any, retries: int) -> Iterator[_Course]:
        """Return a training, after which workers keep nothing of it."""
        course = cls(client, source, retries, f"fewfire-{uuid.uuid4().hex[:12]}")
        try:
            yield course
        finally:
            if client.status == "running":
                client.run(tasks.forget, course.name, on_error="ignore")

    @property
    def n_threads(self) -> int:
        """Threads of all workers there are."""
        return max(1, sum(int(n) for n in self.client.nthreads().values()))

    def plan(self, tagger: Tagger) -> tuple[Any, tasks.Summary]:
        """Settle what is trained; return the future of it, and what is to be known here."""
        bare = tagger._now()
        bare._trained, bare.n_jobs, bare.verbose = None, 1, False
        bare.settings = bare._wanted
        planned = self._do("plan", tasks.make_plan, bare, self.source, self.name)
        summary: tasks.Summary = self._do("summary", tasks.summary_of, planned).result()
        return planned, summary

    def tree(self, planned: Any, tree: int, n: int) -> list[Any]:
        """Return the futures of a tree in so many parts, its router first if they are several."""
        first = self._part(planned, tree, None, n)
        own = self._do(f"tree-{tree}", tasks.train, first, self.source, self.name)
        gathered = [self._do(f"tree-{tree}-packed", tasks.to_gather, own)]
        for number in range(n) if n > 1 else ():
            part = self._part(planned, tree, number, n)
            name = f"tree-{tree}-leaves-{number}"
            gathered.append(self._do(name, tasks.train, part, self.source, self.name, own))
        return gathered

    def gathered(self, futures: Sequence[Sequence[Any]], *, verbose: bool) -> list[list[Done]]:
        """Return what the parts of all trees have become."""
        flat = [future for own in futures for future in own]
        found: dict[str, Done] = {}
        left = [len(own) for own in futures]
        of_tree = {future.key: tree for tree, own in enumerate(futures) for future in own}
        completed = distributed().as_completed(flat, with_results=True)
        try:
            with bar("training", len(flat), " parts", verbose=verbose) as shown:
                for future, done in completed:
                    found[future.key] = done
                    shown.update(1)
                    tree = of_tree[future.key]
                    left[tree] -= 1
                    if verbose and left[tree] == 0:
                        own = [found[x.key] for x in futures[tree]]
                        tell(f"tree {tree + 1}/{len(futures)}: {_told(own)}")
        except BaseException:
            self.client.cancel(flat, force=True)
            raise
        return [[found[future.key] for future in own] for own in futures]

    def _part(self, planned: Any, tree: int, number: int | None, n: int) -> Any:
        name = f"tree-{tree}-part-{number}"
        return self._do(name, tasks.cut, planned, tree, number, n)

    def _do(self, name: str, function: Any, *arguments: Any) -> Any:
        key = f"{self.name}-{name}"
        return self.client.submit(function, *arguments, key=key, retries=self.retries, pure=False)


def _told(parts: Sequence[Done]) -> str:
    """Return what is shown of a tree."""
    seconds = sum(sum(part.seconds) for part in parts)
    epochs = len(parts[0].losses)
    return f"{epochs} epochs in {seconds:,.1f} s of work"


@contextlib.contextmanager
def _told_of_loss() -> Iterator[None]:
    """Return a context that says what to do when workers are lost again and again."""
    try:
        yield
    except distributed().scheduler.KilledWorker as error:
        raise RuntimeError(
            f"workers were lost too often while they trained: {error}; give them more memory, or "
            "divide trees into more parts="
        ) from error
