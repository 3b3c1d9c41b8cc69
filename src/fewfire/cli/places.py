"""What a command writes is none of what it reads, and has a place of its own: no data is lost."""

from __future__ import annotations

import contextlib
import os
from itertools import combinations
from pathlib import Path

import click

from ..base.files import holds_model
from .common import WRITABLE

_GOES_ON = ("--checkpoint", "--resume")  # a training may write where it goes on from


def check_apart(*, settings: Path | None = None, model: Path | None = None) -> None:
    """Raise if the command that runs would write to a file that it reads, or twice to one.

    Parameters
    ----------
    settings : path, optional
        A file that was read in the place of an argument.
    model : path, optional
        Where a model goes without an option.
    """
    context = click.get_current_context()
    read: dict[str, Path] = {} if settings is None else {"the settings": settings}
    written: dict[str, Path] = {} if model is None else {"the model": model}
    several: list[tuple[str, Path]] = []
    for parameter in context.command.params:
        path = context.params.get(parameter.name or "")
        if isinstance(path, Path):
            (written if parameter.type is WRITABLE else read)[_name(parameter)] = path
        elif isinstance(path, tuple):
            several += [(_name(parameter), each) for each in path if isinstance(each, Path)]
    for of_written, place in written.items():
        for of_read, path in (*read.items(), *several):
            if (of_written, of_read) != _GOES_ON and _holds(path, place):
                raise _overwriting(place, of_read, of_written)
    for (one, place), (other, path) in combinations(written.items(), 2):
        if _is_same(place, path):
            raise _overwriting(place, one, other)


def _name(parameter: click.Parameter) -> str:
    return (
        parameter.opts[0] if isinstance(parameter, click.Option) else parameter.human_readable_name
    )


def _overwriting(place: Path, named: str, writer: str) -> ValueError:
    """Return what is wrong.

    >>> print(_overwriting(Path("a.txt"), "DATA", "-o"))
    a.txt is DATA, and would be overwritten by -o: give what is written a name of its own
    """
    is_unnamed = "the model" in (named, writer)
    how = "add -o FILE" if is_unnamed else "give what is written a name of its own"
    return ValueError(f"{place} is {named}, and would be overwritten by {writer}: {how}")


def _holds(read: Path, place: Path) -> bool:
    """Whether `place` is what is read or, unless it is a model, a file of the folder that is."""
    if not read.is_dir():
        return _is_same(read, place)
    with contextlib.suppress(OSError):
        if any(_is_same(each, place) for each in read.iterdir()):
            return not holds_model(place)
    return False


def _is_same(one: Path, other: Path) -> bool:
    """Whether both are one file, by links too, or will be."""
    with contextlib.suppress(OSError):
        return one.samefile(other)
    return os.path.realpath(one) == os.path.realpath(other)
