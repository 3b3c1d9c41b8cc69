"""A network of integers answers as the network that it was made of, from a smaller file."""

import numpy as np
import pytest
from scipy.sparse import csr_array

import fewfire as ff
from device_nets import CLASSES, DATA, NETS, sparse, trained
from fewfire.device import quantize


@pytest.mark.parametrize("name", NETS)
def test_integers_answer_as_floats_do(name):
    net = NETS[name]()
    before = net.predict_topk(DATA, 1, exact=name != "hard").indices
    for bits, least in ((8, 0.97), (4, 0.8)):
        small = quantize(net, DATA, bits=bits)
        assert (small.predict_topk(DATA, 1).indices == before).mean() >= least
        assert small.evaluate(DATA)["accuracy"] >= least * net.evaluate(DATA)["accuracy"]


def test_scores_of_8_bits_are_near_those_of_floats():
    net = trained()
    scores = net.decision_function(DATA.X)
    error = np.abs(quantize(net, DATA).decision_function(DATA.X) - scores).max()
    assert error < 0.03 * np.abs(scores).max()


@pytest.mark.parametrize("bits", [8, 4])
def test_files_are_smaller_in_proportion_and_predict_the_same(bits, tmp_path):
    net = trained(widths=(200, 200))
    small = quantize(net, DATA, bits=bits)
    net.save(tmp_path / "net.safetensors")
    small.save(tmp_path / "small.safetensors")
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("small", "net")]
    assert sizes[0] < 1.2 * sizes[1] * bits / 32 + 3000
    again = ff.load(tmp_path / "small.safetensors")
    np.testing.assert_array_equal(again.logits(DATA), small.logits(DATA))
    assert repr(again) == repr(small) == f"Quantized(40-200-200-5, {bits} bits)"


def test_sparse_inputs_give_the_same_integers():
    small = quantize(trained(), DATA)
    np.testing.assert_array_equal(small.logits(sparse()), small.logits(DATA))


def test_pixels_are_bytes_as_they_are_and_other_inputs_have_steps_of_their_own():
    small = quantize(trained(), DATA)
    assert small.integers.steps.common == pytest.approx(1 / 255)
    np.testing.assert_array_equal(small.bytes_of(DATA), np.rint(DATA.X * 255))
    X = (DATA.X * np.linspace(1, 5000, 40) - 7).astype(np.float32)
    data = ff.Dataset(X, CLASSES)
    net = ff.Network(ff.Linear(40, 20, "relu"), ff.Linear(20, 5))
    ff.Trainer(net, max_epochs=8, batch_size=4, n_jobs=1).fit(data)
    other = quantize(net, data)
    assert other.integers.steps.common is None
    same = other.predict_topk(data, 1).indices == net.predict_topk(data, 1).indices
    assert same.mean() > 0.97


def test_a_candidate_has_the_score_that_all_have():
    small = quantize(trained(), DATA)
    wanted = np.eye(5)[CLASSES]
    scores = small.predict_scores(DATA, csr_array(wanted))
    all_scores = small.decision_function(DATA)
    np.testing.assert_allclose(scores.toarray().sum(axis=1), all_scores[wanted > 0], rtol=1e-6)


def test_work_is_counted():
    net = trained()
    ledger = quantize(net, DATA).evaluate(DATA).ledger
    dense = [300 * 40 * 24, 300 * 24 * 18, 300 * 18 * 5]
    assert [layer.dense for layer in ledger.layers] == dense
    assert ledger.layers[0].forward == np.count_nonzero(DATA.X) * 24
    assert 0 < ledger.layers[1].forward <= dense[1]


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([ff.Linear(40, 5, "tanh"), ff.Linear(5, 5)], 'layer 0 has activation="tanh"'),
        ([ff.Linear(40, 5, "relu"), ff.Linear(5, 5, "relu")], 'layer 1 has activation="relu"'),
        (
            [ff.Linear(40, 5, "relu", ff.gates.AdaptiveDropout()), ff.Linear(5, 5)],
            "layer 0 has the gate AdaptiveDropout",
        ),
    ],
)
def test_what_devices_do_not_know_is_refused(layers, message):
    with pytest.raises(ValueError, match=message):
        quantize(ff.Network(*layers), DATA)


def test_wrong_bits_and_models_are_refused():
    with pytest.raises(ValueError, match="bits must be 8 or 4, got 2"):
        quantize(trained(), DATA, bits=2)
    with pytest.raises(TypeError, match="must be a Network"):
        quantize(quantize(trained(), DATA), DATA)
