"""A page of HTML that stands alone: sections of text, tables and figures, without other files."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

_LEAST = 3.2  # rem that an inch of a figure has on narrow screens: there it scrolls
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --ink: #1b6ca8; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; }
h2 { font-size: 1.2rem; margin-top: 2rem; border-bottom: 1px solid var(--line); }
.wide { overflow-x: auto; }
.wide + .wide { margin-top: 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .75rem .25rem 0; text-align: left; vertical-align: top; }
th.number, td.number { text-align: right; }
thead th { border-bottom: 1px solid var(--line); }
tbody tr:nth-child(even) { background: var(--soft); }
figure { margin: 1rem 0; padding: .5rem; background: white; overflow-x: auto; }
figure svg { max-width: 100%; min-width: var(--least); height: auto; }
figcaption, .note { color: #777; font-size: .9rem; }
ul { padding-left: 1.2rem; }
.right { color: #1b7f3b; font-weight: 600; }
.wrong { color: #b3261e; font-weight: 600; }
nav a { margin-right: 1rem; }
"""


class Page:
    """A page that is written section by section.

    Parameters
    ----------
    title, note : str

    >>> page = Page("digits", "a network")
    >>> page.section("Layers").table([{"layer": "0", "rows": "10"}])
    >>> '<td class="number">10</td>' in page.html()
    True
    """

    def __init__(self, title: str, note: str) -> None:
        self._title, self._note = title, note
        self._sections: list[Section] = []

    def section(self, title: str) -> Section:
        """Begin a section."""
        self._sections.append(Section(title))
        return self._sections[-1]

    def html(self) -> str:
        """Return the page."""
        links = "".join(f'<a href="#{own.name}">{escape(own.title)}</a>' for own in self._sections)
        body = "\n".join(own.html() for own in self._sections)
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(self._title)}</title><style>{_STYLE}</style></head>\n"
            f'<body><h1>{escape(self._title)}</h1><p class="note">{escape(self._note)}</p>'
            f"<nav>{links}</nav>\n{body}\n</body></html>\n"
        )


class Section:
    """A part of a page."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.name = "-".join(title.lower().split())
        self._parts: list[str] = []

    def text(self, text: str) -> None:
        """Add a paragraph."""
        self._parts.append(f"<p>{escape(text)}</p>")

    def table(self, rows: Sequence[Mapping[str, str]]) -> None:
        """Add rows with the same columns; those of numbers stand on the right."""
        kinds = {
            name: ' class="number"' if all(map(_is_number, (row[name] for row in rows))) else ""
            for name in rows[0]
        }
        head = "".join(f"<th{kind}>{escape(name)}</th>" for name, kind in kinds.items())
        cells = (
            "".join(f"<td{kind}>{escape(row[name])}</td>" for name, kind in kinds.items())
            for row in rows
        )
        lines = "".join(f"<tr>{own}</tr>" for own in cells)
        self._parts.append(
            f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody>'
            "</table></div>"
        )

    def facts(self, facts: Mapping[str, str]) -> None:
        """Add names with what they are."""
        lines = "".join(
            f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>'
            for name, value in facts.items()
        )
        self._parts.append(f'<div class="wide"><table><tbody>{lines}</tbody></table></div>')

    def bullets(self, items: Iterable[str]) -> None:
        """Add a list whose items are HTML; escape what comes from data."""
        self._parts.append(f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>")

    def figure(self, drawn: Any, caption: str) -> None:
        """Add a figure of matplotlib."""
        file = io.StringIO()
        drawn.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        svg, least = file.getvalue(), _LEAST * drawn.get_figwidth()
        head = f'<figure role="img" aria-label="{escape(caption)}" style="--least: {least:.1f}rem">'
        self._parts.append(
            f"{head}{svg[svg.index('<svg') :]}<figcaption>{escape(caption)}</figcaption></figure>"
        )

    def html(self) -> str:
        """Return the section."""
        head = f'<section id="{self.name}"><h2>{escape(self.title)}</h2>'
        return f"{head}{''.join(self._parts)}</section>"


def _is_number(text: str) -> bool:
    return not text or text.lstrip("+-.")[:1].isdigit()
