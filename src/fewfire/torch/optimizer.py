"""The fused update of a hashed head, as an optimizer that PyTorch's schedulers know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from .head import HashedSoftmaxWithLoss


class FusedOptimizer(torch.optim.Optimizer):
    """Let the rows of a head learn in the core, by the optimizer that the head was made with.

    It does what `head.step()` does, at a rate that schedulers of PyTorch can change.

    Parameters
    ----------
    head : HashedSoftmaxWithLoss
        With `update="fused"`.
    lr : float, optional
        Learning rate. None: that of the head's optimizer.

    Raises
    ------
    ValueError
        If the head gives its gradients to other optimizers.

    Examples
    --------
    >>> head = HashedSoftmaxWithLoss(16, 10_000)
    >>> optimizer = FusedOptimizer(head, lr=0.01)
    >>> decay = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    >>> _, loss = head(torch.randn(8, 16), torch.arange(8))
    >>> loss.backward()
    >>> optimizer.step()
    >>> decay.step()
    >>> optimizer.param_groups[0]["lr"]
    0.005
    """

    def __init__(self, head: HashedSoftmaxWithLoss, lr: float | None = None) -> None:
        if head.is_sparse:
            raise ValueError(
                'the head was made with update="sparse": give head.parameters() to an optimizer '
                'of PyTorch, or make it with update="fused"'
            )
        self.head = head
        rate = head.loop.optimizer.lr if lr is None else lr
        super().__init__(list(head.parameters()), {"lr": rate})

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Let rows learn from all that went backward since the last step."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self.head.step(float(self.param_groups[0]["lr"]))
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget what went backward since the last step."""
        self.head.zero_grad(set_to_none)
