"""Raw text as features: counts of words, weighted by their rarity, each text scaled to unit length.

What a `Vectorizer` knows is plain arrays, which a model keeps. The counting is scikit-learn's, and
that is imported when the first text is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..base.checks import LARGEST_ID, check_integer
from ..base.files import Arrays, array_of, check_array, names_of
from ..base.options import Options, option
from .columns import Columns

WORD = r"[^\W_]+"  # a run of letters and digits


@dataclass(frozen=True, kw_only=True)
class Counted(Options):
    """A feature for each word that enough texts have.

    Parameters
    ----------
    min_rows : int
        Texts that must have a word for it to count.

    Examples
    --------
    >>> vectorizer, X = Counted(min_rows=2).fit(["a small cat", "a small dog"])
    >>> vectorizer.words, X.shape
    (('a', 'small'), (2, 2))
    """

    min_rows: int = option(2, check_integer, low=1)

    def fit(self, texts: Sequence[str]) -> tuple[Vectorizer, csr_array]:
        """Return what turns texts like these into features, and those of `texts`."""
        counter = _sklearn().CountVectorizer(
            token_pattern=WORD, min_df=self.min_rows, dtype=np.float32
        )
        try:
            counts = counter.fit_transform(texts)
        except ValueError as error:  # no word is left
            raise ValueError(
                f"no word occurs in {self.min_rows} of the {len(texts)} texts; give more text, or "
                "use Hashing() or --hash-words, which need no vocabulary"
            ) from error
        return _weighted(counts, tuple(counter.get_feature_names_out().tolist()))


@dataclass(frozen=True, kw_only=True)
class Hashing(Options):
    """A fixed number of features, shared by the words whose hash is the same; no vocabulary.

    Parameters
    ----------
    n_features : int

    Examples
    --------
    >>> vectorizer, X = Hashing(n_features=16).fit(["a small cat", "a small dog"])
    >>> vectorizer.words, X.shape
    (None, (2, 16))
    """

    n_features: int = option(2**18, check_integer, low=1, high=LARGEST_ID)

    def fit(self, texts: Sequence[str]) -> tuple[Vectorizer, csr_array]:
        """Return what turns texts like these into features, and those of `texts`."""
        return _weighted(_hashed(self.n_features).transform(texts), None)


@dataclass(frozen=True, eq=False)
class Vectorizer:
    """How the text of a training set became numbers, so that further text becomes the same.

    Parameters
    ----------
    idf : ndarray of float32, (n_features,)
        Weight of each feature: ln((1 + n) / (1 + rows that have it)) + 1 of n rows.
    words : tuple of str, or None
        The word of each feature, in ascending order; None where the hash of a word is its feature.
    columns : Columns
        Where the file of the training set kept texts and labels.
    """

    idf: NDArray[np.float32]
    words: tuple[str, ...] | None
    columns: Columns = field(default_factory=Columns)

    def fit(self, texts: Sequence[str]) -> tuple[Vectorizer, csr_array]:
        """Return this, which learns nothing more, and the features of `texts`."""
        return self, self(texts)

    def __call__(self, texts: Sequence[str]) -> csr_array:
        """Return the features of `texts`, (n, n_features); unknown words count nothing."""
        return csr_array(self._weights.transform(self._counter.transform(texts)))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Vectorizer)
            and self.words == other.words
            and np.array_equal(self.idf, other.idf)
        )

    @property
    def n_features(self) -> int:
        """Width of the features."""
        return len(self.idf)

    def to_dict(self) -> dict[str, Any]:
        """Return a description for JSON, to which `arrays` belong."""
        kind = {"type": "Hashing" if self.words is None else "Counted"}
        usual = self.columns in (Columns(), Columns(separator=","))
        return kind if usual else {**kind, "columns": self.columns.to_dict()}

    def arrays(self) -> Arrays:
        """Return what files keep of it."""
        words = {} if self.words is None else {"text.words": array_of(self.words)}
        return {"text.idf": self.idf, **words}

    @classmethod
    def from_arrays(
        cls, described: Mapping[str, Any], arrays: Arrays, n_features: int
    ) -> Vectorizer:
        """Make the vectorizer that `to_dict` and `arrays` described; raise if they are damaged."""
        check_array(arrays, "text.idf", (n_features,))
        columns = Columns.from_dict(described.get("columns", {}))
        if described["type"] == "Hashing":
            return cls(arrays["text.idf"], None, columns)
        if described["type"] != "Counted":
            raise ValueError(f"text of type {described['type']!r}")
        words = names_of(arrays["text.words"])
        if not all(isinstance(word, str) for word in words) or len(set(words)) != n_features:
            raise ValueError(f"text.words are not {n_features} distinct words")
        return cls(arrays["text.idf"], tuple(words), columns)

    def __repr__(self) -> str:
        kind = "hashed to" if self.words is None else "of"
        return f"words {kind} {self.n_features:,} features"

    @cached_property
    def _counter(self) -> Any:
        if self.words is None:
            return _hashed(self.n_features)
        return _sklearn().CountVectorizer(
            token_pattern=WORD, vocabulary=self.words, dtype=np.float32
        )

    @cached_property
    def _weights(self) -> Any:
        weights = _sklearn().TfidfTransformer()
        weights.idf_ = self.idf
        return weights


def _weighted(counts: Any, words: tuple[str, ...] | None) -> tuple[Vectorizer, csr_array]:
    weights = _sklearn().TfidfTransformer().fit(counts)
    vectorizer = Vectorizer(weights.idf_.astype(np.float32), words)
    return vectorizer, csr_array(vectorizer._weights.transform(counts))


def _hashed(n_features: int) -> Any:
    return _sklearn().HashingVectorizer(
        token_pattern=WORD, n_features=n_features, norm=None, alternate_sign=False, dtype=np.float32
    )


def _sklearn() -> ModuleType:
    try:
        from sklearn.feature_extraction import text
    except ImportError as error:
        raise ImportError(
            "raw text is read with scikit-learn: pip install 'fewfire[text]'"
        ) from error
    module: ModuleType = text
    return module


Words: TypeAlias = Counted | Hashing | Vectorizer
