"""A network's training on file: beside the network its optimizer's state, and what all have."""

from __future__ import annotations

from typing import Any

from ..data import Encoding
from ..model.checkpoint import Past, Resume, Saved
from ..network.network import Network
from ..network.reading import from_state


def read(resume: Resume, net: Network, encoding: Encoding) -> tuple[Saved, Network, Past]:
    """Return a checkpoint, and the network and the position in it; raise unless it is of such a
    network, trained on data of this encoding."""
    saved = Saved.read(resume, "layers")
    found = from_state(saved.path, saved.config, saved.arrays)
    if _identity(found) != _identity(net):
        raise ValueError(f"{saved.path} holds another network than the trainer's")
    past = saved.past(len(net.layers))
    saved.check_encoding(found.encoding, encoding)
    return saved, found, past


def _identity(net: Network) -> list[Any]:
    """What two networks share if the same weights make them the same."""
    return [net.random_state, *(layer.settings for layer in net.layers)]
