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
    settings: Linear, index: _core.Index | None, seed: int, *, samples: bool
) -> _core.Gate | None:
    """Return what chooses rows of a layer; None where every row is computed."""
    selector, active = settings.selector, settings.active
    if samples and isinstance(selector, Hashed) and index is not None:
        thin = _THIN if selector.thin is None else selector.thin
        return _core.Sampled(index, active, _negatives(selector, settings.out_features), seed, thin)
    if isinstance(selector, Dropout):
        return _core.Dropout(active, seed)
    if isinstance(selector, AdaptiveDropout):
        return _core.AdaptiveDropout(selector.alpha, selector.beta, seed)
    if isinstance(selector, TopK):
        return _core.TopK(active, settings.soft, settings.differentiate, seed)
    if isinstance(selector, Hashed) and index is not None:
        wanted = max(round(settings.rerank * active), active + settings.soft)
        candidates = min(wanted, settings.out_features)
        explored = round((selector.explore or 0.0) * active)
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


def _negatives(selector: Hashed, n_rows: int) -> int:
    return min(_NEGATIVES if selector.negatives is None else selector.negatives, n_rows // 2)


def head_size(settings: Settings) -> int:
    """Return how many frequent labels are candidates of every example."""
    assert isinstance(settings.selector, Hashed)
    wanted = settings.selector.head
    return min(_HEAD, settings.active // 4) if wanted is None else min(wanted, settings.active)
