"""The table of kernels: one of plain loops, and every kernel is bound and tested."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fewfire import _core

HERE = Path(__file__).parent
TABLE = (HERE.parents[2] / "core" / "kernels" / "kernels.h").read_text()
NAMES = set(re.findall(r"\(\*(\w+)\)", TABLE))


def test_every_kernel_is_bound_and_tested():
    bound = {name for name in dir(_core.Kernels) if not name.startswith("_")}
    tests = "".join(path.read_text() for path in HERE.glob("test_*.py"))
    assert bound == NAMES
    assert set(re.findall(r'"(\w+)"', tests)) >= NAMES


def test_plain_loops_are_a_level_that_is_asked_for():
    assert _core.simd_levels()[0] == "plain"
    assert level_at_import() == _core.simd_levels()[-1] != "plain"
    assert level_at_import(FEWFIRE_SIMD="plain") == "plain"


def level_at_import(**asked):
    others = {name: value for name, value in os.environ.items() if name != "FEWFIRE_SIMD"}
    program = [sys.executable, "-c", "from fewfire import _core; print(_core.simd_level())"]
    return subprocess.check_output(program, env=others | asked, text=True).strip()


def test_an_unknown_level_is_refused_with_the_known_ones():
    for choose in (_core.set_simd_level, _core.kernels):
        with pytest.raises(ValueError, match=r"'v9' is not available.*plain, "):
            choose("v9")
