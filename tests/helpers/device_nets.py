"""Small networks of all shapes that devices compute, and data that they were trained on."""

from functools import cache
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array

import fewfire as ff

ADAM = ff.optim.Adam(lr=0.005)
RNG = np.random.default_rng(0)
CENTERS = RNG.random((5, 40)) * (RNG.random((5, 40)) < 0.4)
CLASSES = RNG.integers(0, 5, 300)
PIXELS = np.rint(np.clip(CENTERS[CLASSES] + RNG.normal(0, 0.15, (300, 40)), 0, 1) * 255)
PIXELS[:, [3, 17, 39]] = 0
DATA = ff.Dataset((PIXELS / 255).astype(np.float32), CLASSES)


@cache
def trained(gate=None, widths=(24, 18), seed=0):
    sizes = [DATA.n_features, *widths]
    hidden = [ff.Linear(a, b, "relu", gate) for a, b in pairwise(sizes)]
    net = ff.Network(*hidden, ff.Linear(sizes[-1], 5), random_state=seed)
    ff.Trainer(net, optimizer=ADAM, max_epochs=8, batch_size=4, n_jobs=1).fit(DATA)
    return net


@cache
def bag():
    data = sparse()
    net = ff.Network(ff.EmbeddingBag(40, 12), ff.Linear(12, 5))
    ff.Trainer(net, optimizer=ADAM, max_epochs=4, batch_size=4, n_jobs=1).fit(data)
    return net


def sparse():
    return ff.Dataset(csr_array(DATA.X), CLASSES)


NETS = {
    "one layer": lambda: trained(widths=()),
    "dense": lambda: trained(),
    "soft": lambda: trained(ff.gates.TopK(0.3, soft=True)),
    "hard": lambda: trained(ff.gates.TopK(0.3)),
    "hashed, three hidden layers": lambda: trained(ff.Hashed(0.6), (30, 25, 17)),
    "compact": lambda: trained(ff.Hashed(0.2), (60, 60)).compact(DATA).model,
    "bag": bag,
}
