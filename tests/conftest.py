"""Settings of every test run: no deadline, CI draws the same cases each time, a file that tries all
SIMD levels leaves the one that it found, and signals are heard wherever tests run."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

from fewfire import _core

settings.register_profile(
    "default", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True)
settings.register_profile("thorough", settings.get_profile("default"), max_examples=1000)
default = "ci" if "CI" in os.environ else "default"
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", default))

# A shell lets what runs in the background ignore Ctrl-C, nohup the end of its terminal; commands
# that tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True, scope="module")
def _keep_simd_level():
    level = _core.simd_level()
    yield
    _core.set_simd_level(level)
