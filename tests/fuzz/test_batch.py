"""What ends a process, or never ends, is found, told by its number, and does not end the run."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from commands import wait_for
from tests.fuzz import batch
from tests.fuzz.areas import AREAS
from tests.fuzz.attempt import FindingError
from tests.fuzz.limits import Sleep

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


def found(attempt, tmp_path, monkeypatch, numbers=range(5)):
    """Return what a batch finds whose tries are `attempt(number)`."""
    area = SimpleNamespace(attempt=lambda draw, each: attempt(draw.number))
    monkeypatch.setitem(AREAS, "here", area)
    made = batch.Batch("here", numbers, tmp_path / "scratch", tmp_path / "kept")
    while not made.ended():
        time.sleep(0.01)
    return made


def test_a_crash_is_told_and_the_tries_behind_it_are_done(tmp_path, monkeypatch):
    def attempt(number):
        if number == 2:
            os.kill(os.getpid(), signal.SIGSEGV)

    made = found(attempt, tmp_path, monkeypatch)
    assert [(one.number, one.what[:15]) for one in made.found] == [(2, "died of SIGSEGV")]
    assert made.n_accepted == 4
    assert (tmp_path / "kept" / "here-2" / batch.CRASH).exists()


def test_a_try_that_never_ends_is_ended(tmp_path, monkeypatch):
    def attempt(number):
        while number == 1:
            pass

    monkeypatch.setattr(batch, "SECONDS", 0.2)
    made = found(attempt, tmp_path, monkeypatch)
    assert [(one.number, one.what[:4]) for one in made.found] == [(1, "hang")]
    assert made.n_accepted == 4


def test_a_try_that_sleeps_is_ended(tmp_path, monkeypatch):
    def attempt(number):
        while True:
            signal.pause()

    monkeypatch.setattr(batch, "ASLEEP", 0.2)
    made = found(attempt, tmp_path, monkeypatch, range(4, 5))
    assert [(one.number, one.what[:6]) for one in made.found] == [(4, "asleep")]


@pytest.mark.parametrize("ends", [sys.exit, os._exit])
def test_a_try_that_ends_the_process_quietly_is_found(tmp_path, monkeypatch, ends):
    def attempt(number):
        if number in (2, 4):
            ends(0)

    made = found(attempt, tmp_path, monkeypatch)
    assert [(one.number, one.what) for one in made.found] == [
        (2, "ended with 0 early"),
        (4, "ended with 0 early"),
    ]
    assert (made.n_accepted, made.n_done) == (3, 5)


@pytest.mark.parametrize(("code", "sleeps"), [("while True: pass", False), ("input()", True)])
def test_a_process_that_wants_the_processor_does_not_sleep(code, sleeps):
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as child:
        sleep = Sleep(child.pid)
        wait_for(lambda: (sleep.seconds() > 0) == sleeps, child)
        child.send_signal(signal.SIGSTOP)  # as one that is starved, it is not let on
        state = Path(f"/proc/{child.pid}/stat")
        wait_for(lambda: state.read_text().split()[2] == "T", child)
        assert sleep.seconds() == 0
        child.kill()


def test_memory_is_limited(tmp_path, monkeypatch):
    def attempt(number):
        with pytest.raises(MemoryError):
            np.ones(2**32)
        raise FindingError(f"seen {number}")

    made = found(attempt, tmp_path, monkeypatch, range(7, 9))
    assert [(one.number, one.what) for one in made.found] == [(7, "seen 7"), (8, "seen 8")]
    assert "seen 7" in (tmp_path / "kept" / "here-7" / "story.txt").read_text()
