"""Modules of PyTorch that end in, or are, a hashed layer (extra "torch")."""

from __future__ import annotations

try:
    import torch as _torch  # noqa: F401
except ImportError as error:
    raise ImportError("fewfire.torch needs PyTorch: pip install 'fewfire[torch]'") from error

from .. import _core
from .convert import from_torch, to_torch
from .head import HashedSoftmaxWithLoss
from .optimizer import FusedOptimizer

_core.set_leak_warnings(False)  # graphs of PyTorch outlive the interpreter

__all__ = ["FusedOptimizer", "HashedSoftmaxWithLoss", "from_torch", "to_torch"]
