"""A TOML file in the place of DATA: the settings of a command under the names of its options."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import click

from ..base.checks import said

SETTINGS = "fewfire.settings"  # the file, in the context's `meta`


def read_settings(
    context: click.Context, parameter: click.Parameter, given: tuple[Path, ...]
) -> tuple[Path, ...]:
    """Take a TOML file's settings as defaults; return the files of data that it names."""
    value = next((path for path in given if path.suffix.lower() == ".toml"), None)
    if value is None:
        return given
    if len(given) > 1:
        raise click.UsageError(f"{value} holds settings, and names its data: leave out the others")
    context.meta[SETTINGS] = value
    settings, names = _parsed(value), _names(context.command)
    named = settings.pop("data", None)
    unknown = [key for key in settings if _plain(key) not in names]
    if unknown:
        raise click.UsageError(f"{value}: no option is named {', '.join(unknown)}")
    context.default_map = {
        names[_plain(key)].name or "": _as_typed(f"{value}: {key}", x, names[_plain(key)])
        for key, x in settings.items()
    }
    files = named if isinstance(named, list) else [named]
    if not files or not all(isinstance(name, str) for name in files):
        raise click.UsageError(f'{value} names no data set: add data = "folder or file"')
    return tuple(Path(name) for name in files)


def _parsed(path: Path) -> dict[str, Any]:
    with open(path, "rb") as file:
        try:
            return tomllib.load(file)
        except (ValueError, RecursionError) as error:
            raise click.UsageError(f"{path}: {said(error)}") from None


def _names(command: click.Command) -> dict[str, click.Parameter]:
    """Return the command's parameters by the names that users know."""
    return {
        _plain(name.removeprefix("--")): parameter
        for parameter in command.params
        for name in parameter.opts
    }


def _plain(key: str) -> str:
    return key.replace("-", "_")


def _as_typed(place: str, value: Any, parameter: click.Parameter) -> Any:
    """As on the command line, so that click checks it: `lr = true` is not a number."""
    if isinstance(value, list) and parameter.type is click.UNPROCESSED:
        return value
    if not isinstance(value, str | int | float):
        raise click.UsageError(f"{place} is not text, number, true or false")
    try:
        return str(value).lower() if isinstance(value, bool) else str(value)
    except ValueError as error:  # a number of thousands of digits
        raise click.UsageError(f"{place}: {error}") from None
