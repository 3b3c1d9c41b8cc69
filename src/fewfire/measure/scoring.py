"""The figures of an evaluation, from the best rows of all examples of a data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..data import Dataset
from ..data.encoding import Kind
from .frequencies import propensities
from .metrics import MEANS, OF_ALL, Cutoff, Formula, psp_at

Frequencies: TypeAlias = "tuple[NDArray[np.int64], int]"  # label counts, of how many examples


def metrics_of(kind: Kind, n_outputs: int) -> list[str]:
    """Return what is measured of targets of this kind, among `n_outputs` labels, unless other
    metrics are asked for.

    >>> metrics_of("labels", 3)
    ['P@1', 'P@3']
    """
    if kind == "labels":
        return [f"P@{k}" for k in (1, 3, 5) if k <= n_outputs]
    return ["accuracy"] if kind == "classes" else []


def formulas_of(
    wanted: Mapping[str, Cutoff],
    frequencies: Callable[[], Frequencies],
    propensity: tuple[float, float],
    n_unknown: int = 0,
) -> dict[str, Formula]:
    """Return the functions that compute metrics, by measure. PSP weighs labels by how often
    training saw them: `frequencies` says, and is asked only then; `n_unknown` labels behind the
    others were never seen."""
    formulas = {**MEANS, **OF_ALL}
    if any(cutoff.measure == "PSP" for cutoff in wanted.values()):
        counts, n_examples = frequencies()
        counts = np.append(counts, np.zeros(n_unknown, np.int64))
        formulas["PSP"] = partial(psp_at, propensities=by_pair((counts, n_examples), propensity))
    return formulas


def by_pair(frequencies: Frequencies, propensity: tuple[float, float]) -> NDArray[np.float64]:
    """Return the propensity of each label, of the pair (A, B)."""
    if len(propensity) != 2:
        raise ValueError(f"propensity is a pair (A, B), got {propensity!r}")
    return propensities(*frequencies, *propensity)


def depth_of(wanted: Mapping[str, Cutoff], n_labels: int) -> int:
    """Return how many labels of each example the metrics look at."""
    return min(max([1, *(cutoff.k for cutoff in wanted.values())]), n_labels)


def figures(
    wanted: Mapping[str, Cutoff],
    formulas: Mapping[str, Formula],
    top: NDArray[np.int32],
    data: Dataset,
) -> dict[str, float]:
    """Return the figure of each metric. Means over examples are taken window by window; others
    look at all of them at once. Each example counts for its `sample_weight`."""
    found, done = dict.fromkeys(wanted, 0.0), 0
    total = _weight(data)
    means = {name: cutoff for name, cutoff in wanted.items() if cutoff.measure in MEANS}
    for window in data.windows():
        labels = window.all_label_lists() if means else None
        best = top[done : done + len(window)]
        done += len(window)
        if _weight(window) == 0 < total:
            continue
        for name, (measure, k) in means.items():
            assert labels is not None
            figure = formulas[measure](k, best, labels, sample_weight=window.sample_weight)
            found[name] += figure * (_weight(window) / total)
    for name in wanted.keys() - means.keys():
        measure, k = wanted[name]
        found[name] = formulas[measure](
            k, top, data.all_label_lists(), sample_weight=data.sample_weight
        )
    return found


def _weight(data: Dataset) -> float:
    """Return how many examples these count for."""
    weights = data.sample_weight
    return len(data) if weights is None else float(weights.sum(dtype=np.float64))
