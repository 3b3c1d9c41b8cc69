"""Settings check themselves, name what is wrong, and go through plain dicts unchanged."""

import json
import os

import numpy as np
import pytest

import fewfire as ff
from fewfire.base.checks import from_dict, thread_count, to_dict
from fewfire.gates import Centroid, Dwta, MinHash, Retrieve, Sign, SimHash
from fewfire.network.architecture import layer_from_dict
from fewfire.network.families import FAMILIES
from fewfire.network.gates import GATES
from fewfire.training.optimizers import OPTIMIZERS
from fewfire.training.schedules import SCHEDULES

WRONG = [
    (ff.gates.Dropout, {"density": 0.0}, "density"),
    (ff.gates.Dropout, {"density": 1.1}, "density"),
    (ff.gates.AdaptiveDropout, {"alpha": -1.0}, "alpha"),
    (ff.gates.AdaptiveDropout, {"alpha": True}, "alpha"),
    (ff.gates.AdaptiveDropout, {"beta": float("nan")}, "beta"),
    (ff.gates.TopK, {"density": float("nan")}, "density"),
    (ff.gates.TopK, {"soft": 1}, "soft"),
    (ff.gates.TopK, {"soft": False, "differentiate": True}, "differentiate"),
    (ff.Hashed, {"density": "half"}, "density"),
    (ff.Hashed, {"family": "md5"}, "family"),
    (ff.Hashed, {"rerank": 0.5}, "rerank"),
    (ff.Hashed, {"n_bits": 4}, "n_bits"),
    (ff.Hashed, {"negatives": 4}, "negatives"),
    (ff.Hashed, {"explore": 0.1}, "soft=False"),
    (ff.Hashed, {"explore": 1.0, "soft": False}, "explore"),
    (Sign, {"alpha": 0.0}, "alpha"),
    (Sign, {"n_columns": 0}, "n_columns"),
    (Sign, {"binary": 1}, "binary"),
    (Sign, {"rank": "count"}, "rank"),
    (Sign, {"refresh": "full"}, "refresh"),
    (SimHash, {"alpha": 0.1}, "alpha"),
    (SimHash, {"n_bits": 25}, "n_bits"),
    (SimHash, {"n_bits": None}, "n_bits"),
    (SimHash, {"n_tables": 0}, "n_tables"),
    (SimHash, {"n_hashes": 2}, "n_hashes"),
    (SimHash, {"n_cells": 4}, "n_cells"),
    (SimHash, {"rank": "best"}, "rank"),
    (SimHash, {"refresh_every": 0}, "refresh_every"),
    (SimHash, {"refresh": "never"}, "refresh"),
    (SimHash, {"drift": 0.1}, 'refresh="drift"'),
    (SimHash, {"refresh": "drift", "drift": 1.0}, "drift"),
    (SimHash, {"refresh_growth": 0.5}, "refresh_growth"),
    (SimHash, {"refresh": "rolling", "refresh_growth": 2.0}, "refresh_growth"),
    (SimHash, {"redraw_every": 0}, "redraw_every"),
    (SimHash, {"projection": "hadamard", "redraw_every": 9}, "share their rotations"),
    (SimHash, {"n_bits": 3, "probes": 8}, "2\\*\\*n_bits = 8"),
    (SimHash, {"probes": -1}, "probes"),
    (SimHash, {"projection": "dense"}, "projection"),
    (SimHash, {"mips": "l2"}, "mips"),
    (SimHash, {"mips": "simple", "norm_powers": 3}, "sign-alsh"),
    (SimHash, {"mips": "sign-alsh", "largest_norm": 1.0}, "largest_norm"),
    (SimHash, {"mips": "sign-alsh", "norm_powers": 0}, "norm_powers"),
    (Dwta, {"redraw_every": 9}, "redraw_every"),
    (Dwta, {"n_bits": 6}, "n_bits"),
    (Dwta, {"n_hashes": 9}, "n_hashes"),
    (Dwta, {"rank": "hamming"}, "hamming"),
    (MinHash, {"n_hashes": 17}, "n_hashes"),
    (MinHash, {"probes": 1}, "probes"),
    (ff.Linear, {"in_features": 0, "out_features": 1}, "in_features"),
    (ff.Linear, {"in_features": 1, "out_features": 2.0}, "out_features"),
    (ff.Linear, {"in_features": 1, "out_features": 1, "activation": "elu"}, "activation"),
    (ff.Linear, {"in_features": 1, "out_features": 1, "gain": -1}, "gain"),
    (ff.Linear, {"in_features": 1, "out_features": 1, "gate": "All"}, "gate"),
    (ff.Linear, {"in_features": 1, "out_features": 1, "gate": ff.Hashed(soft=True)}, "soft"),
    (ff.optim.SGD, {"lr": 0.0}, "lr"),
    (ff.optim.SGD, {"momentum": 1.0}, "momentum"),
    (ff.optim.SGD, {"lr": 1.0, "l2": 1.0}, "l2"),
    (ff.optim.Adam, {"beta1": -0.1}, "beta1"),
    (ff.optim.RMS, {"eps": 0}, "eps"),
    (ff.optim.Adagrad, {"initial": -1}, "initial"),
    (ff.optim.LinearDecay, {"final": 2.0}, "final"),
    (ff.optim.StepDecay, {"n_drops": 0}, "n_drops"),
    (ff.optim.Constant, {"warmup": -1}, "warmup"),
]


@pytest.mark.parametrize(("kind", "options", "name"), WRONG)
def test_a_wrong_value_is_refused_by_name(kind, options, name):
    with pytest.raises((ValueError, TypeError), match=name):
        kind(**options)


KINDS = {kind.__name__: kind for kind in FAMILIES.values()} | GATES | OPTIMIZERS | SCHEDULES


@pytest.mark.parametrize("name", KINDS)
def test_settings_go_through_json(name):
    settings = KINDS[name]()
    assert from_dict(KINDS, json.loads(json.dumps(to_dict(settings)))) == settings


GATE_EXAMPLES = [
    *(kind() for kind in GATES.values()),
    *(ff.Hashed(family=name) for name in FAMILIES),
    Retrieve(20, SimHash(n_bits=3, center=True), head=0),
]


@pytest.mark.parametrize("gate", GATE_EXAMPLES, ids=repr)
def test_layers_go_through_json(gate):
    layer = ff.Linear(3, 4, activation="relu", gate=gate, bias=False, gain=0.5)
    assert layer_from_dict(json.loads(json.dumps(to_dict(layer)))) == layer


@pytest.mark.parametrize("data", [{}, {"type": "Md5"}, {"type": "SGD", "speed": 1}])
def test_a_dict_that_names_nothing_known_is_refused(data):
    with pytest.raises(ValueError, match=r"None|Md5|speed"):
        from_dict(OPTIMIZERS, data)


def test_options_are_shown_that_are_not_the_default():
    assert repr(ff.Hashed(density=0.1)) == "Hashed(density=0.1)"
    assert repr(ff.Hashed(family="simhash")) == "Hashed(family=SimHash())"
    assert repr(Centroid(n_cells=9, rank="union")) == "Centroid(rank='union', n_cells=9)"


@pytest.mark.parametrize("name", FAMILIES)
def test_a_name_is_a_family_with_its_defaults(name):
    family = FAMILIES[name]()
    assert family.name == name
    for gate in (ff.Hashed, Retrieve):
        assert gate(family=name) == gate(family=family)


def test_no_number_of_threads_means_all_cores():
    assert thread_count(None) == thread_count(-1) == len(os.sched_getaffinity(0))
    for wrong in (0, -2, 5000):
        with pytest.raises(ValueError, match="n_jobs"):
            thread_count(wrong)


def test_auto_scans_signs_but_takes_cells_in_wide_layers():
    def family(in_features, out_features, active):
        return ff.Hashed.auto(in_features, out_features, active / out_features).family.name

    assert family(784, 1000, 50) == family(64, 4000, 200) == family(64, 1000, 1) == "sign"
    assert family(784, 16_000, 50) == family(64, 64_000, 200) == family(784, 2000, 10)
    assert family(784, 16_000, 50) == "centroid"
    assert ff.Hashed.auto(784, 1000) == ff.Hashed(0.05)
    for wrong, message in (
        ((0, 5), "in_features"),
        ((5, 1.5), "out_features"),
        ((5, 5, 0), "dens"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            ff.Hashed.auto(*wrong)


def test_presets_are_the_published_settings():
    paper, slide = ff.Hashed.kdd2017(), ff.Hashed.slide(density=0.01)
    tables = paper.family
    assert (tables.n_bits, tables.n_tables, tables.probes, tables.rank) == (6, 5, 10, "union")
    assert (tables.mips, paper.rerank, paper.density) == ("sign-alsh", 1.0, 0.05)
    tables = slide.family
    assert (tables.n_bits, tables.n_tables, tables.rank, slide.density) == (9, 50, "union", 0.01)


def test_numbers_of_numpy_become_plain_ones_that_files_can_hold():
    gate = Retrieve(candidates=np.int64(10), family=SimHash(n_bits=np.int32(3)))
    assert type(gate.candidates) is type(gate.family.n_bits) is int


@pytest.mark.parametrize("make", [lambda: SimHash(rank=None), lambda: ff.Hashed(family=["sign"])])
def test_a_setting_of_no_kind_is_refused_by_name(make):
    with pytest.raises(ValueError, match="must be one of"):
        make()
