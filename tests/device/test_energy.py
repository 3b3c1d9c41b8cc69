"""Energy is measured above an idle machine or unavailable, and what a model says is called so."""

import json

import numpy as np
import pytest

import fewfire as ff
from commands import run
from device_nets import DATA, trained
from fewfire.base.ledger import Ledger
from fewfire.device import energy, quantize
from fewfire.device.spending import dense_net, spend
from fewfire.measure.joules import ADDITION, MULTIPLICATION, by_operations
from powercap import JOULE, Machine


def test_joules_of_a_run_are_what_counters_moved_by_run(tmp_path):
    machine = Machine(tmp_path).add("intel-rapl:0", "package-0", energy=5)
    runs = []

    def work():
        runs.append(1)
        machine.set("intel-rapl:0", 5 + 3 * JOULE * len(runs))

    spent = spend(work, 0.01, machine.root)
    assert spent.joules == pytest.approx(3.0)
    assert spent.reason == ""


def test_idle_power_is_subtracted(tmp_path, monkeypatch):
    machine, moved = Machine(tmp_path).add("intel-rapl:0", "package-0"), [0]

    def adds(joules):
        moved[0] += joules * JOULE
        machine.set("intel-rapl:0", moved[0])

    monkeypatch.setattr("fewfire.device.spending.time.sleep", lambda seconds: adds(0))
    monkeypatch.setattr("fewfire.device.spending._predict", lambda model, data: adds(9))
    found = energy(trained(), DATA, seconds=0.01, root=machine.root)
    assert found.idle_watts == 0
    assert found.joules == pytest.approx(9 / len(DATA))
    assert found.dense_joules == pytest.approx(9 / len(DATA))
    assert found.reason == ""


def test_without_counters_the_reason_is_told_and_the_rest_measured(tmp_path):
    found = energy(trained(ff.Hashed(0.2)), DATA, seconds=0.01, root=tmp_path)
    assert (found.joules, found.idle_watts) == (None, None)
    assert found.reason == "no powercap counters"
    assert found.cpu_seconds > 0
    assert found.dense_cpu_seconds > 0
    assert 0 < found.times_less.least <= found.times_less.most
    assert energy(quantize(trained(), DATA), DATA, seconds=0.01, root=tmp_path).times_less is None


def test_the_dense_net_is_the_one_without_gates():
    net = trained(ff.Hashed(0.2, soft=False))
    dense = dense_net(net)
    exact = net.decision_function(DATA, exact=True)
    np.testing.assert_allclose(dense.decision_function(DATA), exact, rtol=1e-4, atol=1e-5)
    assert not dense.is_gated
    small = net.compact(DATA).model
    assert dense_net(small).n_features == 40


def test_the_model_adds_up_operations_and_bytes():
    ledger = trained().evaluate(DATA).ledger
    assert ledger.bytes == 4 * ledger.forward
    assert ledger.to_dict()["bytes"] == ledger.bytes
    found = by_operations(ledger, 300)
    assert found["operations"] == pytest.approx(ledger.forward * (MULTIPLICATION + ADDITION) / 300)
    assert found["DRAM"] - found["operations"] == pytest.approx(ledger.forward * 640e-12 / 300)
    assert by_operations(Ledger.empty(1), 0)["DRAM"] == 0


def test_the_command_tells_measured_counted_and_modelled_apart(tmp_path):
    trained(ff.Hashed(0.2)).save(tmp_path / "net.safetensors")
    ff.datasets.save_npz(tmp_path / "data.npz", DATA)
    words = ["energy", "net.safetensors", "data.npz", "--seconds", "0.01"]
    out, _ = run(*words, cwd=tmp_path)
    assert "by a model, not measured:" in out
    assert "joules: unavailable: " in out or "joules, measured: " in out
    report = json.loads(run(*words, "--json", cwd=tmp_path)[0])
    assert report["n_examples"] == 300
    assert (report["joules"] is None) == bool(report["unavailable"])
