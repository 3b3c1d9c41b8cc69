"""Small models of every kind, and data with labels that they learn: what the laws of
`model/test_contract.py` are tried on. A new kind of model gets its makers here."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

import fewfire as ff
from fewfire.device import Quantized, quantize
from fewfire.model.contract import Model

HOW = {"max_epochs": 3, "batch_size": 4, "n_jobs": 1}


def dense(data):
    net = ff.Network(
        ff.Linear(data.n_features, 16, "relu"), ff.Linear(16, data.n_labels), random_state=1
    )
    adam = ff.optim.Adam(lr=0.01)
    ff.Trainer(net, optimizer=adam, **{**HOW, "max_epochs": 20}).fit(data)
    return net


def gated(data):
    gate = ff.Hashed(density=0.5, rerank=2.0, soft=False)
    net = ff.Network(
        ff.Linear(data.n_features, 32, "relu", gate), ff.Linear(32, data.n_labels), random_state=1
    )
    adam = ff.optim.Adam(lr=0.01)
    ff.Trainer(net, optimizer=adam, **{**HOW, "max_epochs": 20}).fit(data)
    return net


def retrieving(data, loss="logistic"):
    cells = ff.gates.Retrieve(round(0.4 * data.n_labels), ff.gates.Centroid(n_cells=4))
    net = ff.Network(ff.EmbeddingBag(data.n_features, 16), ff.Linear(16, data.n_labels, gate=cells))
    ff.Trainer(net, loss=loss, **HOW).fit(data)
    return net


def tagger(data):
    return ff.Tagger(n_trees=2, pairs=1, labels_per_leaf=5, beam=3, n_jobs=1).fit(data)


def plain_tagger(data):
    return ff.Tagger("fast", max_epochs=2, loss="logistic", n_jobs=1).fit(data)


def blend(data):
    return ff.Blend(tagger(data), retrieving(data), weight=0.3)


def quantized(data):
    return quantize(dense(data), data)


MAKERS = {
    ff.Network: [dense, gated, retrieving],
    ff.Tagger: [tagger, plain_tagger],
    ff.Blend: [blend],
    Quantized: [quantized],
}


def kinds(of=Model):
    """Every class of model that there is, found by inspection."""
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


def checkerboard(n):
    """Example i has the labels of its parity, but for label i, and likes them as features."""
    likes = (np.add.outer(np.arange(n), np.arange(n)) % 2 == 0) & ~np.eye(n, dtype=bool)
    return ff.Dataset(csr_array(likes.astype(np.float32)), csr_array(likes.astype(np.float32)))
