"""Data files that lie, and files that are written where something else is."""

from __future__ import annotations

import gzip
import os
import resource
import stat
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fewfire import datasets

from ..attempt import REFUSED, Attempt
from ..bases import bagged
from .arrays import POINTERS

BOMB = 400 * 2**20  # bytes of zeros, which are 400 kB packed
ROOM = 250 * 2**20  # more memory than that is nobody's need to read a small file


def _refused(attempt: Attempt, path: Path, **options: Any) -> None:
    answer = attempt.ask(f"load {path.name}", lambda: datasets.load(path, **options), file=path)
    attempt.demand(f"{path.name} is taken", answer is REFUSED)


def pointers_in_npz(attempt: Attempt) -> None:
    """An npz of 1 kB that wrote beyond an array."""
    good = {"X": ([1.0], [0], [0, 1, 1], [2, 3]), "y": ([1.0], [0], [0, 1, 1], [2, 3])}
    for number, indptr in enumerate(POINTERS.values()):
        for damaged in ("X", "y"):
            arrays = {}
            for name, (data, ids, begins, shape) in good.items():
                arrays |= {
                    f"{name}_data": np.array(data, "f4"),
                    f"{name}_indices": np.array(ids, "i4"),
                    f"{name}_indptr": np.array(indptr if name == damaged else begins),
                    f"{name}_shape": np.array(shape),
                }
            path = attempt.folder / f"{damaged}{number}.npz"
            np.savez(path, **arrays)
            _refused(attempt, path)
        path = attempt.folder / f"scipy{number}.npz"
        data, ids, _, shape = good["X"]
        np.savez(
            path,
            data=np.array(data),
            indices=np.array(ids),
            indptr=indptr,
            shape=shape,
            format=b"csr",
        )
        _refused(attempt, path)


def scalars_in_npz(attempt: Attempt) -> None:
    X, y = np.ones((2, 3), np.float32), np.array([0, 1])
    wrong: dict[str, dict[str, Any]] = {
        "n_labels": {"n_labels": np.array([2, 2])},
        "n_labels_text": {"n_labels": np.array("x")},
        "y": {"y": np.float32(1)},
        "y_text": {"y": np.array("x")},
        "X": {"X": np.float32(1)},
        "X_text": {"X": np.array("x")},
        "names": {"label_names": np.array("x")},
        "names_twice": {"label_names": np.array(["x", "x"])},
    }
    for name, arrays in wrong.items():
        path = attempt.folder / f"{name}.npz"
        np.savez(path, **{"X": X, "y": y, **arrays})
        _refused(attempt, path)


def cut_npz(attempt: Attempt) -> None:
    """A directory of an archive that begins before the file does."""
    path = attempt.folder / "cut.npz"
    np.savez(path, X=np.ones((40, 3), np.float32))
    content = path.read_bytes()
    for begin in range(0, len(content), 37):
        path.write_bytes(content[:begin] + content[begin + 20 :])
        attempt.ask(f"load without bytes from {begin}", lambda: datasets.load(path), file=path)


def _bomb(path: Path, begin: bytes) -> None:
    zeros = gzip.compress(bytes(16 * 2**20), 9)
    path.write_bytes(gzip.compress(begin) + zeros * (BOMB // (16 * 2**20)))


def _without_much_memory(attempt: Attempt, path: Path, read: Callable[[Path], Any]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = attempt.ask(f"read {path.name}", lambda: read(path), file=path)
    took = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    attempt.demand(f"{path.name} is taken", answer is REFUSED)
    attempt.demand(f"{path.name} takes {took >> 20} MB", took <= ROOM)


def bombs(attempt: Attempt) -> None:
    """Small gzip files of much more than their headers announce."""
    images = attempt.folder / "images-idx3-ubyte.gz"
    _bomb(images, bytes([0, 0, 8, 3]) + struct.pack(">3I", 2, 2, 3))
    _without_much_memory(attempt, images, datasets.load)
    names = attempt.folder / "names.txt.gz"
    _bomb(names, b"cat\ndog\n")
    _without_much_memory(attempt, names, datasets.load_names)


def ends_of_lines(attempt: Attempt) -> None:
    """Text that was read in one way and refused in the other."""
    for number, text in enumerate(
        ("2 4 3\r\r\n0 1:1\n1 2:1\n", "2 4 3\r0 1:1\n1 2:1\n", "\ufeff2 4 3\n0 1:1\n1 2:1\n")
    ):
        path, made = attempt.folder / f"text{number}.txt", attempt.folder / "made.safetensors"
        path.write_text(text, newline="")
        load = attempt.ask("load", lambda path=path: datasets.load(path), file=path)
        done = attempt.ask("convert", partial(datasets.convert, path, made), file=path)
        attempt.demand("load and convert disagree", (load is REFUSED) == (done is REFUSED))


def commas_in_comments(attempt: Attempt) -> None:
    path = attempt.folder / "fruit.txt"
    path.write_text("1 1:0.5 3:2 # apples, pears\n0 2:1 # plums\n")
    data = attempt.ask("load", lambda: datasets.load(path), file=path)
    attempt.demand("a comma in a comment makes label lists", data.kind == "classes")


def byte_order_marks(attempt: Attempt) -> None:
    for number, text in enumerate(("1 1:1\n0 2:1\n", "2 4 3\n0 1:1\n1 2:1\n")):
        path = attempt.folder / f"mark{number}.txt"
        path.write_text(f"\ufeff{text}")
        data = attempt.ask("load", lambda path=path: datasets.load(path), file=path)
        attempt.demand("a byte order mark is no data", data is not REFUSED and len(data) == 2)


def saving_where_no_file_is(attempt: Attempt) -> None:
    """What is no file stays what it is."""
    pipe, link = attempt.folder / "pipe", attempt.folder / "link"
    os.mkfifo(pipe)
    attempt.ask("save to a pipe", lambda: bagged().save(pipe))
    attempt.demand("a pipe was replaced", stat.S_ISFIFO(pipe.stat().st_mode))
    link.symlink_to("/dev/null")
    attempt.ask("save to a device", lambda: bagged().save(link))
    attempt.demand("a device was replaced", stat.S_ISCHR(os.stat("/dev/null").st_mode))


def saving_over_a_private_file(attempt: Attempt) -> None:
    path = attempt.folder / "private"
    bagged().save(path)
    path.chmod(0o600)
    bagged().save(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    attempt.demand("a private file became readable", mode == 0o600)


def saving_beside_a_trap(attempt: Attempt) -> None:
    """A link under a name that could be foreseen is not followed."""
    victim, path = attempt.folder / "victim", attempt.folder / "model"
    victim.write_text("mine")
    (attempt.folder / f".{path.name}.{os.getpid()}.part").symlink_to(victim)
    attempt.ask("save", lambda: bagged().save(path))
    attempt.demand("a link was followed", victim.read_bytes() == b"mine")
    attempt.demand("the model became a link", not path.is_symlink())


def saving_without_room(attempt: Attempt) -> None:
    """The error names the file, the old one stays, and nothing is left beside it."""
    path = attempt.folder / "full.safetensors"
    bagged().save(path)
    before = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        answer = attempt.ask("save", lambda: bagged().save(path), file=path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    attempt.demand("saved without room", answer is REFUSED)
    attempt.demand("the old file is gone", path.read_bytes() == before)
    left = [each.name for each in attempt.folder.iterdir() if each.name.startswith(".")]
    attempt.demand(f"left behind: {left}", not left)


SEEDS = [
    pointers_in_npz,
    scalars_in_npz,
    cut_npz,
    bombs,
    ends_of_lines,
    commas_in_comments,
    byte_order_marks,
    saving_where_no_file_is,
    saving_over_a_private_file,
    saving_beside_a_trap,
    saving_without_room,
]
