"""Neural networks that compute, for each example, only the few neurons that matter."""

from importlib.metadata import version as _version

from . import callbacks, datasets, frequencies, metrics
from .bag import EmbeddingBag
from .blend import Blend
from .callbacks import Callback, Checkpoint, EarlyStopping, GateMonitor
from .data import Dataset
from .energy import EnergyMeter
from .evaluation import TopK as TopKResult
from .files import FormatError
from .hashed import Hashed
from .history import History
from .ledger import Ledger
from .linear import Linear
from .loading import load
from .memory import MemoryEstimate, estimate_memory
from .metrics import Metrics
from .network import Network
from .optimizers import RMS, SGD, Adagrad, Adam
from .run import DivergenceError
from .schedules import Constant, CosineDecay, LinearDecay, OneCycle, StepDecay
from .selectors import AdaptiveDropout, All, Dropout, TopK
from .stats import TableStats
from .tagger import Tagger
from .trainer import Trainer

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
