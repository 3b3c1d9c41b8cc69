"""The core's gate of a layer, made from its settings."""

from __future__ import annotations

from .. import _core
from .gates import AdaptiveDropout, Dropout, TopK
from .hashed import Hashed
from .linear import Linear
from .retrieve import Retrieve


def make_gate(settings: Linear, index: _core.Index | None, seed: int) -> _core.Gate | None:
    """Return what chooses rows of a layer; None where every row is computed."""
    gate, active, n_rows = settings.gate, settings.active, settings.out_features
    soft, differentiate = settings.soft, settings.differentiate
    if isinstance(gate, Dropout):
        return _core.Dropout(active, seed)
    if isinstance(gate, AdaptiveDropout):
        return _core.AdaptiveDropout(gate.alpha, gate.beta, seed)
    if isinstance(gate, TopK):
        return _core.TopK(active, soft, differentiate, seed)
    if index is None:
        return None
    if isinstance(gate, Retrieve):
        return _core.Retrieve(index, active, gate.n_negatives(n_rows), seed, gate.thin)
    if isinstance(gate, Hashed):
        wanted = min(max(round(gate.candidates_per_row * active), active + soft), n_rows)
        explored = round(gate.explore * active)
        return _core.Hashed(
            index, active, wanted, soft, differentiate, seed, explored, gate.weights_per_row
        )
    return None
