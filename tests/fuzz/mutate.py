"""Changes to what is made of values: trees of JSON, bytes, and text of words."""

from __future__ import annotations

import copy
import re
from typing import Any

from .draw import Draw

INTEGERS = [
    -1, 0, 1, 2, 3, 255, 2**16, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30,
    -(2**31), -(2**63),
]  # fmt: skip
FLOATS = [0.0, -0.0, 0.5, 1.5, 1e-45, 1e-320, 1e38, 3.5e38, 1e308, float("inf"), float("nan"), -1.0]
OTHERS: list[Any] = [None, True, False, "", "x", "Linear", "\0", "ä\ud800", [], {}, [[]], [0, 1]]
NUMBERS = [
    *(str(number) for number in INTEGERS), "1.5", "-0", "+1", "1e400", "-1e-400", "nan", "inf",
    "0x10", "1_0", "٣", "", "1.", ".5", "1e", "--1", "9" * 400,
]  # fmt: skip
SEPARATORS = [
    "", " ", "\t", ",", ":", "\n", "\r", "\r\n", "\0", "#", "\ufeff", "::", ",,", "\u2028",
    "[" * 5000,
]  # fmt: skip
_DEEP = 200  # levels
_TOKEN = re.compile(rb"[0-9.eE+-]+|\s+|[^\s0-9]+")


def scalar(draw: Draw) -> Any:
    """Return a value that some place does not expect, and nobody shares."""
    return copy.deepcopy(draw.one_of(draw.one_of([INTEGERS, FLOATS, OTHERS])))


def tree(draw: Draw, root: Any) -> str:
    """Change one place of a tree of JSON; return what was done."""
    holder, key = draw.one_of(list(_places(root)))
    if not holder:
        return "nothing"
    where, how = f"{key!r}", draw.below(8)
    if how == 0:
        del holder[key]
        return f"delete {where}"
    if how == 1:
        _, other = draw.one_of(list(_values(root)))
        holder[key] = copy.deepcopy(other)
        return f"{where} becomes another value: {other!r:.80}"
    if how == 2 and isinstance(holder, list):
        holder.insert(key, holder[key])
        return f"double entry {where}"
    if how == 2:
        holder[draw.one_of(["extra", "type", "family", "dtype", "n_labels"])] = scalar(draw)
        return f"add a key beside {where}"
    if how == 3 and isinstance(holder[key], int | float):
        holder[key] = draw.one_of([holder[key] + 1, holder[key] - 1, -holder[key], holder[key] / 2])
    elif how == 4 and draw.one_in(4):
        deep: Any = holder[key]
        for _ in range(_DEEP):
            deep = [deep]
        holder[key] = deep
        return f"{where} is deep inside lists"
    else:
        holder[key] = scalar(draw)
    return f"{where} becomes {holder[key]!r:.80}"


def _places(root: Any) -> Any:
    """Yield (holder, key) of every value in a tree, or nothing to hold for an empty one."""
    found = False
    if isinstance(root, dict | list):
        for key in range(len(root)) if isinstance(root, list) else list(root):
            found = True
            yield root, key
            if root[key] and isinstance(root[key], dict | list):
                yield from _places(root[key])
    if not found:
        yield None, None


def _values(root: Any) -> Any:
    for holder, key in _places(root):
        yield key, None if holder is None else holder[key]


def content(draw: Draw, data: bytes) -> tuple[bytes, str]:
    """Change bytes; return them, and what was done."""
    if not data:
        return b"\0", "one byte of nothing"
    at, how = draw.below(len(data)), draw.below(6)
    if how == 0:
        return data[:at], f"cut at byte {at}"
    if how == 1:
        size = draw.below(64)
        return data[:at] + data[at + size :], f"bytes {at} to {at + size} left out"
    if how == 2:
        end = at + draw.below(64)
        return data[:end] + data[at:], f"bytes {at} to {end} twice"
    if how == 3:
        return data + data[at : at + 64], "bytes behind the end"
    changed = bytearray(data)
    places = [draw.below(len(data)) for _ in range(draw.between(1, 4))]
    for place in places:
        changed[place] = draw.one_of([changed[place] ^ (1 << draw.below(8)), draw.below(256), 255])
    return bytes(changed), f"bytes {places} changed"


def words(draw: Draw, data: bytes) -> tuple[bytes, str]:
    """Change the words, numbers and separators of text; return it, and what was done."""
    tokens = _TOKEN.findall(data)
    if not tokens or draw.one_in(12):
        return content(draw, data)
    done = []
    for _ in range(draw.between(1, 3)):
        at, how = draw.below(len(tokens)), draw.below(6)
        old = tokens[at]
        if how == 0:
            tokens[at] = b""
        elif how == 1:
            tokens[at] = old + draw.one_of([b" ", b""]) + old
        elif how == 2:
            other = draw.below(len(tokens))
            tokens[at], tokens[other] = tokens[other], tokens[at]
        elif how == 3:
            tokens[at] = draw.one_of(SEPARATORS).encode()
        elif how == 4 and draw.one_in(3):
            tokens[at] = draw.one_of(SEPARATORS).encode() + old
        else:
            tokens[at] = draw.one_of(NUMBERS).encode()
        done.append(f"word {at}: {old!r:.40} becomes {tokens[at]!r:.40}")
    return b"".join(tokens), "; ".join(done)
