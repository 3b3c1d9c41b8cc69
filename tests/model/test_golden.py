"""Files of an earlier version are read, answer as they did then, and can be written again.

`golden/make.py` made them and says what is in them. Answers were recorded at the SIMD level v2, and
are compared to the bit where that is; other processors sum in other orders. Answers of a blend and
the features of texts also come out of numpy and scikit-learn, which may round otherwise elsewhere.
"""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array

import fewfire as ff
from fewfire import _core

GOLDEN = Path(__file__).parent / "golden"
MODELS = sorted({path.stem for path in GOLDEN.glob("*.safetensors")} - {"data"})
LEVEL = "v2"
IS_SAME = LEVEL in _core.simd_levels()
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


@pytest.fixture(autouse=True)
def _recorded_level():
    if IS_SAME:
        _core.set_simd_level(LEVEL)


def recorded(name):
    with np.load(GOLDEN / f"{name}.npz") as file:
        return dict(file)


def inputs(record):
    return record["dense"] if "dense" in record else csr_array(record["sparse"])


def assert_answers(model, X, record, *, same_bits):
    for kind in ("gated", "exact"):
        indices, scores = record[f"{kind}.indices"], record[f"{kind}.scores"]
        top = model.predict_topk(X, indices.shape[1], exact=kind == "exact", n_jobs=1)
        assert_array_equal(top.indices, indices)
        assert (top.indices.dtype, top.scores.dtype) == (indices.dtype, scores.dtype)
        if same_bits:
            assert_array_equal(top.scores, scores)
        else:
            assert_allclose(top.scores, scores, **CLOSE)


def test_there_are_files():
    assert len(MODELS) >= 11


@pytest.mark.parametrize("name", MODELS)
def test_a_model_of_then_answers_the_same(name, tmp_path):
    record, same_bits = recorded(name), IS_SAME and name != "blend"
    model = ff.load(GOLDEN / f"{name}.safetensors")
    assert_answers(model, inputs(record), record, same_bits=same_bits)
    model.save(tmp_path / "again")
    again = ff.load(tmp_path / "again")
    assert_answers(again, inputs(record), record, same_bits=same_bits)
    assert again.label_names == model.label_names


def test_a_tagger_of_then_has_its_names_and_trains_on():
    tagger, record = ff.load(GOLDEN / "tagger.safetensors"), recorded("tagger")
    assert tagger.label_names == tuple(f"tag {label}" for label in range(40))
    assert tagger.feature_name(7) == "word 7"
    X = inputs(record)
    more = ff.Dataset(X, csr_array(np.eye(16, 40)), label_names=tagger.label_names)
    assert tagger.partial_fit(more, max_epochs=1).predict_topk(X, 1).indices.shape == (16, 1)


def test_a_model_of_then_reads_text():
    pytest.importorskip("sklearn")
    model, record = ff.load(GOLDEN / "text.safetensors"), recorded("text")
    texts = record["texts"].tolist()
    assert_allclose(model.encoding.text(texts).toarray(), record["sparse"], **CLOSE)
    assert_answers(model, texts, record, same_bits=False)
    assert model.label_names == ("cat", "dog", "small")


def test_a_checkpoint_of_then_is_resumed():
    path, record = GOLDEN / "gates.safetensors", recorded("gates")
    net = ff.load(path)
    trainer = ff.Trainer(
        net,
        loss="squared",
        optimizer=ff.optim.Adam(lr=0.003),
        schedule=ff.optim.LinearDecay(),
        batch_size=1,
        max_epochs=4,
        n_jobs=1,
    )
    unread = ff.Dataset(np.zeros((300, 12), np.float32), np.zeros((300, 5), np.float32))
    history = trainer.fit(unread, resume=path)  # its last epoch is done
    assert [row["epoch"] for row in history] == [1, 2, 3, 4]
    assert_answers(net, inputs(record), record, same_bits=IS_SAME)
    how = vars(trainer.plan) | {
        "n_jobs": 1,
        "callbacks": [ff.callbacks.EarlyStopping("train/loss")],
    }
    del how["n_threads"], how["left_out"]
    with pytest.raises(ValueError, match="none with a state as callbacks, this run has EarlyStop"):
        ff.Trainer(net, **how).fit(unread, resume=path)


def test_a_data_file_of_then_holds_the_same():
    data, record = ff.datasets.load(GOLDEN / "data.safetensors"), recorded("data")
    assert data.label_names == tuple(record["label_names"].tolist())
    whole = data[:]
    assert_array_equal(whole.X.toarray(), record["X"])
    assert_array_equal(whole.y.toarray(), record["y"])
