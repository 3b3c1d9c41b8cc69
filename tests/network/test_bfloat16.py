"""Networks whose weights take 16 bits: what a user sees of them, files, and how well they learn."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_array_equal
from safetensors import safe_open
from scipy.sparse import csr_array, random_array

import fewfire as ff
import reference
from fewfire.base import files
from fewfire.base.bfloat16 import is_finite, nearest, widened
from fewfire.base.checks import to_dict
from fewfire.network.architecture import layer_from_dict

RNG = np.random.default_rng(0)
N, D, LABELS = 3000, 400, 300


def lists():
    """Three labels an example, which holds some of the eight words of each, and noise."""
    words = RNG.integers(0, D, (LABELS, 8))
    labels = RNG.integers(0, LABELS, (N, 3))
    held = np.hstack([words[labels].reshape(N, 24), RNG.integers(0, D, (N, 8))])
    X, y = np.zeros((N, D), np.float32), np.zeros((N, LABELS))
    np.put_along_axis(X, held, (RNG.random(held.shape) < 0.7).astype(np.float32), axis=1)
    np.put_along_axis(y, labels, 1, axis=1)
    return ff.Dataset(csr_array(X), csr_array(y))


DATA = lists()
TRAIN, TEST = DATA[:2500], DATA[2500:]
OUTPUTS = {
    "all": ff.gates.All(),
    "cells": ff.gates.Retrieve(LABELS // 5, ff.gates.Centroid(n_cells=16)),
    "ranked": ff.Hashed(0.2, rerank=3),
}


def make(dtype="bfloat16", output="cells", seed=0):
    return ff.Network(
        ff.EmbeddingBag(D, 65, dtype=dtype),
        ff.Linear(65, LABELS, gate=OUTPUTS[output], dtype=dtype),
        random_state=seed,
    )


def deep(dtype="bfloat16", gate=None):
    hidden = {"activation": "relu", "gate": gate or ff.Hashed(0.1), "dtype": dtype}
    return ff.Network(
        ff.Linear(D, 90, **hidden), ff.Linear(90, 70, **hidden), ff.Linear(70, LABELS)
    )


def fit(net, **options):
    options = {"loss": "softmax", "max_epochs": 2, "n_jobs": 1, "batch_size": 32, **options}
    return ff.Trainer(net, **options).fit(TRAIN)


def assert_same(net, other):
    for a, b in zip(net.weights(), other.weights(), strict=True):
        assert_array_equal(a, b)


# -- numbers --------------------------------------------------------------------------------------


@given(values=arrays(np.float32, st.integers(0, 40), elements=st.floats(width=32, allow_nan=False)))
def test_the_nearest_is_the_twins_and_widening_gives_it_back(values):
    bits = nearest(values)
    assert_array_equal(bits, reference.nearest_bfloat16(values))
    assert_array_equal(widened(bits), reference.widened(bits))
    assert_array_equal(nearest(widened(bits)), bits)


@given(bits=arrays(np.uint32, st.integers(1, 40)))
def test_no_number_stays_none_and_only_numbers_are_finite(bits):
    values = bits.view(np.float32)
    narrow = nearest(values)
    assert_array_equal(np.isnan(widened(narrow)), np.isnan(values))
    assert is_finite(narrow) == np.isfinite(widened(narrow)).all()


# -- what a user sees -----------------------------------------------------------------------------


def test_a_type_that_is_not_known_is_an_error():
    for layer in (ff.EmbeddingBag, ff.Linear):
        with pytest.raises(ValueError, match="dtype must be one of float32, bfloat16; got 'half'"):
            layer(3, 4, dtype="half")


def test_weights_are_those_of_the_float_network_rounded_to_the_nearest():
    for narrow, floats in zip(make().layers, make("float32").layers, strict=True):
        assert_array_equal(narrow.weights, widened(nearest(floats.weights)))
        assert narrow.stored.nbytes * 2 == floats.stored.nbytes


def test_a_copy_of_weights_cannot_be_written_to_but_assigned():
    layer = make().layers[0]
    with pytest.raises(ValueError, match="read-only"):
        layer.weights[0] = 1
    values = RNG.normal(size=layer.weights.shape).astype(np.float32)
    layer.weights = values
    assert_array_equal(layer.stored, nearest(values))


def test_set_weights_takes_its_own_back_and_rounds_floats():
    net, other = make(), make(seed=1)
    other.set_weights(net.weights())
    assert_same(net, other)
    floats = make("float32", seed=2)
    other.set_weights(floats.weights())
    for narrow, layer in zip(other.layers, floats.layers, strict=True):
        assert_array_equal(narrow.stored, nearest(layer.weights))
    with pytest.raises(ValueError, match="arrays given"):
        other.set_weights(net.weights()[:-1])
    with pytest.raises(ValueError, match=r"layers\.0\.weights is float64"):
        other.set_weights([net.weights()[0].astype(float), *net.weights()[1:]])
    with pytest.raises(ValueError, match=r"layers\.0\.weights is uint16"):
        floats.set_weights(net.weights())


@pytest.mark.parametrize("output", OUTPUTS)
def test_it_predicts_as_the_floats_that_it_holds(output):
    net, floats = make(output=output), make("float32", output)
    fit(net)
    arrays = [widened(array) if array.dtype == np.uint16 else array for array in net.weights()]
    floats.set_weights(arrays)
    floats.loss, floats.learned = net.loss, net.learned
    wanted = random_array(TEST.y.shape, density=0.05, random_state=RNG)
    for exact in (False, True):
        for a, b in zip(
            *(n.predict_topk(TEST, 5, exact=exact) for n in (net, floats)), strict=True
        ):
            assert_array_equal(a, b)
    scores = [n.predict_scores(TEST.X, wanted).data for n in (net, floats)]
    assert_array_equal(*scores)


# -- training -------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["softmax", "decoupled", "logistic"])
@pytest.mark.parametrize("output", OUTPUTS)
def test_it_learns_as_well_as_in_float32(output, loss):
    def quality(dtype):
        net = make(dtype, output)
        fit(net, loss=loss, max_epochs=6)
        return net.evaluate(TEST, ["P@3"], exact=True)["P@3"]

    floats, narrow = quality("float32"), quality("bfloat16")
    assert floats > 0.3  # a guess has 0.01
    assert narrow > floats - 0.03


OPTIMIZERS = [
    ff.optim.SGD(lr=0.5, momentum=0.9),
    ff.optim.Adagrad(),
    ff.optim.Adagrad(rowwise=True),
    ff.optim.RMS(l2=0.01),
    ff.optim.Adam(),
    ff.optim.Adam(rowwise=True),
]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("kind", [make, deep])
def test_any_number_of_threads_gives_the_same_bits(kind, optimizer):
    nets = [kind() for _ in range(2)]
    for net, n_jobs in zip(nets, (1, 3), strict=True):
        history = fit(net, optimizer=optimizer, deterministic=True, n_jobs=n_jobs, max_epochs=1)
        assert history[0]["train/loss"] < np.log(LABELS)
    assert_same(*nets)


@pytest.mark.parametrize(
    "family", ["sign", "simhash", "dwta", "minhash", ff.gates.Centroid(refresh="full")], ids=str
)
def test_indexes_are_refreshed_from_the_weights_as_they_are(family):
    gate = ff.Hashed(0.1, family)
    net, floats = deep(gate=gate), deep("float32", gate)
    fit(net, max_epochs=1)
    for narrow, layer in zip(net.layers, floats.layers, strict=True):
        layer.weights, layer.bias[...] = narrow.weights, narrow.bias
    net.refresh(), floats.refresh()
    for narrow, layer in zip(net.layers[:2], floats.layers, strict=False):
        codes = "bits" if family == "sign" else "codes"
        assert_array_equal(getattr(narrow.index, codes), getattr(layer.index, codes))


def test_sign_codes_follow_what_rounding_makes_of_weights():
    net = deep()
    fit(net, optimizer=ff.optim.SGD(lr=0.1))
    bits = [np.array(layer.index.bits) for layer in net.layers[:2]]
    net.refresh()
    for was, layer in zip(bits, net.layers, strict=False):
        assert_array_equal(was, layer.index.bits)


# -- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("output", OUTPUTS)
def test_a_loaded_network_predicts_the_same_bits(tmp_path, output):
    net = make(output=output)
    fit(net)
    net.save(tmp_path / "net")
    loaded = ff.load(tmp_path / "net")
    assert_same(net, loaded)
    for exact in (False, True):
        top, again = (n.predict_topk(TEST, 5, exact=exact) for n in (net, loaded))
        assert_array_equal(top.indices, again.indices)
        assert_array_equal(top.scores, again.scores)
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "net").read_bytes()


def test_other_tools_find_bfloat16(tmp_path):
    net = make()
    net.save(tmp_path / "net")
    with safe_open(tmp_path / "net", framework="np") as file:
        assert file.get_slice("layers.0.weights").get_dtype() == "BF16"
        assert file.get_slice("layers.0.bias").get_dtype() == "F32"
    torch = pytest.importorskip("torch")
    with safe_open(tmp_path / "net", framework="pt") as file:
        there = file.get_tensor("layers.1.weights")
    assert there.dtype == torch.bfloat16
    assert_array_equal(there.float().numpy(), net.layers[1].weights)


def test_a_run_that_is_resumed_equals_one_that_was_not(tmp_path):
    whole, half, rest = make(), make(), make()
    fit(whole, max_epochs=3)
    keep = ff.callbacks.Checkpoint(tmp_path / "point")

    class Stop(ff.callbacks.Callback):
        def on_epoch_end(self, run, record):
            return record["epoch"] == 2

    fit(half, max_epochs=3, callbacks=[keep, Stop()])
    ff.Trainer(rest, loss="softmax", max_epochs=3, n_jobs=1, batch_size=32).fit(
        TRAIN, resume=tmp_path / "point"
    )
    assert_same(whole, rest)


def test_files_of_the_other_type_or_with_infinite_weights_are_refused(tmp_path):
    net = make()
    net.save(tmp_path / "net")
    config, arrays = files.read_model(tmp_path / "net")
    arrays["layers.0.weights"][3, 4] = 0x7F80
    files.write_model(tmp_path / "infinite", config, arrays)
    with pytest.raises(ff.errors.FormatError, match=r"weights\[3, 4\] is inf"):
        ff.load(tmp_path / "infinite")
    config["layers"][0]["dtype"] = "float32"
    files.write_model(tmp_path / "other", config, arrays)
    with pytest.raises(ff.errors.FormatError, match=r"layers\.0\.weights is uint16"):
        ff.load(tmp_path / "other")


def test_a_layer_of_before_the_option_is_float32():
    described = to_dict(make("float32").layers[0].settings)
    described.pop("dtype")
    assert layer_from_dict(json.loads(json.dumps(described))).dtype == "float32"
