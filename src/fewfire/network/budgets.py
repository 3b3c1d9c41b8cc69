"""A network whose gates keep more rows, or fewer, than in its training."""

from __future__ import annotations

from dataclasses import replace

from .architecture import Settings
from .hashed import Hashed
from .linear import Linear
from .network import Network
from .retrieve import Retrieve


def with_budget(net: Network, factor: float) -> Network:
    """Return a network of the same weights, whose hashed layers keep `factor` times as many rows;
    at least one, and at most all.

    >>> from fewfire import Linear
    >>> net = Network(Linear(4, 40, "relu", Hashed(density=0.1)), Linear(40, 2))
    >>> with_budget(net, 2.0).layers[0].settings.active
    8
    """
    layers = [_with_budget(layer.settings, factor) for layer in net.layers]
    other = Network.from_arrays(layers, net.weights(), net.random_state)
    other.loss, other.learned = net.loss, net.learned
    return other


def _with_budget(settings: Settings, factor: float) -> Settings:
    if not isinstance(settings, Linear):
        return settings
    gate, n_rows = settings.gate, settings.out_features
    if isinstance(gate, Hashed):
        density = min(1.0, max(1 / n_rows, factor * gate.density))
        return replace(settings, gate=replace(gate, density=density))
    if isinstance(gate, Retrieve):
        candidates = min(n_rows, max(1, round(factor * gate.candidates)))
        head = None if gate.head is None else min(gate.head, candidates)
        return replace(settings, gate=replace(gate, candidates=candidates, head=head))
    return settings
