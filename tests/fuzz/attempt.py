"""One try: what was done to the input, and what the library answers to each question about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from .verdict import described, unclear


class FindingError(Exception):
    """Something that must not be."""


class Refused:
    """The answer to a question that was refused clearly."""


REFUSED: Final = Refused()


class Attempt:
    """A try with a folder of its own for the files that it makes.

    Attributes
    ----------
    story : list of str
        What was done and asked, to tell of a finding.
    refused : bool
        Whether the first question, which is about the input itself, was refused.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.story: list[str] = []
        self.refused: bool | None = None

    def note(self, text: str) -> None:
        """Tell of a step."""
        self.story.append(text)

    def ask(self, question: str, call: Callable[[], Any], file: Path | None = None) -> Any:
        """Return what `call` does, or `REFUSED` if it was refused clearly; else raise.

        `file` is what the call is to read, if it reads a file.
        """
        try:
            answer = call()
        except FindingError:
            raise
        except Exception as error:
            answer = REFUSED
            wrong = unclear(error, file)
            self.note(f"{question}: {described(error)}")
            if wrong is not None:
                raise FindingError(f"{question}: {wrong}: {described(error)}") from error
        else:
            self.note(f"{question}: works")
        if self.refused is None:
            self.refused = answer is REFUSED
        return answer

    def demand(self, law: str, holds: bool) -> None:
        """Raise unless a law holds."""
        if not holds:
            raise FindingError(law)
