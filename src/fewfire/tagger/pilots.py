"""Two short trainings that choose whether frequent labels shall learn more slowly.

No rule was found that decides it by the data: short texts with few labels gain two points of P@1 by
it, and long texts with many labels lose one (docs/design.md). A part of the examples decides.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..base.ledger import Ledger
from ..data import Dataset
from ..measure.metrics import hits
from .memory import TooLittleMemoryError
from .settings import MANY_EPOCHS, Settings, mean_stored
from .threshold import DEPTH, best_threshold

SLOWINGS, BETWEEN = (0.0, 1.0), 1 / 16  # tried, and taken where neither is clearly better
_CLEAR = 2.0  # standard errors of the difference
CUTOFFS = (1, 3, 5)  # of the precisions that are compared, by their sum
_LEAST_EXAMPLES = 600
_MOST_EXAMPLES, _MOST_STORED = 8000, 400_000  # that a pilot trains on, and their values
_HELD_OUT, _MOST_HELD_OUT = 6, 3000  # one in so many, at most so many

Train: TypeAlias = Callable[[Settings, Dataset], Any]  # returns a trained tagger


class Chosen(NamedTuple):
    """Settings that nothing is left out of, a line about what was chosen, if anything, what that
    took, and the threshold that was best."""

    settings: Settings
    why: str
    ledger: Ledger
    threshold: float | None = None


def chosen(wanted: Settings, data: Dataset, train: Train, seed: int) -> Chosen:
    """Return the settings with the `slowing` whose pilot finds clearly more labels of examples kept
    aside, or with one between; 0 where examples are too few to decide, or memory too small. A pilot
    has one tree, which reads no pairs."""
    nothing = Ledger.empty(1)
    if wanted.slowing is not None:
        return Chosen(wanted, "", nothing)
    parts = _parts(data, seed)
    if parts is None:
        return Chosen(replace(wanted, slowing=SLOWINGS[0]), "", nothing)
    epochs = min(wanted.max_epochs or MANY_EPOCHS, MANY_EPOCHS)
    one = replace(wanted, n_trees=1, pairs=0, max_epochs=epochs)
    try:
        tried = [_try(replace(one, slowing=slowing), *parts, train) for slowing in SLOWINGS]
    except TooLittleMemoryError:
        return Chosen(replace(wanted, slowing=SLOWINGS[0]), "", nothing)
    finally:
        _core.trim_heap()  # the trees to come shall find room
    found = [own for own, _, _ in tried]
    ledger = tried[0][1] + tried[1][1]
    thresholds = dict(zip(SLOWINGS, (own for _, _, own in tried), strict=True))
    lead = (found[1] - found[0]).sum(axis=1)
    clear = _CLEAR * lead.std() / math.sqrt(len(lead))
    best = BETWEEN if abs(lead.mean()) <= clear else SLOWINGS[int(lead.mean() > 0)]
    told = (
        f"{' / '.join(f'{100 * figure:.1f}' for figure in own.mean(axis=0))} with {slowing:g}"
        for own, slowing in zip(found, SLOWINGS, strict=True)
    )
    names = ", ".join(f"P@{k}" for k in CUTOFFS)
    why = f"slowing {best:g}: {names} of {len(lead):,} examples kept aside are {', '.join(told)}"
    threshold = thresholds.get(best, sum(thresholds.values()) / len(thresholds))
    return Chosen(replace(wanted, slowing=best), why, ledger, threshold)


def _parts(data: Dataset, seed: int) -> tuple[Dataset, Dataset] | None:
    """Return examples to train on, and others to measure on; None if there are too few."""
    if len(data) < _LEAST_EXAMPLES:
        return None
    order = np.random.default_rng(seed).permutation(len(data))
    n_held_out = min(len(data) // _HELD_OUT, _MOST_HELD_OUT)
    most = min(_MOST_EXAMPLES, int(_MOST_STORED / max(1.0, mean_stored(data))))
    aside, known = order[:n_held_out], order[n_held_out:][: max(n_held_out, most)]
    parts = data[np.sort(known)], data[np.sort(aside)]
    weights = parts[0].sample_weight
    if not all(len(part.label_lists()[1]) for part in parts):
        return None
    if weights is not None and not weights.any():
        return None
    for part in parts:
        part._looks_like_values = False  # that was told of all
        part._label_features = None  # which the training itself learns from
    return parts


def _try(
    settings: Settings, known: Dataset, aside: Dataset, train: Train
) -> tuple[NDArray[np.float64], Ledger, float]:
    """Train a pilot; return the P@k of each example kept aside, (n, cutoffs), what it took, and its
    best threshold."""
    pilot = train(settings, known)
    k, lists = min(DEPTH, known.n_labels), aside.label_lists()
    top = pilot.predict_topk(aside, k)
    right = hits(max(k, *CUTOFFS), top.indices, lists)
    threshold = best_threshold(top.scores, right[:, : top.scores.shape[1]], len(lists[1]))
    ledger = pilot.history_.ledger.without_dense()  # these examples come once more
    precisions = np.stack([right[:, :k].sum(axis=1) / k for k in CUTOFFS], axis=1)
    return precisions, ledger, threshold
