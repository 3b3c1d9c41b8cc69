"""`fewfire train` for labels of sparse features, and what a saved tagger can do."""

import json
import re
import signal

import numpy as np
import pytest

import fewfire as ff
from commands import HANG, run, same_bytes, start
from tags import tagged, write_xc


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Text of tagged examples, names of tags and words, and a tagger trained on them."""
    folder = tmp_path_factory.mktemp("tags")
    write_xc(folder / "train.txt", tagged(n=900, n_labels=300))
    write_xc(folder / "test.txt", tagged(n=100, n_labels=300, seed=1))
    (folder / "tags.txt").write_text("".join(f"tag {i}\n" for i in range(300)))
    (folder / "words.txt").write_text("".join(f"word {i}\n" for i in range(960)))
    np.save(folder / "plain.npy", np.eye(4, dtype=np.float32))
    run(*TRAIN, "-o", "tagger", cwd=folder)
    return folder


TRAIN = (
    *("train", "train.txt", "--labels", "tags.txt", "--features", "words.txt", "--n-jobs", 1),
    *("--preset", "fast"),
)


def test_label_lists_get_a_tagger_and_are_told(folder):
    out, err = run("train", "train.txt", "--val", "test.txt", "-o", "auto", "--json", cwd=folder)
    report = json.loads(out)
    assert "a tagger: label lists of sparse features; --bag 256 or --hidden N,N trains a" in err
    assert "preset balanced" in err
    assert err.count("epoch ") == 8  # the examples are short
    assert report["val"]["gated"]["metrics"]["P@1"] > 0.7
    assert len(report["history"]) == 8
    assert isinstance(ff.load(folder / "auto"), ff.Tagger)


@pytest.fixture(scope="module")
def texts(folder):
    """Raw text: each label has a word of its own."""
    labels = np.random.default_rng(0).integers(0, 30, (300, 2))
    lines = [f"word{a} word{b} word{a}\ttag{a},tag{b}\n" for a, b in labels if a != b]
    (folder / "docs.tsv").write_text("".join(lines))
    return folder / "docs.tsv"


def test_the_way_text_is_read_chooses_no_model(folder, texts):
    words = ("train", "docs.tsv", "--hash-words", 4096, "--n-jobs", 1)
    _, err = run(*words, "-o", "hashed", cwd=folder)
    assert "a tagger: label lists" in err
    assert isinstance(ff.load(folder / "hashed"), ff.Tagger)
    run(*words, "--preset", "fast", "-q", "-o", "hashed", cwd=folder)
    data = ff.datasets.load_text(texts, vectorizer=ff.datasets.Hashing(n_features=4096))
    ff.Tagger("fast", n_jobs=1).fit(data).save(folder / "in-python")
    assert same_bytes(folder, "hashed", "in-python")


def test_settings_in_a_file_choose_as_options_do(folder, texts):
    (folder / "run.toml").write_text('data = "docs.tsv"\nhash-words = 99\nblend = false\n')
    run("train", "run.toml", "-q", "-o", "of-file", cwd=folder)
    assert isinstance(ff.load(folder / "of-file"), ff.Tagger)
    (folder / "run.toml").write_text('data = "docs.tsv"\nlr = 0.1\noptimizer = "sgd"\n')
    run("train", "run.toml", "-q", "--max-epochs", 1, "-o", "of-file", cwd=folder)
    assert isinstance(ff.load(folder / "of-file"), ff.Network)
    (folder / "run.toml").write_text('data = "docs.tsv"\nmonitor-gates = 9\n')
    _, err = run("train", "run.toml", cwd=folder, code=2)
    assert "a tagger has no gates to monitor" in err


@pytest.mark.parametrize(
    "words", [("--hidden", 8), ("--bag", 8), ("--lr", 0.1, "--optimizer", "sgd")]
)
def test_options_of_a_network_get_a_network(folder, words):
    run("train", "train.txt", *words, "--max-epochs", 1, "-o", "net", "-q", cwd=folder)
    assert isinstance(ff.load(folder / "net"), ff.Network)


def test_training_is_repeatable_and_quiet_on_demand(folder):
    out, err = run(*TRAIN, "-o", "again", "-q", cwd=folder)
    assert err == ""
    assert "model: again" in out
    assert out.splitlines()[2].startswith("training ")
    assert same_bytes(folder, "tagger", "again")


def test_a_mapped_file_trains_the_tagger_of_its_text(folder):
    run("convert", "train.txt", "mapped", "--labels", "tags.txt", cwd=folder)
    words = ("--features", "words.txt", "--n-jobs", 1, "--preset", "fast", "-q")
    run("train", "mapped", *words, "-o", "of-mapped", cwd=folder)
    assert same_bytes(folder, "tagger", "of-mapped")


def test_many_classes_get_a_tagger_and_few_a_network(folder):
    data = tagged(n=4000, n_labels=320, kind="classes")
    ff.datasets.save_svmlight(folder / "classes.txt", data)
    _, err = run("train", "classes.txt", "--max-epochs", 1, "-o", "m", cwd=folder)
    assert "a tagger: 320 classes of sparse features" in err
    assert ff.load(folder / "m").encoding.kind == "classes"
    ff.datasets.save_svmlight(folder / "few.txt", tagged(n=90, n_labels=5, kind="classes"))
    run("train", "few.txt", "--max-epochs", 1, "-o", "m", "-q", cwd=folder)
    assert isinstance(ff.load(folder / "m"), ff.Network)


def test_ctrl_c_writes_what_was_learned(folder):
    process = start(*TRAIN, "--max-epochs", 100_000, "-o", "kept", cwd=folder)
    while "epoch 2/" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=HANG)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert ff.load(folder / "kept").n_outputs == 300


def test_evaluation_goes_through_the_router_or_all_cells(folder):
    out, _ = run("evaluate", "tagger", "test.txt", cwd=folder)
    assert "through the router " in out
    assert "every leaf " not in out
    assert "zeros skipped" in out
    for words in ((), ("--exact",)):
        report = json.loads(run("evaluate", "tagger", "test.txt", "--json", *words, cwd=folder)[0])
        assert report["exact"] == bool(words)
        assert report["metrics"]["P@1"] > 0.7
        assert 0 < report["ledger"]["share"] < report["ledger"]["share_nonzero"]
    out, _ = run("evaluate", "tagger", "test.txt", "--groups", "--metrics", "PSP@5", cwd=folder)
    assert "torso" in out


@pytest.mark.parametrize("model", ["tagger", "blend"])
def test_evaluation_tells_of_single_examples(folder, model):
    if model == "blend":
        words = ("--blend", "--bag", 8, "--preset", "fast", "--max-epochs", 1, "-o", "blend", "-q")
        run("train", "train.txt", "--labels", "tags.txt", *words, cwd=folder)
    found = json.loads(run("evaluate", model, "test.txt", "--json", cwd=folder)[0])["latency"]
    assert 0 < found["p50"] <= found["p99"]
    assert 0 < found["exact_p50"] <= found["exact_p99"]
    assert (found["k"], found["leaves"], found["n_examples"]) == (5, 4, 100)
    assert found["recall"] == 1  # a beam of 10 opens all leaves
    n_seen = 300 - len(ff.load(folder / "tagger").never_seen)
    assert found["candidates"] == n_seen if model == "tagger" else 50 <= found["candidates"] <= 100
    out, _ = run("evaluate", model, "test.txt", cwd=folder)
    line, last = out.splitlines()[-2:]
    assert re.fullmatch(
        r"single examples, one thread: p50 [\d,]+ us, p99 [\d,]+ us through the router; "
        r"p50 [\d,]+ us, p99 [\d,]+ us with every leaf",
        line,
    )
    scored = f"{found['candidates']:,.0f}"
    assert last == (
        f"4 leaves are opened, and {scored} labels scored; of the 5 best of all leaves 100.00% are "
        "found"
    )


def test_predictions_are_names_with_reasons_on_demand(folder):
    out, _ = run("predict", "tagger", "test.txt", "-k", 2, cwd=folder)
    first = out.splitlines()[0].split("\t")
    assert len(first) == 4
    assert first[0].startswith("tag ")
    out, _ = run("predict", "tagger", "test.txt", "-k", 2, "--why", "--json", cwd=folder)
    best = json.loads(out)["predictions"][0][0]
    assert best["label"] == first[0]
    word, contribution = best["why"][0]
    assert word.startswith("word ")
    assert contribution > 0
    out, _ = run("predict", "tagger", "test.txt", "--why", cwd=folder)
    assert out.splitlines()[0].startswith(f"{first[0]}\t{first[1]}\tword ")


def test_inspect_shows_cells_by_words_and_labels(folder):
    out, _ = run("inspect", "tagger", "--leaves", 2, cwd=folder)
    assert out.count("leaf ") == 2
    assert "word " in out
    assert "tag " in out
    report = json.loads(run("inspect", "tagger", "--json", "--leaves", 99, cwd=folder)[0])
    assert sum(len(leaf["labels"]) for leaf in report["leaves"]) == 300 - report["never_seen"]


def test_a_blend_is_trained_saved_and_read(folder):
    words = ("--blend", "--bag", 8, "--preset", "fast", "--max-epochs", 2, "-o", "blend")
    words = ("train", "train.txt", "--labels", "tags.txt", "--val", "test.txt", *words)
    report = json.loads(
        run(*words, "--candidates", 40, "--json", "--monitor-gates", 50, cwd=folder)[0]
    )
    blend = ff.load(folder / "blend")
    assert isinstance(blend, ff.Blend)
    forest = blend.tagger.forest
    of_tagger = 2 * 2 * 900 * forest.expansion.width * sum(t.n_children for t in forest.trees)
    of_network = 2 * 900 * (2 * 960 * 8 + 3 * 8 * 300)
    assert report["ledger"]["dense"] == of_tagger + of_network
    assert report["val"]["gated"]["metrics"].keys() == {"P@1", "P@3", "P@5"}
    assert "gates" in report
    assert "tag " in run("predict", "blend", "test.txt", "-k", 2, cwd=folder)[0]
    assert "Blend" in run("inspect", "blend", cwd=folder)[0]


WRONG = {
    "both kinds": ("train train.txt --preset fast --hidden 9", 2, "leave one out"),
    "a blend of what is none": ("train train.txt --blend --lr 1", 2, "--lr needs --optimizer"),
    "memory that is not a size": ("train train.txt --memory lots", 2, 'like "2G"'),
    "too little memory": ("train train.txt --memory 10k", 1, "MB at least"),
    "an unknown preset": ("train train.txt --preset slow", 2, "fast"),
    "too few words": ("train train.txt --features tags.txt", 1, "300 names for 960 features"),
    "no words": ("train train.txt --features nothing", 1, "nothing"),
    "no folder": ("train train.txt -o no/where", 2, "make it first"),
    "patience without data": ("train train.txt --patience 2", 2, "add --val or --val-size"),
    "a checkpoint that is a folder": ("train train.txt --checkpoint .", 2, "folder"),
    "a checkpoint nowhere": ("train train.txt --checkpoint no/where", 2, "make it first"),
    "resuming from nothing": ("train train.txt --resume c", 1, "no such file: c"),
    "resuming from a model": ("train train.txt --resume tagger", 1, "resume needs a checkpoint"),
    "gates": ("train train.txt --monitor-gates 9", 2, "a tagger has no gates to monitor"),
    "names for a network": ("train train.txt --bag 8 --features words.txt", 2, "a network has no"),
    "both kinds, and no such data": ("train nothing --preset fast --bag 9", 2, "leave one out"),
    "no targets": ("train plain.npy --preset fast", 2, "needs labels or classes"),
    "tables of a tagger": ("inspect tagger --tables", 2, "the model is a tagger"),
    "a loss": ("evaluate tagger test.txt --metrics loss", 1, "no loss"),
    "other features": ("predict tagger plain.npy", 1, "features"),
    "why and exact": ("predict tagger test.txt --why --exact", 2, "leave out --exact"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_words_give_one_clear_line(folder, name):
    words, code, message = WRONG[name]
    _, err = run(*words.split(), cwd=folder, code=code)
    assert message in err
