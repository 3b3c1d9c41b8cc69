"""Models from files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .base.files import Arrays, PathLike, read_model
from .blend import Blend, part
from .model.contract import Model
from .model.damage import checked
from .network.reading import network_of
from .tagger.tagger import Tagger


def load(path: PathLike) -> Model:
    """Read what `save` or a checkpoint wrote; it predicts the same bits.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    FormatError
        If the file is damaged, truncated, foreign, or of a newer version.
    """
    config, arrays = read_model(path)
    return checked(path, _model, config, arrays)


def _model(config: Mapping[str, Any], arrays: Arrays) -> Model:
    if "tagger" in config:
        return Tagger.from_state(config, arrays)
    if "blend" in config:
        blend = config["blend"]
        of_tagger, of_network = blend["parts"]
        tagger = Tagger.from_state(of_tagger, part(arrays, 0))
        network = network_of(of_network, part(arrays, 1))
        return Blend(tagger, network, weight=blend["weight"])
    return network_of(config, arrays)
