"""Hash families, a file for each: what proposes rows to a gate."""

from __future__ import annotations

from .centroid import Centroid
from .dwta import Dwta
from .family import Family, Place
from .minhash import MinHash
from .sign import Sign
from .simhash import SimHash
from .tables import Tables

FAMILIES: dict[str, type[Family]] = {
    kind.__name__.lower(): kind for kind in (Sign, SimHash, Dwta, MinHash, Centroid)
}


def as_family(family: str | Family) -> Family:
    """Return a family itself, or the one of that name with its defaults.

    >>> as_family("simhash")
    SimHash()
    """
    if isinstance(family, Family):
        return family
    if not isinstance(family, str) or family not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}; got {family!r}")
    return FAMILIES[family]()


__all__ = [
    "FAMILIES",
    "Centroid",
    "Dwta",
    "Family",
    "MinHash",
    "Place",
    "Sign",
    "SimHash",
    "Tables",
    "as_family",
]
