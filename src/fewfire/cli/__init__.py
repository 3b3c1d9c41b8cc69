"""The command line: results on stdout, progress and errors on stderr.

Exit codes: 0; 1 for bad input, with one line that says what to do; 2 for wrong usage; 130 after
Ctrl-C, 143 after SIGTERM and 129 after SIGHUP, with what was learned kept; 70 for a fault of the
program itself, whose traceback FEWFIRE_TRACEBACK=1 shows.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
from collections.abc import Sequence

import click

import fewfire

from ..base.interrupts import stops_as_interrupts
from .common import say
from .compact import compact
from .convert import convert
from .data import data
from .energy import energy
from .evaluate import evaluate
from .explain import explain
from .export import export
from .inspect import inspect
from .plot import plot
from .predict import predict
from .quickstart import quickstart
from .report import report
from .reproduce import reproduce
from .serve import serve
from .train import train

FAULT = 70  # what sysexits.h calls EX_SOFTWARE
INTERRUPTED = 128 + signal.SIGINT
STOPPED = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "terminated",
    signal.SIGHUP: "ended, as its terminal was",
}


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(fewfire.__version__, prog_name="fewfire")
def commands() -> None:
    """Neural networks that compute, for each example, only the few neurons that matter.

    Start with `fewfire quickstart`.
    """


for command in (
    quickstart,
    train,
    evaluate,
    predict,
    explain,
    inspect,
    plot,
    report,
    compact,
    export,
    energy,
    serve,
    convert,
    data,
    reproduce,
):
    commands.add_command(command)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as stderr does, in any encoding
    sys.exit(run())


def run(words: Sequence[str] | None = None) -> int:
    """Run a command line, by default that of the process, and return its exit code."""
    with stops_as_interrupts() as heard:
        code = _outcome(words)
    if code == 0 or not (heard or code == INTERRUPTED):  # what fails after a stop was stopped
        return code
    stop = signal.Signals(heard[0]) if heard else signal.SIGINT
    say(f"fewfire: {STOPPED[stop]}")
    return 128 + stop


def _outcome(words: Sequence[str] | None) -> int:
    try:
        code = commands.main(words, prog_name="fewfire", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        text = io.StringIO()
        error.show(text)
        say(text.getvalue().rstrip("\n"))
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MemoryError as error:
        return _fail(f"not enough memory: {error}; use a smaller model or fewer examples")
    except RecursionError as error:  # a RuntimeError, but none that says what to do
        return _fault(error)
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        return _fail(str(error) or type(error).__name__)
    except Exception as error:
        return _fault(error)


def _fail(reason: str) -> int:
    say(f"fewfire: error: {' '.join(reason.split())}")
    return 1


def _fault(error: Exception) -> int:
    """Say of an error that no input should cause."""
    if os.environ.get("FEWFIRE_TRACEBACK"):
        say("".join(traceback.format_exception(error)))
    what = " ".join(f"{type(error).__name__}: {error}".split())
    say(f"fewfire: a fault of its own, please report it: {what} (FEWFIRE_TRACEBACK=1 shows where)")
    return FAULT
