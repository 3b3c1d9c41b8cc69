"""Threads of tests: one that never ends is a failure, and no hang."""

import threading
from collections.abc import Callable
from typing import Any

from commands import HANG


class Beside(threading.Thread):
    """Does its work from now on, beside whoever made it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(target=work, daemon=True)
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            super().run()
        except BaseException as error:
            self._error = error

    def end(self) -> None:
        """Wait for the end, and raise what the work raised."""
        self.join(HANG)
        assert not self.is_alive(), "this is a hang"
        if self._error is not None:
            raise self._error


def await_(event: threading.Event) -> None:
    """Wait for what another thread will do."""
    assert event.wait(HANG), "this is a hang"
