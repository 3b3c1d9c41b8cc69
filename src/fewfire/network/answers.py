"""Examples through the core: its views of a data set, and what it answers, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .. import _core
from ..base.ledger import Ledger
from ..data import Dataset
from ..data.core_views import core_inputs, core_targets
from ..measure.result import TopKResult
from .gates import All
from .layer import Layer
from .retrieve import Retrieve

_CHUNK = 4096  # examples per call into the core: Ctrl-C is noticed in between
Call: TypeAlias = "tuple[_core.Inputs, _core.Targets | None, NDArray[np.int64]]"


class Evaluation(NamedTuple):
    """What the core answers for some examples."""

    top: TopKResult
    losses: NDArray[np.float64]  # (n,); empty if they were not asked for
    ledger: Ledger
    usage: list[NDArray[np.int64]]  # per layer and row: examples that chose it


def core_model(
    layers: Sequence[Layer],
    loss: str | None,
    turnstile: _core.Turnstile | None = None,
    *,
    takes_matrix: bool = False,
) -> _core.Model:
    """Return the core's view of a network: it shares the arrays.

    Without the `turnstile` of the network's `Access` it must be used where nobody changes it. One
    that takes a matrix reads all values of its inputs, zeros as well, and gives them gradients;
    one whose only layer retrieves does so always.
    """
    own = [layer.core for layer in layers]
    retrieves = isinstance(layers[0].settings.gate, Retrieve)
    return _core.Model(own, loss or "softmax", turnstile, takes_matrix or retrieves)


def density(layers: Sequence[Layer], usage: Sequence[NDArray[np.int64]], n_examples: int) -> float:
    """Return rows chosen / rows over the layers with a gate.

    Parameters
    ----------
    layers : sequence of Layer
    usage : sequence of ndarray (rows,)
        For each layer, how often each row was chosen, or all of them together.
    n_examples : int
        By how many examples.
    """
    gated = [
        (counts.sum(), len(layer.bias))
        for counts, layer in zip(usage, layers, strict=True)
        if not isinstance(layer.settings.gate, All)
    ]
    n_rows = sum(n for _, n in gated) * n_examples
    return float(sum(chosen for chosen, _ in gated) / n_rows) if n_rows else 1.0


def predict(
    model: _core.Model,
    n_layers: int,
    data: Dataset,
    k: int,
    *,
    losses: bool = False,
    exact: bool,
    n_threads: int,
    counts_rows: bool = False,
    columns: NDArray[np.int32] | None = None,
) -> Evaluation:
    """Return the `k` best rows of every example, its loss if that is asked for, and the cost.

    Without `counts_rows` the usage of a last layer that retrieves is one number: of all its rows.
    `columns` are those that the first layer reads, None for all.
    """
    indices, scores = [np.empty((0, k), np.int32)], [np.empty((0, k), np.float32)]
    all_losses, ledger = [np.empty(0)], Ledger.empty(n_layers)
    usage: list[NDArray[np.int64]] = []
    for inputs, targets, ids in _calls(data, columns, with_targets=losses):
        part = _core.predict(model, inputs, targets, ids, k, exact, n_threads, counts_rows)
        indices.append(part[0])
        scores.append(part[1])
        all_losses.append(part[2])
        ledger += Ledger(part[3])
        usage = part[4] if not usage else [a + b for a, b in zip(usage, part[4], strict=True)]
    top = TopKResult(np.concatenate(indices), np.concatenate(scores))
    return Evaluation(top, np.concatenate(all_losses), ledger, usage)


def output_scores(
    model: _core.Model,
    n_outputs: int,
    data: Dataset,
    *,
    exact: bool,
    n_threads: int,
    columns: NDArray[np.int32] | None = None,
) -> NDArray[np.float32]:
    """Return the scores of all output rows, (n, n_outputs); -inf where none was computed."""
    parts = [
        _core.scores(model, inputs, ids, exact, n_threads)
        for inputs, _, ids in _calls(data, columns, with_targets=False)
    ]
    return np.concatenate([np.empty((0, n_outputs), np.float32), *parts])


def candidate_scores(
    model: _core.Model,
    n_layers: int,
    data: Dataset,
    wanted: csr_array,
    *,
    n_threads: int,
    columns: NDArray[np.int32] | None = None,
) -> tuple[NDArray[np.float32], Ledger]:
    """Return the scores of the stored places of `wanted`, in their order, and the cost."""
    scores, ledger, done = [np.empty(0, np.float32)], Ledger.empty(n_layers), 0
    for inputs, _, ids in _calls(data, columns, with_targets=False):
        starts = np.asarray(wanted.indptr[done : done + len(ids) + 1], np.int64)
        rows = np.asarray(wanted.indices[starts[0] : starts[-1]], np.int32)
        begins = starts - starts[0]
        found, counts = _core.candidate_scores(model, inputs, ids, begins, rows, n_threads)
        scores.append(found)
        ledger += Ledger(counts)
        done += len(ids)
    return np.concatenate(scores), ledger


def _calls(
    data: Dataset, columns: NDArray[np.int32] | None, *, with_targets: bool
) -> Iterator[Call]:
    """Go through the examples window by window, in pieces of `_CHUNK`."""
    for window in data.windows():
        inputs = core_inputs(window, columns)
        targets = core_targets(window) if with_targets else None
        ids = np.arange(len(window), dtype=np.int64)
        for begin in range(0, len(window), _CHUNK):
            yield inputs, targets, ids[begin : begin + _CHUNK]
