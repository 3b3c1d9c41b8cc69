"""The command line: results on stdout, progress and errors on stderr.

Exit codes: 0; 1 for bad input, with one line that says what to do; 2 for wrong usage; 130 after
Ctrl-C, with what was learned kept.
"""

from __future__ import annotations

import os
import sys

import click

import fewfire

from .convert import convert
from .data import data
from .evaluate import evaluate
from .inspect import inspect
from .predict import predict
from .quickstart import quickstart
from .reproduce import reproduce
from .train import train

INTERRUPTED = 130


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(fewfire.__version__, prog_name="fewfire")
def commands() -> None:
    """Neural networks that compute, for each example, only the few neurons that matter.

    Start with `fewfire quickstart`.
    """


for command in (quickstart, train, evaluate, predict, inspect, convert, data, reproduce):
    commands.add_command(command)


def main() -> None:
    """Run the command line and end the process with its exit code."""
    sys.exit(_run())


def _run() -> int:
    try:
        code = commands.main(prog_name="fewfire", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("fewfire: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # `| head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MemoryError as error:
        return _fail(f"not enough memory: {error}; use a smaller model or fewer examples")
    except (OSError, ValueError, ImportError, RuntimeError) as error:
        return _fail(str(error) or type(error).__name__)


def _fail(reason: str) -> int:
    print(f"fewfire: error: {' '.join(reason.split())}", file=sys.stderr)
    return 1
