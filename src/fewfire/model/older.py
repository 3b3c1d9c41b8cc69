"""Model files of older versions: their descriptions in the words of today."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def upgraded(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a model as this version would write it.

    Raises a `KeyError`, `TypeError` or the like where the description is damaged.
    """
    if config["version"] > 1:
        return dict(config)
    return _from_1(config)


def _from_1(config: Mapping[str, Any]) -> dict[str, Any]:
    """Version 1 called gates selectors, and leaves of a tagger cells."""
    if "blend" in config:
        blend = config["blend"]
        return {**config, "blend": {**blend, "parts": [_from_1(part) for part in blend["parts"]]}}
    if "tagger" in config:
        tagger = config["tagger"]
        settings = _renamed(tagger["settings"], "labels_per_cell", "labels_per_leaf")
        return {**config, "tagger": {**tagger, "settings": settings}}
    return {**config, "layers": [_renamed(x, "selector", "gate") for x in config["layers"]]}


def _renamed(described: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: value for name, value in described.items()}
