"""Model files of older versions: their descriptions in the words of today."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Described = Mapping[str, Any]

_OF_HASHED = ("density", "rerank", "soft", "differentiate", "explore")
_OF_RETRIEVE = ("negatives", "head", "thin")
_FAMILIES = {
    "sign": "Sign",
    "simhash": "SimHash",
    "dwta": "Dwta",
    "minhash": "MinHash",
    "centroid": "Centroid",
}
_ALPHA_FIRST, _ALPHA_LATER = 0.03, 0.1  # of layers that were given none
_RERANKS = {2: 3.0, 3: 2.0}  # of sign codes that were given none, by version
_CANDIDATES = 1000  # rows of a layer with activation="linear" that was given no density


def upgraded(config: Described) -> dict[str, Any]:
    """Return the description of a model as this version would write it.

    Raises a `KeyError`, `TypeError` or the like where the description is damaged.
    """
    steps = [_from_1, _from_2, _from_3, _from_4, _from_5]
    now = dict(config)
    for step in steps[config["version"] - 1 :]:
        now = step(now)
    return {**now, "version": len(steps) + 1}


def _of_parts(config: Described, upgrade: Callable[[Described], dict[str, Any]]) -> dict[str, Any]:
    blend = config["blend"]
    return {**config, "blend": {**blend, "parts": [upgrade(part) for part in blend["parts"]]}}


def _from_5(config: Described) -> dict[str, Any]:
    """In version 5 the trees of a tagger read every feature that there may be, as now without
    `features`. Their likelihoods were given as they are."""
    if "blend" in config:
        return _of_parts(config, _from_5)
    if "tagger" not in config:
        return dict(config)
    plain = {"calibration": [1.0, 1.0, 0.0]}
    now = {**config, "tagger": {**config["tagger"], **plain}}
    if "callbacks" in config.get("training", {}):
        watching = [_with_kept(x, plain) for x in config["training"]["callbacks"]]
        now["training"] = {**config["training"], "callbacks": watching}
    return now


def _with_kept(callback: Described, more: Described) -> Described:
    """Return a callback that may keep the tagger of an epoch, whose description gets more."""
    state = callback["state"]
    if not state.get("kept"):
        return callback
    return {**callback, "state": {**state, "kept": {**state["kept"], **more}}}


def _from_4(config: Described) -> dict[str, Any]:
    """In version 4 all labels of a tagger learned equally fast."""
    if "blend" in config:
        return _of_parts(config, _from_4)
    if "tagger" not in config:
        return dict(config)
    tagger = config["tagger"]
    settings = {**tagger["settings"], "slowing": 0.0}
    now = {**config, "tagger": {**tagger, "settings": settings}}
    if "training" in config:
        own = config["training"]
        parts = {name: {**own[name], "slowing": 0.0} for name in ("trees", "settings")}
        now["training"] = {**own, **parts}
    return now


def _from_3(config: Described) -> dict[str, Any]:
    """Version 3 ranked two candidates for each row that signs proposed, whatever the input."""
    return _of_layers(config, _from_3, lambda layer, _: _ranked(layer, _RERANKS[3]))


def _of_layers(
    config: Described,
    upgrade: Callable[[Described], dict[str, Any]],
    of_layer: Callable[[Described, bool], Described],
) -> dict[str, Any]:
    """Upgrade the layers of a network, each with whether it is the first."""
    if "blend" in config:
        return _of_parts(config, upgrade)
    if "tagger" in config:
        return dict(config)
    layers = [of_layer(layer, i == 0) for i, layer in enumerate(config["layers"])]
    return {**config, "layers": layers}


def _ranked(layer: Described, rerank: float) -> Described:
    gate = layer.get("gate", {})
    if gate.get("type") != "Hashed" or gate.get("family", {}).get("type", "Sign") != "Sign":
        return layer
    return layer if gate.get("rerank") else {**layer, "gate": {**gate, "rerank": rerank}}


def _from_2(config: Described) -> dict[str, Any]:
    """Version 2 ranked by signs with one weight for all rows, and took no mean input away. It let
    gradient flow to the threshold of a soft gate, and ranked three candidates for each row."""
    return _of_layers(config, _from_2, _gate_of_2)


def _gate_of_2(layer: Described, is_first: bool) -> Described:
    gate = layer.get("gate", {})
    if gate.get("type") == "Hashed" and gate.get("differentiate") is None:
        is_soft = gate.get("soft")
        gate = {
            **gate,
            "differentiate": layer["activation"] == "relu" if is_soft is None else is_soft,
        }
    family = gate.get("family", {})
    if family.get("type") == "Sign":
        alpha = family.get("alpha") or (_ALPHA_FIRST if is_first else _ALPHA_LATER)
        gate = {**gate, "family": {**family, "alpha": alpha, "center": False}}
    return _ranked({**layer, "gate": gate}, _RERANKS[2]) if gate else layer


def _from_1(config: Described) -> dict[str, Any]:
    """Version 1 called gates selectors, and leaves of a tagger cells."""
    if "blend" in config:
        return _of_parts(config, _from_1)
    if "tagger" in config:
        tagger = config["tagger"]
        settings = _renamed(tagger["settings"], "labels_per_cell", "labels_per_leaf")
        return {**config, "tagger": {**tagger, "settings": settings}}
    layers = [_renamed(layer, "selector", "gate") for layer in config["layers"]]
    return {**config, "layers": [_layer(layers, position) for position in range(len(layers))]}


def _renamed(described: Described, old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: value for name, value in described.items()}


def _layer(layers: Sequence[Described], position: int) -> Described:
    """Hashed gates had the options of all families, and did what `Retrieve` does where they could.
    An option that is None was not used."""
    layer = layers[position]
    if layer.get("gate", {}).get("type") != "Hashed":
        return layer
    options = {name: value for name, value in layer["gate"].items() if value is not None}
    del options["type"]
    hashed = {name: options.pop(name) for name in _OF_HASHED if name in options}
    retrieve = {name: options.pop(name) for name in _OF_RETRIEVE if name in options}
    family = {"type": _FAMILIES[options.pop("family")], **options}
    if _retrieves(layers, position, hashed):
        gate = {"type": "Retrieve", **_candidates(layer, hashed), **retrieve}
    else:
        gate = {"type": "Hashed", **_of_linear(layer), **hashed, **retrieve}
    return {**layer, "gate": {**gate, "family": family}}


def _retrieves(layers: Sequence[Described], position: int, hashed: Described) -> bool:
    return (
        0 < position == len(layers) - 1
        and layers[position]["activation"] == "linear"
        and hashed.get("rerank", 1.0) == 1.0
        and not hashed.get("explore")
        and layers[position - 1].get("gate", {}).get("type", "All") == "All"
    )


def _candidates(layer: Described, hashed: Described) -> dict[str, int]:
    if "density" not in hashed:
        return {}
    return {"candidates": max(1, round(hashed["density"] * layer["out_features"]))}


def _of_linear(layer: Described) -> dict[str, float]:
    """What a hashed layer with this activation was not given."""
    if layer["activation"] != "linear":
        return {}
    return {"density": min(1.0, _CANDIDATES / layer["out_features"]), "rerank": 1.0}
