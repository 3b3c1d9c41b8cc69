"""The step of a hashed layer, as PyTorch's autograd sees it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from .. import _core
from ..training.loop import Loop


class Head(Protocol):
    """Whose losses they are, and what becomes of the gradients of its rows."""

    loop: Loop
    is_sparse: bool

    def keep(self, step: _core.OpenStep) -> None:
        """Keep what went backward for a fused update."""

    def sparse_gradients(self, step: _core.OpenStep) -> tuple[Tensor, Tensor | None]:
        """Return the gradients of weights and biases."""


class HashedLoss(torch.autograd.Function):
    """Losses of a batch, (n,). Backward: the gradients of the hidden values, and of rows, either
    kept for a fused update or handed on as sparse tensors."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        head: Head,
        targets: _core.Targets,
    ) -> Tensor:
        """Go forward, and keep the way back."""
        inputs = _core.DenseInputs(hidden.detach().numpy())
        ctx.step = head.loop.forward(inputs, targets, len(hidden))
        ctx.head = head
        return torch.from_numpy(ctx.step.losses.astype(np.float32))

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Go back once."""
        hidden = torch.from_numpy(ctx.step.backward(grad.contiguous().numpy()))
        if not ctx.head.is_sparse:
            ctx.head.keep(ctx.step)
            return hidden, None, None, None, None
        weight, bias = ctx.head.sparse_gradients(ctx.step)
        return hidden, weight, bias, None, None
