"""Several workers at one address.

Each has a listening socket of its own, between which the system shares connections, and which the
supervisor holds, too: where a worker has died, who waits in its queue waits for the next one.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess

from ..base.files import read_description
from .logs import tell
from .metrics import FOLDER
from .settings import Settings
from .signals import ENDS, signals_held
from .worker import run_worker

_SOON, _MOST = 5.0, 3  # seconds after its start in which a worker may not die so many times


def listen(host: str, port: int, n_sockets: int) -> list[socket.socket]:
    """Return sockets that are bound to one address; raise an `OSError` that names it."""
    infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, address = infos[0]
    found: list[socket.socket] = []
    try:
        for _ in range(n_sockets):
            found.append(one := socket.socket(family, socket.SOCK_STREAM))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if n_sockets > 1:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            one.bind(address)
            address = one.getsockname()
    except OSError as error:
        for one in found:
            one.close()
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return found


def serve(settings: Settings) -> None:
    """Serve until a signal ends it: SIGTERM or SIGINT. SIGHUP loads the models again.

    Raises
    ------
    OSError, ValueError
        If a model cannot be loaded, or the address is taken.
    """
    for path in settings.models.values():
        read_description(path)  # raises where there is no model
    _allow_files()
    listeners = listen(settings.host, settings.port, settings.workers)
    if settings.workers == 1:
        early: list[int] = []  # other threads run already: a mask would hold nothing back
        signal.signal(signal.SIGHUP, lambda stop, frame: early.append(stop))
        _tell_where(settings, listeners[0])
        run_worker(settings, listeners[0], early)
        return
    with tempfile.TemporaryDirectory(prefix="fewfire-") as folder:
        os.environ[FOLDER] = folder
        try:
            _Supervisor(settings, listeners).run()
        finally:
            del os.environ[FOLDER]


def _tell_where(settings: Settings, listener: socket.socket) -> None:
    """Print the address: who reads it may send signals."""
    host, port = listener.getsockname()[:2]
    where = f"[{host}]" if ":" in host else host
    tell(f"{', '.join(settings.models)} at http://{where}:{port}")


class _Supervisor:
    def __init__(self, settings: Settings, listeners: list[socket.socket]) -> None:
        self._settings, self._listeners = settings, listeners
        self._workers: list[BaseProcess | None] = [None] * len(listeners)
        self._started = [0.0] * len(listeners)
        self._early = 0  # deaths soon after a start
        self._is_ending = False

    def run(self) -> None:
        for stop in ENDS:
            signal.signal(stop, self._end)
        signal.signal(signal.SIGHUP, self._forward)
        _tell_where(self._settings, self._listeners[0])
        for number in range(len(self._workers)):
            self._start(number)
        until: float | None = None
        while any(self._workers):
            wait([one.sentinel for one in self._workers if one is not None], timeout=0.5)
            for number, one in enumerate(self._workers):
                if one is not None and not one.is_alive():
                    self._bury(number, one)
            if self._is_ending:
                until = until or time.monotonic() + self._settings.limits.seconds + 10
                if time.monotonic() > until:
                    self._tell_all(lambda one: one.kill())
        if self._early >= _MOST:
            raise RuntimeError("the workers die as soon as they start: see above")

    def _start(self, number: int) -> None:
        """Start a worker, unless all shall end; signals wait until it is known."""
        resource_tracker.ensure_running()  # it lets signals through where it starts with a worker
        with signals_held():
            if self._is_ending:
                return
            context = multiprocessing.get_context("spawn")
            place = self._listeners[number]
            one = context.Process(target=run_worker, args=(self._settings, place))
            one.start()
            self._workers[number], self._started[number] = one, time.monotonic()
        if self._is_ending:  # since it began: another thread took the signal
            one.terminate()

    def _bury(self, number: int, one: BaseProcess) -> None:
        """Replace a worker that has ended, unless all shall end."""
        from prometheus_client.multiprocess import mark_process_dead

        self._workers[number] = None
        mark_process_dead(one.pid)  # type: ignore[no-untyped-call]
        if self._is_ending:
            return
        is_early = time.monotonic() - self._started[number] < _SOON
        self._early = self._early + 1 if is_early else 0
        tell(f"a worker has ended with exit code {one.exitcode}")
        if self._early >= _MOST:
            self._end(signal.SIGTERM, None)
            return
        self._start(number)

    def _end(self, stop: int, frame: object) -> None:
        self._is_ending = True
        for listener in self._listeners:  # or clients would wait in queues that nobody reads
            listener.close()
        self._tell_all(lambda one: one.terminate())

    def _forward(self, stop: int, frame: object) -> None:
        self._tell_all(lambda one: os.kill(one.pid or 0, signal.SIGHUP))

    def _tell_all(self, tell_one: Callable[[BaseProcess], None]) -> None:
        for one in self._workers:
            if one is not None and one.is_alive():
                with contextlib.suppress(ProcessLookupError):
                    tell_one(one)


def _allow_files() -> None:
    """Let this process, and its workers, hold as many connections as the system allows."""
    try:
        import resource
    except ImportError:  # not on this system
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
