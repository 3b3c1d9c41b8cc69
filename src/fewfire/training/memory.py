"""What a network and its training take of memory, before they do."""

from __future__ import annotations

from dataclasses import dataclass

from ..network.network import Network
from .optimizer_state import n_bytes
from .optimizers import Optimizer

_COPY = 2**26  # parameters up to which an epoch that fails can be taken back, 256 MiB of floats


@dataclass(frozen=True)
class MemoryEstimate:
    """Bytes by purpose.

    Attributes
    ----------
    parameters : int
        Weights and biases.
    optimizer : int
        Moments, and the step that last touched each row; 0 without an optimizer.
    index : int
        Codes, buckets, and what hash functions keep.
    copy : int
        Of a training: the weights from before the epoch, which a failing epoch goes back to.
        Networks of more than 2**26 parameters have none, whatever those are stored as.

    Examples
    --------
    >>> from fewfire import Linear, Network, estimate_memory
    >>> estimate = estimate_memory(Network(Linear(100, 10)))
    >>> isinstance(estimate, MemoryEstimate), estimate.total > 4 * 100 * 10
    (True, True)
    """

    parameters: int
    optimizer: int
    index: int
    copy: int

    @property
    def total(self) -> int:
        """All of them: what a training holds besides its data and a step's own memory."""
        return self.parameters + self.optimizer + self.index + self.copy

    def __str__(self) -> str:
        parts = ", ".join(
            f"{name} {getattr(self, name) / 1e6:,.1f}"
            for name in ("parameters", "optimizer", "index", "copy")
        )
        return f"memory: {self.total / 1e6:,.1f} MB ({parts})"


def estimate_memory(net: Network, optimizer: Optimizer | None = None) -> MemoryEstimate:
    """Return the bytes that `net` takes and, with an optimizer, its training.

    >>> from fewfire import Linear
    >>> from fewfire.optim import Adagrad
    >>> net = Network(Linear(10, 100), random_state=0)
    >>> estimate_memory(net, Adagrad(rowwise=True))
    MemoryEstimate(parameters=4400, optimizer=1600, index=0, copy=4400)
    """
    parameters = sum(layer.stored.nbytes + layer.bias.nbytes for layer in net.layers)
    with net.access.changing():  # cells are learned again beside readers
        index = sum(layer.index.n_bytes for layer in net.layers if layer.index is not None)
    return MemoryEstimate(
        parameters,
        0 if optimizer is None else n_bytes(net.layers, optimizer),
        index,
        parameters if optimizer is not None and keeps_copy(net) else 0,
    )


def keeps_copy(net: Network) -> bool:
    """Whether training keeps the weights from before an epoch."""
    return net.n_parameters <= _COPY
