"""A report as a list of blocks, written as Markdown or as one HTML file."""

from __future__ import annotations

import base64
import html
import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True)
class Heading:
    """A title; level 1 is the document's."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `code` and **strong** words are marked as in Markdown."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows with the same columns, the first of which names the row."""

    rows: Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Plot:
    """A picture beside the report, `plots/<name>.png`."""

    name: str
    caption: str


_WIDTH = 100  # characters of a line of Markdown
Block: TypeAlias = Heading | Paragraph | Table | Plot

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em; color: #222; }
table { border-collapse: collapse; margin: 1em 0; font-size: 14px; }
td, th { padding: .25em .7em; border-bottom: 1px solid #ddd; text-align: right; }
td:first-child, th:first-child { text-align: left; }
img { max-width: 100%; } figcaption { color: #555; font-size: 14px; } code { background: #f3f3f3; }
"""  # noqa: E501


def to_markdown(blocks: Sequence[Block]) -> str:
    """Return the blocks as Markdown, pictures by their paths."""
    return "\n\n".join(_markdown(block) for block in blocks) + "\n"


def to_html(blocks: Sequence[Block], folder: Path) -> str:
    """Return the blocks as one HTML page, with the pictures of `folder` inside it."""
    title = next(block.text for block in blocks if isinstance(block, Heading))
    body = "\n".join(_html(block, folder) for block in blocks)
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{html.escape(title)}'
        f"</title>\n<style>{_STYLE}</style>\n{body}\n</html>\n"
    )


def _markdown(block: Block) -> str:
    match block:
        case Heading(text, level):
            return f"{'#' * level} {text}"
        case Paragraph(text):
            return _lines(text)
        case Plot(name, caption):
            return f"![{name}](plots/{name}.png)\n\n{_lines(caption)}"
        case Table(rows):
            columns = list(rows[0])
            lines = [columns, ["---"] * len(columns), *([row[c] for c in columns] for row in rows)]
            return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _lines(text: str) -> str:
    """Return a paragraph with a sentence a line, or more lines where one is long.

    >>> print(_lines("It holds. The others fail."))
    It holds.
    The others fail.
    """
    sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z])", text)
    return "\n".join(
        "\n".join(textwrap.wrap(sentence, _WIDTH, break_long_words=False, break_on_hyphens=False))
        for sentence in sentences
    )


def _html(block: Block, folder: Path) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{_marked(text)}</h{level}>"
        case Paragraph(text):
            return f"<p>{_marked(text)}</p>"
        case Plot(name, caption):
            data = base64.b64encode((folder / "plots" / f"{name}.png").read_bytes()).decode()
            words = html.escape(caption)
            return (
                f'<figure><img alt="{words}" src="data:image/png;base64,{data}">'
                f"<figcaption>{words}</figcaption></figure>"
            )
        case Table(rows):
            head = "".join(f"<th>{_marked(name)}</th>" for name in rows[0])
            lines = ("".join(f"<td>{_marked(text)}</td>" for text in row.values()) for row in rows)
            body = "\n".join(f"<tr>{line}</tr>" for line in lines)
            return f"<table>\n<tr>{head}</tr>\n{body}\n</table>"


def _marked(text: str) -> str:
    escaped = html.escape(text)
    strong = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", escaped)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", strong)
