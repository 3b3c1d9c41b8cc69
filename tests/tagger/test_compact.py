"""A compact tagger has the weights of before that are large enough, in rows that features own."""

import numpy as np

import fewfire as ff
from commands import run
from model_contract import checkerboard, tagger

DATA = checkerboard(40)


def test_small_weights_and_shared_rows_leave(tmp_path):
    before = tagger(DATA)
    found = before.compact(DATA, prune=0.05)
    after = found.model
    for old, new in zip(before.forest.trees, after.forest.trees, strict=True):
        for own, left in zip(old.levels, new.levels, strict=True):
            features, children, values = own.known_weights()
            stays = np.abs(values) >= 0.05
            for one, other in zip((features, children, values), left.known_weights(), strict=True):
                np.testing.assert_array_equal(one[stays], other)
            np.testing.assert_array_equal(np.diff(left.shared), np.diff(own.shared) > 0)
            has_weights = np.diff(left.rows) > 0
            assert has_weights[: len(left.nodes)].all()
            assert not has_weights[len(left.nodes) :].any()
    assert found.n_bytes < found.n_bytes_before
    assert after.settings.prune == 0.05
    after.save(tmp_path / "small.safetensors")
    again = ff.load(tmp_path / "small.safetensors")
    assert again.evaluate(DATA)["P@1"] == found.metrics["P@1"]


def test_nothing_leaves_but_shared_rows_where_no_weight_is_small():
    before = tagger(DATA)
    found = before.compact(DATA, prune=0.0)
    np.testing.assert_array_equal(
        found.model.predict_topk(DATA, 3).indices, before.predict_topk(DATA, 3).indices
    )  # no example has a feature that a node does not know


def test_a_compact_tagger_is_trained_on(tmp_path):
    small = tagger(DATA).compact(DATA, prune=0.2).model
    small.partial_fit(DATA)
    assert small.evaluate(DATA)["P@1"] > 0.5


def test_the_command_prunes_a_tagger(tmp_path):
    ff.datasets.save_svmlight(tmp_path / "data.txt", DATA)
    tagger(DATA).save(tmp_path / "t.safetensors")
    out, _ = run(
        "compact",
        "t.safetensors",
        "data.txt",
        "-o",
        "s.safetensors",
        "--prune",
        "0.1",
        cwd=tmp_path,
    )
    assert "P@1: " in out
    assert (tmp_path / "s.safetensors").stat().st_size < (tmp_path / "t.safetensors").stat().st_size
