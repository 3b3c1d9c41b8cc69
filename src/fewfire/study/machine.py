"""Where a result was measured."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from .. import _core


def commit() -> str:
    """Return the commit that the package was built from, with a + when files differed from it."""
    return _core.COMMIT


def machine() -> str:
    """Return CPU model and count: `AMD EPYC x 2`."""
    return f"{_cpu_model()} x {os.cpu_count()}"


def load() -> float | None:
    """Return how many processes were busy in the last minute, where the system says."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _cpu_model() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    for line in cpuinfo.read_text().splitlines() if cpuinfo.exists() else []:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
