"""Options of `fewfire train` that say what counts in raw text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from .. import datasets
from .common import PATH
from .numbers import COUNT

_NAMES = ("ngrams", "analyzer", "stop_words", "sublinear_tf")


def text_options(option: Callable[..., Any]) -> list[Any]:
    """Return the options of `vectorizer_of`, each made by `option`."""
    return [
        option("--hash-words", type=COUNT,
               help="DATA is raw text: give its words N features by their hashes, and keep no "
                    "vocabulary."),
        option("--min-df", type=COUNT,
               help="Texts that must have a word for it to count; default: 2."),
        option("--ngrams", metavar="N,N", callback=_pair,
               help="1,2: pairs of neighbouring words count, too; 3,5: of --analyzer char."),
        option("--analyzer", type=click.Choice(["word", "char", "char_wb"]),
               help="n-grams of words, of characters, or of the characters of each word."),
        option("--stop-words", type=PATH, metavar="FILE",
               help="Words that do not count, a line each; english: those of scikit-learn."),
        option("--sublinear-tf", is_flag=True,
               help="A word that a text has c times counts 1 + ln c."),
    ]  # fmt: skip


def vectorizer_of(options: Mapping[str, Any]) -> datasets.Counted | datasets.Hashing | None:
    """Return what options ask for; None if they ask for nothing."""
    chosen = {name: value for name in _NAMES if (value := options[name])}
    if "stop_words" in chosen:
        chosen["stop_words"] = _words(chosen["stop_words"])
    n_features, min_rows = options["hash_words"], options["min_df"]
    if n_features is not None and min_rows is not None:
        raise click.UsageError("--hash-words keeps no vocabulary: leave out --min-df")
    try:
        if n_features is not None:
            return datasets.Hashing(n_features=n_features, **chosen)
        if min_rows is not None:
            chosen["min_rows"] = min_rows
        return datasets.Counted(**chosen) if chosen else None
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _pair(context: click.Context, parameter: click.Parameter, value: str | None) -> Any:
    if value is None:
        return None
    try:
        low, high = map(int, value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not two whole numbers like 1,2") from None
    return low, high


def _words(path: Path) -> Any:
    if str(path) == "english" and not path.exists():
        return "english"
    return [name for name in path.read_text("utf-8").splitlines() if name.strip()]
