"""Which columns of a table hold the text and its labels, and what stands between labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeAlias

from ..base.checks import shown

Name: TypeAlias = str | int

TEXTS = ("text", "content", "body", "document", "abstract", "description", "summary", "title",
         "sentence", "question")  # fmt: skip
LABELS = ("labels", "label", "tags", "tag", "subjects", "subject", "keywords", "keyword",
          "categories", "category", "classes", "class", "topics", "topic", "targets", "target",
          "y")  # fmt: skip
_MOST_SHOWN = 20  # columns


@dataclass(frozen=True, kw_only=True)
class Columns:
    """Where a file keeps texts and labels.

    Parameters
    ----------
    text : str, int or sequence of them, optional
        The column of the text, by its name in the first line, or counted from 1; several are
        joined by blanks. Default: one named `text`, `content`, `abstract`, `title` or the like; in
        two columns without such names, the first.
    labels : str or int, optional
        The column of the labels. Default: one named `labels`, `tags`, `subjects` or the like; in
        two columns, the other.
    separator : str, optional
        What stands between labels; " " for any blanks. Default: of `,`, `;` and `|` the one that
        leaves labels that come again most often, or blanks where all labels are addresses
        (`<http://...>`).

    Examples
    --------
    >>> from fewfire import datasets
    >>> from pathlib import Path
    >>> rows = ["no;title;body;kind", "1;cats;they purr;pet|small", "2;dogs;they bark;pet"]
    >>> _ = Path("pets.csv").write_text("\\n".join(rows))
    >>> columns = Columns(text=("title", "body"), labels="kind", separator="|")
    >>> datasets.load_text("pets.csv", columns=columns).label_names
    ('pet', 'small')
    """

    text: Name | tuple[Name, ...] | None = None
    labels: Name | None = None
    separator: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.text, list):
            object.__setattr__(self, "text", tuple(self.text))
        for name in self.texts + (() if self.labels is None else (self.labels,)):
            if isinstance(name, bool) or not isinstance(name, str | int) or name in ("", 0):
                raise ValueError(
                    f"{shown(name)} is not a column: give its name, or its place counted from 1"
                )
        if self.labels is not None and self.labels in self.texts:
            raise ValueError(f"column {shown(self.labels)} cannot hold both text and labels")
        if self.separator is not None and not (
            isinstance(self.separator, str) and self.separator and "\n" not in self.separator
        ):
            raise ValueError(
                f"{shown(self.separator)} separates no labels: give what stands between them, "
                'such as ";"'
            )

    @property
    def texts(self) -> tuple[Name, ...]:
        """The columns of the text, none if nobody chose."""
        if self.text is None:
            return ()
        return self.text if isinstance(self.text, tuple) else (self.text,)

    @property
    def asked(self) -> tuple[Name, ...]:
        """All columns that somebody named."""
        return self.texts if self.labels is None else (*self.texts, self.labels)

    def or_else(self, known: Columns) -> Columns:
        """Return these columns, and what `known` says where they say nothing."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        return replace(known, **given)

    def __str__(self) -> str:
        """Return a line about them, empty where lines are a text, a tab and labels with commas.

        >>> print(Columns(text=("title", "abstract"), labels="tags", separator=";"))
        text: 'title', 'abstract'; labels: 'tags', separated by ';'
        """
        texts = ", ".join(map(repr, self.texts))
        parts = [f"text: {texts}"] if texts else []
        if self.labels is not None:
            parts.append(f"labels: {self.labels!r}")
        told = "; ".join(parts)
        if self.separator in (None, ","):
            return told
        return f"{told or 'labels'}{',' if told else ''} separated by {self.separator!r}"

    def to_dict(self) -> dict[str, Any]:
        """Return a plain dict for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> Columns:
        """Make the columns that `to_dict` described; raise if they are damaged."""
        return cls(**described)


@dataclass(frozen=True)
class Places:
    """Where the columns are in a record, from 0, and whether the first record names them."""

    texts: tuple[int, ...]
    labels: int | None
    has_names: bool


def places_of(first: Sequence[str], width: int, wanted: Columns, *, remembered: bool) -> Places:
    """Return where the wanted columns are in a table of `width` columns and this first record.

    With `remembered`, `wanted` is what a training set had: a table without its names is read by the
    order of its columns, and labels may be missing.

    >>> places_of(["id", "title", "tags"], 3, Columns(), remembered=False)
    Places(texts=(1,), labels=2, has_names=True)
    >>> places_of(["a small cat", "pets"], 2, Columns(), remembered=False)
    Places(texts=(0,), labels=1, has_names=False)
    """
    names = [cell.strip() for cell in first]
    if remembered and not _fits(names, width, wanted):
        wanted = Columns()
    places = {name: _place(names, width, name) for name in wanted.asked}
    lost = [name for name, place in places.items() if place is None]
    if lost and not (remembered and lost == [wanted.labels]):
        raise ValueError(f"there is no column {shown(lost[0])}: the first line has {_shown(names)}")
    texts = [place for name in wanted.texts if (place := places[name]) is not None]
    labels = None if wanted.labels is None else places[wanted.labels]
    usual_text, usual_labels = (usual_place(names, of) for of in (TEXTS, LABELS))
    has_names = len(names) > 1 and (
        any(name in names for name in places)
        or (usual_text is not None and (usual_labels is not None or remembered or width > 2))
        or (usual_labels is not None and usual_labels == labels)
    )
    if has_names:
        texts = texts or [place for place in (usual_text,) if place is not None]
        labels = usual_labels if labels is None else labels
    rest = [place for place in range(width) if place not in texts and place != labels]
    if not texts:
        if len(rest) != 1 and width > 2:
            raise ValueError(_unclear(names, "the text"))
        texts = [rest.pop(0)]
    if labels is None and len(rest) == 1 and not (has_names and remembered):
        labels = rest[0]
    if labels is None and width > 1 and not remembered:
        raise ValueError(_unclear(names, "the labels"))
    return Places(tuple(texts), labels, has_names)


def _fits(names: Sequence[str], width: int, known: Columns) -> bool:
    """Whether a table has columns of a training set: some of the names, or all of the places."""
    by_place = [int(name) for name in known.asked if isinstance(name, int) or name.isdecimal()]
    if len(by_place) == len(known.asked):
        return all(place <= width for place in by_place)
    return any(name in names for name in known.asked)


def usual_place(names: Sequence[str], usual: Sequence[str]) -> int | None:
    """Return the place of the first usual name that is there."""
    lowered = [name.lower() for name in names]
    return next((lowered.index(name) for name in usual if name in lowered), None)


def _place(names: Sequence[str], width: int, name: Name) -> int | None:
    """Return the place of a column, from 0; None if no column has the name."""
    if isinstance(name, str) and name in names:
        return names.index(name)
    if isinstance(name, int) or name.isdecimal():
        if not 1 <= int(name) <= width:
            raise ValueError(f"there is no column {name}: there are {width}, counted from 1")
        return int(name) - 1
    return None


def _unclear(names: Sequence[str], what: str) -> str:
    return f"which column holds {what}? The first line has {_shown(names)}: {ways_to_say(what)}"


def ways_to_say(what: str) -> str:
    """Return how to say which column holds "the text" or "the labels"."""
    of_python, option = ("text", "text") if what == "the text" else ("labels", "label")
    return f"give columns=Columns({of_python}=...), or --{option}-column, its name or its place"


def _shown(names: Sequence[str]) -> str:
    told = ", ".join(f"{name[:40]!r}" for name in names[:_MOST_SHOWN])
    return told + ", ..." * (len(names) > _MOST_SHOWN)
