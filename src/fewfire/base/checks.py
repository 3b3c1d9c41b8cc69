"""What all settings share: they check themselves, and turn into plain dicts and back."""

from __future__ import annotations

import math
import operator
import os
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, SupportsIndex


def check_number(
    name: str,
    value: float,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
) -> None:
    """Raise unless `value` is a finite number in low..high, and strictly in above..below."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and math.isfinite(value)):
        raise TypeError(f"{name} must be a finite number, got {value!r}")
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
        raise ValueError(f"{name} must be {' and '.join(bounds)}, got {value!r}")


def check_integer(name: str, value: SupportsIndex, *, low: int, high: int | None = None) -> int:
    """Return `value` as an int, numpy's integers too; raise unless it is in low..high."""
    if type(value) is not int:  # asking a protocol takes longer than answering an example
        if not isinstance(value, SupportsIndex) or isinstance(value, bool):
            raise TypeError(f"{name} must be a whole number, got {value!r}")
        value = operator.index(value)
    if value < low or (high is not None and value > high):
        upper = "" if high is None else f" and at most {high}"
        raise ValueError(f"{name} must be at least {low}{upper}, got {value}")
    return value


def check_flag(name: str, value: bool) -> None:
    """Raise unless `value` is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be True or False, got {value!r}")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise unless `value` is one of `choices`."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}; got {value!r}")


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
    power = 0 if match is None else " KMGT".index(match[2].upper() or " ")
    n_bytes = math.nan if match is None else float(match[1]) * 1024**power
    if not 1 <= n_bytes < math.inf:
        raise ValueError(f'memory must be a size like "2G", "500M" or bytes, got {memory!r}')
    return int(n_bytes)


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
    if kind not in kinds:
        raise ValueError(f"{kind!r} is none of {', '.join(kinds)}")
    try:
        return kinds[kind](**options)
    except TypeError as error:
        raise ValueError(f"{kind}: {error}") from None


def thread_count(n_jobs: int | None) -> int:
    """Threads for `n_jobs`: all cores this process may use for None or -1."""
    if n_jobs is None or n_jobs == -1:
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    return check_integer("n_jobs", n_jobs, low=1, high=4096)
