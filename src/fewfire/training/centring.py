"""The mean inputs of layers, as a training run learns them.

Indexes take them away before they look at directions (`Sign(center=True)`, `SimHash(center=True)`).
And rows can learn as if they had been taken from every input (`RMS(centred=True)`): with raw inputs
the mean input decides which rows of a gated layer win, and the same few win for all examples. A
network computes as before; only its steps are others (core/network/optimizer.h).
"""

from __future__ import annotations

import numpy as np

from .. import _core
from ..base.ledger import Ledger
from ..data import Dataset
from ..network.centers import mean_inputs
from ..network.network import Network
from .optimizer_state import OptimizerState
from .standards import standards

_EXAMPLES = 1000  # that mean inputs of hidden layers are taken of


class Centring:
    """The mean inputs of a training run, for the indexes and the optimizer that want them."""

    def __init__(
        self,
        net: Network,
        train: Dataset,
        moments: OptimizerState,
        random_state: int,
        n_threads: int,
    ) -> None:
        self.net, self.moments, self.n_threads = net, moments, n_threads
        self._train, self._random_state = train, random_state
        self._wanted = [
            layer.center is not None or owing is not None
            for layer, owing in zip(net.layers, moments.owing, strict=True)
        ]

    def start(self) -> Ledger:
        """Begin with a network as it was made: the mean input of a row gets the score 0, where the
        bias is still 0. Return what that took."""
        spent = Ledger.empty(len(self.net.layers))
        for place, layer in enumerate(self.net.layers):
            if not self._wanted[place]:
                continue
            owing, is_new = self.moments.owing[place], not layer.bias.any()
            if place == 0:
                self._measure()
            else:  # one layer after another: what is below has changed
                spent.add(self._learn(step=0))
            if owing is not None and is_new:
                with self.net.access.changing():
                    if len(owing.scale):
                        layer.weights = layer.weights * np.sqrt(owing.scale)
                    layer.bias[...] = -(layer.weights @ owing.mean)
            spent.add(self.net.refresh(self.n_threads, positions=[place]))
        return spent

    def settle(self, step: int) -> Ledger:
        """Let all rows pay what they owe after so many steps."""
        state = self.moments
        if not any(state.owing):
            return Ledger.empty(len(self.net.layers))
        return Ledger(_core.settle(self.net.core, state.core, state.states, step, self.n_threads))

    def renew(self, step: int) -> Ledger:
        """Learn the mean inputs of hidden layers again, as they are after so many steps; a refresh
        must follow."""
        spent = self.settle(step)
        if any(self._wanted[1:]):
            spent.add(self._learn(step))
        return spent

    def _measure(self) -> None:
        """Look at the inputs of the first layer, which stay what they are."""
        found = standards(self._train, self._random_state)
        layer, owing = self.net.layers[0], self.moments.owing[0]
        if layer.center is not None:
            with self.net.access.changing():
                layer.center[...] = found.mean
        if owing is not None:
            owing.mean[...] = found.mean
            owing.scale[...] = found.scale
            owing.stride[...] = found.mean * found.scale

    def _learn(self, step: int) -> Ledger:
        rng = np.random.default_rng([self._random_state, step])
        ids = np.sort(rng.permutation(len(self._train))[:_EXAMPLES])
        means, work = mean_inputs(self.net, self._train, ids, self.n_threads)
        with self.net.access.changing():
            for layer, owing, mean in zip(
                self.net.layers[1:], self.moments.owing[1:], means[1:], strict=True
            ):
                if layer.center is not None:
                    layer.center[...] = mean
                if owing is not None:
                    owing.mean[...] = owing.stride[...] = mean
        return work
