"""What is wrong with the model in a file, said as one error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..base.files import Arrays, PathLike, refusing
from .older import upgraded

Made = TypeVar("Made")


def checked(
    path: PathLike, make: Callable[..., Made], config: Mapping[str, Any], arrays: Arrays
) -> Made:
    """Return what `make` makes of a file; raise `FormatError` if the file is damaged."""
    with refusing(f"{path}: the model inside is damaged"):
        return make(upgraded(config), arrays)
