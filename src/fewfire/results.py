"""What calls return, to name in annotations: models, answers, metrics, histories, estimates."""

from .base.history import History
from .base.ledger import Ledger
from .measure.energy import Energy
from .measure.frequencies import LabelGroup
from .measure.latency import Latency
from .measure.metrics import Metrics
from .measure.result import TopKResult
from .model.contract import Model
from .model.learned import Learned
from .network.explanation import Explanation
from .network.gate_stats import TableStats
from .training.memory import MemoryEstimate

__all__ = [
    "Energy",
    "Explanation",
    "History",
    "LabelGroup",
    "Latency",
    "Learned",
    "Ledger",
    "MemoryEstimate",
    "Metrics",
    "Model",
    "TableStats",
    "TopKResult",
]
