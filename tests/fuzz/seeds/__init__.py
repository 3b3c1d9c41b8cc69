"""Inputs that once ended the process, or were taken, told or refused wrongly: each a small function
that says what must come of it. Every run begins with them."""

from __future__ import annotations

from ..attempt import Attempt, FindingError
from ..draw import Draw
from . import arrays, calls, commands, files, models, training

ALL = [seed for kind in (arrays, calls, files, models, training, commands) for seed in kind.SEEDS]


def prepare() -> None:
    """There is nothing to change."""


def attempt(draw: Draw, attempt: Attempt) -> None:
    """Do one of them: that of the number of the try."""
    seed = ALL[draw.number]
    attempt.note(seed.__name__)
    try:
        seed(attempt)
    except FindingError as finding:
        raise FindingError(f"{seed.__name__}: {finding}") from finding
