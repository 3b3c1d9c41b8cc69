"""Settings whose options are written once: a line each, with the default and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from functools import partial
from typing import Any

WANTED: Any = MISSING  # the default of an option that has none


def option(default: Any, check: Callable[..., Any], **limits: Any) -> Any:
    """Return a field of a class of `Options`: its default, and what checks other values."""
    return field(default=default, metadata={"check": partial(check, **limits)})


@dataclass(frozen=True, repr=False)
class Options:
    """A base of frozen dataclasses that check their options, and show those that were changed.

    >>> from .checks import check_integer
    >>> @dataclass(frozen=True, repr=False)
    ... class Grid(Options):
    ...     width: int = option(8, check_integer, low=1)
    ...     depth: int = option(2, check_integer, low=1)
    >>> Grid(depth=3)
    Grid(depth=3)
    >>> Grid(0)
    Traceback (most recent call last):
        ...
    ValueError: width must be at least 1, got 0
    """

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            left_out = value is None and each.default is None
            if "check" in each.metadata and not left_out:
                checked = each.metadata["check"](each.name, value)
                if checked is not None:  # a number of numpy becomes one that files can hold
                    object.__setattr__(self, each.name, checked)

    def __repr__(self) -> str:
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        defaults = {each.name: each.default for each in fields(self)}
        changed = [f"{name}={x!r}" for name, x in given.items() if x != defaults[name]]
        return f"{type(self).__name__}({', '.join(changed)})"
