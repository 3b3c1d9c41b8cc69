"""Measures of answers from anywhere: metrics of rankings, label frequencies, joules."""

from .measure.energy import EnergyMeter
from .measure.frequencies import label_groups, propensities, recall_by_group
from .measure.metrics import (
    coverage_at,
    f1_at,
    hits,
    macro_precision_at,
    ndcg_at,
    precision_at,
    psp_at,
    r2,
    recall_at,
)

__all__ = [
    "EnergyMeter",
    "coverage_at",
    "f1_at",
    "hits",
    "label_groups",
    "macro_precision_at",
    "ndcg_at",
    "precision_at",
    "propensities",
    "psp_at",
    "r2",
    "recall_at",
    "recall_by_group",
]
