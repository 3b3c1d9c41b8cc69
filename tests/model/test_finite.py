"""Every number that a model gives is finite, and every number that it is given: what is not is one
error that says where."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.base.files import read_model, write_model
from model_contract import MAKERS, gated
from tags import tagged

DATA = tagged(n=300, n_labels=30)
LISTS = csr_array(np.ones((300, 30), np.float32))
OF_NETWORKS = [*MAKERS[ff.Network], *MAKERS[ff.Blend]]
TOO_LARGE = "the scores of row [0-9]+ are not finite: .* too large .largest 3.*e.38 in"


def huge(model, path):
    """The model with weights of 3e38 in place of those it learned, of either sign, from a file."""
    model.save(path)
    config, arrays = read_model(path)
    rng = np.random.default_rng(0)
    for name, array in arrays.items():
        if name.endswith("layers.0.weights") or name.endswith("layers.1.weights"):
            array[...] = np.where(rng.random(array.shape) < 0.5, 3e38, -3e38)
        elif "trees" in name and name.endswith(".weights"):
            sign = rng.integers(0, 2, array.shape).astype(np.uint32) << 15
            array[...] = (array & 0xFFFF0000) | 0x7F61 | sign
    write_model(path, {k: v for k, v in config.items() if k != "version"}, arrays)
    return ff.load(path)


CALLS = {
    "predict_topk": lambda m: m.predict_topk(DATA, 5),
    "exactly": lambda m: m.predict_topk(DATA, 5, exact=True),
    "one": lambda m: [m.predict_topk(DATA[i : i + 1], 1, exact=True) for i in range(50)],
    "predict_scores": lambda m: m.predict_scores(DATA, LISTS),
    "evaluate": lambda m: m.evaluate(DATA),
    "latency": lambda m: m.latency(DATA),
    "recall_by_group": lambda m: m.recall_by_group(DATA),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("make", OF_NETWORKS, ids=lambda make: make.__name__)
def test_scores_that_overflow_are_one_clear_error(make, call, tmp_path):
    model = huge(make(DATA), tmp_path / "huge")
    with pytest.raises(ValueError, match=TOO_LARGE):
        CALLS[call](model)


@pytest.mark.parametrize("make", MAKERS[ff.Tagger], ids=lambda make: make.__name__)
def test_likelihoods_stay_likelihoods_whatever_the_weights(make, tmp_path):
    model = huge(make(DATA), tmp_path / "huge")
    for exact in (False, True):
        top = model.predict_topk(DATA, 5, exact=exact)
        assert ((top.scores >= 0) & (top.scores <= 1))[top.indices >= 0].all()
    seen = model.predict_scores(DATA, LISTS).data
    assert ((seen >= 0) & (seen <= 1)).all()


@pytest.mark.parametrize("call", ["decision_function", "predict", "predict_proba"])
def test_no_score_of_a_network_is_infinite(call, tmp_path):
    for make in MAKERS[ff.Network]:
        with pytest.raises(ValueError, match=TOO_LARGE):
            getattr(huge(make(DATA), tmp_path / "huge"), call)(DATA)


def test_weights_that_are_changed_in_place_are_noticed_by_their_scores():
    net = gated(DATA)
    net.layers[1].weights[3] = np.nan
    with pytest.raises(ValueError, match=r"scores of row 0 .* in layer 1"):
        net.predict_topk(DATA, 1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("at", range(4))
def test_weights_that_are_not_finite_are_refused_by_layer_and_place(value, at):
    net = gated(DATA)
    before, arrays = net.weights(), net.weights()
    wrong = [i for i, array in enumerate(arrays) if array.dtype == np.float32][at]
    arrays[wrong].flat[-1] = value
    last = ", ".join(str(n - 1) for n in arrays[wrong].shape)
    with pytest.raises(ValueError, match=rf"layers\.[01]\.[a-z]+\[{last}\] is {value}"):
        net.set_weights(arrays)
    for one, other in zip(net.weights(), before, strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_of_a_layer_are_refused_before_they_change():
    layer = gated(DATA).layers[0]
    before = layer.weights.copy()
    for wrong in (np.full_like(before, np.nan), before[:-1], before.astype(np.float64) * 1e300):
        with pytest.raises(ValueError, match="weights"), np.errstate(over="ignore"):
            layer.weights = wrong
        np.testing.assert_array_equal(layer.weights, before)


def test_moments_of_a_checkpoint_are_finite(tmp_path):
    net = ff.Network(ff.Linear(DATA.n_features, 30))
    how = {"max_epochs": 1, "n_jobs": 1, "batch_size": 9}
    callbacks = [ff.callbacks.Checkpoint(tmp_path / "good")]
    ff.Trainer(net, callbacks=callbacks, **how).fit(DATA)
    config, arrays = read_model(tmp_path / "good")
    arrays["optimizer.0.0.weights"][2, 1] = np.inf
    write_model(tmp_path / "bad", {k: v for k, v in config.items() if k != "version"}, arrays)
    with pytest.raises(ValueError, match=r"optimizer\.0\.0\.weights\[2, 1\] is inf"):
        ff.Trainer(net, **how).fit(DATA, resume=tmp_path / "bad")
