"""The real command line: `fewfire train` of a settings file with any of its options and odd values,
and the other commands with options as odd."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import click

import fewfire as ff
from fewfire import cli

from . import mutate, settings
from .attempt import Attempt
from .bases import trained
from .command import Ended, run
from .draw import Draw
from .texts import NAMES, RAW, TEXTS, WIDTH

FILES = {
    "classes.txt": TEXTS["classes"],
    "lists.txt": TEXTS["header"],
    "values.txt": TEXTS["values"],
    "raw.tsv": RAW,
    "names.txt": NAMES,
}
MADE = ("network.safetensors", "tagger.safetensors", "data.safetensors")
PATHS = [*FILES, *MADE, "", ".", "/", "nowhere/at/all", "/dev/null", "a\0b", "ä", "x" * 300, "out"]
SMALL: dict[str, Any] = {
    **settings.SMALL,
    "hidden": ["", "5", "4,3", [4], [], [3, 3]], "max_epochs": [1, 2], "bag": [0, 3, 8],
    "batch_size": [1, 4], "val_size": [1, 3, 5], "patience": [1, 2], "seed": [0, 1, 7],
    "n_jobs": [1, 2], "memory": ["1G", "100M", 10**9], "hash_words": [8, 32],
    "monitor_gates": [1, 3], "k": [1, 2], "input_dropout": [0.0, 0.5], "dropout": [0.0, 0.5],
    "metrics": ["P@1", "accuracy"],
}  # fmt: skip
ODD = [
    *mutate.NUMBERS, "", "yes", "true", "1,2,x", ",", "-1,-1", "1e400", "\x1b]0;evil\x07", "a b",
    "1T", "99999999999G",
]  # fmt: skip
OTHERS = ("evaluate", "predict", "inspect", "convert")


@cache
def prepare() -> dict[str, bytes]:
    """Return the files that commands are given."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in FILES.items():
            (folder / file).write_text(text)
        data = ff.datasets.load(folder / "classes.txt")
        trained(data, ff.Linear(WIDTH, 5, "relu"), ff.Linear(5, data.n_labels)).save(
            folder / MADE[0]
        )
        lists = ff.datasets.load(folder / "lists.txt")
        ff.Tagger("fast", max_epochs=1, n_jobs=1).fit(lists).save(folder / MADE[1])
        ff.datasets.convert(folder / "lists.txt", folder / MADE[2])
        ff.datasets.load_text(folder / "raw.tsv")  # scikit-learn takes seconds to import
        return {path.name: path.read_bytes() for path in folder.iterdir()}


def attempt(draw: Draw, attempt: Attempt) -> None:
    """Run a command, and look at what it leaves."""
    for name, content in prepare().items():
        (attempt.folder / name).write_bytes(content)
    other = draw.one_in(3)
    words = _words(draw) if other else _settings(draw, attempt)
    ended = run(attempt, attempt.folder, *words)
    attempt.refused = ended.code != 0
    if ended.code == 0 and "--json" in words:
        attempt.demand("no JSON on stdout", isinstance(json.loads(ended.out), dict | list))
    _told(attempt, ended)
    out = attempt.folder / "out"
    if out.is_file() and words[0] == "train":
        attempt.ask("load what was trained", lambda: ff.load(out))
        attempt.demand("what was trained cannot be loaded", not attempt.refused or ended.code != 0)


def _told(attempt: Attempt, ended: Ended) -> None:
    """Bad input is told in one short line, without what a terminal would obey."""
    if ended.code not in (1, 2):
        return
    lines = [line for line in ended.err.splitlines() if "rror" in line]
    attempt.demand("no line tells of the error", bool(lines))
    attempt.demand("an error of more than 1000 characters", len(lines[-1]) <= 1000)
    attempt.demand("a control character on the terminal", "\x1b" not in ended.err + ended.out)


def _settings(draw: Draw, attempt: Attempt) -> list[str]:
    """Write a settings file; return the words that train by it."""
    given: dict[str, Any] = {
        "data": draw.one_of(list(FILES)[:4]),
        "output": "out",
        "max_epochs": 1,
        "n_jobs": 1,
        "hidden": draw.one_of(["5", "4,3", [4]]),
    }
    if draw.one_in(2):
        del given["hidden"]
    names = {option.name: option for option in _options("train")}
    for name in draw.some_of(sorted(names), draw.between(1, 4)):
        given[name] = _value(draw, names[name])
    if draw.one_in(8):
        given[draw.one_of(["", "no-option", "data", "Ä", "max-epochs"])] = mutate.scalar(draw)
    text = "".join(f"{_key(name)} = {_toml(value)}\n" for name, value in given.items())
    if draw.one_in(10):
        changed, done = mutate.words(draw, text.encode())
        attempt.note(done)
    else:
        changed = text.encode()
    attempt.note(text)
    (attempt.folder / "settings.toml").write_bytes(changed)
    return ["train", "settings.toml", *(["--json"] if draw.one_in(4) else [])]


def _words(draw: Draw) -> list[str]:
    """Return the words of another command."""
    command = draw.one_of(OTHERS)
    words = [command]
    for parameter in cli.commands.commands[command].params:
        if isinstance(parameter, click.Argument):
            words.append(_file(draw, parameter.name or ""))
        elif isinstance(parameter, click.Option) and draw.one_in(3) and parameter.name != "help":
            words.append(parameter.opts[0])
            if not parameter.is_flag:
                words.append(str(_value(draw, parameter)))
    return [word.replace("\0", "") for word in words]


def _file(draw: Draw, name: str) -> str:
    if draw.one_in(6):
        return draw.one_of(PATHS)
    fitting = {"model": MADE[:2], "target": ("out",), "output": ("out",)}
    return draw.one_of(fitting.get(name, list(FILES)[:4]))


def _options(command: str) -> list[click.Option]:
    params = cli.commands.commands[command].params
    return [each for each in params if isinstance(each, click.Option) and each.name != "help"]


def _value(draw: Draw, option: click.Option) -> Any:
    """Return a value for an option: of its kind, or now and then of none."""
    if draw.one_in(8):
        return draw.one_of(ODD)
    if draw.one_in(8):
        return mutate.scalar(draw)
    if isinstance(option.type, click.Choice):
        return draw.one_of([str(choice) for choice in option.type.choices])
    if isinstance(option.type, click.Path):
        return draw.one_of(PATHS)
    if option.is_flag:
        return draw.one_in(2)
    return draw.one_of(SMALL.get(option.name or "", [0, 1, 0.5]))


def _key(name: str) -> str:
    plain = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if plain else json.dumps(name)


def _toml(value: Any) -> str:
    """Return a value as TOML writes it."""
    if value is None:
        return "1979-05-27"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, dict):
        return "{}"
    if isinstance(value, str):
        return json.dumps(value.encode("utf-8", "replace").decode())
    return repr(value)
