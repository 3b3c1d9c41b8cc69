"""The labels of a row, apart from each other: what stands between them, and their names."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from itertools import chain
from typing import TypeAlias

from .raw_rows import Field

Labels: TypeAlias = tuple[str, ...]

SEPARATORS = (",", ";", "|")
BLANKS = " "
_ADDRESS = re.compile(r"<[^<>]+>|\w+://[^,;|<>]+")
_MOST_LOOKED_AT = 10_000  # fields that decide the separator


def separator_of(fields: Sequence[Field]) -> str:
    """Return what stands between the labels of fields.

    It is the separator that leaves labels that come again most often; blanks where all labels are
    addresses. Labels that hold blanks, and hardly any of which comes twice, raise a warning.

    >>> separator_of(["Roe, J.; Doe, A.", "Doe, A.", "Roe, J."]), separator_of(["a,b", "b"])
    (';', ',')
    """
    joined = [field for field in fields if isinstance(field, str) and field.strip()]
    joined = list(dict.fromkeys(joined[:_MOST_LOOKED_AT]))
    if joined and all(map(_is_address, chain.from_iterable(field.split() for field in joined))):
        return BLANKS
    found = {s: [label for field in joined for label in split(field, s)] for s in SEPARATORS}
    best = max(SEPARATORS, key=lambda separator: _times_each_comes(found[separator]))
    if _seem_uncut(found[best], len(joined)):
        warnings.warn(
            f"most labels hold blanks and come once, such as {joined[0][:60]!r}: if blanks stand "
            'between labels, say so: columns=Columns(separator=" "), or --label-separator " "',
            UserWarning,
            stacklevel=2,
        )
    return best


def apart(fields: Sequence[Field], separator: str) -> list[Labels | None]:
    """Return the labels of each row, None where a row has none; equal rows share theirs."""
    known: dict[str, Labels | None] = {}

    def of(field: Field) -> Labels | None:
        if not isinstance(field, str):
            return field
        if field not in known:
            known[field] = split(field, separator) or None
        return known[field]

    return [of(field) for field in fields]


def split(field: str, separator: str) -> Labels:
    """Return the labels of a field, each once, without blanks and angle brackets around them.

    >>> split("cat, dog,,cat", ","), split("<http://a/1>  <http://a/2>", " ")
    (('cat', 'dog'), ('http://a/1', 'http://a/2'))
    """
    parts = field.split() if separator == BLANKS else field.split(separator)
    names = (_bare(part.strip()) for part in parts)
    return tuple(dict.fromkeys(name for name in names if name))


def _times_each_comes(labels: Sequence[str]) -> tuple[float, int]:
    """Return how often a label comes in different fields, and how many labels there are."""
    return len(labels) / max(1, len(set(labels))), len(labels)


def _seem_uncut(labels: Sequence[str], n_fields: int) -> bool:
    """Whether fields hold one label each, mostly with blanks inside and hardly any twice."""
    with_blanks = sum(" " in label for label in labels)
    is_rare = 2 * len(set(labels)) > len(labels) and len(labels) > 1
    return 2 * with_blanks > len(labels) and is_rare and len(labels) == n_fields


def _is_address(word: str) -> bool:
    return _ADDRESS.fullmatch(word) is not None


def _bare(name: str) -> str:
    return name[1:-1].strip() if name[:1] == "<" and name[-1:] == ">" else name
