"""Targets as PyTorch users have them, for the core."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .. import _core


def label_targets(target: Tensor, n: int, n_classes: int) -> _core.Targets:
    """Return the labels of `n` examples.

    Parameters
    ----------
    target : Tensor
        A class each, (n,) of whole numbers; or labels, 0 or 1, (n, n_classes), dense or sparse.

    Raises
    ------
    ValueError
        If it is of another shape, type or range.
    """
    if target.dim() == 1:
        return _classes(target, n, n_classes)
    if target.shape != (n, n_classes):
        raise ValueError(
            f"target must be (batch,) or (batch, n_classes), ({n},) or ({n}, {n_classes}) here; "
            f"got {tuple(target.shape)}"
        )
    return _label_lists(target, n)


def _classes(target: Tensor, n: int, n_classes: int) -> _core.Targets:
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool:
        raise ValueError(f"classes must be whole numbers, got a target of {target.dtype}")
    if len(target) != n:
        raise ValueError(f"target holds {len(target)} classes for {n} examples")
    if n and not 0 <= int(target.min()) <= int(target.max()) < n_classes:
        raise ValueError(
            f"a class must be in 0 .. {n_classes - 1}; target holds {int(target.min())} .. "
            f"{int(target.max())}"
        )
    return _core.LabelTargets(np.arange(n + 1), target.to(torch.int32).numpy())


def _label_lists(target: Tensor, n: int) -> _core.Targets:
    found = target.to_sparse_coo().coalesce()
    values, (examples, labels) = found.values(), found.indices()
    if bool(((values != 0) & (values != 1)).any()):
        raise ValueError("labels must be 0 or 1: (batch, n_classes) says which are there")
    kept = values != 0
    counts = torch.bincount(examples[kept], minlength=n).numpy()
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return _core.LabelTargets(indptr, labels[kept].to(torch.int32).numpy())
