"""Measures of answers from anywhere: metrics of rankings, label frequencies, joules."""

from .measure.energy import EnergyMeter
from .measure.frequencies import label_groups, propensities, recall_by_group
from .measure.metrics import hits, ndcg_at, precision_at, psp_at

__all__ = [
    "EnergyMeter",
    "hits",
    "label_groups",
    "ndcg_at",
    "precision_at",
    "propensities",
    "psp_at",
    "recall_by_group",
]
