"""The core's gate of a layer, made from its settings."""

from __future__ import annotations

from .. import _core
from .architecture import Settings
from .gates import AdaptiveDropout, Dropout, TopK
from .hashed import Hashed
from .linear import Linear

_NEGATIVES, _HEAD = 3072, 256  # rows of an output layer (docs/design.md)
_THIN = 0.001  # gradients of its scores


def make_gate(
    settings: Linear, index: _core.Index | None, seed: int, *, retrieves: bool
) -> _core.Gate | None:
    """Return what chooses rows of a layer; None where every row is computed."""
    gate, active = settings.gate, settings.active
    if retrieves and isinstance(gate, Hashed) and index is not None:
        thin = _THIN if gate.thin is None else gate.thin
        return _core.Retrieve(index, active, _negatives(gate, settings.out_features), seed, thin)
    if isinstance(gate, Dropout):
        return _core.Dropout(active, seed)
    if isinstance(gate, AdaptiveDropout):
        return _core.AdaptiveDropout(gate.alpha, gate.beta, seed)
    if isinstance(gate, TopK):
        return _core.TopK(active, settings.soft, settings.differentiate, seed)
    if isinstance(gate, Hashed) and index is not None:
        wanted = max(round(settings.rerank * active), active + settings.soft)
        candidates = min(wanted, settings.out_features)
        explored = round((gate.explore or 0.0) * active)
        return _core.Hashed(
            index,
            active,
            max(candidates, active),
            settings.soft,
            settings.differentiate,
            seed,
            explored,
        )
    return None


def _negatives(gate: Hashed, n_rows: int) -> int:
    return min(_NEGATIVES if gate.negatives is None else gate.negatives, n_rows // 2)


def head_size(settings: Settings) -> int:
    """Return how many frequent labels are candidates of every example."""
    assert isinstance(settings.gate, Hashed)
    wanted = settings.gate.head
    return min(_HEAD, settings.active // 4) if wanted is None else min(wanted, settings.active)
