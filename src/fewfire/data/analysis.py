"""What counts in a text: n-grams of its words or of its characters, as scikit-learn finds them; and
texts as the core reads them.

Python says what is lower case, a letter or a blank, so that all of its Unicode is as it has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..base.checks import check_choice, check_flag, check_integer
from ..base.options import Options, option

_UNITS, _TOKENS = ("word", "char", "char_wb"), ("letters", "words")
_MOST = 100  # words or characters of an n-gram
_ENDS = (0x80, 0x10000, 0x110000)  # of ASCII, of what three bytes hold, of Unicode


def _check_ngrams(name: str, ngrams: Any) -> tuple[int, int]:
    try:
        low, high = ngrams
    except (TypeError, ValueError):
        raise ValueError(f"{name} are a pair, such as (1, 2), got {ngrams!r}") from None
    low = check_integer(f"the lower of {name}", low, low=1, high=_MOST)
    return low, check_integer(f"the higher of {name}", high, low=low, high=_MOST)


def _check_stop_words(name: str, words: Any) -> tuple[str, ...]:
    if words == "english":
        return _english()
    if isinstance(words, str) or not isinstance(words, Iterable):
        raise TypeError(f'{name} are a list of words, or "english", got {words!r}')
    found = tuple(sorted({word.strip() for word in words if isinstance(word, str)} - {""}))
    if not found:
        raise ValueError(f"{name} hold no word: leave them out")
    return found


@dataclass(frozen=True, kw_only=True, repr=False)
class Analysis(Options):
    """What counts in a text.

    Parameters
    ----------
    analyzer : {"word", "char", "char_wb"}
        n-grams of words, of characters, or of the characters of each word, with a blank at each
        end of it.
    ngrams : (int, int)
        The fewest and the most words, or characters, of an n-gram.
    token : {"letters", "words"}
        What a word is: a run of letters and digits; or, as in scikit-learn, a run of two or more
        letters, digits and underscores.
    stop_words : sequence of str or "english", optional
        Words that do not count; those of scikit-learn, which must then be installed.
    lowercase : bool
    """

    analyzer: str = option("word", check_choice, choices=_UNITS)
    ngrams: tuple[int, int] = option((1, 1), _check_ngrams)
    token: str = option("letters", check_choice, choices=_TOKENS)
    stop_words: Sequence[str] | str | None = option(None, _check_stop_words)
    lowercase: bool = option(True, check_flag)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.analyzer != "word" and (self.stop_words is not None or self.token != "letters"):
            raise ValueError(
                f'analyzer="{self.analyzer}" finds no words: leave out stop_words and token'
            )

    @property
    def analysis(self) -> Analysis:
        """Return this alone, without what a class made of it has besides."""
        return Analysis(**{each.name: getattr(self, each.name) for each in fields(Analysis)})

    def changed(self) -> dict[str, Any]:
        """Return the options that are not as by default, for JSON.

        >>> Analysis(ngrams=(1, 2)).changed()
        {'ngrams': (1, 2)}
        """
        own = {each.name: (getattr(self, each.name), each.default) for each in fields(Analysis)}
        return {name: value for name, (value, default) in own.items() if value != default}

    @classmethod
    def from_dict(cls, described: Mapping[str, Any]) -> Analysis:
        """Make what `changed` described; raise if it is damaged."""
        return Analysis(**described)

    @cached_property
    def core(self) -> _core.Analysis:
        """What the core knows of it."""
        stop = () if self.stop_words is None else self.stop_words
        least = 2 if self.token == "words" else 1
        return _core.Analysis(self.analyzer, *self.ngrams, least, terms_of(stop))

    def read(self, texts: Sequence[str]) -> _core.Texts:
        """Return texts as the core reads them.

        A surrogate without its other half is kept as it is.
        """
        raw = [(text.lower() if self.lowercase else text) for text in texts]
        bytes_, begins = _joined(raw)
        widest = int(bytes_.max(initial=0))
        end = _ENDS[(widest >= 0x80) + (widest >= 0xF0)]
        return _core.Texts(bytes_, begins, _kinds(end, self.token == "words"))


def terms_of(words: Sequence[str]) -> _core.Terms:
    """Return words as the core looks them up."""
    return _core.Terms(*_joined(words))


def words_of(bytes_: NDArray[np.uint8], begins: NDArray[np.int64]) -> tuple[str, ...]:
    """Return the words that lie one behind the other.

    >>> words_of(*_joined(["a", "ü"]))
    ('a', 'ü')
    """
    raw, ends = bytes_.tobytes(), begins.tolist()
    return tuple(raw[begin:end].decode("utf-8", "surrogatepass") for begin, end in pairwise(ends))


def _joined(words: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    parts = [word.encode("utf-8", "surrogatepass") for word in words]
    begins = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=begins[1:])
    return np.frombuffer(b"".join(parts), np.uint8), begins


@cache
def _kinds(end: int, with_underscore: bool) -> NDArray[np.uint8]:
    """Return of each character below `end` whether it is of words, 1, or a blank, 2."""
    kinds = np.frombuffer(bytes(map(str.isalnum, map(chr, range(end)))), np.uint8).copy()
    blanks = np.frombuffer(bytes(map(str.isspace, map(chr, range(end)))), bool)
    kinds[blanks] = 2
    kinds[ord("_")] = with_underscore
    return kinds


def _english() -> tuple[str, ...]:
    try:
        from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
    except ImportError as error:
        raise ImportError(
            "the English stop words are those of scikit-learn: pip install 'fewfire[text]', or "
            "give a list of words"
        ) from error
    return tuple(sorted(ENGLISH_STOP_WORDS))
