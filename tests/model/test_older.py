"""Descriptions of older versions mean what they meant: in version 1 gates had the options of all
families, in version 2 signs had one weight for all rows and no mean input."""

from dataclasses import replace

import pytest

import fewfire as ff
from fewfire.base.checks import to_dict
from fewfire.base.files import VERSION
from fewfire.gates import Centroid, Retrieve, Sign, SimHash
from fewfire.model.older import upgraded
from fewfire.network.architecture import layer_from_dict

BAG = {"type": "EmbeddingBag", "n_features": 50, "dim": 8}
LATER = Sign(alpha=0.1, center=False)
SIGN = Sign(alpha=0.03, center=False)  # of a first layer that was given no alpha
UNUSED = dict.fromkeys(["rerank", "soft", "explore", "negatives", "n_bits", "rank", "refresh"])


def linear(selector, n_in=8, n_out=4000, activation="linear"):
    return {
        "type": "Linear",
        "in_features": n_in,
        "out_features": n_out,
        "activation": activation,
        "selector": selector,
    }


def linear_now(gate):
    return to_dict(ff.Linear(8, 4000, "relu", gate))


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
    now = replace(now, differentiate=True)
    assert gate_of(linear(was, activation="relu")) == now
    assert gate_of(linear(hashed(), activation="relu")) == replace(
        ff.Hashed(family=SIGN, rerank=3.0), differentiate=True
    )


def test_a_last_layer_that_did_not_rank_retrieves():
    was = hashed(0.02, "centroid", n_cells=9, head=3, negatives=7, thin=0.0)
    now = Retrieve(80, Centroid(n_cells=9), negatives=7, head=3, thin=0.0)
    assert gate_of(BAG, linear(was)) == expected(now)
    assert gate_of(BAG, linear(hashed(rerank=1.0))) == Retrieve(1000, LATER)
    below = linear({"type": "All"}, 50, 8, "relu")
    assert gate_of(below, linear(hashed())) == Retrieve(1000, LATER)


@pytest.mark.parametrize(
    "options", [{"rerank": 3.0}, {"rerank": 1.0, "explore": 0.1, "soft": False}]
)
def test_a_last_layer_that_ranked_or_explored_is_hashed(options):
    assert gate_of(BAG, linear(hashed(0.1, **options))) == ff.Hashed(0.1, LATER, **options)


def test_other_linear_layers_kept_1000_rows_unranked():
    below = linear(hashed(0.5), 50, 8, "relu")
    assert gate_of(below, linear(hashed())) == ff.Hashed(1000 / 4000, LATER, rerank=1.0)
    assert gate_of(linear(hashed())) == ff.Hashed(1000 / 4000, SIGN, rerank=1.0)
    assert gate_of(linear(hashed(), n_out=300)) == ff.Hashed(1.0, SIGN, rerank=1.0)
    assert gate_of(below, linear(hashed(0.1))) == ff.Hashed(0.1, LATER, rerank=1.0)


def test_what_is_described_today_is_left_alone():
    config = {"version": VERSION, "layers": [BAG, linear_now(ff.Hashed())]}
    assert upgraded(config) == config
    assert upgraded(upgraded({**config, "version": 4})) == config  # once is enough


@pytest.mark.parametrize(("family", "rerank"), [(Sign(), 2.0), (SimHash(), None)])
def test_signs_of_version_3_had_two_candidates_ranked(family, rerank):
    was = [linear_now(ff.Hashed(0.1, family)), linear_now(ff.Hashed(0.1, family, 4.0))]
    now = upgraded({"version": 3, "layers": was})["layers"]
    gates = [layer_from_dict(layer).gate for layer in now]
    assert [gate.rerank for gate in gates] == [rerank, 4.0]


@pytest.mark.parametrize("family", [Sign(), Sign(alpha=0.5, n_columns=4), SimHash(), "centroid"])
def test_signs_of_version_2_have_one_weight_for_all_rows(family):
    """What was not described then must not be what it is by default now."""
    gate = ff.Hashed(0.1, family)
    was = [linear_now(gate), linear_now(gate)]
    for layer in was:
        layer["gate"]["family"].pop("center", None)
    now = upgraded({"version": 2, "layers": was})["layers"]
    for layer, alpha in zip(now, (0.03, 0.1), strict=True):
        own = layer_from_dict(layer).gate
        if isinstance(family, Sign):
            kept = replace(family, alpha=family.alpha or alpha, center=False)
            assert own == expected(ff.Hashed(0.1, kept, 3.0), activation="relu")
        else:
            assert own == expected(gate, activation="relu")


def test_labels_of_version_4_learned_equally_fast():
    settings = {"n_trees": 3, "prune": 0.1}
    was = {"version": 4, "tagger": {"random_state": 0, "settings": settings}}
    assert upgraded(was)["tagger"]["settings"] == {**settings, "slowing": 0.0}
    own = {"trees": settings, "settings": {"prune": None}, "rows": []}
    now = upgraded({**was, "training": own})["training"]
    assert now == {
        "trees": {**settings, "slowing": 0.0},
        "settings": {"prune": None, "slowing": 0.0},
        "rows": [],
    }
    network = {"version": 4, "layers": []}
    blend = {"version": 4, "blend": {"weight": 0.1, "parts": [was, network]}}
    assert {**upgraded(blend)["blend"]["parts"][0], "version": VERSION} == upgraded(was)
