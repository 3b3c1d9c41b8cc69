"""Neural networks that compute, for each example, only the few neurons that matter."""

from importlib.metadata import version as _version

from . import datasets
from .base.files import FormatError
from .base.history import History
from .base.ledger import Ledger
from .blend import Blend
from .data import Dataset
from .loading import load
from .measure import frequencies, metrics
from .measure.energy import EnergyMeter
from .measure.metrics import Metrics
from .measure.result import TopKResult
from .network.bag import EmbeddingBag
from .network.gate_stats import TableStats
from .network.gates import AdaptiveDropout, All, Dropout, TopK
from .network.hashed import Hashed
from .network.linear import Linear
from .network.network import Network
from .tagger.tagger import Tagger
from .training import callbacks
from .training.callbacks import Callback, Checkpoint, EarlyStopping, GateMonitor
from .training.memory import MemoryEstimate, estimate_memory
from .training.optimizers import RMS, SGD, Adagrad, Adam
from .training.run import DivergenceError
from .training.schedules import Constant, CosineDecay, LinearDecay, OneCycle, StepDecay
from .training.trainer import Trainer

__version__ = _version("fewfire")
__all__ = [
    "RMS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdaptiveDropout",
    "All",
    "Blend",
    "Callback",
    "Checkpoint",
    "Constant",
    "CosineDecay",
    "Dataset",
    "DivergenceError",
    "Dropout",
    "EarlyStopping",
    "EmbeddingBag",
    "EnergyMeter",
    "FormatError",
    "GateMonitor",
    "Hashed",
    "History",
    "Ledger",
    "Linear",
    "LinearDecay",
    "MemoryEstimate",
    "Metrics",
    "Network",
    "OneCycle",
    "StepDecay",
    "TableStats",
    "Tagger",
    "TopK",
    "TopKResult",
    "Trainer",
    "callbacks",
    "datasets",
    "estimate_memory",
    "frequencies",
    "load",
    "metrics",
]
