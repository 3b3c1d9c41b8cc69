"""Descriptions of version 1 mean what they meant: gates had the options of all families."""

import pytest

import fewfire as ff
from fewfire.gates import Centroid, Retrieve, Sign, SimHash
from fewfire.model.older import upgraded
from fewfire.network.architecture import layer_from_dict

BAG = {"type": "EmbeddingBag", "n_features": 50, "dim": 8}
UNUSED = dict.fromkeys(["rerank", "soft", "explore", "negatives", "n_bits", "rank", "refresh"])


def linear(selector, n_in=8, n_out=4000, activation="linear"):
    return {
        "type": "Linear",
        "in_features": n_in,
        "out_features": n_out,
        "activation": activation,
        "selector": selector,
    }


def hashed(density=None, family="sign", **options):
    return {"type": "Hashed", "density": density, "family": family, **UNUSED, **options}


def gate_of(*layers):
    """The gate of the last layer, as it is now."""
    return layer_from_dict(upgraded({"version": 1, "layers": layers})["layers"][-1]).gate


def expected(gate, n_out=4000, activation="linear"):
    return ff.Linear(8, n_out, activation, gate).gate


def test_a_hidden_layer_keeps_the_options_of_its_family():
    was = hashed(0.1, "simhash", n_bits=3, n_tables=5, rank="union", rerank=2.0, soft=True)
    now = ff.Hashed(0.1, SimHash(n_bits=3, n_tables=5, rank="union"), rerank=2.0, soft=True)
    assert gate_of(linear(was, activation="relu")) == now
    assert gate_of(linear(hashed(), activation="relu")) == ff.Hashed()


def test_a_last_layer_that_did_not_rank_retrieves():
    was = hashed(0.02, "centroid", n_cells=9, head=3, negatives=7, thin=0.0)
    now = Retrieve(80, Centroid(n_cells=9), negatives=7, head=3, thin=0.0)
    assert gate_of(BAG, linear(was)) == expected(now)
    assert gate_of(BAG, linear(hashed(rerank=1.0))) == Retrieve(1000, Sign())
    below = linear({"type": "All"}, 50, 8, "relu")
    assert gate_of(below, linear(hashed())) == Retrieve(1000, Sign())


@pytest.mark.parametrize(
    "options", [{"rerank": 3.0}, {"rerank": 1.0, "explore": 0.1, "soft": False}]
)
def test_a_last_layer_that_ranked_or_explored_is_hashed(options):
    assert gate_of(BAG, linear(hashed(0.1, **options))) == ff.Hashed(0.1, **options)


def test_other_linear_layers_kept_1000_rows_unranked():
    below = linear(hashed(0.5), 50, 8, "relu")
    now = ff.Hashed(1000 / 4000, rerank=1.0)
    assert gate_of(below, linear(hashed())) == gate_of(linear(hashed())) == now
    assert gate_of(linear(hashed(), n_out=300)) == ff.Hashed(1.0, rerank=1.0)
    assert gate_of(below, linear(hashed(0.1))) == ff.Hashed(0.1, rerank=1.0)


def test_what_is_described_today_is_left_alone():
    config = {"version": 2, "layers": [BAG]}
    assert upgraded(config) == config
