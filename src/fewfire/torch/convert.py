"""Networks of PyTorch's layers, and back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from ..network.gates import All
from ..network.linear import Linear
from ..network.network import Network
from .head import HashedSoftmaxWithLoss

_ACTIVATIONS: dict[type[nn.Module], str] = {nn.ReLU: "relu", nn.Tanh: "tanh", nn.Sigmoid: "sigmoid"}
_IDLE = (nn.Dropout, nn.Identity, nn.Flatten)  # in prediction, of flat inputs
_MODULES = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


def from_torch(module: nn.Module, **gates: Any) -> Network:
    """Return a network with the weights of a module, copied.

    Parameters
    ----------
    module : torch.nn.Sequential, Linear or HashedSoftmaxWithLoss
        Layers `Linear`, `ReLU`, `Tanh`, `Sigmoid`; a `Dropout`, `Identity` or `Flatten` does
        nothing in prediction; a `HashedSoftmaxWithLoss` may be the last.
    **gates
        Options of the last layer, such as `gate=fewfire.gates.Retrieve()`: then few rows of a
        trained full softmax are computed.

    Returns
    -------
    Network
        Its layers have no gate but the one of a head. It predicts what the module does.

    Raises
    ------
    ValueError
        For a layer that no network of ours has.

    Examples
    --------
    >>> module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> net = from_torch(module)
    >>> X = torch.randn(2, 4)
    >>> np.allclose(net.decision_function(X.numpy()), module(X).detach(), atol=1e-6)
    True
    """
    layers: list[Linear] = []
    arrays: list[tuple[Any, Any]] = []
    for child in module if isinstance(module, nn.Sequential) else [module]:
        if isinstance(child, nn.Linear | HashedSoftmaxWithLoss):
            layers.append(_layer(child))
            arrays.append((child.weight, child.bias))
        elif type(child) in _ACTIVATIONS and layers and layers[-1].activation == "linear":
            layers[-1] = replace(layers[-1], activation=_ACTIVATIONS[type(child)])
        elif not isinstance(child, _IDLE):
            raise ValueError(
                f"{type(child).__name__} is no layer of a fewfire network at this place: those are "
                "Linear, each with one ReLU, Tanh or Sigmoid after it at most"
            )
    if not layers:
        raise ValueError("the module has no Linear layer")
    if gates:
        layers[-1] = replace(layers[-1], **gates)
    net = Network(*layers)
    for layer, (weight, bias) in zip(net.layers, arrays, strict=True):
        layer.weights = weight.detach().float().numpy()
        if bias is not None:
            layer.bias[...] = bias.detach().numpy()
    net.refresh(None)
    if isinstance(module, HashedSoftmaxWithLoss):
        net.loss = module.loss_name
    return net


def to_torch(net: Network) -> nn.Sequential:
    """Return layers of PyTorch with the weights of a network, copied; every row is computed.

    Raises
    ------
    ValueError
        For a network with a bag or with soft gates, which PyTorch has no layers for.

    Examples
    --------
    >>> net = Network(Linear(4, 8, "relu"), Linear(8, 3))
    >>> to_torch(net)(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """
    modules: list[nn.Module] = []
    for layer in net.layers:
        settings = layer.settings
        if not isinstance(settings, Linear):
            raise ValueError("to_torch knows Linear layers only; the first one is an EmbeddingBag")
        if settings.soft and hasattr(settings.gate, "soft"):
            raise ValueError(
                "a soft gate takes a threshold off, as no layer of PyTorch does: to_torch is for "
                "gates with soft=False, and for layers without a gate"
            )
        linear = nn.Linear(settings.in_features, settings.out_features)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(np.array(layer.weights)))
            linear.bias.copy_(torch.from_numpy(np.array(layer.bias)))
        modules.append(linear)
        if settings.activation != "linear":
            modules.append(_MODULES[settings.activation]())
    return nn.Sequential(*modules)


def _layer(module: nn.Linear | HashedSoftmaxWithLoss) -> Linear:
    n_rows, n_columns = module.weight.shape
    if isinstance(module, HashedSoftmaxWithLoss):
        return module.layer
    return Linear(n_columns, n_rows, bias=module.bias is not None, gate=All())
