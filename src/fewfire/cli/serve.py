"""`fewfire serve`: models answer over HTTP."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import click

from ..base.checks import n_bytes_of
from .common import PATH, WRITABLE
from .numbers import COUNT, FINITE

KEY = "FEWFIRE_API_KEY"
_NEEDED = ("fastapi", "uvicorn", "httptools", "msgspec", "prometheus_client")


def _size(context: click.Context, parameter: click.Parameter, value: str) -> int:
    try:
        return n_bytes_of(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.argument("models", metavar="MODEL...", nargs=-1, required=True)
@click.option("--host", default="127.0.0.1", show_default=True, help="0.0.0.0: everybody may ask.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="0: any that is free.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Processes; they share the memory of the models.",
)
@click.option(
    "--api-key-file",
    type=PATH,
    help=f"A key in each line; without it, that of the environment's {KEY}, if any.",
)
@click.option(
    "--cors",
    multiple=True,
    metavar="ORIGIN",
    help="Let pages of this origin ask, such as https://example.org; may be repeated.",
)
@click.option(
    "--max-body",
    callback=_size,
    metavar="SIZE",
    default="8M",
    show_default=True,
    help="Bytes of a request.",
)
@click.option(
    "--max-rows", type=COUNT, default=4096, show_default=True, help="Examples of a request."
)
@click.option("--max-k", type=COUNT, default=1000, show_default=True, help="Labels of an example.")
@click.option(
    "--max-seconds",
    type=FINITE,
    default=30.0,
    show_default=True,
    help="From a request to its answer.",
)
@click.option(
    "--max-queue",
    type=COUNT,
    default=16384,
    show_default=True,
    help="Examples that wait for a model; further requests are refused.",
)
@click.option("--max-connections", type=COUNT, default=4096, show_default=True, help="Of a worker.")
@click.option(
    "--batch-rows",
    type=COUNT,
    default=256,
    show_default=True,
    help="Examples of several requests that are predicted together.",
)
@click.option(
    "--batch-wait",
    type=FINITE,
    default=0.0,
    show_default=True,
    metavar="MS",
    help="Milliseconds that a request waits for others; those that come at once, or while "
    "the model is busy, go together anyway.",
)
@click.option(
    "--watch",
    type=FINITE,
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Between looks at the files; 0: SIGHUP alone loads them again.",
)
@click.option(
    "--drain",
    type=FINITE,
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="After SIGTERM requests are taken so long, then only finished.",
)
@click.option(
    "--access-log",
    type=WRITABLE,
    help="File for a line of JSON per request; default: standard output.",
)
@click.option("--no-access-log", is_flag=True, help="Write no such lines.")
@click.option("--log-contents", is_flag=True, help="Write down what was asked, too.")
def serve(
    models: tuple[str, ...],
    host: str,
    port: int,
    workers: int,
    api_key_file: Path | None,
    cors: tuple[str, ...],
    max_body: int,
    max_rows: int,
    max_k: int,
    max_seconds: float,
    max_queue: int,
    max_connections: int,
    batch_rows: int,
    batch_wait: float,
    watch: float,
    drain: float,
    access_log: Path | None,
    no_access_log: bool,
    log_contents: bool,
) -> None:
    """Let models answer over HTTP, each called by its file's stem or as NAME=PATH says.

    /v1/topk is the plain question, /v2 the Open Inference Protocol, / a page to try it, /docs the
    description. A file that changes is loaded again, as all are on SIGHUP; no request is lost.
    Needs FastAPI and others: pip install 'fewfire[serve]'.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f"the server needs {', '.join(missing)}: pip install 'fewfire[serve]'")
    if no_access_log and (access_log is not None or log_contents):
        raise click.UsageError("--no-access-log writes nothing: leave out the other options of it")
    if min(watch, drain) < 0:
        raise click.UsageError("--watch and --drain are 0 or more")
    from ..serve.settings import Limits, Settings, named_models
    from ..serve.supervisor import serve as serve_all

    limits = Limits(
        body_bytes=max_body,
        rows=max_rows,
        k=max_k,
        seconds=max_seconds,
        queue_rows=max_queue,
        connections=max_connections,
        batch_rows=batch_rows,
        batch_wait=batch_wait / 1e3,
    )
    serve_all(
        Settings(
            models=named_models(models),
            host=host,
            port=port,
            workers=workers,
            limits=limits,
            keys=_keys(api_key_file),
            cors=cors,
            watch=watch,
            drain=drain,
            access_log="" if no_access_log else str(access_log or "-"),
            log_contents=log_contents,
        )
    )


def _keys(file: Path | None) -> tuple[str, ...]:
    """Return the keys that let a client in; never from the command line, which all users see."""
    if file is None:
        key = os.environ.get(KEY)
        if key is not None and not key.strip():
            raise click.UsageError(f"{KEY} is empty: give a key, or unset it")
        return () if key is None else (key.strip(),)
    keys = tuple(line.strip() for line in file.read_text().splitlines() if line.strip())
    if not keys:
        raise click.UsageError(f"{file} holds no key: write one in each line")
    return keys
