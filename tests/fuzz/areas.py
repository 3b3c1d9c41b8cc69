"""The areas of tries by name: each is a module with `prepare`, which makes what its tries change,
once, and `attempt`, which is one try."""

from __future__ import annotations

import zlib
from types import ModuleType

from . import api, data, models, seeds, toml
from .draw import Draw

AREAS: dict[str, ModuleType] = {
    "seeds": seeds,
    "models": models,
    "data": data,
    "toml": toml,
    "api": api,
}
FUZZED = tuple(name for name in AREAS if name != "seeds")


def draw_of(area: str, number: int) -> Draw:
    """Return the choices of a try."""
    return Draw(zlib.crc32(area.encode()), number)
