"""Joules of the machine, from the counters of Linux: a measurement or "unavailable", no guess.

The machine means all that runs on it, not this process alone.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from ..base.checks import check_number

_POWERCAP = Path("/sys/class/powercap")
_MOST_WATTS = 1000.0  # no package draws more, so no counter wraps sooner than range / _MOST_WATTS
_MOST_SECONDS = 60.0  # between samples


@dataclass(frozen=True, kw_only=True)
class Energy:
    """What was used between start and stop, in J and s.

    `joules` holds each domain, as in `package-0`, `dram-0`, `core-0` or `psys`, and is None with a
    `reason` where it could not be measured. `cpu_seconds` are those of this process, all threads.

    >>> used = Energy(joules={"package-0": 8.0, "core-0": 5.0, "dram-0": 2.0}, seconds=0.5)
    >>> used.total, str(used)
    (10.0, '10.0 J in 0.50 s')
    """

    joules: dict[str, float] | None
    seconds: float
    cpu_seconds: float = 0.0
    reason: str = ""

    @property
    def available(self) -> bool:
        """Whether `joules` were measured."""
        return self.joules is not None

    @property
    def total(self) -> float | None:
        """Joules of packages and memory; a package contains its cores, `psys` the packages."""
        if self.joules is None:
            return None
        counted = [name for name in self.joules if name.startswith(("package", "dram"))]
        return sum(self.joules[name] for name in counted)

    def __str__(self) -> str:
        if self.total is None:
            return "unavailable"
        return f"{self.total:.1f} J in {self.seconds:.2f} s"


class EnergyMeter:
    """Measure the joules of a piece of work; `energy` holds them from `stop` on.

    Counters wrap around, in minutes at full power. A thread reads them often enough to see every
    wrap; a gap that could hide one makes the energy unavailable. Counters start over when the
    machine sleeps, which looks like a wrap: a measurement must not span that.

    Parameters
    ----------
    root : Path
        Folder of the zones `intel-rapl:*`, each with `name`, `energy_uj` and `max_energy_range_uj`.
    interval : float, optional
        Seconds between samples; by default 60, less for counters that wrap sooner.
    clock : callable
        Seconds since some moment.

    >>> with EnergyMeter(root=Path("a machine without counters")) as meter:
    ...     work = sum(range(1000))
    >>> print(meter.energy, meter.energy.joules, meter.energy.reason, sep=", ")
    unavailable, None, no powercap counters
    """

    def __init__(
        self,
        root: Path = _POWERCAP,
        *,
        interval: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if interval is not None:
            check_number("interval", interval, above=0.0)
        self.root = Path(root)
        self.interval = interval
        self.energy: Energy | None = None
        self._clock = clock
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._begun: tuple[float, float] | None = None  # wall and process time
        self._counters: list[_Counter] = []
        self._reason = ""
        self._soonest_wrap = 0.0  # seconds

    def start(self) -> EnergyMeter:
        """Measure from here on."""
        if self._begun is not None:
            raise RuntimeError("the meter runs already: stop() it first")
        self.energy = None
        self._open()
        self._sampled = self._clock()
        self._begun = self._sampled, time.process_time()
        if not self._reason:
            self._stopped.clear()
            self._thread = threading.Thread(target=self._watch, name="fewfire energy", daemon=True)
            self._thread.start()
        return self

    def stop(self) -> Energy:
        """Return what was used since `start`."""
        if self._begun is None:
            raise RuntimeError("the meter does not run: start() it first")
        if self._thread is not None:
            self._stopped.set()
            self._thread.join()
            self._thread = None
        self.sample()
        wall, process = self._begun
        self._begun = None
        self.energy = Energy(
            joules=None if self._reason else self._joules(),
            seconds=self._clock() - wall,
            cpu_seconds=time.process_time() - process,
            reason=self._reason,
        )
        return self.energy

    def __enter__(self) -> EnergyMeter:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def sample(self) -> None:
        """Add what the counters moved since the last sample; the meter's thread does so too."""
        with self._lock:
            if self._begun is None or self._reason:
                return
            now = self._clock()
            gap, self._sampled = now - self._sampled, now
            try:
                for counter in self._counters:
                    counter.advance()
            except (OSError, ValueError) as error:
                self._reason = _reason(error)
            if gap > self._soonest_wrap and not self._reason:
                self._reason = f"no sample for {gap:.0f} s: a counter may have wrapped unseen"

    def _open(self) -> None:
        self._reason = ""
        try:
            # Only zones with a counter: a container hides the folders, links to them stay.
            found = sorted(self.root.glob("intel-rapl:*/energy_uj"))
            self._counters = [_Counter(path.parent) for path in found]
        except (OSError, ValueError) as error:
            self._reason = _reason(error)
            return
        if not any(counter.domain.startswith("package") for counter in self._counters):
            self._reason = "no powercap counters"
            return
        self._soonest_wrap = min(counter.range for counter in self._counters) / 1e6 / _MOST_WATTS

    def _watch(self) -> None:
        interval = self.interval or min(_MOST_SECONDS, self._soonest_wrap / 2)
        while not self._reason and not self._stopped.wait(interval):
            self.sample()

    def _joules(self) -> dict[str, float]:
        used: Counter[str] = Counter()
        for counter in self._counters:
            used[counter.domain] += counter.used
        return {domain: microjoules / 1e6 for domain, microjoules in used.items()}


class _Counter:
    """Microjoules of one zone since this object was made; the file holds 0 to `range`."""

    def __init__(self, zone: Path) -> None:
        self.domain = _domain(zone)
        self.range = _number(zone / "max_energy_range_uj")
        if self.range == 0:
            raise ValueError(f"{zone / 'max_energy_range_uj'} is 0")
        self.used = 0
        self._path = zone / "energy_uj"
        self._last = self._read()

    def advance(self) -> None:
        now = self._read()
        self.used += (now - self._last) % (self.range + 1)
        self._last = now

    def _read(self) -> int:
        value = _number(self._path)
        if value > self.range:
            raise ValueError(f"{self._path} is {value}, beyond its range of {self.range}")
        return value


def _domain(zone: Path) -> str:
    """Return `package-0` for `intel-rapl:0`, `dram-0` for the zone `dram` in it."""
    name = (zone / "name").read_text().strip()
    parent = zone.with_name(zone.name.rpartition(":")[0])
    if ":" not in parent.name:
        return name
    return name + (parent / "name").read_text().strip().removeprefix("package")


def _number(path: Path) -> int:
    text = path.read_bytes().strip()
    if not text.isdigit():
        raise ValueError(f"{path} holds no number: {text[:20].decode(errors='replace')!r}")
    return int(text)


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, PermissionError):
        return f"not readable: run as root or chmod a+r {error.filename}"
    return f"counter lost: {error}" if isinstance(error, OSError) else str(error)
