"""Energy is what the counters moved, wraps included, or "unavailable" with the reason."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest

import fewfire as ff
from commands import HANG
from fewfire.measure.energy import Energy
from powercap import JOULE, RANGE, Machine


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


class Clock:
    seconds = 100.0

    def __call__(self):
        return self.seconds


def meter_threads():
    return [thread for thread in threading.enumerate() if thread.name == "fewfire energy"]


def unavailable(energy):
    assert (energy.joules, energy.total, energy.available) == (None, None, False)
    assert str(energy) == "unavailable"
    assert energy.seconds >= 0
    assert energy.cpu_seconds >= 0
    assert meter_threads() == []
    return energy.reason


def test_energy_is_what_the_counter_moved(machine):
    machine.add("intel-rapl:0", "package-0", energy=7 * JOULE)
    with ff.metrics.EnergyMeter(machine.root) as meter:
        assert meter.energy is None
        machine.set("intel-rapl:0", 19_500_000)
    assert meter.energy.joules == {"package-0": 12.5}
    assert (meter.energy.total, meter.energy.available, meter.energy.reason) == (12.5, True, "")
    assert str(meter.energy).startswith("12.5 J in 0.")


def test_the_total_counts_every_joule_of_two_packages_once(machine):
    used = {"package-0": 10, "core-0": 6, "uncore-0": 1, "dram-0": 3, "psys": 40}
    used |= {"package-1": 20, "core-1": 9, "dram-1": 5}
    zones = dict(zip(used, ("0", "0:0", "0:1", "0:2", "2", "1", "1:0", "1:1"), strict=True))
    for domain, zone in zones.items():
        name = domain if zone.isdigit() else domain.partition("-")[0]
        machine.add(f"intel-rapl:{zone}", name, energy=JOULE)
    machine.add("intel-rapl-mmio:0", "package-0")  # the same package by another way
    with ff.metrics.EnergyMeter(machine.root) as meter:
        for domain, zone in zones.items():
            machine.set(f"intel-rapl:{zone}", (1 + used[domain]) * JOULE)
        machine.set("intel-rapl-mmio:0", 10 * JOULE)
    assert meter.energy.joules == used
    assert meter.energy.total == 10 + 3 + 20 + 5


def test_dies_of_a_package_keep_their_memory_apart(machine):
    for zone, die in enumerate(("package-0-die-0", "package-0-die-1")):
        machine.add(f"intel-rapl:{zone}", die).add(f"intel-rapl:{zone}:0", "dram")
    with ff.metrics.EnergyMeter(machine.root) as meter:
        machine.set("intel-rapl:1:0", JOULE)
    assert meter.energy.joules["dram-0-die-1"] == meter.energy.total == 1


def test_counters_wrap_each_at_its_own_range(machine):
    machine.add("intel-rapl:0", "package-0", energy=RANGE - 2 * JOULE)
    machine.add("intel-rapl:0:0", "dram", energy=65 * JOULE, size=66 * JOULE)
    with ff.metrics.EnergyMeter(machine.root) as meter:
        machine.set("intel-rapl:0", 3 * JOULE)
        machine.set("intel-rapl:0:0", 2 * JOULE)
    assert meter.energy.joules == pytest.approx({"package-0": 5, "dram-0": 3})


def test_two_wraps_are_seen_by_the_thread(machine):
    machine.add("intel-rapl:0", "package-0")
    rounds = threading.Semaphore(0)

    class Watched(ff.metrics.EnergyMeter):
        def sample(self):
            super().sample()
            rounds.release()

    positions = [0.6, 0.2, 0.8, 0.4, 0.9]  # of the range: wraps before 0.2 and 0.4
    with Watched(machine.root, interval=0.001, clock=Clock()) as meter:
        for position in positions:
            machine.set("intel-rapl:0", int(position * RANGE))
            while rounds.acquire(blocking=False):
                pass
            for _ in range(2):  # the first may have read before the change
                assert rounds.acquire(timeout=HANG)
    assert meter.energy.total == pytest.approx(2.9 * RANGE / JOULE)


def test_any_steps_shorter_than_the_range_add_up(machine):
    machine.add("intel-rapl:0", "package-0", energy=123, size=JOULE - 1)
    steps = np.random.default_rng(0).integers(0, JOULE, 300)
    meter = ff.metrics.EnergyMeter(machine.root, interval=60, clock=Clock()).start()
    for position in 123 + np.cumsum(steps):
        machine.set("intel-rapl:0", position % JOULE)
        meter.sample()
    assert meter.stop().total == pytest.approx(steps.sum() / JOULE)


def test_samples_come_before_a_wrap_could_hide(machine):
    waits = []

    class Stopped(threading.Event):
        def wait(self, timeout=None):
            waits.append(timeout)
            return super().wait()

    for size in (RANGE, 20_000 * JOULE):
        machine.add(f"intel-rapl:{len(waits)}", f"package-{len(waits)}", size=size)
        meter = ff.metrics.EnergyMeter(machine.root)
        meter._stopped = Stopped()
        meter.start().stop()
    assert waits == [60, 10]  # the second at 1000 W: half of 20 s


def test_a_gap_that_could_hide_a_wrap_is_no_measurement(machine):
    machine.add("intel-rapl:0", "package-0")
    for seconds, is_safe in ((250, True), (270, False)):  # RANGE at 1000 W takes 262 s
        clock = Clock()
        with ff.metrics.EnergyMeter(machine.root, clock=clock) as meter:
            clock.seconds += seconds
        assert meter.energy.available == is_safe
        assert meter.energy.seconds == seconds
    assert unavailable(meter.energy).startswith("no sample for 270 s")


def test_energy_is_never_negative(machine):
    machine.add("intel-rapl:0", "package-0", energy=RANGE)
    with ff.metrics.EnergyMeter(machine.root) as meter:
        pass
    assert (meter.energy.total, meter.energy.joules) == (0, {"package-0": 0})
    with meter:
        machine.set("intel-rapl:0", 0)
    assert meter.energy.total == 1 / JOULE


@pytest.mark.parametrize("layout", ["nowhere", "empty", "dangling", "psys"])
def test_without_counters_of_packages_there_is_no_energy(machine, layout):
    root = machine.root
    if layout == "nowhere":
        root = root / "nowhere"
    elif layout == "dangling":  # as in a container
        (root / "intel-rapl:0").symlink_to(root / "hidden")
    elif layout == "psys":
        machine.add("intel-rapl:0", "psys")
    with ff.metrics.EnergyMeter(root) as meter:
        assert meter_threads() == []
    assert unavailable(meter.energy) == "no powercap counters"


def test_counters_for_root_alone_say_so(machine, monkeypatch):
    machine.add("intel-rapl:0", "package-0")
    read = Path.read_bytes

    def refuse(path):
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)  # root may read a file of mode 0
    with ff.metrics.EnergyMeter(machine.root) as meter:
        assert meter_threads() == []
    path = machine.root / "intel-rapl:0" / "energy_uj"
    assert unavailable(meter.energy) == f"not readable: run as root or chmod a+r {path}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read a file of mode 0")
def test_a_file_of_mode_0_is_not_readable(machine):
    machine.add("intel-rapl:0", "package-0").file("intel-rapl:0").chmod(0)
    with ff.metrics.EnergyMeter(machine.root) as meter:
        pass
    assert unavailable(meter.energy).startswith("not readable: run as root")


@pytest.mark.parametrize("junk", ["", "many", "-5", "1_0", "1.5", "٣", str(RANGE + 1)])
@pytest.mark.parametrize("when", ["before", "midway"])
def test_a_file_with_junk_is_no_counter(machine, junk, when):
    machine.add("intel-rapl:0", "package-0", energy=junk if when == "before" else 5)
    with ff.metrics.EnergyMeter(machine.root) as meter:
        machine.set("intel-rapl:0", junk)
    assert "energy_uj" in unavailable(meter.energy)


@pytest.mark.parametrize("size", [0, "wide"])
def test_a_range_with_junk_is_no_range(machine, size):
    machine.add("intel-rapl:0", "package-0", size=size)
    with ff.metrics.EnergyMeter(machine.root) as meter:
        pass
    assert "max_energy_range_uj" in unavailable(meter.energy)


def test_a_counter_that_vanishes_takes_the_measurement_with_it(machine):
    machine.add("intel-rapl:0", "package-0").add("intel-rapl:0:0", "dram")
    with ff.metrics.EnergyMeter(machine.root, interval=0.001) as meter:
        (thread,) = meter_threads()
        machine.file("intel-rapl:0:0").unlink()
        thread.join(timeout=HANG)  # it ends by itself
        assert not thread.is_alive()
        machine.set("intel-rapl:0:0", 5)  # too late
    assert unavailable(meter.energy).startswith("counter lost: ")
    with meter:  # a new measurement is not bound by the old
        machine.set("intel-rapl:0:0", 5 + JOULE)
    assert meter.energy.joules == {"package-0": 0, "dram-0": 1}


def test_the_thread_ends_with_the_measurement_errors_included(machine):
    machine.add("intel-rapl:0", "package-0")
    meter = ff.metrics.EnergyMeter(machine.root)

    def work():
        with meter:
            (thread,) = meter_threads()
            assert thread.daemon
            machine.set("intel-rapl:0", JOULE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert meter_threads() == []
    assert meter.energy.total == 1


def test_a_meter_starts_and_stops_in_turn(machine):
    machine.add("intel-rapl:0", "package-0")
    meter = ff.metrics.EnergyMeter(machine.root)
    with pytest.raises(RuntimeError, match="does not run"):
        meter.stop()
    assert meter.start() is meter
    with pytest.raises(RuntimeError, match="runs already"):
        meter.start()
    assert len(meter_threads()) == 1
    assert meter.stop() is meter.energy
    with pytest.raises(RuntimeError, match="does not run"):
        meter.stop()
    meter.sample()  # nothing to add to
    assert meter_threads() == []
    with pytest.raises(ValueError, match="interval must be above 0"):
        ff.metrics.EnergyMeter(interval=0)


def test_time_is_told_without_counters_too(tmp_path):
    with ff.metrics.EnergyMeter(tmp_path) as meter:
        worker = threading.Thread(target=lambda: sum(range(1_000_000)))
        worker.start()
        worker.join()
    assert meter.energy.cpu_seconds > 0
    assert meter.energy.seconds > 0


def test_this_machine_is_measured_or_unavailable():
    with ff.metrics.EnergyMeter() as meter:
        pass
    if meter.energy.available:
        assert meter.energy.total >= 0
    else:
        assert unavailable(meter.energy)


def test_text_tells_joules_and_seconds():
    assert str(Energy(joules={"package-0": 1234.56}, seconds=61.0)) == "1234.6 J in 61.00 s"
