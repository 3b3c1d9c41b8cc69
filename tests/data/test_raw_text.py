"""Raw text: what a training set makes of it, a model keeps; each wrong line is named."""

import gzip
import math
import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

import fewfire as ff
from commands import run
from fewfire.datasets import Counted, Hashing, load_text

LINES = [
    "A small cat sleeps\tcat,small",
    "the small dog, the dog sleeps\tdog,small",
    "a dog and a cat\tcat,dog",
    "Straße 7 ist gesperrt: the dog sleeps\tdog",
]
WORDS = [Counted(), Hashing(n_features=64)]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "pets.tsv"
    path.write_text("\n".join(LINES) + "\n")
    return path


def trained(data):
    bag = ff.EmbeddingBag(data.n_features, 8)
    net = ff.Network(bag, ff.Linear(8, data.n_labels), random_state=0)
    ff.Trainer(net, max_epochs=20, n_jobs=1, verbose=False).fit(data)
    return net


def tf_idf(texts, min_rows):
    """The twin: count x (ln((1 + n) / (1 + df)) + 1), rows of unit length."""
    counted = [Counter(re.findall(r"[^\W_]+", text.lower())) for text in texts]
    df = Counter(word for counts in counted for word in counts)
    words = sorted(word for word, n in df.items() if n >= min_rows)
    X = np.array([[counts[word] for word in words] for counts in counted], float)
    X *= [math.log((1 + len(texts)) / (1 + df[word])) + 1 for word in words]
    norms = np.sqrt((X**2).sum(axis=1, keepdims=True))
    return words, X / np.where(norms == 0, 1, norms)


TOKENS = st.sampled_from(["a", "Bb", "c3", "ü", "x_y"])


@given(
    texts=st.lists(st.lists(TOKENS, max_size=6), min_size=1),
    min_rows=st.integers(1, 3),
)
def test_counted_words_are_weighted_as_the_formula_says(texts, min_rows):
    texts = [" ".join(words) for words in texts]
    words, expected = tf_idf(texts, min_rows)
    if not words:
        with pytest.raises(ValueError, match="no word occurs in"):
            Counted(min_rows=min_rows).fit(texts)
        return
    vectorizer, X = Counted(min_rows=min_rows).fit(texts)
    assert vectorizer.words == tuple(words)
    assert_allclose(X.toarray(), expected, rtol=1e-5, atol=1e-6)
    assert_allclose(vectorizer(texts).toarray(), X.toarray(), rtol=1e-6)


def test_a_line_holds_text_and_labels(path):
    data = load_text(path)
    assert repr(data) == "Dataset(4 examples, 6 sparse features, 3 labels)"
    assert data.label_names == ("cat", "dog", "small")
    assert data.y.toarray().tolist() == [[1, 0, 1], [0, 1, 1], [1, 1, 0], [0, 1, 0]]
    assert data.text.words == ("a", "cat", "dog", "sleeps", "small", "the")
    assert data[:2].text is data.text


def test_gzip_marks_of_order_and_windows_ends_of_lines_change_nothing(path, tmp_path):
    packed = tmp_path / "pets.tsv.gz"
    packed.write_bytes(gzip.compress(b"\xef\xbb\xbf" + "\r\n".join(LINES).encode()))
    one, other = load_text(path), ff.datasets.load(packed)
    assert one.encoding == other.encoding
    assert (one.X != other.X).nnz == 0
    assert (one.y != other.y).nnz == 0


def tagger(data):
    return ff.Tagger("fast", n_jobs=1).fit(data)


@pytest.mark.parametrize("train", [trained, tagger])
@pytest.mark.parametrize("words", WORDS, ids=repr)
def test_a_loaded_model_takes_raw_text_and_predicts_the_same_bits(path, tmp_path, words, train):
    data = load_text(path, vectorizer=words)
    net = train(data)
    net.save(tmp_path / "model.safetensors")
    loaded = ff.load(tmp_path / "model.safetensors")
    assert loaded.encoding == net.encoding
    texts = [line.split("\t")[0] for line in LINES] + ["nothing known 123"]
    for asked in (texts, np.array(texts), np.array(texts, object)):
        top = loaded.predict_topk(asked, 3)
        assert np.array_equal(top.scores, net.predict_topk(texts, 3).scores)
    assert np.array_equal(top.scores[:4], net.predict_topk(data, 3).scores)
    again = load_text(path, loaded.encoding)
    assert (again.X != data.X).nnz == 0


def test_text_alone_is_read_for_prediction_and_labels_are_then_ignored(path, tmp_path):
    train = load_text(path)
    path.write_text("a small cat\nthe dog\tunknown,,\n")
    new = load_text(path, train.encoding.of_features())
    assert (len(new), new.kind, new.n_features) == (2, None, train.n_features)
    path.write_text("a small cat\n")
    assert load_text(path, train).kind is None


WRONG = {
    "no tab": (b"a cat\tcat\na dog\n", "line 2 has no labels"),
    "no labels": (b"a cat\t\n", "no row has a text and labels"),
    "no text": (b"\tcat\n", "no row has a text and labels"),
    "two tabs": (b"a cat\tcat\na cat\tcat\tdog\n", "line 2 has 2 tabs"),
    "NUL": (b"a cat\tcat\na d\0g\tdog\n", "line 2 holds a NUL byte"),
    "not UTF-8": (b"a cat\tcat\na d\xffg\tdog\n", "line 2 is not UTF-8 text"),
    "empty": (b"", "it is empty"),
    "blank": (b"\n \n", "it is empty"),
    "rare words": (b"one\tcat\ntwo\tdog\n", "no word occurs in 2 of the 2 texts"),
}


@pytest.mark.parametrize(("raw", "reason"), WRONG.values(), ids=WRONG)
def test_each_wrong_line_is_named(tmp_path, raw, reason):
    path = tmp_path / "wrong.tsv"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=f"(?s)wrong.tsv.*{reason}"):
        load_text(path)


def test_text_and_numbers_are_not_mixed_up(path):
    data = load_text(path)
    numbers = ff.Dataset(data.X, data.y)
    with pytest.raises(ValueError, match="training set held numbers"):
        load_text(path, numbers)
    with pytest.raises(ValueError, match="leave out vectorizer"):
        load_text(path, data, vectorizer=Counted())
    with pytest.raises(ValueError, match="leave out their names"):
        ff.datasets.load(path, label_names=["a"])
    with pytest.raises(ValueError, match="not trained on text"):
        trained(numbers).predict_topk(["a cat"], 1)
    with pytest.raises(ValueError, match="list of texts"):
        trained(data).predict_topk("a cat", 1)


@pytest.mark.parametrize(
    "damage",
    [
        lambda config, arrays: config["encoding"]["text"].update(type="Pickled"),
        lambda config, arrays: arrays.pop("text.idf"),
        lambda config, arrays: arrays.pop("text.words"),
        lambda config, arrays: arrays.update({"text.idf": arrays["text.idf"][1:]}),
        lambda config, arrays: arrays.update({"text.words": np.frombuffer(b'["a"]', np.uint8)}),
        lambda config, arrays: arrays.update({"text.words": np.frombuffer(b"[[1]]", np.uint8)}),
    ],
)
def test_damaged_words_of_a_model_are_refused(path, tmp_path, damage):
    config, arrays = trained(load_text(path)).state()
    damage(config, arrays)
    ff.base.files.write_model(tmp_path / "model", config, arrays)
    with pytest.raises(ff.errors.FormatError, match="model"):
        ff.load(tmp_path / "model")


def test_raw_text_needs_no_scikit_learn_but_its_stop_words_do(path):
    start = "import sys; sys.modules['sklearn'] = None; from fewfire.datasets import *; "
    code = f"load_text({str(path)!r}); Counted(stop_words='english')"
    done = subprocess.run([sys.executable, "-c", start + code], capture_output=True, text=True)
    assert "ImportError: the English stop words are those of scikit-learn: pip" in done.stderr


def test_importing_fewfire_imports_no_scikit_learn():
    code = "import sys, fewfire, fewfire.cli; print('sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n"


def test_reasons_of_a_tagger_of_raw_text_are_words(path):
    folder = path.parent
    run("train", path.name, "--preset", "fast", "-o", "pets", "-q", cwd=folder)
    (folder / "new.tsv").write_text("a cat\n")
    out, _ = run("predict", "pets", "new.tsv", "-k", 1, "--why", cwd=folder)
    assert out.startswith("cat\t")
    assert "cat +" in out


@pytest.mark.parametrize("options", [(), ("--hash-words", 64)], ids=["counted", "hashed"])
def test_the_command_line_takes_text_and_prints_names(path, options):
    folder = path.parent
    train = ("train", path.name, "--bag", 8, "--max-epochs", 20, "--n-jobs", 1, "-q")
    run(*train, *options, "-o", "pets.safetensors", cwd=folder)
    out, _ = run("evaluate", "pets.safetensors", path.name, cwd=folder)
    assert "4 examples" in out
    (folder / "new.tsv").write_text("a cat\nthe dog\n")
    out, _ = run("predict", "pets.safetensors", "new.tsv", "-k", 2, cwd=folder)
    assert {line.split("\t")[0] for line in out.splitlines()} <= {"cat", "dog", "small"}
    out, _ = run("inspect", "pets.safetensors", cwd=folder)
    assert "takes raw text: words" in out
    (folder / "more.tsv").write_text("a cat\tcat\na bird\tbird\n")
    out, _ = run("evaluate", "pets.safetensors", "more.tsv", cwd=folder)
    assert "labels that the model does not know: 1, in 1 places" in out
