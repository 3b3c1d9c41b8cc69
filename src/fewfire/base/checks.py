"""What all settings share: they check themselves, and turn into plain dicts and back."""

from __future__ import annotations

import contextlib
import math
import operator
import os
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, SupportsIndex

import numpy as np

LARGEST_FLOAT = float.fromhex("0x1.fffffep+127")  # of 32 bits, as the core has them
LARGEST_INTEGER = 2**63 - 1  # of the core's
LARGEST_ID = 2**31 - 1  # the core counts rows, features and labels in 32 bits
MOST_EPOCHS = 10**6
_SHOWN, _SAID = 100, 300  # characters
_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def shown(value: object) -> str:
    """Return what an error shows of a value: its repr, or the ends of a long one.

    >>> shown("cat"), len(shown("cat" * 1000))
    ("'cat'", 100)
    """
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # whole numbers of thousands of digits; nested too deep
        return f"<{type(value).__name__}>"
    return shortened(text, _SHOWN)


def shortened(text: str, most: int) -> str:
    """Return a text of at most `most` characters: a longer one without its middle."""
    n_last = most // 3
    return text if len(text) <= most else f"{text[: most - n_last - 5]} ... {text[-n_last:]}"


def said(error: BaseException) -> str:
    """Return what another's error says, or the ends of a long text; its type if it says nothing.

    >>> said(ValueError("no")), said(KeyError("layers")), said(EOFError())
    ('no', 'layers is missing', 'EOFError')
    """
    text = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)
    return shortened(text, _SAID) or type(error).__name__


def check_number(
    name: str,
    value: float,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
) -> float:
    """Return `value`, of numpy's numbers the same of Python; raise unless it is a number that 32
    bits can hold, in low..high, and strictly in above..below."""
    value = value.item() if isinstance(value, np.generic) else value
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and abs(value) <= LARGEST_FLOAT):
        wrong = ValueError if is_number else TypeError
        raise wrong(f"{name} must be a finite number of 32 bits, got {shown(value)}")
    if not (low <= value <= high and above < value < below):
        bounds = [
            f"{word} {bound:g}"
            for word, bound in (
                ("at least", low),
                ("at most", high),
                ("above", above),
                ("below", below),
            )
            if math.isfinite(bound)
        ]
        raise ValueError(f"{name} must be {' and '.join(bounds)}, got {shown(value)}")
    return value


def check_integer(name: str, value: SupportsIndex, *, low: int, high: int = LARGEST_INTEGER) -> int:
    """Return `value` as an int, numpy's integers too; raise unless it is in low..high."""
    # Asking a protocol takes longer than answering an example.
    number = value if type(value) is int else _whole(name, value)
    if not low <= number <= high:
        upper = f" and at most {high}" if high < LARGEST_INTEGER or number > high else ""
        raise ValueError(f"{name} must be at least {low}{upper}, got {shown(number)}")
    return number


def _whole(name: str, value: SupportsIndex) -> int:
    if not isinstance(value, bool):
        with contextlib.suppress(TypeError):  # also of an array, which has the method
            return operator.index(value)
    raise TypeError(f"{name} must be a whole number, got {shown(value)}")


def check_flag(name: str, value: bool) -> None:
    """Raise unless `value` is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise unless `value` is one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}; got {shown(value)}")


def check_soft(soft: bool | None, differentiate: bool | None) -> None:
    """Raise for a threshold's gradient without a threshold; None leaves it to the layer."""
    if differentiate and soft is False:
        raise ValueError("differentiate=True needs soft=True: a hard gate has no threshold")


def check_memory(name: str, n_bytes: int) -> None:
    """Raise unless this machine could hold `n_bytes`: the system would end the process."""
    if not hasattr(os, "sysconf"):
        return
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if n_bytes > total:
        raise MemoryError(
            f"{name} takes {n_bytes / 2**30:,.1f} GiB, this machine has {total / 2**30:,.1f} GiB"
        )


def n_bytes_of(memory: int | str) -> int:
    """Return the bytes that a size such as "2G" or "500M" stands for; a number is bytes.

    >>> n_bytes_of("2G"), n_bytes_of("0.5M"), n_bytes_of(1000)
    (2147483648, 524288, 1000)
    """
    if not isinstance(memory, str):
        return check_integer("memory", memory, low=1)
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKmMgGtT]?)i?[bB]?", memory.strip())
    size = 0.0 if match is None else float(match[1]) * _UNITS[match[2].upper()]
    if not 1 <= size <= LARGEST_INTEGER:
        raise ValueError(f'memory must be a size like "2G", "500M" or bytes, got {shown(memory)}')
    return int(size)


def to_dict(settings: Any) -> dict[str, Any]:
    """Turn a settings object into a plain dict, its class under "type", and so what is in it."""
    values = {each.name: getattr(settings, each.name) for each in fields(settings)}
    plain = {name: to_dict(x) if is_dataclass(x) else x for name, x in values.items()}
    return {"type": type(settings).__name__, **plain}


def from_dict(kinds: Mapping[str, type[Any]], data: Mapping[str, Any]) -> Any:
    """Make the settings object that `to_dict` turned into `data`; `kinds` maps names to classes."""
    options = {
        name: from_dict(kinds, x) if isinstance(x, Mapping) else x for name, x in data.items()
    }
    kind = options.pop("type", None)
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(f"{shown(kind)} is none of {', '.join(kinds)}")
    try:
        return kinds[kind](**options)
    except TypeError as error:
        raise ValueError(f"{kind}: {error}") from None


def thread_count(n_jobs: int | None) -> int:
    """Threads for `n_jobs`: all cores this process may use for None or -1."""
    n_threads = -1 if n_jobs is None else check_integer("n_jobs", n_jobs, low=-1, high=4096)
    if n_threads == 0:
        raise ValueError("n_jobs must be at least 1, or -1 for all cores, got 0")
    if n_threads > 0:
        return n_threads
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
