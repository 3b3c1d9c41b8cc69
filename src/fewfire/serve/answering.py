"""What the library answers to examples of one or several requests that ask alike."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..blend import best_of
from ..data import Dataset
from ..measure.result import TopKResult
from ..network.answers import predict
from ..tagger.reasons import Reason
from .asked import ActiveRows
from .inputs import Inputs, together
from .models import Loaded


class Question(NamedTuple):
    """What is asked of examples; requests that ask the same may be answered together."""

    k: int
    rank_by: float | str
    exact: bool
    why: int  # features
    active: bool


@dataclass(frozen=True, eq=False)
class Answer:
    """What was found of some examples: their labels or their values, and what else was asked."""

    top: TopKResult | None = None
    values: NDArray[np.float32] | None = None
    reasons: list[list[Reason]] | None = None
    active: list[list[ActiveRows]] | None = None

    def __getitem__(self, own: slice) -> Answer:
        """Return the answers to some of the examples."""
        return Answer(
            None if self.top is None else TopKResult(self.top.indices[own], self.top.scores[own]),
            None if self.values is None else self.values[own],
            None if self.reasons is None else self.reasons[own],
            None if self.active is None else self.active[own],
        )


class Took(NamedTuple):
    """Seconds."""

    vectorise: float
    predict: float


def answer(
    loaded: Loaded, inputs: Sequence[Inputs], question: Question, candidates: csr_array | None
) -> tuple[Answer, Took]:
    """Return the answers to all examples of `inputs`, in one thread; the core frees the others."""
    begin = time.perf_counter()
    data = together(inputs, loaded)
    read = time.perf_counter()
    found = _answer(loaded, data, question, candidates)
    return found, Took(read - begin, time.perf_counter() - read)


def _answer(
    loaded: Loaded, data: Dataset, question: Question, candidates: csr_array | None
) -> Answer:
    active = _active(loaded, data) if question.active else None
    network = loaded.network
    if loaded.gives_values and network is not None:
        values = network.decision_function(data, exact=question.exact, n_jobs=1)
        return Answer(values=values, active=active)
    if candidates is not None:
        scores = loaded.model.predict_scores(data, candidates, n_jobs=1)
        top = best_of(scores, question.k)
        top.indices[~np.isfinite(top.scores)] = -1
        return Answer(top, active=active)
    top = loaded.model.predict_topk(
        data, question.k, rank_by=question.rank_by, exact=question.exact, n_jobs=1
    )
    reasons = None
    if question.why and loaded.tagger is not None:
        reasons = loaded.tagger.explain(data, question.k, n=question.why)
    return Answer(top, reasons=reasons, active=active)


def _active(loaded: Loaded, data: Dataset) -> list[list[ActiveRows]]:
    """Return the rows that each example chose in the layers with a gate."""
    network, layers = loaded.network, loaded.gated_layers
    assert network is not None
    found = []
    for i in range(len(data)):
        used = predict(
            network.core,
            len(network.layers),
            data[i : i + 1],
            1,
            exact=False,
            n_threads=1,
            counts_rows=True,
        ).usage
        found.append(
            [ActiveRows(i, len(used[i]), np.flatnonzero(used[i]).tolist()) for i in layers]
        )
    return found
