"""Terms of texts are those of scikit-learn, for any text, analyzer and number of threads."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from fewfire.data import words as module
from fewfire.data.analysis import Analysis
from fewfire.data.words import Counted, Hashing, Vectorizer

text = pytest.importorskip("sklearn.feature_extraction.text", reason="compares with scikit-learn")

PIECES = ["a", "Bb", "c3", "ü", "x_y", "Straße", "ΣΑΣ", "İx", "ﬁ", "日本", "²", "é", "🙂", "٣"]
PIECES += ["\U0001d4b3"]
BLANKS = [" ", "  ", "\t", "\n\n", "\u00a0", "\u3000", "-", "\x1f", "\u200b"]
ANY = st.text(max_size=30) | st.lists(st.sampled_from(PIECES + BLANKS), max_size=12).map("".join)
TEXTS = st.lists(ANY, min_size=1, max_size=6)
NGRAMS = st.tuples(st.integers(1, 4), st.integers(0, 3)).map(lambda x: (x[0], x[0] + x[1]))
STOP = st.none() | st.lists(st.sampled_from(["a", "bb", "straße", "日本"]), min_size=1)
OPTIONS = st.fixed_dictionaries(
    {"analyzer": st.sampled_from(["char", "char_wb"]), "ngrams": NGRAMS, "lowercase": st.booleans()}
) | st.fixed_dictionaries(
    {
        "ngrams": NGRAMS,
        "lowercase": st.booleans(),
        "token": st.sampled_from(["letters", "words"]),
        "stop_words": STOP,
    }
)
PATTERNS = {"letters": r"[^\W_]+", "words": r"(?u)\b\w\w+\b"}


def theirs(kind, options, **more):
    own = {"token": "letters", **options}
    pattern = PATTERNS[own.pop("token")]
    stop = own.pop("stop_words", None)
    return kind(
        ngram_range=own.pop("ngrams"), token_pattern=pattern, stop_words=stop, **own, **more
    )


@pytest.mark.filterwarnings("ignore")  # of stop words that it finds inconsistent
@given(texts=TEXTS, options=OPTIONS, min_rows=st.integers(1, 2), sublinear=st.booleans())
@example(texts=["a" * 3, "a\ud800b"], options={"analyzer": "char", "ngrams": (1, 2)}, min_rows=1,
         sublinear=False)  # fmt: skip
def test_counted_terms_are_those_of_scikit_learn(texts, options, min_rows, sublinear):
    twin = theirs(text.TfidfVectorizer, options, min_df=min_rows, sublinear_tf=sublinear,
                  dtype=np.float32)  # fmt: skip
    ours = Counted(min_rows=min_rows, sublinear_tf=sublinear, **options)
    try:
        wanted = twin.fit_transform(texts)
    except ValueError:
        with pytest.raises(ValueError, match="no word occurs"):
            ours.fit(texts)
        return
    vectorizer, X = ours.fit(texts)
    assert vectorizer.words == tuple(twin.get_feature_names_out())
    assert_allclose(X.toarray(), wanted.toarray(), rtol=1e-6, atol=1e-7)
    assert_array_equal(vectorizer(texts).toarray(), X.toarray())


@pytest.mark.filterwarnings("ignore")
@given(texts=st.lists(ANY.filter(lambda own: own.isprintable()), min_size=1), options=OPTIONS)
def test_hashed_terms_are_those_of_scikit_learn(texts, options):
    twin = theirs(text.HashingVectorizer, options, n_features=97, norm=None, alternate_sign=False,
                  dtype=np.float32)  # fmt: skip
    counts = twin.transform(texts)
    _, X = Hashing(n_features=97, **options).fit(texts)
    weights = text.TfidfTransformer().fit(counts)
    assert_allclose(X.toarray(), weights.transform(counts).toarray(), rtol=1e-6, atol=1e-7)


def test_the_number_of_threads_changes_nothing(monkeypatch):
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(PIECES, 9)) for _ in range(700)]
    found = []
    for n_threads in (1, 2, 5):
        monkeypatch.setattr(module, "_threads", lambda texts, n=n_threads: n)
        vectorizer, X = Counted(ngrams=(1, 2)).fit(texts)
        found.append((vectorizer, X))
        assert_array_equal(vectorizer(texts).data, X.data)
    for vectorizer, X in found[1:]:
        assert vectorizer == found[0][0]
        assert (found[0][1] != X).nnz == 0


def test_what_a_term_is_goes_through_a_description():
    analysis = Analysis(ngrams=[1, 2], stop_words=["the", "a"], token="words")
    vectorizer = Vectorizer(
        np.ones(2, np.float32), ("b", "c"), analysis=analysis, sublinear_tf=True
    )
    made = Vectorizer.from_arrays(vectorizer.to_dict(), vectorizer.arrays(), 2)
    assert made == vectorizer
    assert made.analysis == analysis
    assert Analysis.from_dict({}) == Analysis()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"analyzer": "line"}, "analyzer must be one of word, char, char_wb"),
        ({"ngrams": (2, 1)}, "the higher of ngrams must be at least 2"),
        ({"ngrams": 2}, r"ngrams are a pair, such as \(1, 2\), got 2"),
        ({"stop_words": [" "]}, "stop_words hold no word"),
        ({"analyzer": "char", "stop_words": ["a"]}, "finds no words: leave out stop_words"),
        ({"analyzer": "char", "token": "words"}, "finds no words"),
    ],
)
def test_wrong_options_are_refused_by_name(options, said):
    with pytest.raises(ValueError, match=said):
        Counted(**options)


def test_stop_words_of_scikit_learn_go_by_english():
    assert set(Analysis(stop_words="english").stop_words) == set(text.ENGLISH_STOP_WORDS)
