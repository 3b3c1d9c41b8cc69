"""Networks of PyTorch's layers, and back."""

import numpy as np
import pytest

import fewfire as ff

pytest.importorskip("torch.nn", reason="PyTorch is not installed")
import torch
from torch import nn

from fewfire.torch import HashedSoftmaxWithLoss, from_torch, to_torch

X = np.random.default_rng(0).normal(size=(9, 6)).astype(np.float32)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.Tanh, nn.Sigmoid])
def test_a_module_comes_and_goes(activation):
    module = nn.Sequential(nn.Linear(6, 5), activation(), nn.Dropout(), nn.Linear(5, 4, bias=False))
    net = from_torch(module.eval())
    want = module(torch.from_numpy(X)).detach()
    assert np.allclose(net.decision_function(X), want, atol=1e-5)
    assert torch.allclose(to_torch(net)(torch.from_numpy(X)), want, atol=1e-5)


def test_a_head_becomes_a_network_that_answers_the_same():
    head = HashedSoftmaxWithLoss.from_linear(nn.Linear(6, 300), n_jobs=1)
    net = from_torch(head)
    assert net.loss == "softmax"
    want = head.topk(torch.from_numpy(X), 4)[1].numpy()
    assert np.array_equal(net.predict_topk(X, 4).indices, want)


def test_a_trained_softmax_gets_a_gate():
    module = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 300))
    net = from_torch(module, gate=ff.gates.Retrieve(candidates=50))
    exact = net.decision_function(X, exact=True)
    assert np.allclose(exact, module(torch.from_numpy(X)).detach(), atol=1e-5)
    assert net.layers[-1].settings.gate.candidates == 50


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(nn.Linear(2, 2), nn.GELU()), "GELU is no layer"),
        (nn.Sequential(nn.ReLU(), nn.Linear(2, 2)), "ReLU is no layer"),
        (nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Tanh()), "Tanh is no layer"),
        (nn.Sequential(nn.Identity()), "no Linear layer"),
    ],
)
def test_what_no_network_has_is_refused(module, message):
    with pytest.raises(ValueError, match=message):
        from_torch(module)


def test_what_no_module_has_is_refused():
    with pytest.raises(ValueError, match="EmbeddingBag"):
        to_torch(ff.Network(ff.EmbeddingBag(9, 4), ff.Linear(4, 3)))
    with pytest.raises(ValueError, match="soft gate"):
        to_torch(ff.Network(ff.Linear(9, 40, "relu", ff.Hashed()), ff.Linear(40, 3)))
