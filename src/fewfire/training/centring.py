"""The mean inputs of layers, as a training run learns them.

Indexes take them away before they look at directions (`Sign(center=True)`, `SimHash(center=True)`).
And rows can learn as if they had been taken from every input (`RMS(centred=True)`): with raw inputs
the mean input decides which rows of a gated layer win, and the same few win for all examples. A
network computes as ever; only its steps are others (core/network/optimizer.h).
"""

from __future__ import annotations

import numpy as np

from .. import _core
from ..base.ledger import Ledger
from ..data import Dataset
from ..network.centers import mean_inputs
from ..network.network import Network
from .optimizer_state import OptimizerState

_EXAMPLES = 1000  # that mean inputs are taken of


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
        self._means = {
            place: owing.mean for place, owing in enumerate(moments.owing) if owing is not None
        }
        self._places = sorted(
            {place for place, layer in enumerate(net.layers) if layer.center is not None}
            | self._means.keys()
        )

    def start(self) -> Ledger:
        """Begin with a network as it was made: the mean input of a row gets the score 0, where the
        bias is still 0. Return what that took."""
        spent = Ledger.empty(len(self.net.layers))
        for place in self._places:  # one after another: what is below a layer has changed
            spent.add(self._learn(step=0))
            layer = self.net.layers[place]
            if place in self._means and not layer.bias.any():
                layer.bias[...] = -(layer.weights @ self._means[place])
            spent.add(self.net.refresh(self.n_threads, positions=[place]))
        return spent

    def settle(self, step: int) -> Ledger:
        """Let all rows pay what they owe after so many steps."""
        state = self.moments
        if not self._means:
            return Ledger.empty(len(self.net.layers))
        return Ledger(_core.settle(self.net.core, state.core, state.states, step, self.n_threads))

    def renew(self, step: int) -> Ledger:
        """Learn the mean inputs anew, as they are after so many steps; a refresh must follow."""
        spent = self.settle(step)
        if self._places:
            spent.add(self._learn(step))
        return spent

    def _learn(self, step: int) -> Ledger:
        rng = np.random.default_rng([self._random_state, step])
        ids = np.sort(rng.permutation(len(self._train))[:_EXAMPLES])
        means, work = mean_inputs(self.net, self._train, ids, self.n_threads)
        for place, mean in self._means.items():
            mean[...] = means[place]
        with self.net.access.changing():
            for layer, mean in zip(self.net.layers, means, strict=True):
                if layer.center is not None:
                    layer.center[...] = mean
        return work
