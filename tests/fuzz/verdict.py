"""Whether an error is a clear refusal: raised on purpose, of a type that says whose fault it is,
short, and with the name of the file that is wrong."""

from __future__ import annotations

import ast
import dis
import linecache
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any

import fewfire
from fewfire import _core

PACKAGE = Path(fewfire.__file__).parent
LONGEST = 500  # characters of a message
_RAISE = dis.opmap["RAISE_VARARGS"]


def unclear(error: BaseException, file: Path | None = None) -> str | None:
    """Return what is wrong with an error as an answer to bad input, None if it is clear.

    `file` is the file that was to be read, if one was.
    """
    if isinstance(error, Warning):
        return "a warning"
    if not _is_of_a_clear_type(error, file):
        return "not a refusal"
    if len(str(error)) > LONGEST:
        return f"a message of more than {LONGEST} characters"
    is_of_training = isinstance(error, fewfire.errors.DivergenceError)  # by any weights
    told = f"{error} {getattr(error, 'filename', '')}"
    if file is not None and file.name not in told and not is_of_training:
        return "the file is not named"
    return None


def described(error: BaseException) -> str:
    """Return the type of an error, where the package raised it, and the begin of what it says."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__} in {place(error)}: {text[:150]}"


def place(error: BaseException) -> str:
    """Return the last place inside the package that an error came through."""
    found = "no file of the package"
    for step in _steps(error.__traceback__):
        path = Path(step.tb_frame.f_code.co_filename)
        if PACKAGE in path.parents:
            found = f"{path.relative_to(PACKAGE)}:{step.tb_lineno} {step.tb_frame.f_code.co_name}"
    return found


def _is_of_a_clear_type(error: BaseException, file: Path | None) -> bool:
    last = _steps(error.__traceback__)[-1]
    raised = _is_raised(last)
    if isinstance(error, MemoryError):  # a small file may not make the library ask for gigabytes
        return raised or file is None
    if isinstance(error, OSError):
        return raised or error.filename is not None
    if isinstance(error, UnicodeError):
        return False
    if isinstance(error, ValueError):
        return raised or _is_of_core(last)
    if isinstance(error, TypeError | ImportError | IndexError):
        return raised
    return isinstance(error, RuntimeError) and type(error).__module__.startswith("fewfire")


def _steps(traceback: TracebackType | None) -> list[TracebackType]:
    steps = []
    while traceback is not None:
        steps.append(traceback)
        traceback = traceback.tb_next
    return steps


def _is_raised(step: TracebackType) -> bool:
    """Whether a `raise` of the package ended the step, and not a call of something foreign."""
    code = step.tb_frame.f_code
    return PACKAGE in Path(code.co_filename).parents and code.co_code[step.tb_lasti] == _RAISE


def _is_of_core(step: TracebackType) -> bool:
    """Whether the step ended in a call of the core, which checks what it is given."""
    frame = step.tb_frame
    if PACKAGE not in Path(frame.f_code.co_filename).parents:
        return False
    try:
        call = ast.parse(_source_of(frame.f_code, step.tb_lasti), mode="eval").body
        if not isinstance(call, ast.Call):
            return False
        called = eval(ast.unparse(call.func), frame.f_globals, frame.f_locals)
    except Exception:  # nothing that can be looked up again: not the plain call of a function
        return False
    return _belongs_to_core(called)


def _belongs_to_core(called: Any) -> bool:
    if isinstance(called, type):
        return called.__module__ == _core.__name__
    return type(called).__module__ == "nanobind" or type(called).__name__.startswith("nb_")


def _source_of(code: CodeType, instruction: int) -> str:
    """Return the text of the expression that an instruction belongs to."""
    first, last, begin, end = list(code.co_positions())[instruction // 2]
    lines = [linecache.getline(code.co_filename, line) for line in range(first, last + 1)]
    lines[-1] = lines[-1].encode()[:end].decode()
    lines[0] = lines[0].encode()[begin:].decode()
    return "".join(lines)
