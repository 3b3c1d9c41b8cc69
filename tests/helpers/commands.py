"""The real command line, run as a user runs it."""

import signal
import subprocess
import sys
import time

HANG = 900  # seconds that nothing takes, however busy the machine


def start(*words, cwd, reads=False):
    return subprocess.Popen(
        [sys.executable, "-m", "fewfire", *map(str, words)],
        cwd=cwd,
        stdin=subprocess.PIPE if reads else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A background job of a shell inherits an ignored SIGINT; a user's terminal does not.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def run(*words, cwd, code=0, given=None):
    process = start(*words, cwd=cwd, reads=given is not None)
    out, err = process.communicate(given, timeout=HANG)
    assert process.returncode == code, f"{words}: {process.returncode}\n{out}\n{err}"
    assert "Traceback" not in err
    return out, err


def wait_for(condition, process=None):
    """Wait until something is so, which is before the process ends."""
    end = time.monotonic() + HANG
    while not condition():
        assert process is None or process.poll() is None or condition(), process.communicate()
        assert time.monotonic() < end, "this is a hang"
        time.sleep(0.01)


def same_bytes(folder, a, b):
    return (folder / a).read_bytes() == (folder / b).read_bytes()
