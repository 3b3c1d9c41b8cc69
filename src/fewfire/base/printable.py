r"""Text for terminals: what they would obey instead of showing is escaped, as Python writes it.

These are control characters, the marks that turn the direction of text, and the two separators of
lines that look like spaces. Halves of characters, which no encoding holds, are among them, too.
"""

from __future__ import annotations

import re

_OBEYED = (
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"  # all controls but tab and newline
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # directions
    r"\u2028\u2029\ud800-\udfff"
)
_IN_TEXT = re.compile(rf"[{_OBEYED}]")
_IN_FIELD = re.compile(rf"[\\\t\n{_OBEYED}]")
_SHORT = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}


def field(value: object) -> str:
    r"""Return a name or a number as one field of a line, from which it can be read back.

    Backslash, tab, newline and carriage return become ``\\``, ``\t``, ``\n`` and ``\r``, whatever
    else is escaped ``\xNN`` or ``\uNNNN``.

    >>> print(field("a\tb \x1b[31m C:\\"))
    a\tb \x1b[31m C:\\
    """
    return _IN_FIELD.sub(_escape, str(value))


def visible(text: str) -> str:
    r"""Return lines of text without what a terminal would obey; tabs, newlines, backslashes stay.

    >>> print(visible("one\ntwo\r\x9b31m"))
    one
    two\r\x9b31m
    """
    return _IN_TEXT.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return _SHORT.get(match[0]) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
