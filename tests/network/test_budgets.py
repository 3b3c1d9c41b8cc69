"""The same weights with another budget."""

import numpy as np
from numpy.testing import assert_array_equal

import fewfire as ff
from fewfire.gates import Retrieve, TopK
from fewfire.network.budgets import with_budget


def test_budgets_grow_up_to_all_rows_and_others_stay():
    X = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
    hashed, top = ff.Hashed(density=0.1), TopK(density=0.1)
    net = ff.Network(
        ff.Linear(8, 40, "relu", hashed), ff.Linear(40, 40, "relu", top), ff.Linear(40, 3)
    )
    ff.Trainer(net, max_epochs=1, n_jobs=1, tune=False).fit(X, np.arange(60) % 3)
    assert_array_equal(with_budget(net, 1.0).decision_function(X), net.decision_function(X))
    for factor, active in [(0.01, 1), (2.0, 8), (99.0, 40)]:
        assert [x.settings.active for x in with_budget(net, factor).layers] == [active, 4, 3]
    wide = ff.Network(ff.EmbeddingBag(8, 4), ff.Linear(4, 900, gate=Retrieve(candidates=100)))
    assert with_budget(wide, 3.0).layers[1].settings.active == 300
    assert with_budget(wide, 99.0).layers[1].settings.active == 900
