"""A file is written beside its place and takes it whole: readers find the old one or the new one.

What is written is a `.NAME.RANDOM.part`, locked as long as its writer lives. Whoever gets the lock
of another knows that its writer was killed, and removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TypeAlias

PathLike: TypeAlias = "str | os.PathLike[str]"

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OLD = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_RANDOM = re.compile(rb"[0-9a-f]{16}\.part")
_MOST = 200  # bytes of NAME that a part's name begins with; systems allow 255 in all


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[IO[bytes]]:
    """Yield a file that takes the place of `path` at the end, and is gone after an error.

    It is on the disk before it has the name, and keeps mode and, if the system allows, owner of the
    file that it replaces. A link is followed: the file that it names is replaced, not the link.

    Raises
    ------
    OSError
        If there is no such folder, `path` is a folder, device or pipe, or may not be written to;
        nothing has been done then. Also if writing fails; the old file is then as it was.

    >>> with replacing("a.txt") as file:
    ...     _ = file.write(b"whole")
    >>> Path("a.txt").read_text()
    'whole'
    """
    final = _place_of(path)
    _sweep(final)
    with naming(path), _part_of(final) as (part, file):
        yield file
        file.flush()
        os.fsync(file.fileno())
        os.replace(part, final)
        _sync_folder(final.parent)


def check_writable(path: PathLike) -> None:
    """Raise what would keep `replacing` from writing `path`: before work that must not be lost."""
    final = _place_of(path)
    _sweep(final)
    with naming(path), _part_of(final):
        pass


@contextlib.contextmanager
def naming(path: PathLike) -> Iterator[None]:
    """Name the file in errors of the system that name none: a disk is full, a quota used up."""
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            error.filename = os.fspath(path)
        raise


def _place_of(path: PathLike) -> Path:
    """Return the file to replace, where links lead; raise if it is none or must stay."""
    final = Path(os.path.realpath(path))
    if not final.parent.is_dir():
        parent = Path(path).parent if not Path(path).is_symlink() else final.parent
        raise FileNotFoundError(f"{parent} is no folder: make it first")
    with contextlib.suppress(FileNotFoundError):
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(f"{path} is a folder: name a file to write")
        if not stat.S_ISREG(mode):
            raise OSError(f"{path} is not a regular file, such as a device or a pipe: name another")
        if not os.access(path, os.W_OK):
            raise PermissionError(f"{path} is read-only: allow writing, or name another file")
    return final


@contextlib.contextmanager
def _part_of(final: Path) -> Iterator[tuple[Path, IO[bytes]]]:
    """Yield a new file beside `final`, locked; remove it at the end if it still has its name."""
    part, file = _opened(final)
    try:
        with file:
            yield part, file
    finally:
        part.unlink(missing_ok=True)


def _opened(final: Path) -> tuple[Path, IO[bytes]]:
    """Make a file beside `final`, with the mode and the owner of that if it exists."""
    old = final.stat() if final.exists() else None
    while True:
        part = final.with_name(os.fsdecode(_start_of_parts(final)) + f"{secrets.token_hex(8)}.part")
        try:
            descriptor = os.open(part, _NEW, 0o666 if old is None else 0o600)
        except OSError as error:
            raise OSError(error.errno, error.strerror) from None  # which `naming` completes
        file = os.fdopen(descriptor, "wb")
        with contextlib.suppress(OSError):  # a file system without locks: nothing is swept there
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:  # otherwise it was swept before it was locked
            if old is not None:
                _make_alike(descriptor, old)
            return part, file
        file.close()


def _make_alike(descriptor: int, old: os.stat_result) -> None:
    """Give a file the owner and the mode of another, as far as the system allows."""
    for owner, group in ((-1, old.st_gid), (old.st_uid, -1)):
        with contextlib.suppress(OSError):
            os.fchown(descriptor, owner, group)
    with contextlib.suppress(OSError):
        os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _sweep(final: Path) -> None:
    """Remove the parts of `final` whose writers were killed."""
    start, names = _start_of_parts(final), []
    with contextlib.suppress(OSError):  # a folder that may be written to but not listed
        names = os.listdir(os.fsencode(final.parent))
    for name in names:
        if name.startswith(start) and _RANDOM.fullmatch(name, len(start)):
            with contextlib.suppress(OSError):  # its writer lives, or it is not ours to remove
                _remove_if_dead(final.parent / os.fsdecode(name))


def _remove_if_dead(part: Path) -> None:
    descriptor = os.open(part, _OLD)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        part.unlink()
    finally:
        os.close(descriptor)


def _start_of_parts(final: Path) -> bytes:
    return b"." + os.fsencode(final.name)[:_MOST] + b"."


def _sync_folder(folder: Path) -> None:
    """Put the name on the disk, too, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
