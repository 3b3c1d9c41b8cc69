"""Neural networks that compute, for each example, only the few neurons that matter."""

from importlib.metadata import version as _version

from . import callbacks, datasets, errors, gates, metrics, optim, results
from .blend import Blend
from .data import Dataset
from .loading import load
from .network.bag import EmbeddingBag
from .network.hashed import Hashed
from .network.linear import Linear
from .network.network import Network
from .tagger.tagger import Tagger
from .training.memory import estimate_memory
from .training.trainer import Trainer

__version__ = _version("fewfire")
__all__ = [
    "Blend",
    "Dataset",
    "EmbeddingBag",
    "Hashed",
    "Linear",
    "Network",
    "Tagger",
    "Trainer",
    "callbacks",
    "datasets",
    "errors",
    "estimate_memory",
    "gates",
    "load",
    "metrics",
    "optim",
    "results",
]
