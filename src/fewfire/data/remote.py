"""Paths with a protocol, such as `s3://bucket/train.txt`: fetched once to this machine, by fsspec,
and read there like any other. What has changed since is fetched again.

Files lie in the folder that `FEWFIRE_CACHE` names, by default `~/.cache/fewfire`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar, cast

Reader = TypeVar("Reader", bound=Callable[..., Any])


def is_remote(path: object) -> bool:
    """Whether a path names a protocol.

    >>> is_remote("memory://train.txt"), is_remote("train.txt")
    (True, False)
    """
    return isinstance(path, str) and "://" in path


def fetching(read: Reader) -> Reader:
    """Return a reader of files that also takes paths with a protocol; its errors then name both."""

    @wraps(read)
    def reading(path: Any, *arguments: Any, **options: Any) -> Any:
        if not is_remote(path):
            return read(path, *arguments, **options)
        here = fetch(path)
        try:
            return read(here, *arguments, **options)
        except (OSError, ValueError) as error:
            error.add_note(f"{here} was fetched from {path}")
            raise

    return cast(Reader, reading)


def fetch(url: str) -> Path:
    """Return where a file, or a folder, of another place is on this machine.

    Raises
    ------
    ImportError
        If fsspec, or what it needs for the protocol, is not installed.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> Path("train.txt").write_text("cat")
    3
    >>> fetch(f"file://{Path('train.txt').absolute()}").name
    'train.txt'
    """
    system, inside = _opened(url)
    if not system.exists(inside):
        raise FileNotFoundError(f"no such file: {url}")
    if "file" in _names(system.protocol):
        return Path(inside)
    stamp = f"{url} {system.ukey(inside)}"
    place = _cache() / hashlib.sha256(stamp.encode()).hexdigest()[:20]
    fetched = place / (inside.rstrip("/").rpartition("/")[2] or "data")
    if fetched.exists():
        return fetched
    place.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=place.parent))  # of this process; a whole one takes its place
    try:
        system.get(inside, str(part / fetched.name), recursive=system.isdir(inside))
        if not place.exists():
            part.rename(place)
    except OSError:
        if not fetched.exists():  # another process has not fetched it meanwhile
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return fetched


def _opened(url: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise ImportError(f"{url} is read with fsspec: pip install 'fewfire[remote]'") from error
    try:
        system, inside = url_to_fs(url)
    except ValueError as error:  # fsspec's words for a protocol that it does not know
        raise ValueError(f"{url} cannot be read: {error}") from error
    return system, inside


def _names(protocol: str | tuple[str, ...]) -> tuple[str, ...]:
    return (protocol,) if isinstance(protocol, str) else protocol


def _cache() -> Path:
    given = os.environ.get("FEWFIRE_CACHE")
    return Path(given) if given else Path.home() / ".cache" / "fewfire"
