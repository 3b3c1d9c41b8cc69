"""The threshold of a tagger is where F1 was best on examples that training did not see."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fewfire as ff
from commands import run
from fewfire.tagger.threshold import answered, best_threshold
from tags import tagged, write_xc

PAIRS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0]), st.booleans()), min_size=1
)


@given(pairs=PAIRS, n_more=st.integers(0, 3))
def test_no_threshold_between_scores_has_a_better_f1(pairs, n_more):
    scores = np.array([[score for score, _ in pairs]], np.float32)
    right = np.array([[is_right for _, is_right in pairs]])
    n_wanted = int(right.sum()) + n_more

    def f1(threshold):
        chosen = scores > threshold
        return 2 * (chosen & right).sum() / max(1, chosen.sum() + n_wanted)

    found = best_threshold(scores, right, n_wanted)
    if (scores > 0).any():
        candidates = [0.0, 0.05, 0.2, 0.4, 0.6, 0.9]
        assert f1(found) >= max(f1(each) for each in candidates) - 1e-9


def test_predictions_take_the_threshold_of_the_first_eval_set_and_files_keep_it(tmp_path):
    data = tagged(n=400, n_labels=20)
    train, val = data.split(100)
    tagger = ff.Tagger("fast", n_jobs=1).fit(train, eval_sets={"val": val})
    kept = tagger.threshold_
    by_hand = {t: answered(tagger, val, t, exact=False, n_jobs=1).f1 for t in (0.2, 0.5, 0.8)}
    own = answered(tagger, val, kept, exact=False, n_jobs=1)
    assert own.f1 >= max(by_hand.values())
    assert (tagger.predict(val.X) != tagger.predict(val.X, threshold=kept)).nnz == 0
    tagger.save(tmp_path / "m")
    assert ff.load(tmp_path / "m").threshold_ == kept
    tagger.partial_fit(val)
    assert tagger.threshold_ == kept


def test_without_examples_kept_aside_it_is_a_half():
    assert ff.Tagger("fast", n_jobs=1).fit(tagged(n=40, n_labels=5)).threshold_ == 0.5


def test_the_command_line_answers_labels_above_it(tmp_path):
    data = tagged(n=400, n_labels=20)
    write_xc(tmp_path / "train.txt", data)
    run("train", "train.txt", "--preset", "fast", "--val-size", 80, "-o", "m", "-q", cwd=tmp_path)
    tagger = ff.load(tmp_path / "m")
    out, _ = run("predict", "m", "train.txt", "--threshold", "auto", cwd=tmp_path)
    lines = [line.split("\t") for line in out.splitlines()]
    n_labels = [len([cell for cell in line if cell]) // 2 for line in lines]
    assert n_labels == np.diff(tagger.predict(data.X).indptr).tolist()
    out, _ = run("evaluate", "m", "train.txt", "--threshold", "0.3", "--json", cwd=tmp_path)
    above = json.loads(out)["above"]
    wanted = answered(tagger, data, 0.3, exact=False, n_jobs=1)
    assert above == pytest.approx({"threshold": 0.3, **wanted._asdict()})
