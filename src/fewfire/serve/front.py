"""Where a request comes in. The two questions that are asked all the time, `/v1/topk` and `infer`,
are answered here, straight from bytes to bytes; the rest is FastAPI's (`cold.py`).

    headers, key -> body -> JSON to types -> examples, question -> queue (`batching.py`)
                 -> the library (`answering.py`) -> JSON -> bytes; counters, a line of the log
"""

from __future__ import annotations

import asyncio
import os
import re
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any
from urllib.parse import unquote

from ..base.checks import said
from . import infer, topk
from .answering import Answer, Question
from .batching import Batcher, Job
from .bodies import Bodies, Gone
from .inputs import Inputs
from .keys import Keys
from .logs import AccessLog, tell
from .metrics import Metrics
from .models import Loaded, Models
from .problems import Problem, busy
from .reply import Reply
from .settings import Settings

Scope = MutableMapping[str, Any]
Send = Callable[[Any], Awaitable[None]]
Receive = Callable[[], Awaitable[Any]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_TOPK = "/v1/topk"
_INFER = re.compile(r"/v2/models/([^/]+)(?:/versions/([^/]+))?/infer")
_TYPES = (b"", b"application/json", b"application/octet-stream")
_ID = re.compile(rb"[!-~]{1,128}")


class Exchange:
    """A request and what is known of it, for the log and the counters."""

    def __init__(self, scope: Scope, number: str) -> None:
        self.begin = time.perf_counter()
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.client = scope.get("client")
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        given = self.headers.get(b"x-request-id", b"")
        self.id = given if _ID.fullmatch(given) else number.encode()
        self.endpoint, self.model = "other", ""
        self.n_rows = self.n_bytes = 0
        self.stages: dict[str, float] = {}
        self.contents: Any = None

    @property
    def seconds(self) -> float:
        """How long ago it came."""
        return time.perf_counter() - self.begin


class Front:
    """A worker's application.

    Parameters
    ----------
    settings : Settings
    models : Models
    metrics : Metrics
    log : AccessLog
    """

    def __init__(
        self, settings: Settings, models: Models, metrics: Metrics, log: AccessLog
    ) -> None:
        self.settings, self.limits = settings, settings.limits
        self.models, self.metrics, self.log = models, metrics, log
        self.is_draining = False
        self.cold: App | None = None
        self._keys, self._bodies = Keys(settings.keys), Bodies(self.limits)
        n_threads = max(1, len(os.sched_getaffinity(0)) // settings.workers)
        self.pool = ThreadPoolExecutor(n_threads, thread_name_prefix="predict")
        self._batchers = {
            each.name: Batcher(each.name, self.limits, metrics, self.pool, n_threads)
            for each in models
        }
        for each in models:
            metrics.version(each.name, each.version)
        self._prefix, self._numbers = os.urandom(4).hex(), count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI has it."""
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} is served here")
        exchange = Exchange(scope, f"{self._prefix}-{next(self._numbers):x}")
        try:
            self._keys.check(exchange.path, exchange.headers)
            if exchange.path == _TOPK or exchange.path.endswith("/infer"):
                reply = await self._hot(exchange, receive)
            else:
                await self._pass_on(exchange, scope, receive, send)
                return
        except Gone:
            self._note(exchange, 499, 0)  # as others call a client that has gone
            return
        except Problem as problem:
            reply = problem.reply
        except Exception as error:
            reply = self._fault(exchange, error)
        await self._send(exchange, reply, send)

    async def _hot(self, exchange: Exchange, receive: Receive) -> Reply:
        """Answer `/v1/topk` or `infer`."""
        match = _INFER.fullmatch(exchange.path)
        if exchange.path != _TOPK and match is None:
            raise Problem(404, f"there is nothing at {exchange.path}")
        exchange.endpoint = "topk" if match is None else "infer"
        if exchange.method != "POST":
            raise Problem(
                405, f"{exchange.endpoint} is asked by POST", headers=((b"allow", b"POST"),)
            )
        kind = exchange.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind not in _TYPES:
            raise Problem(415, "the body is JSON: Content-Type: application/json")
        try:
            async with asyncio.timeout(self.limits.seconds):
                body = await self._bodies.read(receive, exchange.headers)
        except TimeoutError:
            raise Problem(
                408, f"the body took more than {self.limits.seconds:g} seconds",
                headers=((b"connection", b"close"),),
            ) from None  # fmt: skip
        exchange.n_bytes = len(body)
        begin = time.perf_counter()
        if match is None:
            return await self._topk(exchange, body, begin)
        name, version = unquote(match[1]), match[2]
        loaded = self.models.get(name, None if version is None else unquote(version))
        return await self._infer(exchange, loaded, body, begin)

    async def _topk(self, exchange: Exchange, body: bytes, begin: float) -> Reply:
        asked = topk.decode(body)
        loaded = topk.loaded_of(asked, self.models)
        exchange.model = loaded.name
        examples = topk.inputs_of(asked, loaded, self.limits)
        question, candidates = topk.question_of(asked, loaded, len(examples), self.limits)
        self._parsed(exchange, examples, asked, begin)
        found = await self._answer(exchange, loaded, examples, question, candidates)
        return Reply(200, b"application/json", topk.encode(asked, loaded, found))

    async def _infer(self, exchange: Exchange, loaded: Loaded, body: bytes, begin: float) -> Reply:
        exchange.model = loaded.name
        wanted, behind = infer.decode(body, exchange.headers)
        asked, examples, question = infer.asked_of(wanted, behind, loaded, self.limits)
        infer.check_outputs(wanted, loaded)
        self._parsed(exchange, examples, wanted, begin)
        found = await self._answer(exchange, loaded, examples, question, None)
        return infer.reply(wanted, asked, loaded, found)

    def _parsed(self, exchange: Exchange, examples: Inputs, asked: Any, begin: float) -> None:
        exchange.n_rows = len(examples)
        exchange.stages["parse"] = seconds = time.perf_counter() - begin
        self.metrics.stage(exchange.model, "parse", seconds)
        if self.log.with_contents:
            exchange.contents = asked

    async def _answer(
        self,
        exchange: Exchange,
        loaded: Loaded,
        examples: Inputs,
        question: Question,
        candidates: Any,
    ) -> Answer:
        """Wait for the answer, but not longer than a client would."""
        loop = asyncio.get_running_loop()
        until = exchange.begin + self.limits.seconds
        job = Job(
            loaded, examples, question, candidates, exchange.n_bytes, until, loop.create_future()
        )
        self._batchers[loaded.name].submit(job)
        try:
            async with asyncio.timeout(max(0.0, until - time.perf_counter())):
                answer, took = await job.done
        except TimeoutError:
            raise busy(f"no answer in {self.limits.seconds:g} seconds") from None
        except ValueError as error:  # scores that are not finite, a model without label counts
            raise Problem(422, said(error), "") from None
        exchange.stages |= took._asdict()
        return answer

    def _fault(self, exchange: Exchange, error: Exception) -> Reply:
        """Return what is answered where we are wrong; the traceback is for us."""
        tell(f"request {exchange.id.decode()} failed: {type(error).__name__}")
        traceback.print_exception(error)
        return Problem(500, f"a fault of the server; request {exchange.id.decode()}").reply

    async def _send(self, exchange: Exchange, reply: Reply, send: Send) -> None:
        headers = [
            (b"content-type", reply.content_type),
            (b"content-length", str(len(reply.body)).encode()),
            (b"x-request-id", exchange.id),
            *reply.headers,
            *self._closing,
        ]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})
        self._note(exchange, reply.status, len(reply.body))

    async def _pass_on(
        self, exchange: Exchange, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Let FastAPI answer."""
        status, n_bytes = 500, 0

        async def tracked(message: Any) -> None:
            nonlocal status, n_bytes
            if message["type"] == "http.response.start":
                status = message["status"]
                own = [(b"x-request-id", exchange.id), *self._closing]
                message = {**message, "headers": [*message.get("headers", []), *own]}
            else:
                n_bytes += len(message.get("body", b""))
            await send(message)

        assert self.cold is not None
        await self.cold(scope, receive, tracked)
        self._note(exchange, status, n_bytes)

    @property
    def _closing(self) -> tuple[tuple[bytes, bytes], ...]:
        """Headers that send clients elsewhere while the server ends."""
        return ((b"connection", b"close"),) if self.is_draining else ()

    def _note(self, exchange: Exchange, status: int, n_bytes: int) -> None:
        """Count a request, and write it down."""
        seconds = exchange.seconds
        self.metrics.request(exchange.model, exchange.endpoint, status, exchange.n_rows, seconds)
        if not self.log.is_on:
            return
        line: dict[str, Any] = {
            "id": exchange.id.decode(),
            "client": exchange.client[0] if exchange.client else None,
            "method": exchange.method,
            "path": exchange.path,
            "status": status,
            "model": exchange.model or None,
            "rows": exchange.n_rows,
            "bytes_in": exchange.n_bytes,
            "bytes_out": n_bytes,
            "ms": round(1e3 * seconds, 3),
            "stages_ms": {name: round(1e3 * each, 3) for name, each in exchange.stages.items()},
        }
        if exchange.contents is not None:
            line["contents"] = exchange.contents
        self.log.add(line)

    async def reload(self, name: str) -> None:
        """Load the file of a model again, in a thread of its own; requests go on meanwhile."""
        old = self.models.get(name)
        try:
            new = await asyncio.to_thread(self.models.reload, name)
        except ValueError as error:
            tell(str(error))
            self.metrics.reload(name, "refused")
            return
        self.metrics.version(name, new.version, old.version if old.version != new.version else None)
        self.metrics.reload(name, "done")
        tell(f"{name}: version {new.version} in place of {old.version}")
