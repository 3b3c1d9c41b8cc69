"""Options with an owner: who honours them. Help is grouped by it, and so is what follows from what
was given; an option without an owner cannot be declared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import click
from click.core import ParameterSource

from .common import Command
from .numbers import FINITE, WHOLE

Declaration: TypeAlias = Callable[[Any], Any]
Table: TypeAlias = Sequence[Declaration]

_STRICT: dict[click.ParamType[Any], click.ParamType[Any]] = {click.INT: WHOLE, click.FLOAT: FINITE}
_FIRST = "Used first"
_COLUMN = 28  # width of the options' names in help; a longer one has its text on the next line


@dataclass(frozen=True)
class Owner:
    """Who honours an option: a heading of the help, and the model that it describes, if any."""

    heading: str
    describes: str | None = None


class Option(click.Option):
    """An option with its owner.

    Parameters
    ----------
    of : Owner
    first : bool
        Whether it is among the few that people use first, which head the help.
    lacks : dict of str to str, optional
        The models that cannot honour it, and what they lack for it.
    """

    def __init__(
        self,
        *args: Any,
        of: Owner,
        first: bool = False,
        lacks: Mapping[str, str] | None = None,
        **attributes: Any,
    ) -> None:
        super().__init__(*args, **attributes)
        self.type = _STRICT.get(self.type, self.type)
        self.metavar = self.metavar or _metavar(self.type)
        self.of = of
        self.first = first
        self.lacks = dict(lacks or {})

    def get_help_extra(self, ctx: click.Context) -> Any:
        """Return the default alone: errors say the range."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra


def option(*names: str, of: Owner, **attributes: Any) -> Declaration:
    """Declare an option and its owner."""
    return click.option(*names, cls=Option, of=of, **attributes)


def with_options(tables: Sequence[Table]) -> Callable[[Command], Command]:
    """Give a command the options of these tables, in their order."""

    def add(command: Command) -> Command:
        for declare in reversed([declare for table in tables for declare in table]):
            command = declare(command)
        return command

    return add


def given(context: click.Context) -> dict[str, Option]:
    """Return what the command line or a settings file gives, by its name there.

    A flag that a file turns off is not given.
    """
    found = {}
    for parameter in context.command.params:
        if not isinstance(parameter, Option) or parameter.name is None:
            continue
        if context.get_parameter_source(parameter.name) == ParameterSource.DEFAULT:
            continue
        names = parameter.opts
        if parameter.is_flag and not context.params[parameter.name]:
            names = parameter.secondary_opts
        if names:
            found[names[0]] = parameter
    return found


def _metavar(kind: click.ParamType[Any]) -> str | None:
    """Return the plain name of a value in help; None leaves it to click."""
    if isinstance(kind, click.Path):
        return "FILE"
    if isinstance(kind, click.IntRange):
        return "N"
    return "X" if kind is FINITE else None


class Grouped(click.Command):
    """A command whose help is grouped by the owners of its options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what is used first, then a group for each owner, in the order of the options."""
        groups: dict[str, list[tuple[str, str]]] = {_FIRST: []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                groups.setdefault(_heading(parameter), []).append(record)
        for heading, records in groups.items():
            with formatter.section(heading):
                formatter.write_dl(
                    [(name.ljust(_COLUMN), text) for name, text in records], col_max=_COLUMN
                )


def _heading(parameter: click.Option) -> str:
    """Return where help shows an option; what is no one's, like --help, is used first."""
    if isinstance(parameter, Option) and not parameter.first:
        return parameter.of.heading
    return _FIRST
