"""A process that serves: it loads models, answers, loads again what changed, and ends in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import signal
import socket
from collections.abc import Iterator, Sequence
from typing import Any

import uvicorn
from starlette.middleware.cors import CORSMiddleware

from .cold import cold_app
from .front import App, Front
from .guarded import Guarded
from .infer import JSON_BYTES
from .logs import AccessLog, tell
from .metrics import Metrics
from .models import Models
from .settings import Settings
from .signals import ENDS, release_signals

_KEEP_ALIVE = 30  # seconds that a connection may be idle


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


def make_app(settings: Settings) -> tuple[App, Front, AccessLog]:
    """Return the application of a worker; its models are loaded then."""
    log = AccessLog(settings.access_log, with_contents=settings.log_contents)
    front = Front(settings, Models(settings.models), Metrics(), log)
    front.cold = cold_app(front)
    if not settings.cors:
        return front, front, log
    names = [JSON_BYTES.decode(), "x-request-id"]
    app: Any = CORSMiddleware(
        front,
        allow_origins=settings.cors,
        allow_methods=["GET", "POST"],
        allow_headers=["authorization", "content-type", "x-api-key", *names],
        expose_headers=names,
    )
    return app, front, log


def run_worker(settings: Settings, listener: socket.socket, early: Sequence[int] = ()) -> None:
    """Serve until SIGTERM, SIGINT, or the end of the supervisor.

    `early` has an item for each time that SIGHUP came while this process started.
    """
    logging.basicConfig(format="fewfire: %(message)s", level=logging.ERROR)
    app, front, log = make_app(settings)
    protocol = type("Connection", (Guarded,), {"most_connections": settings.limits.connections})
    config = uvicorn.Config(
        app,
        http=protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=max(1, round(settings.limits.seconds)),
    )
    factory = config.get_loop_factory()
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_serve(settings, _Server(config), front, listener, early))
    log.flush()
    front.pool.shutdown(cancel_futures=True)


async def _serve(
    settings: Settings,
    server: _Server,
    front: Front,
    listener: socket.socket,
    early: Sequence[int],
) -> None:
    loop = asyncio.get_running_loop()

    def end() -> None:
        if front.is_draining:  # told twice
            server.should_exit = server.force_exit = True
            return
        front.is_draining = True
        loop.call_later(settings.drain, setattr, server, "should_exit", True)

    tasks: set[asyncio.Task[None]] = set()

    def reload_all() -> None:
        for each in front.models:
            task = loop.create_task(front.reload(each.name))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    for stop in ENDS:
        loop.add_signal_handler(stop, end)
    loop.add_signal_handler(signal.SIGHUP, reload_all)
    release_signals()
    if early:
        reload_all()
    parent = multiprocessing.parent_process()
    if parent is not None:
        loop.add_reader(parent.sentinel, _orphaned, loop, parent.sentinel, end)
    watching = loop.create_task(_watch(settings, front)) if settings.watch else None
    await server.serve(sockets=[listener])
    if watching is not None:
        watching.cancel()


def _orphaned(loop: asyncio.AbstractEventLoop, sentinel: int, end: Any) -> None:
    loop.remove_reader(sentinel)
    tell("the supervisor has ended: so does this worker")
    end()


async def _watch(settings: Settings, front: Front) -> None:
    """Load again what changed."""
    while True:
        await asyncio.sleep(settings.watch)
        for name in front.models.changed():
            await front.reload(name)
