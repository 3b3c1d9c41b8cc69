"""Where `fewfire train` keeps its model, and that it does: no training is lost to a full disk."""

from __future__ import annotations

import errno
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click

from ..base.files import holds_model
from ..base.interrupts import deferred_interrupts, stops_as_interrupts
from ..base.replacing import check_writable
from .common import say

PAUSES = (5, 10, 20, 40, 60, 60)  # seconds between attempts to write: some three minutes in all
PASSING = {  # what may be over then, and what to do about it
    errno.ENOSPC: "make room",
    errno.EDQUOT: "make room",
    errno.EIO: "look after the disk",
}

Save = Callable[[Path], None]


def beside(data: Path) -> Path:
    """Return where the model of some data is kept if nothing else is said: DATA.safetensors.

    >>> beside(Path("data/train.txt.gz")).name, beside(Path("data/mnist/")).name
    ('train.txt.gz.safetensors', 'mnist.safetensors')
    """
    if str(data) == "-":
        return Path("model.safetensors")
    named = data.resolve() if data.name in ("", "..") else data
    return named.parent / f"{named.name or 'model'}.safetensors"


def place_beside(data: Path) -> Path | None:
    """Return `beside(data)` if it can be written; otherwise say that the model will be lost.

    Raises
    ------
    click.UsageError
        If something is there that `fewfire train` did not write.
    """
    place = beside(data)
    if place.exists() and not (place.is_file() and holds_model(place)):
        raise click.UsageError(f"{place} is there, and no model: add -o FILE for another name")
    try:
        check_writable(place)
    except OSError as error:
        say(f"the model will not be kept ({error}): add -o FILE to write it")
        return None
    return place


def keep(save: Save, place: Path, pause: Callable[[float], object] = time.sleep) -> Path | None:
    """Write a model, and try again where that fails for a reason that may pass; return where it is,
    None if it is lost.

    The last resort is a new folder among the temporary files.
    """
    for seconds in PAUSES:
        error = _written(save, place)
        if error is None:
            return place
        if error.errno not in PASSING:
            return _last_resort(save, place, error)
        say(
            f"the model could not be written: {error}; it is kept in memory: "
            f"{PASSING[error.errno]}, writing is tried again in {seconds} s (Ctrl-C: no more)"
        )
        try:
            with stops_as_interrupts():  # also the second, of a training that one has ended
                pause(seconds)
        except KeyboardInterrupt:
            return _last_resort(save, place, error)
    error = _written(save, place)
    return place if error is None else _last_resort(save, place, error)


def _last_resort(save: Save, place: Path, reason: OSError) -> Path | None:
    try:
        other = Path(tempfile.mkdtemp(prefix="fewfire-"), place.name)
        error = _written(save, other)
    except OSError as found:
        error = found
    if error is None:
        say(f"{place} could not be written ({reason}): the model is in {other}")
        return other
    say(
        f"{place} could not be written ({reason}), nor could a temporary file: the model is lost "
        f"({error})"
    )
    return None


def _written(save: Save, place: Path) -> OSError | None:
    """Write a file in peace; return what prevented it."""
    is_written = False
    try:
        with deferred_interrupts():
            save(place)
            is_written = True
    except OSError as error:
        return error
    except KeyboardInterrupt:
        if not is_written:  # noticed when writing had failed: nobody waits for room
            return InterruptedError("interrupted")
        say(f"model: {place}")
        raise
    return None
