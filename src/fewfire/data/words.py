"""Raw text as features: counts of terms, weighted by their rarity, each text scaled to unit length.

What a `Vectorizer` knows is plain arrays, which a model keeps. The core counts, in parallel over
texts; the features are those of scikit-learn's TfidfVectorizer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .. import _core
from ..base.checks import LARGEST_ID, check_flag, check_integer, thread_count
from ..base.files import Arrays, array_of, check_array, names_of
from ..base.options import option
from .analysis import Analysis, terms_of, words_of
from .columns import Columns
from .csr import make_csr

_FEW = 64  # texts, which one thread counts
_Counts: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True, repr=False)
class Counted(Analysis):
    """A feature for each term that enough texts have.

    The parameters of `Analysis`, which say what a term is, and:

    Parameters
    ----------
    min_rows : int
        Texts that must have a term for it to count.
    sublinear_tf : bool
        Let a term that a text has c times count 1 + ln c.

    Examples
    --------
    >>> vectorizer, X = Counted(min_rows=1, ngrams=(1, 2)).fit(["a small cat", "a dog"])
    >>> vectorizer.words
    ('a', 'a dog', 'a small', 'cat', 'dog', 'small', 'small cat')
    """

    min_rows: int = option(2, check_integer, low=1)
    sublinear_tf: bool = option(False, check_flag)

    def fit(self, texts: Sequence[str]) -> tuple[Vectorizer, csr_array]:
        """Return what turns texts like these into features, and those of `texts`."""
        analysis, n_threads = self.analysis, _threads(texts)
        found = _core.learn_terms(analysis.read(texts), analysis.core, self.min_rows, n_threads)
        terms, begins, n_texts, counts = found
        if not len(n_texts):
            raise ValueError(
                f"no word occurs in {self.min_rows} of the {len(texts)} texts; give more text, or "
                "use Hashing() or --hash-words, which need no vocabulary"
            )
        idf = _idf(n_texts, len(texts))
        vectorizer = Vectorizer(
            idf, words_of(terms, begins), analysis=analysis, sublinear_tf=self.sublinear_tf
        )
        return vectorizer, vectorizer.weighted(counts, n_threads)


@dataclass(frozen=True, kw_only=True, repr=False)
class Hashing(Analysis):
    """A fixed number of features, shared by the terms whose hash is the same; no vocabulary.

    The parameters of `Analysis`, which say what a term is, and:

    Parameters
    ----------
    n_features : int
    sublinear_tf : bool
        As for `Counted`.

    Examples
    --------
    >>> vectorizer, X = Hashing(n_features=16).fit(["a small cat", "a small dog"])
    >>> vectorizer.words, X.shape
    (None, (2, 16))
    """

    n_features: int = option(2**18, check_integer, low=1, high=LARGEST_ID)
    sublinear_tf: bool = option(False, check_flag)

    def fit(self, texts: Sequence[str]) -> tuple[Vectorizer, csr_array]:
        """Return what turns texts like these into features, and those of `texts`."""
        analysis, n_threads = self.analysis, _threads(texts)
        counts = _core.hash_terms(analysis.read(texts), analysis.core, self.n_features, n_threads)
        idf = _idf(np.bincount(counts[1], minlength=self.n_features), len(texts))
        vectorizer = Vectorizer(idf, None, analysis=analysis, sublinear_tf=self.sublinear_tf)
        return vectorizer, vectorizer.weighted(counts, n_threads)


@dataclass(frozen=True, eq=False)
class Vectorizer:
    """How the text of a training set became numbers, so that further text becomes the same.

    Parameters
    ----------
    idf : ndarray of float32, (n_features,)
        Weight of each feature: ln((1 + n) / (1 + rows that have it)) + 1 of n rows.
    words : tuple of str, or None
        The term of each feature, in ascending order; None where the hash of a term is its feature.
    columns : Columns
        Where the file of the training set kept texts and labels.
    analysis : Analysis
        What a term is.
    sublinear_tf : bool
        Whether c of a term count 1 + ln c.
    """

    idf: NDArray[np.float32]
    words: tuple[str, ...] | None
    columns: Columns = field(default_factory=Columns)
    analysis: Analysis = field(default_factory=Analysis)
    sublinear_tf: bool = False

    def fit(self, texts: Sequence[str]) -> tuple[Vectorizer, csr_array]:
        """Return this, which learns nothing more, and the features of `texts`."""
        return self, self(texts)

    def __call__(self, texts: Sequence[str]) -> csr_array:
        """Return the features of `texts`, (n, n_features); unknown words count nothing."""
        own, n_threads = self.analysis, _threads(texts)
        read = own.read(texts)
        if self._terms is None:
            counts = _core.hash_terms(read, own.core, self.n_features, n_threads)
        else:
            counts = _core.count_terms(read, own.core, self._terms, n_threads)
        return self.weighted(counts, n_threads)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Vectorizer)
            and self.words == other.words
            and self.analysis == other.analysis
            and self.sublinear_tf == other.sublinear_tf
            and np.array_equal(self.idf, other.idf)
        )

    @property
    def n_features(self) -> int:
        """Width of the features."""
        return len(self.idf)

    def to_dict(self) -> dict[str, Any]:
        """Return a description for JSON, to which `arrays` belong."""
        described: dict[str, Any] = {"type": "Hashing" if self.words is None else "Counted"}
        if self.columns not in (Columns(), Columns(separator=",")):
            described["columns"] = self.columns.to_dict()
        if changed := self.analysis.changed():
            described["analysis"] = changed
        if self.sublinear_tf:
            described["sublinear_tf"] = True
        return described

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
        sublinear_tf = described.get("sublinear_tf", False)
        check_flag("sublinear_tf", sublinear_tf)
        own = (
            Columns.from_dict(described.get("columns", {})),
            Analysis.from_dict(described.get("analysis", {})),
            sublinear_tf,
        )
        if described["type"] == "Hashing":
            return cls(arrays["text.idf"], None, *own)
        if described["type"] != "Counted":
            raise ValueError(f"text of type {described['type']!r}")
        words = names_of(arrays["text.words"])
        if not all(isinstance(word, str) for word in words) or len(set(words)) != n_features:
            raise ValueError(f"text.words are not {n_features} distinct words")
        return cls(arrays["text.idf"], tuple(words), *own)

    def __repr__(self) -> str:
        kind = "hashed to" if self.words is None else "of"
        unit = "words" if self.analysis.analyzer == "word" else "characters"
        grams = "" if self.analysis.ngrams == (1, 1) else f"n-grams {self.analysis.ngrams} of "
        return f"{grams}{unit} {kind} {self.n_features:,} features"

    def weighted(self, counts: _Counts, n_threads: int) -> csr_array:
        """Return features of counts of terms, in the arrays of these."""
        indptr, indices, values = counts
        _core.weigh_terms(indptr, indices, values, self.idf, self.sublinear_tf, n_threads)
        return make_csr(values, indices, indptr, (len(indptr) - 1, self.n_features))

    @cached_property
    def _terms(self) -> _core.Terms | None:
        return None if self.words is None else terms_of(self.words)


def _idf(n_texts: NDArray[np.int64], n: int) -> NDArray[np.float32]:
    """Return ln((1 + n) / (1 + texts that have a term)) + 1."""
    ratios = np.float32(n + 1) / (n_texts.astype(np.float32) + 1)
    return np.asarray(np.log(ratios) + 1, np.float32)


def _threads(texts: Sequence[str]) -> int:
    return thread_count(None) if len(texts) > _FEW else 1


Words: TypeAlias = Counted | Hashing | Vectorizer
