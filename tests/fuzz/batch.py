"""Many tries in one process, one after another: a process each would take longer than the tries.

The parent reads where its child is from memory that both share, so that it can tell which try ended
the process.
"""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import shutil
import signal
import stat
import time
import traceback
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

from .areas import AREAS, draw_of
from .attempt import Attempt, FindingError
from .limits import ASLEEP, Sleep, limit_memory, seconds_of

SECONDS = 20  # of the processor that a try may take
CRASH = "crash.txt"
_FORK = multiprocessing.get_context("fork")  # bases are made once, before


class Found(NamedTuple):
    """A finding of a try."""

    area: str
    number: int
    what: str


class Batch:
    """Neighbouring tries of an area, in a child process that a `folder` of its own belongs to.

    Attributes
    ----------
    n_accepted, n_refused : int
    seconds : float
        Of the processor.
    found : list of Found
    """

    def __init__(self, area: str, numbers: range, folder: Path, keep: Path) -> None:
        self.area, self.numbers, self.folder, self.keep = area, numbers, folder, keep
        self.n_accepted = self.n_refused = self._n_ended = 0
        self.seconds = 0.0
        self.found: list[Found] = []
        self._start(numbers)

    @property
    def n_done(self) -> int:
        """Tries that came to an end, or ended the process."""
        return self.n_accepted + self.n_refused + self._n_ended

    def ended(self) -> bool:
        """Keep watch, and return whether all tries are done: to be asked now and then."""
        lives = self._child.is_alive()
        self._hear()
        if lives:
            self._watch()
            return False
        number, accepted, refused, milliseconds = self._progress
        self.n_accepted += accepted
        self.n_refused += refused
        self.seconds += milliseconds / 1000
        is_done = accepted + refused == len(self._numbers)
        if self._child.exitcode == 0 and is_done and not self._reason:
            shutil.rmtree(self.folder, ignore_errors=True)
            return True
        self._keep_crash(number)
        left = range(number + 1, self.numbers.stop)
        if left:
            self._start(left)
        return not left

    def _start(self, numbers: range) -> None:
        self.folder.mkdir(exist_ok=True)
        self._progress = _FORK.Array("q", [numbers.start, 0, 0, 0], lock=False)
        self._receiver, sender = _FORK.Pipe(duplex=False)
        self._numbers = numbers
        self._seen, self._since = -1, 0.0
        self._reason = ""
        self._child = _FORK.Process(
            target=_serve,
            args=(self.area, numbers, self.folder, self.keep, self._progress, sender),
            daemon=True,
        )
        self._child.start()
        self._sleep = Sleep(self._child.pid or 0)
        sender.close()

    def _hear(self) -> None:
        """Take in what the child has found until now."""
        with contextlib.suppress(EOFError, OSError):  # it has ended
            while self._receiver.poll():
                self.found.append(Found(self.area, *self._receiver.recv()))

    def _watch(self) -> None:
        """End a child that takes too long for one try."""
        number, took = self._progress[0], seconds_of(self._child.pid or 0)
        if number != self._seen:
            self._seen, self._since, self._sleep = number, took, Sleep(self._child.pid or 0)
        elif took - self._since > SECONDS:
            self._reason = f"hang: more than {SECONDS} s"
        elif self._sleep.seconds() > ASLEEP:
            self._reason = f"asleep: more than {ASLEEP} s"
        if self._reason:
            _ask_where(self._child.pid or 0)
            self._child.kill()

    def _keep_crash(self, number: int) -> None:
        self._n_ended += 1
        code = self._child.exitcode or 0
        reason = self._reason or (
            f"died of {signal.Signals(-code).name}" if code < 0 else f"ended with {code} early"
        )
        stack = self.folder / CRASH
        where = _last_line(stack.read_text()) if stack.exists() else ""
        self.found.append(Found(self.area, number, f"{reason} {where}".strip()))
        keep_folder(self.folder, self.keep, self.area, number)


def attempt_once(area: str, number: int, folder: Path) -> tuple[Attempt, Exception | None]:
    """Do one try in this process; return it, and what was found."""
    attempt = Attempt(folder)
    try:
        AREAS[area].attempt(draw_of(area, number), attempt)
    except FindingError as finding:
        return attempt, finding
    except Exception as error:  # of the tries themselves: a finding, too, until it is mended
        finding = FindingError(f"the fuzzer itself: {type(error).__name__}: {error}")
        finding.__cause__ = error
        return attempt, finding
    return attempt, None


def strict() -> None:
    """Make warnings errors: a library that warns of overflow has computed something wrong."""
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", ResourceWarning)
    warnings.filterwarnings("ignore", ".* left out", UserWarning)  # readers tell of it


def keep_folder(folder: Path, keep: Path, area: str, number: int) -> Path:
    """Copy the files of a try."""
    kept = keep / f"{area}-{number}"
    shutil.copytree(folder, kept, symlinks=True, ignore=_pipes, dirs_exist_ok=True)
    return kept


def _pipes(folder: str, names: list[str]) -> list[str]:
    """Return which of the names are not files, and no folders of them."""
    return [name for name in names if stat.S_ISFIFO(os.lstat(Path(folder) / name).st_mode)]


def _serve(
    area: str, numbers: range, folder: Path, keep: Path, progress: list[int], sender: Connection
) -> None:
    """Do the tries of a batch."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it
    limit_memory()
    strict()
    with open(folder / CRASH, "w") as crash:
        faulthandler.enable(crash)
        faulthandler.register(signal.SIGUSR1, crash)
        for number in numbers:
            progress[0] = number
            attempt, finding = attempt_once(area, number, folder)
            progress[2 if attempt.refused else 1] += 1
            progress[3] = round(1000 * time.process_time())
            if finding is not None:
                sender.send((number, str(finding)))
                kept = keep_folder(folder, keep, area, number)
                (kept / "story.txt").write_text(told(attempt, finding), errors="replace")
            clear(folder)
    os._exit(0)


def told(attempt: Attempt, finding: Exception | None) -> str:
    """Return what was done and asked in a try, and what was found."""
    lines = [*attempt.story]
    if finding is not None:
        lines += ["", *traceback.format_exception(finding)]
    return "\n".join(lines)


def _ask_where(pid: int) -> None:
    """Let a child write where it is."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGUSR1)
        time.sleep(0.1)


def clear(folder: Path) -> None:
    """Remove the files of a try."""
    for path in folder.iterdir():
        if path.name == CRASH:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _last_line(stack: str) -> str:
    """Return the innermost place inside the package that a stack of faulthandler names."""
    lines = [line.strip() for line in stack.splitlines() if "fewfire" in line]
    return lines[0].replace('"', "") if lines else ""
