"""Settings check themselves, name what is wrong, and go through plain dicts unchanged."""

import json
import os

import pytest

import fewfire as ff
from fewfire.base.checks import from_dict, thread_count, to_dict
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
    (ff.Hashed, {"family": "simhash", "alpha": 0.1}, "alpha"),
    (ff.Hashed, {"family": "simhash", "n_bits": 25}, "n_bits"),
    (ff.Hashed, {"family": "simhash", "n_tables": 0}, "n_tables"),
    (ff.Hashed, {"family": "simhash", "rank": "best"}, "rank"),
    (ff.Hashed, {"family": "simhash", "refresh_every": 0}, "refresh_every"),
    (ff.Hashed, {"family": "simhash", "refresh": "never"}, "refresh"),
    (ff.Hashed, {"family": "simhash", "drift": 0.1}, "drift"),
    (ff.Hashed, {"family": "simhash", "refresh": "drift", "drift": 1.0}, "drift"),
    (ff.Hashed, {"family": "simhash", "refresh_growth": 0.5}, "refresh_growth"),
    (
        ff.Hashed,
        {"family": "simhash", "refresh": "rolling", "refresh_growth": 2.0},
        "refresh_growth",
    ),
    (ff.Hashed, {"refresh": "full"}, "refresh"),
    (ff.Hashed, {"redraw_every": 9}, 'does not use redraw_every.*family="simhash"'),
    (ff.Hashed, {"family": "dwta", "redraw_every": 9}, "does not use redraw_every"),
    (ff.Hashed, {"family": "simhash", "redraw_every": 0}, "redraw_every"),
    (
        ff.Hashed,
        {"family": "simhash", "projection": "hadamard", "redraw_every": 9},
        "share their rotations",
    ),
    (ff.Hashed, {"explore": 0.1}, "soft=False"),
    (ff.Hashed, {"explore": 1.0, "soft": False}, "explore"),
    (ff.Hashed, {"family": "simhash", "n_bits": 3, "probes": 8}, "2\\*\\*n_bits = 8"),
    (ff.Hashed, {"family": "simhash", "probes": -1}, "probes"),
    (ff.Hashed, {"family": "simhash", "projection": "dense"}, "projection"),
    (ff.Hashed, {"family": "simhash", "mips": "l2"}, "mips"),
    (ff.Hashed, {"family": "simhash", "mips": "simple", "norm_powers": 2}, "sign-alsh"),
    (ff.Hashed, {"family": "simhash", "mips": "sign-alsh", "largest_norm": 1.0}, "largest_norm"),
    (ff.Hashed, {"family": "simhash", "mips": "sign-alsh", "norm_powers": 0}, "norm_powers"),
    (ff.Hashed, {"family": "sign", "rank": "hamming"}, "rank"),
    (ff.Hashed, {"family": "simhash", "n_hashes": 2}, 'family="dwta" or family="minhash"'),
    (ff.Hashed, {"family": "dwta", "n_bits": 6}, 'family="simhash" or family="minhash"'),
    (ff.Hashed, {"family": "dwta", "n_hashes": 9}, "n_hashes"),
    (ff.Hashed, {"family": "dwta", "rank": "hamming"}, "hamming"),
    (ff.Hashed, {"family": "minhash", "n_hashes": 17}, "n_hashes"),
    (ff.Hashed, {"family": "minhash", "probes": 1}, "probes"),
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


KINDS = {**GATES, **OPTIMIZERS, **SCHEDULES}


@pytest.mark.parametrize("name", KINDS)
def test_settings_go_through_json(name):
    settings = KINDS[name]()
    assert from_dict(KINDS, json.loads(json.dumps(to_dict(settings)))) == settings


@pytest.mark.parametrize("gate", [kind() for kind in GATES.values()], ids=list(GATES))
def test_layers_go_through_json(gate):
    layer = ff.Linear(3, 4, activation="relu", gate=gate, bias=False, gain=0.5)
    assert ff.Linear.from_dict(json.loads(json.dumps(layer.to_dict()))) == layer


@pytest.mark.parametrize("data", [{}, {"type": "Md5"}, {"type": "SGD", "speed": 1}])
def test_a_dict_that_names_nothing_known_is_refused(data):
    with pytest.raises(ValueError, match=r"None|Md5|speed"):
        from_dict(OPTIMIZERS, data)


def test_only_given_options_of_a_hashed_selector_are_shown():
    assert repr(ff.Hashed(density=0.1)) == "Hashed(density=0.1, family='sign')"


def test_no_number_of_threads_means_all_cores():
    assert thread_count(None) == thread_count(-1) == len(os.sched_getaffinity(0))
    for wrong in (0, -2, 5000):
        with pytest.raises(ValueError, match="n_jobs"):
            thread_count(wrong)


def test_auto_scans_signs_but_takes_cells_in_wide_layers():
    def family(in_features, out_features, active):
        return ff.Hashed.auto(in_features, out_features, active / out_features).family

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
    assert (paper.n_bits, paper.n_tables, paper.probes, paper.rank) == (6, 5, 10, "union")
    assert (paper.mips, paper.rerank, paper.density) == ("sign-alsh", 1.0, 0.05)
    assert (slide.n_bits, slide.n_tables, slide.rank, slide.density) == (9, 50, "union", 0.01)
