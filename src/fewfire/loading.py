"""Models from files and from pickles: both hold what `Model.state` says."""

from __future__ import annotations

import copyreg
import json
from collections.abc import Mapping
from typing import Any

from .base.files import Arrays, PathLike, read_model, writable
from .blend import Blend, part
from .data.remote import fetching
from .device.quantized import Quantized
from .model.contract import Model
from .model.damage import checked
from .network.network import Network
from .network.reading import network_of
from .tagger.tagger import Tagger


@fetching
def load(path: PathLike, *, mapped: bool = False) -> Model:
    """Read what `save` or a checkpoint wrote; it predicts the same bits.

    Parameters
    ----------
    path : path
    mapped : bool
        Leave the arrays in the file, whose memory processes share. `save` may replace the file
        meanwhile; to overwrite it in place ends the process.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If the file is damaged, truncated, foreign, or of a newer version.

    Examples
    --------
    >>> model = Tagger("fast", n_jobs=1).fit([[1, 0], [0, 1]] * 5, ["cat", "dog"] * 5)
    >>> model.save("pets.safetensors")
    >>> load("pets.safetensors").predict_topk([[0, 1]], k=1).names
    array([['dog']], dtype=object)
    """
    config, arrays = read_model(path, mapped=mapped)
    return checked(path, _model, config, arrays)


def _model(config: Mapping[str, Any], arrays: Arrays) -> Model:
    if "tagger" in config:
        return Tagger.from_state(config, arrays)
    if "quantized" in config:
        return Quantized.from_state(config, arrays)
    if "blend" in config:
        blend = config["blend"]
        of_tagger, of_network = blend["parts"]
        tagger = Tagger.from_state(of_tagger, part(arrays, 0))
        network = network_of(of_network, part(arrays, 1))
        return Blend(tagger, network, weight=blend["weight"])
    return network_of(config, arrays)


def _reduced(model: Network | Tagger) -> Any:
    """Return what pickle and copy make a model of: what its file holds, and how it is used."""
    model = model._now()
    if isinstance(model, Tagger) and not model.is_trained:
        return object.__reduce_ex__(model, 2)
    config, arrays = model.state()
    names = _OF_TAGGER if isinstance(model, Tagger) else _OF_NETWORK
    used = {name: vars(model)[name] for name in names}
    return _unpickled, (json.loads(json.dumps(config)), arrays), used


def _unpickled(config: Mapping[str, Any], arrays: Arrays) -> Model:
    """Return a model of arrays that may be mapped from a file."""
    return _model(config, {name: writable(array) for name, array in arrays.items()})


def _reduced_blend(blend: Blend) -> Any:
    return _blend, (blend.tagger, blend.network, blend.weight)


def _blend(tagger: Tagger, network: Network, weight: float) -> Blend:
    return Blend(tagger, network, weight=weight)


_OF_NETWORK = ("hashed_by_default", "going_on")
_OF_TAGGER = ("_wanted", "n_jobs", "deterministic", "memory", "verbose", "history_")

copyreg.pickle(Network, _reduced)
copyreg.pickle(Tagger, _reduced)
copyreg.pickle(Blend, _reduced_blend)
