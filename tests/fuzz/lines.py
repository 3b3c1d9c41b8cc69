"""The fuzzers as tests run them: in a process of their own, because what they find may end it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def printed_by(*words: str, module: str = "tests.fuzz") -> tuple[int, str]:
    """Return the exit code of `python -m tests.fuzz WORDS`, and the lines that it printed."""
    command = [sys.executable, "-m", module, *words]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr
