"""What a server has to know: which models, where to listen, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..base.checks import check_integer, check_number

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is refused, so that no client takes more than its share."""

    body_bytes: int = 8 << 20
    rows: int = 4096  # of a request
    k: int = 1000
    seconds: float = 30.0  # until a request is answered, its body read included
    queue_rows: int = 16384  # that wait for a model, in a worker
    connections: int = 4096  # of a worker
    batch_rows: int = 256  # that are predicted together, but for larger requests
    batch_wait: float = 0.0  # seconds that a request waits for others to be predicted with it

    def __post_init__(self) -> None:
        whole = ("body_bytes", "rows", "k", "queue_rows", "connections", "batch_rows")
        for name in whole:
            check_integer(name, getattr(self, name), low=1)
        check_number("seconds", self.seconds, above=0, high=3600)
        check_number("batch_wait", self.batch_wait, low=0, high=1)

    @property
    def unread_bytes(self) -> int:
        """Bodies, or parts of them, that a worker holds of requests that are still arriving."""
        return 16 * self.body_bytes


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A server.

    Parameters
    ----------
    models : mapping of str to Path
        Files by the names that clients ask for.
    host, port : str, int
        Port 0 is any that is free.
    workers : int
        Processes.
    keys : tuple of str
        API keys, any of which lets a client in; without one there is no key.
    cors : tuple of str
        Origins whose pages may ask; "*" for all.
    watch : float
        Seconds between looks at the files; 0: SIGHUP alone reloads.
    drain : float
        Seconds that a server which has to end goes on taking requests.
    access_log : str
        File of a line per request, "-" for standard output, "" for none.
    log_contents : bool
        Whether these lines hold what was asked.
    """

    models: Mapping[str, Path]
    host: str = LOOPBACK
    port: int = 8000
    workers: int = 1
    limits: Limits = field(default_factory=Limits)
    keys: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    watch: float = 1.0
    drain: float = 1.0
    access_log: str = "-"
    log_contents: bool = False


def named_models(words: tuple[str, ...]) -> dict[str, Path]:
    """Return the files that NAME=PATH, or PATH for the file's stem, name; raise where two agree.

    >>> named_models(("tags=models/newest.safetensors", "digits.safetensors"))
    {'tags': PosixPath('models/newest.safetensors'), 'digits': PosixPath('digits.safetensors')}
    """
    found: dict[str, Path] = {}
    for word in words:
        name, equals, path = word.partition("=")
        if not equals:
            name, path = Path(word).stem, word
        if not name or not path or not all(c.isalnum() or c in "._-" for c in name):
            raise ValueError(
                f"{word!r} names no model: give PATH, or NAME=PATH with a name of letters, digits, "
                "'.', '_' and '-'"
            )
        if name in found:
            raise ValueError(f"two models are named {name!r}: give NAME=PATH for one of them")
        found[name] = Path(path)
    return found
