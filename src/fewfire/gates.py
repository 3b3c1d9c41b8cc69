"""What chooses the rows of a layer: `ff.Linear(784, 1000, gate=ff.gates.TopK(density=0.1))`.

And the hash families that find them: `ff.Hashed(density=0.05, family=ff.gates.SimHash(n_bits=9))`.
"""

from .network.families import Centroid, Dwta, MinHash, Sign, SimHash, Tables
from .network.gates import AdaptiveDropout, All, Dropout, TopK
from .network.hashed import Hashed
from .network.retrieve import Retrieve

__all__ = [
    "AdaptiveDropout",
    "All",
    "Centroid",
    "Dropout",
    "Dwta",
    "Hashed",
    "MinHash",
    "Retrieve",
    "Sign",
    "SimHash",
    "Tables",
    "TopK",
]
