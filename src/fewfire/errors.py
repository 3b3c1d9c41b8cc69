"""What calls raise besides Python's own errors."""

from .base.files import FormatError
from .training.run import DivergenceError

__all__ = ["DivergenceError", "FormatError"]
