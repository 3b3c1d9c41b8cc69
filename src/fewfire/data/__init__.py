"""Data: what a `Dataset` holds, how files become one, and image sets that are generated."""

from .dataset import Dataset
from .encoding import Encoding

__all__ = ["Dataset", "Encoding"]
