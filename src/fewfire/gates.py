"""What chooses the rows of a layer: `ff.Linear(784, 1000, gate=ff.gates.TopK(density=0.1))`."""

from .network.gates import AdaptiveDropout, All, Dropout, TopK
from .network.hashed import Hashed

__all__ = ["AdaptiveDropout", "All", "Dropout", "Hashed", "TopK"]
