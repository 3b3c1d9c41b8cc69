"""Commands that ended in a traceback, too late, or wrote to the terminal what it obeys."""

from __future__ import annotations

import numpy as np

import fewfire as ff

from ..attempt import Attempt
from ..command import run
from ..texts import TEXTS

HOSTILE = ["\x1b]0;title\x07", "a\rb", "tab\there", "new\nline", "nul\0", "\u202eright to left"]
_CONTROLS = [chr(code) for code in (*range(9), *range(11, 32), 127, 0x9B, 0x202E)]


def names_on_the_terminal(attempt: Attempt) -> None:
    """Names from a file do not command the terminal, nor make lines or columns."""
    X = np.eye(len(HOSTILE), dtype=np.float32)
    data = ff.Dataset(X, HOSTILE)
    net = ff.Network(ff.Linear(len(HOSTILE), len(HOSTILE)))
    ff.Trainer(net, max_epochs=1, n_jobs=1).fit(data)
    net.save(attempt.folder / "model")
    (attempt.folder / "data.txt").write_text("".join(f"0 {i}:1\n" for i in range(len(HOSTILE))))
    run(attempt, attempt.folder, "inspect", "model")
    answers = run(attempt, attempt.folder, "predict", "model", "data.txt", "-k", "2")
    attempt.demand("a control character", not any(c in answers.out for c in _CONTROLS))
    lines = answers.out.splitlines()
    n_columns = {line.count("\t") for line in lines}
    attempt.demand("not a line per example", len(lines) in (len(HOSTILE), len(HOSTILE) + 1))
    attempt.demand("not as many columns in each line", len(n_columns) == 1)


def odd_numbers(attempt: Attempt) -> None:
    (attempt.folder / "data.txt").write_text(TEXTS["classes"])
    for value in ("nan", "inf", "-inf", "1e400"):
        _refuses(attempt, "--memory", value)
        for option in ("--density", "--rerank", "--lr"):
            more = ["--optimizer", "sgd"] if option == "--lr" else []
            _refuses(attempt, option, value, *more)
    for option in ("--memory", "--batch-size", "--n-jobs", "--bag"):
        _refuses(attempt, option, "9" * 400)


def _refuses(attempt: Attempt, option: str, value: str, *more: str) -> None:
    ended = run(attempt, attempt.folder, "train", "data.txt", option, value, *more)
    attempt.demand(f"{option} {value:.20} is taken", ended.code in (1, 2))


def odd_values_in_settings(attempt: Attempt) -> None:
    (attempt.folder / "data.txt").write_text(TEXTS["classes"])
    for line in (
        "hidden = [inf]", "hidden = [nan]", "hidden = [[]]", "max_epochs = []", "density = []",
        "memory = []", "memory = [1]", "val = []", "output = []", "seed = {}", "loss = []",
    ):  # fmt: skip
        text = f'data = "data.txt"\n{line}\n'
        (attempt.folder / "settings.toml").write_text(text)
        ended = run(attempt, attempt.folder, "train", "settings.toml")
        attempt.demand(f"{line} is taken", ended.code in (1, 2))


def outputs_that_cannot_be_written(attempt: Attempt) -> None:
    """They are told before anything is trained."""
    (attempt.folder / "data.txt").write_text(TEXTS["classes"])
    (attempt.folder / "folder").mkdir()
    places = ["folder", "nowhere/x"]
    for option in ("--output", "--checkpoint"):
        for place in places:
            words = ["train", "data.txt", "--hidden", "4", option, place]
            ended = run(attempt, attempt.folder, *words)
            attempt.demand(f"{option} {place} is taken", ended.code in (1, 2))
            attempt.demand(f"{option} {place}: told too late", "epoch 1/" not in ended.err)


SEEDS = [
    names_on_the_terminal,
    odd_numbers,
    odd_values_in_settings,
    outputs_that_cannot_be_written,
]
