"""Trainings that stop early, that are interrupted, and that go on."""

from __future__ import annotations

import contextlib
import shlex
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from ..model.callbacks import Callback, Checkpoint, EarlyStopping
from ..model.loggers import CSVLogger
from .common import say
from .options import Grouped

_WORDS = "fewfire.words"
_KEPT = "interrupted: the model is what was learned so far."


class Resumable(Grouped):
    """A command that knows the words it was called with, to say how it goes on."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keep the words."""
        ctx.meta[_WORDS] = tuple(args)
        return super().parse_args(ctx, args)


def early_stopping(options: Mapping[str, Any], metrics: Sequence[str]) -> list[EarlyStopping]:
    """Return what `--patience` asks for, on the first of the metrics that are measured."""
    if options["patience"] is None:
        return []
    return [EarlyStopping(f"val/{metrics[0]}", patience=options["patience"])]


def loggers_of(options: Mapping[str, Any]) -> list[Callback]:
    """Return what `--log` asks for."""
    return [] if options["log"] is None else [CSVLogger(options["log"])]


def checkpoint_of(options: Mapping[str, Any]) -> Checkpoint | None:
    """Return what `--checkpoint` asks for."""
    path = options["checkpoint"]
    if path is not None and {"{", "}"} & set(str(path)):
        raise click.UsageError(f"--checkpoint {path}: is one file, without braces in its name")
    return None if path is None else Checkpoint(path)


def how_to_go_on(
    context: click.Context, options: Mapping[str, Any], checkpoint: Checkpoint | None
) -> str:
    """Return a line for who has interrupted a training."""
    if checkpoint is None:
        return f"{_KEPT} With --checkpoint FILE, a training can go on where it was interrupted."
    path = checkpoint.path
    before = options["resume"]
    if checkpoint.written_ is None and before != path:
        again = "begins again" if before is None else f"goes on from {before} once more"
        return f"{_KEPT} There is no new checkpoint yet: the same command {again}."
    words = _without_resume(context.meta[_WORDS])
    newest = path if checkpoint.written_ is None else checkpoint.path_of(checkpoint.written_)
    command = [*context.command_path.split(), "--resume", str(newest), *words]
    return f"{_KEPT} To go on: {shlex.join(command)}"


@contextlib.contextmanager
def plain_warnings() -> Iterator[None]:
    """Say warnings in a line each, without the place in the code."""
    told = set()

    def tell(message: Warning | str, *_: Any, **__: Any) -> None:
        if str(message) not in told:  # a blend has two trainings
            told.add(str(message))
            say(f"fewfire: warning: {message}")

    with warnings.catch_warnings():
        for category in (RuntimeWarning, UserWarning):
            warnings.simplefilter("default", category)
        warnings.showwarning = tell
        yield


def _without_resume(words: Sequence[str]) -> list[str]:
    """Return the words of a command but for an earlier `--resume`.

    >>> _without_resume(["data", "--resume", "old", "--resume=older", "-q"])
    ['data', '-q']
    """
    kept: list[str] = []
    before = ""
    for word in words:
        if before != "--resume" and not (word + "=").startswith("--resume="):
            kept.append(word)
        before = word
    return kept
